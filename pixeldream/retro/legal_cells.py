"""Drawings for modes made of slots with a fixed palette: which colours each area needs, and whether its slots hold
them.

Colours are bits of a mask, so an area's set is one number. The finest areas either hold what the coarser slots around
them do not, or clash; for every choice of the coarser slots, outermost first, the clashing areas are counted, and the
choice with the fewest is taken. That is exact. Among equals the colours that the drawing uses most come first. Where
a mode says which colours may stand together, a coarse slot's colour counts in every area below, used there or not.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, permutations

import numpy as np

from pixeldream.retro.clash import Clash, Drawn
from pixeldream.retro.mode import Level, Mode, cut_tiles
from pixeldream.retro.palette import Palette

MAXIMUM_COLOURS = 63
"""Of a palette: as many as a mask has bits."""

Holders = tuple[tuple[int, ...] | None, ...]
"""What each slot of a level may hold; ``None`` for anything."""

Groups = tuple[tuple[int, ...], ...] | None
"""Which colours may stand together; ``None`` where all may."""


@lru_cache(1 << 16)
def place(mask: int, holders: Holders) -> tuple[int, ...] | None:
    """The colours of ``mask`` put into slots, lowest colour first; unused slots get the lowest that they may hold.
    ``None`` where they do not fit."""
    colours = [bit for bit in range(mask.bit_length()) if mask >> bit & 1]
    if len(colours) > len(holders):
        return None
    for slots in combinations(range(len(holders)), len(colours)):
        for order in permutations(colours):
            if all(holders[s] is None or c in holders[s] for s, c in zip(slots, order, strict=True)):  # type: ignore[operator]
                held = [0 if allowed is None else min(allowed) for allowed in holders]
                for slot, colour in zip(slots, order, strict=True):
                    held[slot] = colour
                return tuple(held)
    return None


def within(holders: Holders, colours: tuple[int, ...]) -> Holders:
    """What each slot may hold of ``colours``."""
    return tuple(colours if held is None else tuple(colour for colour in held if colour in colours) for held in holders)


@lru_cache(1 << 16)
def place_together(mask: int, outer: int, holders: Holders, groups: Groups) -> tuple[int, ...] | None:
    """As :func:`place`, all slots from a group that holds the colours of ``outer`` too: the one with the lowest."""
    if groups is None:
        return place(mask, holders)
    found = [
        place(mask, limited)
        for group in groups
        if not (mask | outer) & ~mask_of(group) and all(limited := within(holders, group))
    ]
    return min((held for held in found if held is not None), default=None)


def mask_of(colours: tuple[int, ...]) -> int:
    """The colours as bits."""
    return sum(1 << colour for colour in set(colours))


def fits(masks: np.ndarray, holders: Holders, outer: np.ndarray | None = None, groups: Groups = None) -> np.ndarray:
    """bool, the shape of ``masks``: whether slots can hold all colours of each, together with those of ``outer``."""
    if groups is not None and outer is not None:
        pairs, inverse = np.unique(np.stack([masks.reshape(-1), outer.reshape(-1)]), axis=1, return_inverse=True)
        able = [place_together(int(mask), int(held), holders, groups) is not None for mask, held in pairs.T]
        return np.array(able)[inverse.reshape(-1)].reshape(masks.shape)
    if all(allowed is None for allowed in holders):
        return count_bits(masks) <= len(holders)
    values, inverse = np.unique(masks, return_inverse=True)
    return np.array([place(int(value), holders) is not None for value in values])[inverse].reshape(masks.shape)


def count_bits(masks: np.ndarray) -> np.ndarray:
    """How many bits are set in each of ``masks`` (0 or more): sums of pairs, of fours, of bytes, then of all bytes."""
    # numpy has this from version 2 on.
    value = masks.astype(np.uint64)
    value = value - (value >> np.uint64(1) & np.uint64(0x5555555555555555))
    value = (value & np.uint64(0x3333333333333333)) + (value >> np.uint64(2) & np.uint64(0x3333333333333333))
    value = value + (value >> np.uint64(4)) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return (value * np.uint64(0x0101010101010101) >> np.uint64(56)).astype(np.int64)


def area_masks(indices: np.ndarray, level: Level) -> np.ndarray:
    """int64 ``[rows, columns]`` of the level's grid: the colours in each area; those below 0 do not count."""
    bits = np.where(indices >= 0, np.int64(1) << np.maximum(indices, 0), 0)
    return np.bitwise_or.reduce(cut_tiles(bits, level.area), axis=1).reshape(level.grid[::-1])


