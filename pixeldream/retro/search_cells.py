"""Replacing one colour of an attribute cell where that lessens the perceived error.

For every cell of a lattice of cells that do not see each other, and for each slot and each colour that it may hold
instead, the cell's pixels choose anew, one after the other, each knowing what those before it changed. The best
replacement of each cell is made if it gains anything. Cells and replacements are axes of arrays.
"""

from __future__ import annotations

from functools import partial
from itertools import combinations
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from pixeldream.retro import perceived
from pixeldream.retro.display import repeats
from pixeldream.retro.locks import FREE
from pixeldream.retro.mode import Level, Mode
from pixeldream.retro.perceived import SHARES, Target, blur, gather, pull, spaces
from pixeldream.retro.solve import Solution, reach

APART = 6
"""Display pixels between two cells that change at once, at least."""

GOLDEN = 0.6180339887
"""Steps of this part of a cell visit its pixels far from each other."""


KEEP = -1
"""In a move: the slot's colour stays."""


def _moves(mode: Mode, level: Level) -> np.ndarray:
    """int32 ``[moves, slots]``: the replacements tried in every cell, the new colour of each slot or :data:`KEEP`; of
    colours that stand together, all at once."""
    if mode.colour_groups is not None:
        together = [set_ for group in mode.colour_groups for set_ in combinations(group, len(mode.slots))]
        return np.asarray(sorted(set(together)), np.int32)
    pairs = [(slot, colour) for slot in level.slots for colour in mode.allowed(slot)]
    moves = np.full((len(pairs), len(mode.slots)), KEEP, np.int32)
    moves[np.arange(len(pairs)), [slot for slot, _ in pairs]] = [colour for _, colour in pairs]
    return moves


def _coupling(mode: Mode, level: Level) -> np.ndarray:
    """float32 ``[pixels, pixels]``: how much of a pixel's change each other pixel of a cell sees, 1 for itself."""
    blurs = perceived.matrices(mode.size, repeats(mode))
    (across, down), (columns, rows) = level.area, level.grid
    y, x = rows // 2 * down, columns // 2 * across
    tall, wide = blurs.down[:, :, y : y + down], blurs.across[:, :, x : x + across]
    tall, wide = np.einsum("nyh,nyg->nhg", tall, tall), np.einsum("nxw,nxv->nwv", wide, wide)
    whole = np.einsum("n,nhg,nwv->hwgv", np.asarray(SHARES), tall, wide).reshape(across * down, -1)
    return np.asarray(whole / np.diag(whole).mean(), np.float32)


def _order(pixels: int) -> np.ndarray:
    return np.argsort(np.arange(pixels) * GOLDEN % 1.0, kind="stable")


class _Cells(NamedTuple):
    """Some cells with all that a replacement asks for; ``n`` cells of ``p`` pixels, ``k`` slots, ``c`` colours."""

    slope: jax.Array  # [n, p, 2, 3]
    bend: jax.Array  # [n, p, 2, 3, 3]
    reach: jax.Array  # [n, p, k], palette indices
    current: jax.Array  # [n, p], palette indices
    distance: jax.Array  # [n, p, c], what each colour costs as the pixel's own


def _try_moves(cells: _Cells, moves: jax.Array, table: jax.Array, coupling: np.ndarray) -> tuple[jax.Array, jax.Array]:
    """float32 ``[n, moves]`` what each replacement costs, and int32 ``[n, moves, p]`` the slots of the pixels then."""
    number, pixels = cells.current.shape
    mean_bend = cells.bend.mean(1)
    together = jnp.asarray(coupling)

    def choose(carry: tuple[jax.Array, jax.Array], pixel: jax.Array) -> tuple[tuple[jax.Array, jax.Array], jax.Array]:
        slope, total = carry
        index = jnp.where(moves[None] == KEEP, cells.reach[:, None, pixel], moves[None])
        change = table[index] - table[cells.current[:, pixel]][:, None, None]
        cost = 2 * jnp.einsum("nmksc,nmsc->nmk", change, slope[:, :, pixel])
        cost = cost + jnp.einsum("nmksa,nsab,nmksb->nmk", change, cells.bend[:, pixel], change)
        own = cells.distance[:, pixel]
        before = jnp.take_along_axis(own, cells.current[:, pixel, None], 1)
        own = jnp.take_along_axis(own, index.reshape(number, -1), 1).reshape(index.shape)
        cost = cost + own - before[..., None]
        chosen = cost.argmin(2)
        made = jnp.take_along_axis(change, chosen[..., None, None, None], 2)[:, :, 0]
        seen = jnp.einsum("nsab,nmsb->nmsa", mean_bend, made)
        slope = slope + together[pixel][None, None, :, None, None] * seen[:, :, None]
        return (slope, total + cost.min(2)), chosen.astype(jnp.int8)

    order = _order(pixels)
    start = jnp.broadcast_to(cells.slope[:, None], (number, len(moves), pixels, 2, 3))
    (_, total), chosen = jax.lax.scan(choose, (start, jnp.zeros((number, len(moves)), jnp.float32)), jnp.asarray(order))
    return total, chosen[np.argsort(order)].transpose(1, 2, 0).astype(jnp.int32)


