"""Which dither drew a picture: statistics of its pixels, and a small network that names the dither by them.

Images are uint8 ``[height, width, 3]`` in the pixels of the machine, none repeated. Nothing is known here of machines:
threshold matrices come as arrays (*templates*), dithers as names.

What the statistics rest on: an ordered dither makes the brighter of two neighbours the one with the higher threshold;
error diffusion shapes the spectrum of its grain by 1 - W(f), W being its kernel (R. Ulichney, "Digital Halftoning",
1987, chapter 8), and so differs from kernel to kernel even where the eye sees no difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

SIDE = 16
"""Of the blocks whose spectra are averaged, in pixels."""

LARGEST = (256, 384)
"""Rows and columns that are looked at; of a larger picture those in the middle, in step with all matrices."""

STEP = 64
"""The largest period of a threshold matrix."""

PAIRS = ((0, 1), (1, 0), (1, 1), (1, -1), (0, 2), (2, 0))
"""Neighbours, (down, right), whose order is compared with that of the thresholds."""

NEAR = tuple((down, right) for down in range(5) for right in range(-4, 5) if (down, right) > (0, 0))
"""Neighbours that may be equal, (down, right)."""

RING = ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1))

_LUMA = np.asarray([0.2126, 0.7152, 0.0722], np.float32)


def statistics(image: np.ndarray, templates: Sequence[np.ndarray], wide: float = 1.0) -> np.ndarray:
    """float32 ``[n]``: what is measured of a picture. ``templates``: threshold matrices ``[rows, columns]`` as they
    would lie from the top left. ``wide``: width over height of a pixel. Pictures smaller than a block are mirrored."""
    image = _middle(image)
    packed = (image.astype(np.int32) * np.asarray([65536, 256, 1], np.int32)).sum(-1)
    encoded = (image.astype(np.float32) / 255.0) @ _LUMA
    linear = np.square(image.astype(np.float32) / 255.0) @ _LUMA
    smooth = _blurred(encoded)
    parts = [
        _spectrum(encoded - smooth), _spectrum(linear - _blurred(linear)),
        np.concatenate([_orders(encoded, smooth, template) for template in templates]),
        np.sqrt(_surroundings(packed)), _equalities(packed), np.sqrt(_runs(packed)), np.sqrt(_runs(packed.T)),
        _crowds(packed), np.asarray([np.log2(len(np.unique(packed))), np.log2(wide)]),
    ]  # fmt: skip
    return np.concatenate(parts).astype(np.float32)


def _middle(image: np.ndarray) -> np.ndarray:
    height, width = image.shape[:2]
    missing = max(0, 2 * SIDE - height), max(0, 2 * SIDE - width)
    if any(missing):
        image = np.pad(image, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="wrap")
    top, left = ((max(0, side - most) // 2 // STEP) * STEP for side, most in zip(image.shape, LARGEST, strict=False))
    return image[top : top + LARGEST[0], left : left + LARGEST[1]]


def _blurred(values: np.ndarray) -> np.ndarray:
    """A binomial blur of nine pixels each way, edges repeated."""
    for axis in (0, 1):
        for _ in range(4):
            padded = np.pad(values, [(1, 1) if each == axis else (0, 0) for each in (0, 1)], mode="edge")
            ends = [np.take(padded, range(k, k + values.shape[axis]), axis) for k in (0, 2)]
            values = 0.25 * (ends[0] + ends[1]) + 0.5 * values
    return values


def _spectrum(grain: np.ndarray) -> np.ndarray:
    """``[SIDE * (SIDE / 2 + 1)]``: log of the mean power of the blocks, each scaled to the same energy."""
    windows = np.lib.stride_tricks.sliding_window_view(grain, (SIDE, SIDE))[:: SIDE // 2, :: SIDE // 2]
    taper = np.hanning(SIDE + 2)[1:-1].astype(np.float32)
    power = np.square(np.abs(np.fft.rfft2(windows.reshape(-1, SIDE, SIDE) * taper[:, None] * taper[None])))
    energy = power.sum((1, 2))
    # Flat blocks say nothing; those of an edge alone less than grain.
    seen = energy > max(1e-6, 0.02 * float(np.median(energy)))
    if not seen.any():
        return np.full(SIDE * (SIDE // 2 + 1), -6.0)
    mean = (power[seen] / energy[seen, None, None]).mean(0)
    return np.log10(mean + 1e-6).reshape(-1)


def _shifted(values: np.ndarray, down: int, right: int) -> tuple[np.ndarray, np.ndarray]:
    """Views of all pixels that have a neighbour ``down`` and ``right`` of them, and of those neighbours."""
    height, width = values.shape
    rows = slice(0, height - down), slice(down, height)
    columns = slice(max(0, -right), width - max(0, right)), slice(max(0, right), width - max(0, -right))
    return values[rows[0], columns[0]], values[rows[1], columns[1]]


def _orders(values: np.ndarray, smooth: np.ndarray, template: np.ndarray) -> np.ndarray:
    """What :func:`_concordance` says but for the numbers."""
    return _concordance(values, smooth, template).reshape(-1, 3)[:, :2].reshape(-1)


def finer(image: np.ndarray, template: np.ndarray, period: int) -> float:
    """Standard deviations by which pixels ``period`` apart, which a matrix of that period treats alike, keep the order
    of the finer ``template`` more often than by chance. ``image`` as for :func:`statistics`."""
    encoded = (_middle(image).astype(np.float32) / 255.0) @ _LUMA
    found = _concordance(encoded, _blurred(encoded), template, [(0, period), (period, 0), (period, period)])
    return float(found[2::3] @ found[0::3] / np.sqrt(max(1.0, found[2::3].sum())))


def _concordance(
    values: np.ndarray, smooth: np.ndarray, template: np.ndarray, pairs: Sequence[tuple[int, int]] = PAIRS
) -> np.ndarray:
    """Of neighbours that differ by more than the picture does there: the share whose order is that of the thresholds,
    less the share of the other order; the share that the thresholds do not tell apart; their number."""
    height, width = values.shape
    times = -(-height // template.shape[0]), -(-width // template.shape[1])
    thresholds = np.tile(template, times)[:height, :width]
    found = []
    for pair in pairs:
        here, there = _shifted(values, *pair)
        below, above = _shifted(smooth, *pair)
        change, step = there - here, np.subtract(*_shifted(thresholds, *pair)[::-1])
        counts = (np.abs(change) > 0.02) & (np.abs(above - below) < 0.3 * np.abs(change))
        number = max(1, int(counts.sum()))
        found += [float((np.sign(change) * np.sign(step))[counts].sum()) / number,
                  float((step[counts] == 0).sum()) / number, int(counts.sum())]  # fmt: skip
    return np.asarray(found)


def _surroundings(packed: np.ndarray) -> np.ndarray:
    """``[256]``: how often each of the patterns occurs that the eight neighbours make by being equal or not."""
    centre = packed[1:-1, 1:-1]
    height, width = packed.shape
    code = np.zeros(centre.shape, np.int64)
    for bit, (down, right) in enumerate(RING):
        code |= (packed[1 + down : height - 1 + down, 1 + right : width - 1 + right] == centre).astype(np.int64) << bit
    return np.bincount(code.reshape(-1), minlength=256) / code.size


def _equalities(packed: np.ndarray) -> np.ndarray:
    return np.asarray([float(np.equal(*_shifted(packed, *pair)).mean()) for pair in NEAR])


def _runs(packed: np.ndarray) -> np.ndarray:
    """``[12]``: which share of the runs of a line has each length; the last one and more."""
    edges = np.ones(packed.shape, bool)
    edges[:, 1:] = packed[:, 1:] != packed[:, :-1]
    lengths = np.diff(np.flatnonzero(edges), append=packed.size)
    return np.bincount(np.minimum(lengths, 12) - 1, minlength=12) / len(lengths)


def _crowds(packed: np.ndarray) -> np.ndarray:
    """``[18]``: the share of blocks of 4 and 8 pixels that hold 1, 2, ... 9 and more colours."""
    found = []
    for side in (4, 8):
        height, width = (length // side * side for length in packed.shape)
        blocks = packed[:height, :width].reshape(height // side, side, -1, side).transpose(0, 2, 1, 3)
        ordered = np.sort(blocks.reshape(-1, side * side), 1)
        number = 1 + (np.diff(ordered, axis=1) != 0).sum(1)
        found.append(np.bincount(np.minimum(number, 9) - 1, minlength=9) / len(number))
    return np.concatenate(found)


@dataclass(frozen=True)
class Reader:
    """A trained network: ``names`` of its outputs, ``templates`` that it was trained with, its arrays.

    Arrays: ``mean`` and ``scale [n]`` of the statistics, ``hidden_w [n, h]``, ``hidden_b [h]``, ``out_w [h, names]``,
    ``out_b [names]``, ``temperature []``. Raises ``ValueError`` where they do not fit each other."""

    names: tuple[str, ...]
    templates: tuple[str, ...]
    arrays: Mapping[str, np.ndarray]

    def __post_init__(self) -> None:
        shapes = {name: self.arrays[name].shape for name in _ARRAYS if name in self.arrays}
        inputs, hidden = shapes.get("hidden_w", (0, 0))
        wanted = {"mean": (inputs,), "scale": (inputs,), "hidden_w": (inputs, hidden), "hidden_b": (hidden,),
                  "out_w": (hidden, len(self.names)), "out_b": (len(self.names),), "temperature": (1,)}  # fmt: skip
        if shapes != wanted:
            raise ValueError(f"weights of shapes {shapes} do not fit {len(self.names)} dithers; train them again")

    def read(self, measured: np.ndarray) -> np.ndarray:
        """float64 ``[..., names]``: the probability of each dither by statistics ``[..., n]``."""
        arrays = {name: np.asarray(each, np.float32) for name, each in self.arrays.items()}
        scaled = np.clip((measured - arrays["mean"]) / arrays["scale"], -6, 6)
        hidden = np.maximum(scaled @ arrays["hidden_w"] + arrays["hidden_b"], 0)
        scores = ((hidden @ arrays["out_w"] + arrays["out_b"]) / arrays["temperature"]).astype(np.float64)
        shares = np.exp(scores - scores.max(-1, keepdims=True))
        return shares / shares.sum(-1, keepdims=True)


_ARRAYS = ("mean", "scale", "hidden_w", "hidden_b", "out_w", "out_b", "temperature")


@dataclass(frozen=True)
class Learning:
    """How the network learns: ``hidden`` units, ``steps`` of ``batch`` pictures, the ``rate`` falling to 0."""

    hidden: int = 96
    steps: int = 1500
    batch: int = 256
    rate: float = 2e-3
    decay: float = 0.1
    noise: float = 0.4
    """What is added to the scaled statistics, so that none is trusted to the last digit."""
    seed: int = 0
    held: int = 10
    """Every so many pictures one is held back to find the temperature by."""


def learn(
    measured: np.ndarray, labels: np.ndarray, names: Sequence[str], templates: Sequence[str], how: Learning
) -> Iterator[tuple[float, dict[str, float], Reader | None]]:
    """Trains on statistics ``[pictures, n]`` and ``labels [pictures]``; yields the part done, the loss, and at the end
    the :class:`Reader`. The probabilities are calibrated on held pictures by one temperature (C. Guo et al., "On
    calibration of modern neural networks", ICML 2017)."""
    import jax
    import jax.numpy as jnp
    import optax

    held = np.arange(len(labels)) % how.held == how.held - 1
    mean, scale = measured[~held].mean(0), measured[~held].std(0) + 0.02
    inputs = jnp.asarray(np.clip((measured[~held] - mean) / scale, -6, 6))
    wanted = jnp.asarray(labels[~held].astype(np.int32))
    random = np.random.default_rng(how.seed)
    sizes = {"hidden_w": (len(mean), how.hidden), "out_w": (how.hidden, len(names))}
    params = {
        name: jnp.asarray((random.standard_normal(s) / np.sqrt(s[0])).astype(np.float32)) for name, s in sizes.items()
    }
    params |= {"hidden_b": jnp.zeros(how.hidden, jnp.float32), "out_b": jnp.zeros(len(names), jnp.float32)}
    moves = optax.adamw(optax.cosine_decay_schedule(how.rate, how.steps), weight_decay=how.decay)
    state = moves.init(params)

    def loss(params: dict[str, jax.Array], rows: jax.Array, key: jax.Array) -> jax.Array:
        noisy = inputs[rows] + how.noise * jax.random.normal(key, (rows.shape[0], inputs.shape[1]), jnp.float32)
        hidden = jax.nn.relu(noisy @ params["hidden_w"] + params["hidden_b"][None])
        kept = jax.random.bernoulli(jax.random.fold_in(key, 1), 0.7, hidden.shape).astype(jnp.float32) / 0.7
        scores = (hidden * kept) @ params["out_w"] + params["out_b"][None]
        return optax.softmax_cross_entropy_with_integer_labels(scores, wanted[rows]).mean()

    @jax.jit
    def step(params: dict[str, jax.Array], state: optax.OptState, number: jax.Array) -> tuple:
        key = jax.random.fold_in(jax.random.key(how.seed), number)
        rows = jax.random.randint(key, (how.batch,), 0, inputs.shape[0])
        value, slopes = jax.value_and_grad(loss)(params, rows, jax.random.fold_in(key, 2))
        change, state = moves.update(slopes, state, params)
        return optax.apply_updates(params, change), state, value

    for number in range(how.steps):
        with jax.numpy_dtype_promotion("standard"):  # optax counts in integers and divides by them
            params, state, value = step(params, state, jnp.asarray(number, jnp.int32))
        if number % 50 == 0:
            yield number / how.steps, {"loss": float(value)}, None
    arrays = {name: np.asarray(each).astype(np.float16) for name, each in params.items()}
    arrays |= {"mean": mean.astype(np.float32), "scale": scale.astype(np.float32)}
    reader = Reader(tuple(names), tuple(templates), {**arrays, "temperature": np.ones(1, np.float32)})
    best = _temperature(reader, measured[held], labels[held])
    yield 1.0, {}, Reader(reader.names, reader.templates, {**arrays, "temperature": np.full(1, best, np.float32)})


def _temperature(reader: Reader, measured: np.ndarray, labels: np.ndarray) -> float:
    """What the scores are to be divided by so that the probabilities of held pictures are the likeliest."""
    if not len(labels):
        return 1.0
    scores = np.log(np.maximum(reader.read(measured), 1e-30))

    def surprise(temperature: float) -> float:
        scaled = scores / temperature
        whole = np.log(np.exp(scaled - scaled.max(1, keepdims=True)).sum(1)) + scaled.max(1)
        return float((whole - scaled[np.arange(len(labels)), labels]).mean())

    return min(np.geomspace(0.5, 4.0, 40).tolist(), key=surprise)