def spread(held: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """``[rows, columns]`` of a coarse grid repeated to a finer one of (columns, rows)."""
    columns, rows = grid
    return held.repeat(rows // held.shape[0], 0).repeat(columns // held.shape[1], 1)


@dataclass(frozen=True, eq=False)
class Problem:
    """A drawing as masks. ``needs``: of the finest areas. ``hidden``: which of those can't be painted. ``order``: the
    colours from the most used to the least."""

    mode: Mode
    holders: tuple[Holders, ...]
    needs: np.ndarray
    hidden: np.ndarray
    order: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Choice:
    """``clashes``: how many of the finest areas clash in each area of the level above. ``held``: the mask that the
    slots of each level hold, from that level inwards, on its own grid."""

    clashes: np.ndarray
    held: tuple[np.ndarray, ...]


def pose(mode: Mode, indices: np.ndarray, locks: np.ndarray) -> Problem:
    """The problem of palette ``indices [height, width]`` (-1 where no colour of the palette stands)."""
    finest = mode.levels[-1]
    used, counts = np.unique(indices[indices >= 0], return_counts=True)
    order = tuple(used[np.argsort(-counts, kind="stable")].tolist())
    holders = tuple(tuple(_holder(mode, slot, int(locks[slot])) for slot in level.slots) for level in mode.levels)
    blocked = mode.blocked // finest.area[0]
    hidden = np.broadcast_to(np.arange(finest.grid[0]) < blocked, finest.grid[::-1])
    return Problem(mode, holders, area_masks(indices, finest), hidden, order)


def _holder(mode: Mode, slot: int, lock: int) -> tuple[int, ...] | None:
    return (lock,) if lock >= 0 else mode.slots[slot].allowed


def sets_of(problem: Problem, depth: int) -> list[int]:
    """The masks that the slots of a coarse level may hold, those of the most used colours first."""
    holders = problem.holders[depth]
    if problem.mode.colour_groups is not None:
        return _whole_sets(problem, holders)
    most = min(len(holders), len(problem.order))
    # A smaller set is only of use where a limit keeps a slot from holding what the drawing uses.
    sizes = [most] if all(allowed is None for allowed in holders) else range(most, -1, -1)
    masks = [sum(1 << colour for colour in chosen) for size in sizes for chosen in combinations(problem.order, size)]
    return [mask for mask in masks if place(mask, holders) is not None]


def _whole_sets(problem: Problem, holders: Holders) -> list[int]:
    """As :func:`sets_of` where colours that the drawing lacks count as well: all that the slots hold."""
    order = (*problem.order, *(colour for colour in range(problem.mode.colours) if colour not in problem.order))
    chosen = [some for size in range(len(holders), 0, -1) for some in combinations(order, size)]
    able = [some for some in chosen if all(limited := within(holders, some)) and place(mask_of(some), limited)]
    return [mask_of(some) for some in able]


def best(problem: Problem, depth: int, outer: np.ndarray, first: np.ndarray) -> Choice:
    """The fewest clashes from the level ``depth`` inwards. ``outer``: what the coarser slots hold, and ``first`` what
    those of the first level do, both on the level's grid."""
    mode = problem.mode
    level = mode.levels[depth]
    if depth == len(mode.levels) - 1:
        wanted = problem.needs & ~outer
        clash = ~fits(wanted, problem.holders[depth], outer, mode.colour_groups)
        if mode.blocked:
            # There the machine shows one colour: that of slot 0, or its own.
            shown = first if mode.blocked_colour is None else np.int64(1) << mode.blocked_colour
            wanted = np.where(problem.hidden, 0, wanted)
            clash = np.where(problem.hidden, (problem.needs & ~shown) > 0, clash)
        return Choice(clash.astype(np.int64), (wanted,))
    found: Choice | None = None
    inner = mode.levels[depth + 1].grid
    for mask in sets_of(problem, depth):
        held = np.full(outer.shape, mask, np.int64)
        deeper = best(problem, depth + 1, spread(outer | held, inner), spread(held if depth == 0 else first, inner))
        summed = _sum_over(deeper.clashes, level.grid)
        found = _better(found, Choice(summed, (held, *deeper.held)))
    assert found is not None
    return found


def _sum_over(clashes: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    columns, rows = grid
    down, across = clashes.shape[0] // rows, clashes.shape[1] // columns
    return clashes.reshape(rows, down, columns, across).sum((1, 3))


def _better(found: Choice | None, new: Choice) -> Choice:
    if found is None:
        return new
    wins = new.clashes < found.clashes
    if not wins.any():
        return found
    held = tuple(
        np.where(spread(wins, old.shape[::-1]), fresh, old) for fresh, old in zip(new.held, found.held, strict=True)
    )
    return Choice(np.minimum(new.clashes, found.clashes), held)


def solve(problem: Problem) -> Choice:
    """The choice with the fewest clashing areas on the whole screen."""
    start = np.zeros(problem.mode.levels[0].grid[::-1], np.int64)
    return best(problem, 0, start, start)


def draw_cells(mode: Mode, palette: Palette, indices: np.ndarray, locks: np.ndarray) -> Drawn:
    """The picture of palette ``indices [height, width]``, or the areas that clash with the best choice of the colours
    that they share. The palette has at most :data:`MAXIMUM_COLOURS`."""
    problem = pose(mode, indices, locks)
    choice = solve(problem)
    notes = _notes(mode, palette, indices, choice)
    clashes = _cell_clashes(problem, palette, indices, choice)
    if clashes or (indices < 0).any():
        return Drawn(clashes=clashes, notes=notes)
    colours = slot_colours(problem, indices, choice)
    return Drawn(assign(mode, indices, colours), colours, notes=notes)


def slot_colours(problem: Problem, indices: np.ndarray, choice: Choice) -> tuple[np.ndarray, ...]:
    """Each slot's colours ``[rows, columns]``: what its area uses of the choice, in order, and the lowest where
    nothing."""
    mode, found = problem.mode, {}
    outer = np.zeros((1, 1), np.int64)
    for level, holders, held in zip(mode.levels, problem.holders, choice.held, strict=True):
        outer = spread(outer, level.grid)
        placed = _placed(problem, holders, held, outer, area_masks(indices, level))
        outer = outer | held
        for number, slot in enumerate(level.slots):
            colours = placed[..., number]
            if mode.blocked_colour is not None and mode.slots[slot].area is not None:
                colours[:, : mode.blocked // level.area[0]] = mode.blocked_colour
            found[slot] = colours
    return tuple(found[slot] for slot in range(len(mode.slots)))


def _placed(problem: Problem, holders: Holders, held: np.ndarray, outer: np.ndarray, used: np.ndarray) -> np.ndarray:
    """int64 ``[rows, columns, slots]`` of a level whose slots hold the masks ``held``; ``outer``: what coarser ones
    do; ``used``: the colours of each area."""
    groups = problem.mode.colour_groups
    if groups is None:
        masks, inverse = np.unique(held & used & ~outer, return_inverse=True)
        return np.array([place(int(mask), holders) for mask in masks], np.int64)[inverse.reshape(held.shape)]
    finest = held.shape == problem.needs.shape
    pairs, inverse = np.unique(np.stack([held.reshape(-1), outer.reshape(-1)]), axis=1, return_inverse=True)
    found = [
        place_together(int(mask), int(around), holders, groups)
        if finest
        else place(int(mask), within(holders, tuple(bits(int(mask)))))
        for mask, around in pairs.T
    ]
    return np.array(found, np.int64)[inverse.reshape(-1)].reshape(*held.shape, -1)


def assign(mode: Mode, indices: np.ndarray, colours: tuple[np.ndarray, ...]) -> np.ndarray:
    """uint8 ``[height, width]``: the first slot that holds each pixel's colour."""
    pixels = np.zeros(indices.shape, np.uint8)
    for slot in reversed(range(len(colours))):
        pixels[spread(colours[slot], mode.size) == indices] = slot
    pixels[:, : mode.blocked] = 0
    return pixels


def names(palette: Palette, mask: int) -> str:
    """The colours of a mask in words."""
    return ", ".join(palette.names[bit] if palette.names else str(bit) for bit in bits(mask)) or "none"


def bits(mask: int) -> list[int]:
    """The colours of a mask."""
    return [bit for bit in range(mask.bit_length()) if mask >> bit & 1]


def _notes(mode: Mode, palette: Palette, indices: np.ndarray, choice: Choice) -> tuple[str, ...]:
    """What the slots of the whole screen hold, where the cells have slots as well."""
    first = mode.levels[0]
    if first.area != mode.size or len(mode.levels) == 1:
        return ()
    used = int(choice.held[0][0, 0] & area_masks(indices, first)[0, 0])
    words = "/".join(mode.slots[slot].name for slot in first.slots)
    return (f"{words} {names(palette, used)}",)


def _cell_clashes(problem: Problem, palette: Palette, indices: np.ndarray, choice: Choice) -> tuple[Clash, ...]:
    level = problem.mode.levels[-1]
    outer = np.zeros(level.grid[::-1], np.int64)
    for held in choice.held[:-1]:
        outer |= spread(held, level.grid)
    wanted = np.where(problem.hidden, problem.needs, choice.held[-1])
    shown = spread(choice.held[0], level.grid) if problem.mode.blocked_colour is None else None
    bad = _bad_areas(problem, wanted, outer, shown)
    width, height = level.area
    clashes = []
    for row, column in zip(*np.nonzero(bad), strict=True):
        mask = int(problem.needs[row, column])
        if problem.hidden[row, column]:
            why = _why_hidden(problem, palette, mask, shown, (row, column))
        else:
            why = _why(problem, palette, int(wanted[row, column]), int(outer[row, column]), mask)
        where = (int(column) * width, int(row) * height, width, height)
        clashes.append(Clash(why, (where,), tuple(palette.colours[bit] for bit in bits(mask))))
    return tuple(clashes)


def _bad_areas(problem: Problem, wanted: np.ndarray, outer: np.ndarray, shown: np.ndarray | None) -> np.ndarray:
    bad = ~fits(wanted, problem.holders[-1], outer, problem.mode.colour_groups)
    if not problem.mode.blocked:
        return bad
    there = np.int64(1) << (problem.mode.blocked_colour or 0) if shown is None else shown
    return np.where(problem.hidden, (problem.needs & ~there) > 0, bad)


def _why(problem: Problem, palette: Palette, wanted: int, outer: int, mask: int) -> str:
    mode, level, shared = problem.mode, problem.mode.levels[-1], outer & mask
    besides = f" besides {names(palette, shared)}" if shared else ""
    number, room = wanted.bit_count(), len(level.slots)
    if number > room:
        return f"{number} colours{besides}, {room} {'is' if room == 1 else 'are'} possible: {names(palette, wanted)}"
    if apart := _apart(bits(wanted | outer), mode.colour_groups):
        words = names(palette, mask_of(apart)).rsplit(", ", 1)
        return f"{' and '.join(words)} can't stand together"
    slots = "/".join(mode.slots[slot].name for slot in level.slots)
    return f"{slots} can't hold {names(palette, wanted)}"


def _apart(colours: list[int], groups: Groups) -> tuple[int, ...]:
    """The fewest of ``colours`` that no group has together; nothing where one has them all."""
    for size in range(1, len(colours) + 1) if groups else ():
        for some in combinations(colours, size):
            if not any(set(some) <= set(group) for group in groups or ()):
                return some
    return ()


def _why_hidden(problem: Problem, palette: Palette, mask: int, shown: np.ndarray | None, at: tuple[int, int]) -> str:
    mode = problem.mode
    there = 1 << (mode.blocked_colour or 0) if shown is None else int(shown[at])
    shows, drawn = names(palette, there), names(palette, mask & ~there)
    return f"the machine shows {shows} in the left {mode.blocked} columns, not {drawn}"
