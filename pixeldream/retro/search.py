"""The joint search of pixels and colours for the least perceived error: ``--quality best``.

Start from a legal picture, then in turns: give each pixel the colour in its reach that helps most (here), replace one
colour of an attribute cell (``search_cells``), move the colours of a free palette over the hardware's grid
(``search_palette``). Each is judged by what the change does to the blurred error (``perceived``). Pixels that are some
way apart are changed at once, on a lattice that visits all of them: the whole search is array work, on any device.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from pixeldream.retro import perceived, search_cells, search_palette
from pixeldream.retro.display import repeats, to_mode
from pixeldream.retro.dither import NONE, Dither
from pixeldream.retro.locks import FREE
from pixeldream.retro.mode import Mode
from pixeldream.retro.perceived import CALM, Target, blur, gather, pull, spaces
from pixeldream.retro.solve import Options, Solution, options, render, solve

LATTICE = (8, 2)
"""Display pixels between pixels that change at once (across, down); finer phases gain nothing."""

SWEEPS = 3
"""Over all pixels between two passes over the colours."""

PASSES = 3
"""Over the colours."""

TRIED = 3
"""Starts that go on to a pass: those with the best colours of the whole screen."""

STEADY = 3e-3
"""What a change must gain between two frames: less is the noise of the film."""

AMOUNTS = (0.75, 0.5, 0.25, 0.0)
"""Of the dither, for modes that can't be searched."""


