"""Moving the colours of a free palette over the hardware's grid where that lessens the perceived error.

The pixels stay; the error is exactly quadratic in each colour, near the present picture, and two sums over the screen
give its coefficients. Each colour in turn tries the steps around it and takes the best.
"""

from __future__ import annotations

from functools import partial
from itertools import product

import jax
import jax.numpy as jnp
import numpy as np

from pixeldream.retro import perceived
from pixeldream.retro.locks import FREE
from pixeldream.retro.mode import Mode
from pixeldream.retro.palette import Gamut
from pixeldream.retro.perceived import Target, blur, pull, spaces
from pixeldream.retro.solve import Solution, options

DIRECTIONS = np.asarray(list(product((-1, 0, 1), repeat=3)), np.int32)


def _steps(gamut: Gamut) -> np.ndarray:
    """int32 ``[steps, 3]``: what is tried around a colour: a step of the grid, and of a fine grid also larger ones."""
    strides = [stride for stride in (1, 4, 16) if stride < max(gamut.levels) // 8] or [1]
    return np.unique(np.concatenate([DIRECTIONS * stride for stride in strides]), axis=0)


def _around(gamut: Gamut, colour: jax.Array) -> jax.Array:
    """int32 ``[steps]``: the indices around one index, those beyond the grid's edge held at it."""
    _, green, blue = gamut.levels
    place = jnp.stack([colour // (green * blue), colour // blue % green, colour % blue])
    moved = jnp.clip(place[None] + _steps(gamut), 0, np.asarray(gamut.levels, np.int32)[None] - 1)
    return (moved[:, 0] * green + moved[:, 1]) * blue + moved[:, 2]


@partial(jax.jit, static_argnames=("mode",))
def move(mode: Mode, goal: Target, palette: jax.Array, locks: jax.Array, held: Solution) -> Solution:
    """``held`` with colours that each had its turn. ``locks``: int32 ``[slots]``; a locked colour stays."""
    gamut = mode.gamut
    assert gamut is not None
    count = len(mode.slots)
    (width, height), pixels = mode.size, held.pixels
    cover = goal.seen.shape[-1] * goal.seen.shape[-2] / (width * height)
    number_of_values = mode.pixel_values // count

    def table(colours: jax.Array) -> jax.Array:
        return options(mode, tuple(colours.reshape(-1, 1, 1)), palette).table

    colours = jnp.concatenate([c.reshape(1) for c in held.colours])
    shown = blur(goal.blurs, spaces(table(colours))[pixels])
    weight = perceived.metric(goal, shown)
    # The pixels' own distance: their number and the sums of their colours are all that a colour needs to know.
    values = pixels.reshape(-1)
    number = jax.ops.segment_sum(jnp.ones(values.shape, jnp.float32), values, mode.pixel_values)
    total = jax.ops.segment_sum(goal.lab.reshape(-1, 3), values, mode.pixel_values)

    def turn(slot: jax.Array, carry: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        colours, residual = carry
        mine = slot + count * np.arange(number_of_values)
        masks = (pixels[None] == mine[:, None, None]).astype(jnp.float32)
        seen = jnp.einsum("nyh,vhw,nxw->vnyx", goal.blurs.down, masks, goal.blurs.across, precision="highest")
        slope = jnp.einsum("vnyx,nsayx->vsa", seen, pull(weight, residual), precision="highest")
        bend = jnp.einsum("vnyx,unyx,nsabyx->vusab", seen, seen, weight, precision="highest")
        tried = _around(gamut, colours[slot])
        shows = jax.vmap(lambda colour: table(colours.at[slot].set(colour))[mine])(tried)
        change = spaces(shows) - spaces(table(colours)[mine])[None]
        cost = 2 * jnp.einsum("tvsa,vsa->t", change, slope)
        cost = cost + jnp.einsum("tvsa,vusab,tusb->t", change, bend, change)
        lab, old = perceived.single(shows), perceived.single(table(colours)[mine])[None]
        own = number[mine][None] * (jnp.square(lab) - jnp.square(old)).sum(-1) - 2 * (
            (lab - old) * total[mine][None]
        ).sum(-1)
        cost = cost + goal.calm * cover * own.sum(-1)
        cost = jnp.where(locks[slot] == FREE, cost, jnp.inf)
        best = cost.argmin()
        better = cost[best] < -goal.least
        made = jnp.where(better, change[best], 0.0)
        residual = residual + jnp.einsum("vnyx,vsc->nscyx", seen, made)
        return colours.at[slot].set(jnp.where(better, tried[best], colours[slot])), residual

    colours, _ = jax.lax.fori_loop(0, count, turn, (colours, shown - goal.seen))
    return Solution(pixels, tuple(colours.reshape(-1, 1, 1)))
