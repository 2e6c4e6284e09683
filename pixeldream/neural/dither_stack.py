"""The last word on a dither: what the network of ``dither_reader`` says, weighed with how likely the picture is under
each dither by itself.

A linear layer on both, learnt on pictures that the network has not learnt (D. Wolpert, "Stacked generalization",
Neural Networks 5, 1992), so that it knows how far either is to be trusted. Nothing is known here of machines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from pixeldream.neural.dither_reader import Compared, Reader

COARSE, FINE, FOLLOWED = 10.0, 0.1, 30.0
"""What differences of log likelihoods are multiplied with: between places, for each pixel and for all of them; and
where errors were followed, for each pixel."""

LIMIT = 4.0
"""Where the inputs are cut off."""

LEAST = 3e-4
"""The least probability that counts."""

KINDS = ("ordered", "pattern", "followed", "none", "other")
"""Dithers by what their likelihoods are compared with."""

SHARED = 9 + 6 * len(KINDS)
"""Numbers that speak for a dither itself, each with one weight for all dithers of a kind."""


@dataclass(frozen=True)
class Stack:
    """``names`` of the outputs, what pictures were ``compared`` with, and the arrays: ``stack_own [SHARED]``,
    ``stack_w [inputs, names]``, ``stack_b [names]``. Raises ``ValueError`` where they do not fit."""

    names: tuple[str, ...]
    compared: Compared
    arrays: Mapping[str, np.ndarray]

    def __post_init__(self) -> None:
        shapes = {name: self.arrays[name].shape for name in ("stack_own", "stack_w", "stack_b") if name in self.arrays}
        length = shapes.get("stack_w", (0,))[0]
        wanted = {"stack_own": (SHARED,), "stack_w": (length, len(self.names)), "stack_b": (len(self.names),)}
        if shapes != wanted:
            raise ValueError(f"weights of shapes {shapes} do not fit {len(self.names)} dithers; train them again")

    def read(self, shares: np.ndarray, likely: np.ndarray, pixels: np.ndarray) -> np.ndarray:
        """float64 ``[..., names]``: the probabilities, from those of the network, ``shares [..., names]``, the log
        likelihoods for each pixel ``likely [..., m]`` and the number of pixels ``[...]`` that had a choice."""
        own, inputs = weighed(self.names, self.compared, shares, likely, pixels)
        arrays = {name: np.asarray(each, np.float32) for name, each in self.arrays.items()}
        scores = (own @ arrays["stack_own"] + inputs @ arrays["stack_w"] + arrays["stack_b"]).astype(np.float64)
        found = np.exp(scores - scores.max(-1, keepdims=True))
        return found / found.sum(-1, keepdims=True)


def kind_of(name: str, compared: Compared) -> str:
    """Which of :data:`KINDS` a dither is of."""
    if name in compared.traced:
        return "ordered" if name in compared.templates else "none" if name == "none" else "pattern"
    return "followed" if any(kernel.partition(":")[0] == name for kernel in compared.kernels) else "other"


def weighed(
    names: Sequence[str], compared: Compared, shares: np.ndarray, likely: np.ndarray, pixels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """What speaks for each dither itself, float32 ``[..., names, SHARED]``, and the layer's inputs ``[..., n]``."""
    count, kernels = len(compared.traced), len(compared.kernels)
    followed = likely[..., count:]
    followed = followed.reshape(*followed.shape[:-1], followed.shape[-1] // max(1, kernels), kernels)
    placed = {name: likely[..., place] for place, name in enumerate(compared.traced)}
    best = {
        kind: np.max([placed[name] for name in placed if kind_of(name, compared) == kind], 0, initial=-LIMIT)
        for kind in KINDS[:2]
    }
    apart = np.clip(FOLLOWED * (followed - followed.sum(-1, keepdims=True) / max(1, kernels)), -LIMIT, LIMIT)
    most = followed.max(-1, initial=-LIMIT)
    read = np.log(np.maximum(shares, LEAST))
    plain = placed.get("none", best["ordered"])
    between = [best["pattern"] - best["ordered"], plain - best["ordered"]]
    between += [most[..., k] - best["ordered"] for k in range(most.shape[-1])][:2]
    state = [np.ones_like(pixels)] + [np.clip(COARSE * each, -LIMIT, LIMIT) for each in between]
    state += [best["ordered"]]
    own = np.zeros((*shares.shape, SHARED), np.float32)
    own[..., 0] = read
    for number, name in enumerate(names):
        kind = kind_of(name, compared)
        if kind in best:
            way = placed[name] - best[kind]
            first = 1 + 2 * KINDS.index(kind)
            own[..., number, first] = np.clip(COARSE * way, -LIMIT, 0)
            own[..., number, first + 1] = np.clip(FINE * pixels * way, -LIMIT, 0)
        taps = [k for k, kernel in enumerate(compared.kernels) if kernel.partition(":")[0] == name]
        for k in range(min(2, followed.shape[-2]) if taps else 0):
            own[..., number, 5 + k] = apart[..., k, taps].max(-1)
            way = followed[..., k, taps].max(-1) - most[..., k]
            own[..., number, 7 + k] = np.clip(0.3 * FINE * pixels * way, -LIMIT, 0)
        for place, each in enumerate(state):
            own[..., number, 9 + 6 * KINDS.index(kind) + place] = each
    flat = apart.reshape(*apart.shape[:-2], -1)
    inputs = np.concatenate([read / 2, flat], -1).astype(np.float32)
    return own, inputs


@dataclass(frozen=True)
class Weighing:
    """How the layer is learnt: ``steps`` of Adam over all pictures at ``rate``; ``decay``: the price of its weights."""

    steps: int = 400
    rate: float = 0.03
    decay: float = 0.1


def learn_stack(
    names: Sequence[str], compared: Compared, shares: np.ndarray, likely: np.ndarray, pixels: np.ndarray,
    labels: np.ndarray, how: Weighing = Weighing(),
) -> Stack:  # fmt: skip
    """The layer for pictures ``[n]`` whose dithers are ``labels``, numbers of ``names``."""
    import jax
    import jax.numpy as jnp
    import optax

    own, inputs = (jnp.asarray(each) for each in weighed(names, compared, shares, likely, pixels))
    params = {
        "stack_own": jnp.zeros(SHARED, jnp.float32).at[0].set(1.0),
        "stack_w": jnp.zeros((inputs.shape[-1], len(names)), jnp.float32),
        "stack_b": jnp.zeros(len(names), jnp.float32),
    }
    wanted = jnp.asarray(labels, jnp.int32)
    moves = optax.adam(optax.cosine_decay_schedule(how.rate, how.steps))

    def loss(params: dict[str, jax.Array]) -> jax.Array:
        scores = own @ params["stack_own"] + inputs @ params["stack_w"] + params["stack_b"][None]
        surprise = optax.softmax_cross_entropy_with_integer_labels(scores, wanted).mean()
        prices = jnp.square(params["stack_w"]).sum() + jnp.square(params["stack_b"]).sum()
        return surprise + how.decay * prices + 1e-3 * jnp.square(params["stack_own"]).sum()

    @jax.jit
    def step(params: dict[str, jax.Array], state: optax.OptState) -> tuple:
        change, state = moves.update(jax.grad(loss)(params), state, params)
        return optax.apply_updates(params, change), state

    state = moves.init(params)
    for _ in range(how.steps):
        with jax.numpy_dtype_promotion("standard"):  # optax counts in integers and divides by them
            params, state = step(params, state)
    return Stack(tuple(names), compared, {name: np.asarray(each, np.float32) for name, each in params.items()})


class Measured(Protocol):
    """What is known of a lesson's pictures; ``likelihoods`` and ``pixels`` of the last ones, which were held back."""

    @property
    def statistics(self) -> np.ndarray: ...
    @property
    def likelihoods(self) -> np.ndarray: ...
    @property
    def pixels(self) -> np.ndarray: ...


def learn_stack_of(reader: Reader, lessons: Sequence[tuple[str, Measured]]) -> Stack:
    """The layer for a network, from the pictures of each dither's lessons that it has not learnt."""
    read = [reader.read(each.statistics[len(each.statistics) - len(each.pixels) :]) for _, each in lessons]
    labels = [np.full(len(each.pixels), reader.names.index(name)) for name, each in lessons]
    return learn_stack(
        reader.names, reader.compared, np.concatenate(read), np.concatenate([each.likelihoods for _, each in lessons]),
        np.concatenate([each.pixels for _, each in lessons]), np.concatenate(labels),
    )  # fmt: skip