def _lattice(mode: Mode) -> tuple[int, int]:
    across, down = repeats(mode)
    return max(1, LATTICE[0] // across), max(1, LATTICE[1] // down)


def _places(offset: jax.Array, step: int, size: int) -> tuple[jax.Array, jax.Array]:
    """Every ``step``-th of ``size`` places from ``offset`` on, and which of them are there."""
    places = offset + step * jnp.arange(-(-size // step))
    return jnp.minimum(places, size - 1), places < size


def _costs(table: jax.Array, current: jax.Array, slope: jax.Array, bend: jax.Array) -> jax.Array:
    """float32 ``[rows, columns, n]``: what each colour of ``table [n, 2, 3]`` costs instead of ``current [rows,
    columns, 2, 3]``. Written out by components, so that no array of differences is ever stored."""
    total = jnp.zeros((), jnp.float32)
    for space in range(2):
        change = [table[None, None, :, space, c] - current[:, :, None, space, c] for c in range(3)]
        for a in range(3):
            inner = 2 * slope[:, :, None, space, a]
            for b in range(3):
                inner = inner + bend[:, :, None, space, a, b] * change[b]
            total = total + change[a] * inner
    return total


@partial(jax.jit, static_argnames=("mode",))
def sweep_pixels(mode: Mode, goal: Target, reach: Options, pixels: jax.Array) -> jax.Array:
    """int32 ``[height, width]``: ``pixels`` after :data:`SWEEPS` sweeps; slots' colours stay."""
    (width, height), (step_x, step_y) = mode.size, _lattice(mode)
    table, lab = spaces(reach.table), perceived.single(reach.table)
    shared = reach.places.shape[:2] == (1, 1)  # then a value is a place in the table, and no index is stored
    cover = goal.seen.shape[-1] * goal.seen.shape[-2] / (width * height)

    def place(index: jax.Array, values: jax.Array) -> jax.Array:
        return values if shared else jnp.take_along_axis(index, values[..., None], 2)[..., 0]

    def sweep(pixels: jax.Array, _: None) -> tuple[jax.Array, None]:
        shown = blur(goal.blurs, table[place(reach.places, pixels)])
        weight = perceived.metric(goal, shown)
        bend = perceived.curvature(goal, weight)

        def phase(number: jax.Array, carry: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
            pixels, residual = carry
            rows, live_rows = _places(number // step_x, step_y, height)
            columns, live_columns = _places(number % step_x, step_x, width)
            down, across = goal.blurs.down[:, :, rows], goal.blurs.across[:, :, columns]
            slope = gather(down, across, pull(weight, residual))
            own = reach.places if shared else reach.places[rows][:, columns]
            held = pixels[rows][:, columns]
            current = place(own, held)
            cost = _costs(table, table[current], slope, bend[rows][:, columns])
            wanted = goal.lab[rows][:, columns]
            distance = sum(jnp.square(lab[None, None, :, c] - wanted[:, :, None, c]) for c in range(3))
            cost = cost + goal.calm * cover * (distance - jnp.take_along_axis(distance, current[..., None], 2))
            cost = cost if shared else jnp.take_along_axis(cost, own, 2)
            better = (cost.min(2) < -goal.least) & live_rows[:, None] & live_columns[None]
            chosen = jnp.where(better, cost.argmin(2).astype(jnp.int32), held)
            change = table[place(own, chosen)] - table[current]
            residual = residual + jnp.einsum("nyh,hwsc,nxw->nscyx", down, change, across, precision="highest")
            # What lies beyond the edge stands for the last place, which nothing must be written to.
            at = jnp.where(live_rows, rows, height)[:, None], jnp.where(live_columns, columns, width)[None]
            return pixels.at[at].set(chosen, mode="drop"), residual

        pixels, _ = jax.lax.fori_loop(0, step_x * step_y, phase, (pixels, shown - goal.seen))
        return pixels, None

    return jax.lax.scan(sweep, pixels, None, length=SWEEPS)[0]


def searchable(mode: Mode) -> bool:
    """Whether single pixels of ``mode`` can be changed: not where tiles, areas with a choice of palettes or two frames
    stand between."""
    bound = mode.tiles is not None or mode.sub_palettes is not None
    if mode.colour_groups is not None and len(mode.levels) > 1:
        bound = True  # a move of one level would have to know the others
    return mode.search is not None or (not bound and (mode.solve is None or mode.choices is not None))


def search(
    mode: Mode,
    image: jax.Array,
    palette: jax.Array,
    locks: jax.Array,
    dither: Dither = NONE,
    calm: Any = CALM,
    detail: jax.Array | None = None,
) -> Solution:
    """The legal picture with the least perceived error that is found from a dithered start.

    ``image``: sRGB float32 ``[display height, display width, 3]``, display pixels. ``calm``: how much the distances of
    single pixels count; 0 for the least blurred error, more for calmer areas. ``detail [display height, display
    width]``: how much each place counts. The rest as for ``solve.solve``. Modes that can't be searched get the best of
    several amounts of ``dither``.
    """
    small = to_mode(image, mode)
    first = solve(mode, small, palette, locks, dither)
    goal = _goal(mode, image, palette, first, calm, detail)

    def rank(solution: Solution) -> float:
        return float(perceived.error(goal, render(mode, solution, palette)))

    if not searchable(mode):
        return min([first, *(solve(mode, small, palette, locks, dither, amount) for amount in AMOUNTS)], key=rank)
    starts = [(locks, first), *_other_starts(mode, small, palette, locks, dither)]
    starts = sorted(starts, key=lambda start: rank(start[1]))[:TRIED]
    tried = [(kept, _pass(mode, goal, palette, kept, start)) for kept, start in starts]
    kept, held = min(tried, key=lambda start: rank(start[1]))
    found = [first, held]
    for _ in range(PASSES - 1):
        held = _pass(mode, goal, palette, kept, held)
        found.append(held)
    return min(found, key=rank)


def follow(
    mode: Mode,
    image: jax.Array,
    palette: jax.Array,
    locks: jax.Array,
    dither: Dither,
    before: Solution,
    calm: Any = CALM,
    detail: jax.Array | None = None,
) -> Solution | None:
    """As :func:`search` for the next frame of a moving picture: ``before`` with what must change for ``image``, so that
    what stands still stays still. ``None`` after a cut, when the frame before is no start."""
    first = solve(mode, to_mode(image, mode), palette, locks, dither)
    goal = _goal(mode, image, palette, first, calm, detail)._replace(least=jnp.float32(STEADY))
    held = before
    for _ in range(PASSES):
        held = _pass(mode, goal, palette, locks, held)
    fresh, steady = (float(perceived.error(goal, render(mode, each, palette))) for each in (first, held))
    return held if steady <= fresh else None


def _goal(
    mode: Mode, image: jax.Array, palette: jax.Array, first: Solution, calm: Any, detail: jax.Array | None
) -> Target:
    goal = perceived.target(mode, image, detail)
    blurred, own = perceived.errors(goal, render(mode, first, palette))
    return goal._replace(calm=calm * perceived.OWN * blurred / jnp.maximum(own, perceived.LEAST))


def _other_starts(
    mode: Mode, small: jax.Array, palette: jax.Array, locks: jax.Array, dither: Dither
) -> Iterator[tuple[jax.Array, Solution]]:
    """A start, and the locks that keep it, for each colour of the one slot that serves the whole screen."""
    outer = mode.levels[0]
    if mode.solve is not None or mode.gamut is not None or len(mode.levels) == 1:
        return
    if outer.grid != (1, 1) or len(outer.slots) > 1 or int(locks[outer.slots[0]]) != FREE:
        return
    slot = outer.slots[0]
    for colour in mode.allowed(slot):
        kept = jnp.asarray(locks).at[slot].set(colour)
        yield kept, solve(mode, small, palette, kept, dither)


def _pass(mode: Mode, goal: Target, palette: jax.Array, locks: jax.Array, held: Solution) -> Solution:
    if mode.search is not None:
        return mode.search(mode, goal, palette, locks, held)
    held = held._replace(pixels=sweep_pixels(mode, goal, options(mode, held.colours, palette), held.pixels))
    held = _move_colours(mode, goal, palette, locks, held)
    return held._replace(pixels=sweep_pixels(mode, goal, options(mode, held.colours, palette), held.pixels))


def _move_colours(mode: Mode, goal: Target, palette: jax.Array, locks: jax.Array, held: Solution) -> Solution:
    if mode.gamut is not None:
        return search_palette.move(mode, goal, palette, locks, held)
    for number, level in enumerate(mode.levels):
        if level.grid != (1, 1):
            held = search_cells.replace(mode, number, goal, palette, locks, held)
    return held
