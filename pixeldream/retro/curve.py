"""Error diffusion along a Hilbert curve.

T. Riemersma, "A Balanced Dither Algorithm", C/C++ Users Journal, December 1998, https://www.compuphase.com/riemer.htm.
His queue holds what each pixel itself lost, at weights that sum to about 5.6; ours also what it was handed and did not
show, at weights that sum to 1: no light is lost or gained.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pixeldream.retro.candidates import Candidates, debt, nearest
from pixeldream.retro.colour import linear_to_oklab
from pixeldream.retro.dither import CurveDiffusion

UNROLL = 4
"""Pixels a turn of the loop: fewer turns are quicker, and longer to compile."""


@lru_cache
def hilbert(width: int, height: int) -> np.ndarray:
    """int32 ``[width * height, 2]``: (y, x) of every pixel along the Hilbert curve of the smallest square of a power of
    two that covers them; where the curve leaves the picture it goes on where it comes back."""
    side = 1 << (max(width, height) - 1).bit_length()
    place = np.arange(side * side)
    x, y = np.zeros_like(place), np.zeros_like(place)
    size = 1
    while size < side:
        right = place // 2 & 1
        down = (place ^ right) & 1
        flip = (down == 0) & (right == 1)
        x, y = np.where(flip, size - 1 - x, x), np.where(flip, size - 1 - y, y)
        x, y = np.where(down == 0, y, x), np.where(down == 0, x, y)
        x, y = x + size * right, y + size * down
        place, size = place // 4, size * 2
    inside = (x < width) & (y < height)
    return np.stack([y[inside], x[inside]], 1).astype(np.int32)


def follow(
    linear: jax.Array, candidates: Candidates, dither: CurveDiffusion, amount: jax.Array | float = 1.0
) -> jax.Array:
    """int32 ``[height, width]``: the candidate of each pixel; see ``dithering.choose``. One pixel after the other."""
    height, width, _ = linear.shape
    rows, columns = hilbert(width, height).T
    shared = candidates.lab.shape[:2] == (1, 1)
    weights = jnp.asarray(dither.weights())[:, None]

    def along(colours: jax.Array) -> jax.Array:
        return jnp.broadcast_to(colours, (height, width, *colours.shape[2:]))[rows, columns]

    own = () if shared else (along(candidates.lab), along(candidates.linear))

    def step(errors: jax.Array, pixel: tuple) -> tuple[jax.Array, Any]:
        value, *reach = pixel
        lab, colours = reach or (candidates.lab[0, 0], candidates.linear[0, 0])
        value = value + (errors * weights).sum(0) * amount
        choice = nearest(linear_to_oklab(jnp.clip(value, 0.0, 1.0)), lab)
        return jnp.concatenate([debt(value, colours[choice], colours)[None], errors[:-1]]), choice

    start = jnp.zeros((dither.length, 3), jnp.float32)
    _, choices = jax.lax.scan(step, start, (linear[rows, columns], *own), unroll=UNROLL)
    return jnp.zeros((height, width), jnp.int32).at[rows, columns].set(choices)
