"""Optimisers of dreams besides ``local_adam``: plain gradient ascent by the gradient's mean size, and Adam."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax

from pixeldream.neural.optimise import ADAM

_TINY = 1e-12


def scale_by_mean_size() -> optax.GradientTransformation:
    """Each array's gradient over the mean of its absolute values, so that a rate means the same for every layer
    (Mordvintsev, Olah and Tyka 2015: ``src.data[:] += step_size/np.abs(g).mean() * g``)."""

    def init(params: Any) -> optax.EmptyState:
        return optax.EmptyState()

    def update(gradients: Any, state: optax.EmptyState, params: Any = None) -> tuple[Any, optax.EmptyState]:
        return jax.tree.map(lambda each: each / (jnp.abs(each).mean() + _TINY), gradients), state

    return optax.GradientTransformation(init, update)


ASCENT = scale_by_mean_size()
FOURIER = optax.scale_by_adam()
"""Coefficients have no neighbourhood: each has its own power."""


def optimiser_of(name: str, parameters: str) -> optax.GradientTransformation:
    """Of ``OPTIMISERS``, for one of ``PARAMETERS``; always the same object."""
    if name == "ascent":
        return ASCENT
    return FOURIER if parameters == "fourier" else ADAM
