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

    narrow: int = 24
    """Numbers that are made of the patterns."""
    hidden: int = 72
    steps: int = 3000
    batch: int = 256
    rate: float = 2e-3
    decay: float = 0.1
    noise: float = 0.4
    """What is added to the scaled statistics, so that none is trusted to the last digit."""
    seed: int = 0
    held: int = 10
    """Every so many pictures one is held back to find the temperature by."""


def learn(
    measured: np.ndarray, labels: np.ndarray, names: Sequence[str], compared: Compared, how: Learning
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
    sizes = {
        "narrow_w": (PATTERNS, how.narrow), "hidden_w": (len(mean) - PATTERNS + how.narrow, how.hidden),
        "out_w": (how.hidden, len(names)),
    }  # fmt: skip
    params = {
        name: jnp.asarray((random.standard_normal(s) / np.sqrt(s[0])).astype(np.float32)) for name, s in sizes.items()
    }
    params |= {"hidden_b": jnp.zeros(how.hidden, jnp.float32), "out_b": jnp.zeros(len(names), jnp.float32)}
    moves = optax.adamw(optax.cosine_decay_schedule(how.rate, how.steps), weight_decay=how.decay)
    state = moves.init(params)

    def loss(params: dict[str, jax.Array], rows: jax.Array, key: jax.Array) -> jax.Array:
        noisy = inputs[rows] + how.noise * jax.random.normal(key, (rows.shape[0], inputs.shape[1]), jnp.float32)
        narrow = noisy[:, -PATTERNS:] @ params["narrow_w"]
        joined = jnp.concatenate([noisy[:, :-PATTERNS], narrow], 1)
        hidden = jax.nn.relu(joined @ params["hidden_w"] + params["hidden_b"][None])
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
    arrays |= {"mean": mean.astype(np.float16), "scale": scale.astype(np.float16)}
    reader = Reader(tuple(names), compared, {**arrays, "temperature": np.ones(1, np.float32)})
    best = _temperature(reader, measured[held], labels[held])
    yield 1.0, {}, Reader(reader.names, compared, {**arrays, "temperature": np.full(1, best, np.float32)})


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
