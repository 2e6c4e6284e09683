"""Palettes that the machine mixes itself: k-means in OKLab, snapped to the hardware's grid inside the loop.

Snapping after the last step would leave the assignment to colours that do not exist; here each step's colours are ones
that the register can hold, and the best step is kept. Seeding after Arthur and Vassilvitskii, "k-means++", SODA 2007.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from pixeldream.retro.colour import oklab_to_srgb, srgb_to_oklab
from pixeldream.retro.palette import Gamut

ITERATIONS = 24
"""Steps of a fresh search."""


def _highest(gamut: Gamut, dimensions: int) -> np.ndarray:
    """The highest step of each component, shaped to go with an array of that many dimensions."""
    return (np.asarray(gamut.levels, np.float32) - 1).reshape((1,) * (dimensions - 1) + (3,))


def decode(gamut: Gamut, indices: jax.Array) -> jax.Array:
    """sRGB in [0, 1], float32 ``[..., 3]``, of gamut indices."""
    _, green, blue = gamut.levels
    steps = jnp.stack([indices // (green * blue), indices // blue % green, indices % blue], -1)
    return steps.astype(jnp.float32) / _highest(gamut, steps.ndim)


def snap(gamut: Gamut, srgb: jax.Array) -> jax.Array:
    """The index of the level nearest to each sRGB colour ``[..., 3]`` in [0, 1], component by component."""
    steps = jnp.rint(jnp.clip(srgb, 0.0, 1.0) * _highest(gamut, srgb.ndim)).astype(jnp.int32)
    return (steps[..., 0] * gamut.levels[1] + steps[..., 1]) * gamut.levels[2] + steps[..., 2]


def _squared(points: jax.Array, centres: jax.Array) -> jax.Array:
    """float32 ``[points, centres]``: squared distances, as a matrix product."""
    product = jnp.dot(points, centres.T, precision="highest")
    return jnp.maximum(jnp.square(points).sum(1)[:, None] - 2 * product + jnp.square(centres).sum(1)[None], 0.0)


def _seed(points: jax.Array, count: int) -> jax.Array:
    """k-means++ with a fixed key: the same picture always gets the same seeds."""

    def pick(number: jax.Array, carry: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        centres, distance = carry
        key = jax.random.fold_in(jax.random.key(0), number)
        chosen = points[jax.random.categorical(key, jnp.log(distance + 1e-12))]
        return centres.at[number].set(chosen), jnp.minimum(distance, jnp.square(points - chosen[None]).sum(1))

    start = jnp.zeros((count, 3), jnp.float32), jnp.ones(points.shape[0], jnp.float32)
    return jax.lax.fori_loop(0, count, pick, start)[0]


def choose(gamut: Gamut, image: jax.Array, count: int, locks: jax.Array) -> jax.Array:
    """int32 ``[count]``: a palette for ``image`` (sRGB ``[height, width, 3]``). ``locks [count]``: an index or -1."""
    lab = srgb_to_oklab(image.reshape(-1, 3))
    start = snap(gamut, oklab_to_srgb(_seed(lab, count)))
    return refine(gamut, image, jnp.where(locks >= 0, locks, start), locks, ITERATIONS)


def refine(gamut: Gamut, image: jax.Array, colours: jax.Array, locks: jax.Array, iterations: int) -> jax.Array:
    """int32 ``[count]``: ``colours`` after that many k-means steps; the best of all of them, the first included."""
    points = srgb_to_oklab(image.reshape(-1, 3))
    count = colours.shape[0]

    def step(_: int, carry: tuple[jax.Array, jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array, jax.Array]:
        current, best, best_error = carry
        distance = _squared(points, srgb_to_oklab(decode(gamut, current)))
        nearest, error = distance.argmin(1), distance.min(1)
        total = error.sum()
        best = jnp.where(total < best_error, current, best)
        number = jax.ops.segment_sum(jnp.ones_like(error), nearest, count)
        mean = jax.ops.segment_sum(points, nearest, count) / jnp.maximum(number, 1.0)[:, None]
        # A colour that no pixel took starts anew where the error is largest.
        worst = points[jax.lax.top_k(error, count)[1]]
        moved = jnp.where(number[:, None] > 0, mean, worst)
        fresh = jnp.where(locks >= 0, locks, snap(gamut, oklab_to_srgb(moved)))
        return fresh, best, jnp.minimum(total, best_error)

    start = colours, colours, jnp.asarray(jnp.inf, jnp.float32)
    return jax.lax.fori_loop(0, iterations + 1, step, start)[1]
