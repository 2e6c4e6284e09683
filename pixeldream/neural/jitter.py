"""The same picture a few pixels further in every step, so that nothing is painted for one place of a network's grid.

Pools and strides see every second, fourth ... pixel otherwise than those between: a picture that is painted under one
view of it fits that grid, and looks worse to all other eyes. Deep dream's remedy (Mordvintsev et al. 2015) is a random
shift in every step. Here a few shifts take turns, so that the content's features are known for each.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from pixeldream.neural.settings import MAXIMUM_JITTER

COUNT = 8
"""Shifts that take turns."""

UNTIL = 0.6
"""The share of the steps that are shifted: the last ones finish the picture as it will be seen."""

_STEPS = (0.7548776662466927, 0.5698402909980532)
"""Of the sequence that spreads points over a square: 1/p and 1/p^2 for the root p of p^3 = p + 1 (Roberts 2018)."""


def shifts(most: int) -> np.ndarray:
    """int32 ``[shifts, 2]``: pixels down and across, 0 to ``most``, evenly spread; no shift first."""
    if most == 0:
        return np.zeros((1, 2), np.int32)
    parts = np.arange(COUNT)[:, None] * np.asarray(_STEPS) % 1.0
    return np.floor(parts * (most + 1)).astype(np.int32)


def shifted(image: jax.Array, shift: jax.Array) -> jax.Array:
    """``image [h, w, 3]`` moved down and across by ``shift [2]``, 0 to :data:`MAXIMUM_JITTER`; the border repeats."""
    height, width, channels = image.shape
    padded = jnp.pad(image, ((MAXIMUM_JITTER, 0), (MAXIMUM_JITTER, 0), (0, 0)), mode="edge")
    begin = (MAXIMUM_JITTER - shift[0], MAXIMUM_JITTER - shift[1], jnp.int32(0))
    return jax.lax.dynamic_slice(padded, begin, (height, width, channels))
