"""Optimisers of dreams besides ``local_adam``: plain gradient ascent by the gradient's mean size, and Adam; and which
one is taken."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from pixeldream.neural.optimise import ADAM, identity
from pixeldream.neural.pyramid import Pixels, evening

_TINY = 1e-12


def scale_by_mean_size() -> optax.GradientTransformation:
    """Each array's gradient over the mean of its absolute values, so that a rate means the same for every layer
    (Mordvintsev, Olah and Tyka 2015: ``src.data[:] += step_size/np.abs(g).mean() * g``)."""

    def init(params: Any) -> optax.EmptyState:
        return optax.EmptyState()

    def update(gradients: Any, state: optax.EmptyState, params: Any = None) -> tuple[Any, optax.EmptyState]:
        return jax.tree.map(lambda each: each / (jnp.abs(each).mean() + _TINY), gradients), state

    return optax.GradientTransformation(init, update)


class Moments(NamedTuple):
    """What Adam keeps between steps."""

    momentum: Any
    power: Any
    steps: jax.Array


def scale_by_adam(momentum: float = 0.9, memory: float = 0.999) -> optax.GradientTransformation:
    """Adam (Kingma and Ba, arXiv 1412.6980) as optax has it, but in float32 alone: optax counts in integers, which
    strict types refuse to divide by."""

    def init(params: Any) -> Moments:
        zeros = jax.tree.map(jnp.zeros_like, params)
        return Moments(zeros, zeros, jnp.float32(0.0))

    def update(gradients: Any, moments: Moments, params: Any = None) -> tuple[Any, Moments]:
        steps = moments.steps + 1.0
        first = jax.tree.map(lambda m, g: momentum * m + (1 - momentum) * g, moments.momentum, gradients)
        second = jax.tree.map(lambda v, g: memory * v + (1 - memory) * jnp.square(g), moments.power, gradients)
        ready, known = 1 - momentum**steps, 1 - memory**steps
        updates = jax.tree.map(lambda m, v: m / ready / (jnp.sqrt(v / known) + _TINY), first, second)
        return updates, Moments(first, second, steps)

    return optax.GradientTransformation(init, update)


ASCENT = scale_by_mean_size()
FOURIER = scale_by_adam()
"""Coefficients have no neighbourhood: each has its own power. And each has its wave: there is nothing to even."""


def optimiser_of(
    name: str, parameters: str, view: Pixels = identity, shrink: Pixels = identity
) -> optax.GradientTransformation:
    """Of ``OPTIMISERS``, for one of ``PARAMETERS``; always the same object. ``view``, ``shrink``: see ``evening``."""
    if name == "ascent":
        return ASCENT
    return FOURIER if parameters == "fourier" else evening(ADAM, view, shrink)
