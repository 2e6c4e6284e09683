"""Which dither drew a picture: a small network that names it by the statistics of ``dither_statistics``.

Nothing is known here of machines: what pictures are compared with are names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pixeldream.neural.dither_statistics import PATTERNS


@dataclass(frozen=True)
class Compared:
    """Names of what pictures were compared with: threshold matrices, kernels, and dithers that they were drawn again
    with."""

    templates: tuple[str, ...] = ()
    kernels: tuple[str, ...] = ()
    traced: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reader:
    """A trained network: ``names`` of its outputs, what the pictures were ``compared`` with, its arrays.

    Arrays: ``mean`` and ``scale [n]`` of the statistics, ``narrow_w [PATTERNS, r]`` that makes few numbers of the
    patterns, ``hidden_w [n - PATTERNS + r, h]``, ``hidden_b [h]``, ``out_w [h, names]``, ``out_b [names]``,
    ``temperature [1]``. Raises ``ValueError`` where they do not fit each other."""

    names: tuple[str, ...]
    compared: Compared
    arrays: Mapping[str, np.ndarray]

    def __post_init__(self) -> None:
        shapes = {name: self.arrays[name].shape for name in _ARRAYS if name in self.arrays}
        (inputs, hidden), (_, narrow) = shapes.get("hidden_w", (0, 0)), shapes.get("narrow_w", (0, 0))
        length = inputs - narrow + PATTERNS
        wanted = {
            "mean": (length,), "scale": (length,), "narrow_w": (PATTERNS, narrow), "hidden_w": (inputs, hidden),
            "hidden_b": (hidden,), "out_w": (hidden, len(self.names)), "out_b": (len(self.names),),
            "temperature": (1,),
        }  # fmt: skip
        if shapes != wanted:
            raise ValueError(f"weights of shapes {shapes} do not fit {len(self.names)} dithers; train them again")

    def read(self, measured: np.ndarray) -> np.ndarray:
        """float64 ``[..., names]``: the probability of each dither by statistics ``[..., n]``."""
        arrays = {name: np.asarray(each, np.float32) for name, each in self.arrays.items()}
        scaled = np.clip((measured - arrays["mean"]) / arrays["scale"], -6, 6)
        narrow = scaled[..., -PATTERNS:] @ arrays["narrow_w"]
        inputs = np.concatenate([scaled[..., :-PATTERNS], narrow], -1)
        hidden = np.maximum(inputs @ arrays["hidden_w"] + arrays["hidden_b"], 0)
        scores = ((hidden @ arrays["out_w"] + arrays["out_b"]) / arrays["temperature"]).astype(np.float64)
        shares = np.exp(scores - scores.max(-1, keepdims=True))
        return shares / shares.sum(-1, keepdims=True)


_ARRAYS = ("mean", "scale", "narrow_w", "hidden_w", "hidden_b", "out_w", "out_b", "temperature")


@dataclass(frozen=True)
class Learning:
    """How the network learns: ``hidden`` units, ``steps`` of ``batch`` pictures, the ``rate`` falling to 0."""

    narrow: int = 16
    """Numbers that are made of the patterns."""
    hidden: int = 64
    steps: int = 2500
    batch: int = 128
    rate: float = 1.5e-3
    decay: float = 0.5
    noise: float = 1.0
    """What is added to the scaled statistics, so that none is trusted to the last digit."""
    joined: tuple[int, ...] = (1, 1, 2, 4)
    """How many pictures of a lesson stand for a larger one: the mean of their statistics is about its own."""
    seed: int = 0
    held: int = 10
    """The last of each so many pictures of a lesson are held back to find the temperature by; one at least."""

    def kept_of(self, number: int) -> int:
        """How many of a lesson's pictures are held back."""
        return max(1, number // self.held)


Examples = Sequence[tuple[str, np.ndarray]]
"""A dither's name and the statistics ``[pictures, n]`` of pictures drawn with it; a name may come several times."""


def learn(
    lessons: Examples, compared: Compared, how: Learning
) -> Iterator[tuple[float, dict[str, float], Reader | None]]:
    """Trains; yields the part done, the loss, and at the end the :class:`Reader`. The probabilities are calibrated on
    held pictures by one temperature (C. Guo et al., "On calibration of modern neural networks", ICML 2017)."""
    import jax
    import jax.numpy as jnp
    import optax

    names = tuple(dict.fromkeys(name for name, _ in lessons))
    kept = [(name, values[: len(values) - how.kept_of(len(values))]) for name, values in lessons]
    rows = np.concatenate([values for _, values in kept])
    mean, scale = rows.mean(0), rows.std(0) + 0.02
    inputs = jnp.asarray(np.clip((rows - mean) / scale, -6, 6))
    wanted = jnp.asarray([names.index(name) for name, _ in kept], jnp.int32)
    counts = jnp.asarray([len(values) for _, values in kept], jnp.int32)
    starts = jnp.cumsum(counts) - counts
    params = _begun(len(mean), len(names), how)
    moves = optax.adamw(optax.cosine_decay_schedule(how.rate, how.steps), weight_decay=how.decay)
    state = moves.init(params)

    def loss(params: dict[str, jax.Array], lesson: jax.Array, seen: jax.Array, key: jax.Array) -> jax.Array:
        noisy = seen + how.noise * jax.random.normal(key, seen.shape, jnp.float32)
        narrow = noisy[:, -PATTERNS:] @ params["narrow_w"]
        joined = jnp.concatenate([noisy[:, :-PATTERNS], narrow], 1)
        hidden = jax.nn.relu(joined @ params["hidden_w"] + params["hidden_b"][None])
        live = jax.random.bernoulli(jax.random.fold_in(key, 1), 0.7, hidden.shape).astype(jnp.float32) / 0.7
        scores = (hidden * live) @ params["out_w"] + params["out_b"][None]
        return optax.softmax_cross_entropy_with_integer_labels(scores, wanted[lesson]).mean()

    @jax.jit
    def step(params: dict[str, jax.Array], state: optax.OptState, number: jax.Array) -> tuple:
        keys = jax.random.split(jax.random.fold_in(jax.random.key(how.seed), number), 4)
        lesson = jax.random.randint(keys[0], (how.batch,), 0, len(kept))
        place = jax.random.uniform(keys[1], (how.batch, max(how.joined))) * counts[lesson][:, None].astype(jnp.float32)
        several = jax.random.choice(keys[2], jnp.asarray(how.joined), (how.batch,))
        live = (jnp.arange(max(how.joined))[None] < several[:, None]).astype(jnp.float32)
        taken = inputs[starts[lesson][:, None] + place.astype(jnp.int32)]
        seen = (taken * live[..., None]).sum(1) / live.sum(1, keepdims=True)
        value, slopes = jax.value_and_grad(loss)(params, lesson, seen, keys[3])
        change, state = moves.update(slopes, state, params)
        return optax.apply_updates(params, change), state, value

    for number in range(how.steps):
        with jax.numpy_dtype_promotion("standard"):  # optax counts in integers and divides by them
            params, state, value = step(params, state, jnp.asarray(number, jnp.int32))
        if number % 50 == 0:
            yield number / how.steps, {"loss": float(value)}, None
    arrays = {name: np.asarray(each).astype(np.float16) for name, each in params.items()}
    arrays |= {"mean": mean.astype(np.float16), "scale": scale.astype(np.float16)}
    reader = Reader(names, compared, {**arrays, "temperature": np.ones(1, np.float32)})
    held = [(name, values[len(values) - how.kept_of(len(values)) :]) for name, values in lessons]
    labels = np.concatenate([np.full(len(values), names.index(name)) for name, values in held])
    best = _temperature(reader, np.concatenate([values for _, values in held]), labels)
    yield 1.0, {}, Reader(names, compared, {**arrays, "temperature": np.full(1, best, np.float32)})


def _begun(length: int, names: int, how: Learning) -> dict:
    """The arrays to begin with."""
    import jax.numpy as jnp

    random = np.random.default_rng(how.seed)
    sizes = {
        "narrow_w": (PATTERNS, how.narrow), "hidden_w": (length - PATTERNS + how.narrow, how.hidden),
        "out_w": (how.hidden, names),
    }  # fmt: skip
    found = {name: (random.standard_normal(s) / np.sqrt(s[0])).astype(np.float32) for name, s in sizes.items()}
    found |= {"hidden_b": np.zeros(how.hidden, np.float32), "out_b": np.zeros(names, np.float32)}
    return {name: jnp.asarray(each) for name, each in found.items()}


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
