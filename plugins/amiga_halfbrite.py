"""Extra halfbrite: 32 colours of 4096, and the same 32 at half their brightness.

Amiga Hardware Reference Manual (1991), chapter 3. The sixth bit plane halves each 4-bit component and drops what is
left over, as the original chips do; the AGA chips halve 8 bits, so some viewers show up to 8 of 255 more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from pixeldream_plugins.amiga_ham import TWELVE_BIT

import pixeldream as pd

if TYPE_CHECKING:
    import jax

BASE = 32
ITERATIONS = 8
SCALE = 0.6
"""A colour at half its encoded brightness has about this part of its OKLab coordinates: 2 ** (-2.2 / 3)."""

EXACT, PRIZE = 1e-6, 1.0
"""Squared OKLab distance below which a colour is hit, and what a hit is worth: more than the largest error."""

CERTAIN = 1e4
"""How much sooner than others a colour is chosen that can't be a half."""


def half(registers: Any) -> Any:
    """0x0RGB of each of ``registers`` at half brightness."""
    return registers >> 1 & 0x777


def all_colours(base: jax.Array) -> jax.Array:
    """sRGB ``[64, 3]``: what the pixel values show."""
    import jax.numpy as jnp

    return pd.gamut_colours(TWELVE_BIT, jnp.concatenate([base, half(base)]))


def render(solution: Any, palette: Any) -> Any:
    """float32 ``[height, width, 3]`` of a solution or a picture."""
    if isinstance(solution.pixels, np.ndarray):
        base = np.array([int(c[0, 0]) for c in solution.colours])
        return (TWELVE_BIT.rgb(np.concatenate([base, half(base)]))[solution.pixels] / 255.0).astype(np.float32)
    return all_colours(_flat(solution.colours))[solution.pixels]


def solve(image: Any, palette: Any, locks: Any, dither: Any, amount: Any) -> Any:
    """A ``Solution``; see ``pixeldream.retro.solve``."""
    base = _choose_base(pd.srgb_to_oklab(image.reshape(-1, 3)), locks)
    colours = tuple(base.reshape(-1, 1, 1))
    return pd.Solution(follow(image, palette, colours, dither, amount), colours)


def follow(image: Any, palette: Any, colours: Any, dither: Any, amount: Any) -> Any:
    """int32 ``[height, width]``: pixel values for colours that are chosen."""
    choices = all_colours(_flat(colours))
    return pd.choose_pixels(image, choices[None, None], choices, dither, amount)


def choices(colours: Any, palette: Any) -> jax.Array:
    """sRGB ``[64, 3]``, for the search of the least perceived error."""
    return all_colours(_flat(colours))


def _flat(colours: Any) -> jax.Array:
    import jax.numpy as jnp

    return jnp.concatenate([jnp.asarray(c, jnp.int32)[0] for c in colours])


def _lab(base: jax.Array) -> jax.Array:
    return pd.srgb_to_oklab(all_colours(base))


def _choose_base(points: jax.Array, locks: jax.Array) -> jax.Array:
    """int32 ``[32]``: k-means over pairs of colours, from the first to the best of all steps."""
    import jax
    import jax.numpy as jnp

    def step(_: Any, carry: tuple[jax.Array, jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array, jax.Array]:
        base, best, best_error = carry
        index, error = pd.nearest_centres(points, _lab(base))
        total = error.sum()
        best = jnp.where(total < best_error, base, best)
        return _moved(points, base, index, error, locks), best, jnp.minimum(total, best_error)

    start = _seed(points, locks)
    infinite = jnp.asarray(jnp.inf, jnp.float32)
    found = jax.lax.fori_loop(0, ITERATIONS + 1, step, (start, start, infinite))[1]
    return pd.darkest_first(TWELVE_BIT, found, locks)


def _moved(points: jax.Array, base: jax.Array, index: jax.Array, error: jax.Array, locks: jax.Array) -> jax.Array:
    """One step: a colour moves to where its own pixels and those of its half want it; the least squares of both."""
    import jax
    import jax.numpy as jnp

    mean, number = pd.weighted_means(points, jnp.ones_like(error), index, 2 * BASE)
    pull = number[:BASE] + SCALE**2 * number[BASE:]
    place = mean[:BASE] * number[:BASE, None] + SCALE * mean[BASE:] * number[BASE:, None]
    worst = points[jax.lax.top_k(error, BASE)[1]]
    moved = jnp.where(pull[:, None] > 0, place / jnp.maximum(pull, 1e-12)[:, None], worst)
    return jnp.where(locks >= 0, locks, pd.gamut_snap(TWELVE_BIT, pd.oklab_to_srgb(moved)))


def _seed(points: jax.Array, locks: jax.Array) -> jax.Array:
    """int32 ``[32]``: one colour after the other, each for a pixel that is far from all before.

    A dark pixel may be had as a colour of its own or as the half of one of eight: whichever serves all pixels best,
    above all those of a drawing that hit a colour exactly. There the bright pixels come first: they are no halves.
    """
    import jax
    import jax.numpy as jnp

    twice = jnp.asarray([red << 8 | green << 4 | blue for red in (0, 1) for green in (0, 1) for blue in (0, 1)])
    sample = points[:: max(1, points.shape[0] // 16384)]
    grid = pd.gamut_snap(TWELVE_BIT, pd.oklab_to_srgb(sample))
    off = jnp.square(pd.srgb_to_oklab(pd.gamut_colours(TWELVE_BIT, grid)) - sample).sum(1)
    weight = jnp.where((off < EXACT) & (grid & 0x888 > 0), CERTAIN, 1.0)

    def left_over(candidate: jax.Array, distance: jax.Array) -> jax.Array:
        left = jnp.minimum(distance, pd.nearest_centres(sample, _lab(candidate[None]))[1])
        return left.sum() - PRIZE * (left < EXACT).sum().astype(jnp.float32)

    def pick(number: jax.Array, carry: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        base, distance = carry
        key = jax.random.fold_in(jax.random.key(0), number)
        chosen = sample[
            jax.random.categorical(key, jnp.log(jnp.where(distance < EXACT, 0.0, distance * weight) + 1e-12))
        ]
        own = pd.gamut_snap(TWELVE_BIT, pd.oklab_to_srgb(chosen))
        doubles = jnp.where(own & 0x888 == 0, own << 1 | twice.astype(jnp.int32), own)
        candidates = jnp.concatenate([own[None], doubles])
        best = candidates[jax.lax.map(lambda candidate: left_over(candidate, distance), candidates).argmin()]
        best = jnp.where(locks[number] >= 0, locks[number], best)
        return base.at[number].set(best), jnp.minimum(distance, pd.nearest_centres(sample, _lab(best[None]))[1])

    start = jnp.zeros(BASE, jnp.int32), jnp.ones(sample.shape[0], jnp.float32)
    return jax.lax.fori_loop(0, BASE, pick, start)[0]