@partial(jax.jit, static_argnames=("mode", "number"))
def replace(mode: Mode, number: int, goal: Target, palette: jax.Array, locks: jax.Array, held: Solution) -> Solution:
    """``held`` after each area of level ``number`` was offered a replacement of one colour. ``locks``: int32
    ``[slots]``; a locked slot keeps its colour."""
    level = mode.levels[number]
    moves, coupling = jnp.asarray(_moves(mode, level)), _coupling(mode, level)
    (across, down), (columns, rows) = level.area, level.grid
    repeat = repeats(mode)
    step_x, step_y = 1 + -(-APART // (across * repeat[0])), 1 + -(-APART // (down * repeat[1]))
    table, lab = spaces(palette), perceived.single(palette)
    cover = repeat[0] * repeat[1]
    keeps = (moves == KEEP) | (locks[None] == FREE) | (moves == locks[None])
    barred = jnp.where(keeps.all(1), 0.0, jnp.inf)

    def image(solution: Solution) -> jax.Array:
        return table[jnp.take_along_axis(reach(mode, solution.colours), solution.pixels[..., None], 2)[..., 0]]

    weight = perceived.metric(goal, blur(goal.blurs, image(held)))
    bend = perceived.curvature(goal, weight)

    def phase(offset: jax.Array, held: Solution) -> Solution:
        residual = blur(goal.blurs, image(held)) - goal.seen
        slope = gather(goal.blurs.down, goal.blurs.across, pull(weight, residual))
        row = offset // step_x + step_y * jnp.arange(-(-rows // step_y))
        column = offset % step_x + step_x * jnp.arange(-(-columns // step_x))
        row, column = (grid.reshape(-1) for grid in jnp.meshgrid(row, column, indexing="ij"))
        there = (row < rows) & (column < columns) & (column * across >= mode.blocked)
        inside = np.arange(across * down)
        y = jnp.minimum(row, rows - 1)[:, None] * down + inside[None] // across
        x = jnp.minimum(column, columns - 1)[:, None] * across + inside[None] % across
        spread = reach(mode, held.colours)[y, x]
        current = jnp.take_along_axis(spread, held.pixels[y, x][..., None], 2)[..., 0]
        distance = jnp.square(goal.lab[y, x][:, :, None] - lab[None, None]).sum(-1) * (goal.calm * cover)
        cells = _Cells(slope[y, x], bend[y, x], spread, current, distance)
        cost, chosen = _try_moves(cells, moves, table, coupling)
        cost = cost + barred[None]
        best = cost.argmin(1)
        made = there & (cost.min(1) < -goal.least)
        pixels = jnp.take_along_axis(chosen, best[:, None, None], 1)[:, 0]
        # What is not replaced is written beyond the edge, and dropped.
        pixels = held.pixels.at[jnp.where(made[:, None], y, mode.size[1]), x].set(pixels, mode="drop")
        colours = list(held.colours)
        for slot in level.slots:
            new = moves[best, slot]
            to_row = jnp.where(made & (new != KEEP), row, rows)
            colours[slot] = colours[slot].at[to_row, column].set(new, mode="drop")
        return Solution(pixels, tuple(colours))

    return jax.lax.fori_loop(0, step_x * step_y, phase, held)
