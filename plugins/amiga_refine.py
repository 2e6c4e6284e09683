"""Rows of hold-and-modify pixels chosen anew where that lessens the perceived error.

Every few rows at once, from left to right: each row keeps its few best beginnings, and what a beginning changes is felt
by the pixels that follow, as the blur tells. So the row that comes out is weighed as a whole. A row that gains nothing
stays as it was.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from pixeldream_plugins import amiga_beam

import pixeldream as pd

if TYPE_CHECKING:
    import jax

BEAM = 4
APART = 4
"""Display rows between rows that change at once."""

REACH = 6
"""Display pixels to the right in which a change is felt."""


class _Lane(NamedTuple):
    """What a scan along rows carries, for each lane and each of its beginnings: state, cost, and the slopes that the
    next pixels feel of its changes, ``[lanes, beam, reach, 2, 3]``."""

    states: jax.Array
    costs: jax.Array
    felt: jax.Array


class _Column(NamedTuple):
    """One pixel of every lane: ``slope [lanes, 2, 3]``, ``bend [lanes, 2, 3, 3]``, the old colour ``[lanes, 2, 3]``,
    and what is wanted of the pixel alone, ``[lanes, 3]``."""

    slope: jax.Array
    bend: jax.Array
    old: jax.Array
    lab: jax.Array
    first: jax.Array


def _echo(mode: pd.Mode) -> np.ndarray:
    """float32 ``[reach]``: how much of a pixel's change is felt by the pixels to its right."""
    across = pd.perceived.matrices(mode.size, pd.repeats(mode)).across
    middle, reach = mode.size[0] // 2, max(1, REACH // pd.repeats(mode)[0])
    shared = np.einsum("nx,nxv->nv", across[:, :, middle], across[:, :, middle : middle + reach + 1])
    whole = np.asarray(pd.perceived.SHARES) @ (shared * shared[:, :1])
    return np.asarray(whole[1:] / whole[0], np.float32)


def refine(bits: int, mode: pd.Mode, goal: Any, palette: Any, locks: Any, held: Any) -> Any:
    """``held``, a ``Solution``, with every row chosen anew once; see ``pixeldream.retro.search``."""
    return _compiled(bits, mode)(goal, held)


@lru_cache
def _compiled(bits: int, mode: pd.Mode) -> Any:
    import jax

    return jax.jit(lambda goal, held: _pass(bits, mode, goal, held))


def _pass(bits: int, mode: pd.Mode, goal: Any, held: Any) -> Any:
    import jax
    import jax.numpy as jnp

    (width, height), step = mode.size, max(1, APART // pd.repeats(mode)[1])
    base, render = jnp.concatenate([c.reshape(1) for c in held.colours]), mode.render
    assert render is not None

    def residual_of(pixels: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        image = render(pd.Solution(pixels, held.colours), palette=None)
        shown = pd.perceived.blur(goal.blurs, pd.perceived.spaces(image))
        return image, shown, shown - goal.seen

    weight = pd.perceived.metric(goal, residual_of(held.pixels)[1])
    bend = pd.perceived.curvature(goal, weight)

    def phase(offset: jax.Array, pixels: jax.Array) -> jax.Array:
        image, _, residual = residual_of(pixels)
        slope = pd.perceived.gather(goal.blurs.down, goal.blurs.across, pd.perceived.pull(weight, residual))
        rows = offset + step * jnp.arange(-(-height // step))
        at = jnp.minimum(rows, height - 1)
        fields = slope, bend, pd.perceived.spaces(image), goal.lab
        columns = _Column(*[jnp.moveaxis(field[at], 1, 0) for field in fields], jnp.arange(width) == 0)  # type: ignore
        found, gain = _rows(bits, base, _echo(mode), goal.calm, columns)
        better = (gain < -goal.least) & (rows < height)
        return pixels.at[jnp.where(better, rows, height)].set(found, mode="drop")

    return held._replace(pixels=jax.lax.fori_loop(0, step, phase, held.pixels))


def _rows(bits: int, base: jax.Array, echo: np.ndarray, calm: jax.Array, columns: _Column) -> tuple[Any, Any]:
    """int32 ``[lanes, width]``: the best pixel values of each row, and what they cost instead of the old ones."""
    import jax
    import jax.numpy as jnp

    every = jnp.arange(8**bits, dtype=jnp.int32)
    steps = jnp.stack([every >> 2 * bits, every >> bits, every], -1) & (1 << bits) - 1
    srgb = amiga_beam.shown(steps, bits).astype(jnp.float32) / 255.0
    table, single = pd.perceived.spaces(srgb), pd.perceived.single(srgb)
    values = jnp.asarray(amiga_beam.codes(base.shape[0], bits))
    reach, lanes = echo.shape[0], columns.slope.shape[1]

    def step(lane: _Lane, pixel: _Column) -> tuple[_Lane, tuple[jax.Array, jax.Array]]:
        ways, twice = amiga_beam.reach(lane.states, base, bits)
        change = table[ways] - pixel.old[:, None, None]
        slope = pixel.slope[:, None] + lane.felt[:, :, 0]
        cost = 2 * jnp.einsum("lbksc,lbsc->lbk", change, slope)
        cost = cost + jnp.einsum("lbksc,lscd,lbksd->lbk", change, pixel.bend, change)
        cost = cost + calm * _distances(single[ways], pixel)
        barred = twice | (pixel.first & (values >= 1 << bits))[None, None]
        total = jnp.where(barred, jnp.inf, lane.costs[..., None] + cost).reshape(lanes, -1)
        costs, chosen = amiga_beam.best(total, ways.reshape(lanes, -1), BEAM)
        parent, action = chosen // values.shape[0], chosen % values.shape[0]
        states = jnp.take_along_axis(ways.reshape(lanes, -1), chosen, 1)
        made = table[states] - pixel.old[:, None]
        seen = jnp.einsum("lscd,lbsd->lbsc", pixel.bend, made)
        felt = jnp.take_along_axis(lane.felt, parent[..., None, None, None], 1)
        felt = jnp.pad(felt[:, :, 1:], ((0, 0), (0, 0), (0, 1), (0, 0), (0, 0)))
        felt = felt + jnp.asarray(echo)[None, None, :, None, None] * seen[:, :, None]
        return _Lane(states, costs, felt), (parent, values[action])

    fresh = jnp.broadcast_to(jnp.where(jnp.arange(BEAM) == 0, 0.0, jnp.inf)[None], (lanes, BEAM))
    start = _Lane(jnp.broadcast_to(base[0], (lanes, BEAM)), fresh, jnp.zeros((lanes, BEAM, reach, 2, 3), jnp.float32))
    end, (parents, actions) = jax.lax.scan(step, start, columns)

    def back(place: jax.Array, taken: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        parent, action = (jnp.take_along_axis(each, place[:, None], 1)[:, 0] for each in taken)
        return parent, action

    winner = end.costs.argmin(1).astype(jnp.int32)
    _, found = jax.lax.scan(back, winner, (parents, actions), reverse=True)
    return found.T, end.costs.min(1)


def _distances(single: jax.Array, pixel: _Column) -> jax.Array:
    """What each way's own distance is more than that of the old colour."""
    import jax.numpy as jnp

    old = pd.perceived.single(pixel.old[:, 1])
    new = jnp.square(single - pixel.lab[:, None, None]).sum(-1)
    return new - jnp.square(old - pixel.lab).sum(-1)[:, None, None]
