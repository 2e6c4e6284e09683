"""Drawings for modes made of tiles: which colours all places share, and as few tiles as show the drawing.

A place shows what several tiles may show: its own colour may be one that is shared as well, and a place of one colour
can be all shared or all its own. So each place brings the tiles that it could be, and the tile that serves the most
places that are left is kept, until none is left (the greedy cover). Fewer may do in theory.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pixeldream.retro import legal_cells
from pixeldream.retro.clash import Clash, Drawn, Place
from pixeldream.retro.legal_cells import Problem, assign, draw_cells, pose, slot_colours
from pixeldream.retro.mode import Mode, Size, cut_tiles, own_slot
from pixeldream.retro.palette import Palette

TRIED = 8
"""Choices of the shared colours that are tried; those with the fewest different tiles at first sight."""


def draw_tiles(mode: Mode, palette: Palette, indices: np.ndarray, locks: np.ndarray) -> Drawn:
    """The picture of palette ``indices [height, width]``, or the cells that clash, or the places that use tiles beyond
    the mode's number."""
    assert mode.tiles is not None
    plain = draw_cells(mode, palette, indices, locks)
    if plain.clashes or (indices < 0).any():
        return plain
    problem = pose(mode, indices, locks)
    candidates = _candidates(problem, indices)
    found = None
    if candidates and (natural := _natural(problem, palette, indices, candidates[0])) is not None:
        return natural
    for shared in candidates:
        drawn, number, rest = _covered(problem, palette, indices, shared)
        if found is None or number < found[1]:
            found = drawn, number, rest
        if number <= mode.tiles.count:
            break
    assert found is not None
    drawn, number, rest = found
    if number <= mode.tiles.count:
        return drawn
    why = f"{number} different tiles, {mode.tiles.count} are possible; these places use the others"
    return replace(drawn, clashes=(Clash(why, places_of(mode, rest)),))


def _natural(problem: Problem, palette: Palette, indices: np.ndarray, shared: int) -> Drawn | None:
    """The picture of the tiles at first sight, where there are few enough: an empty place is an empty tile."""
    mode = problem.mode
    assert mode.tiles is not None
    colours, tiles = _tiles(problem, indices, shared)
    number = len(np.unique(tiles, axis=0))
    if number > mode.tiles.count:
        return None
    return Drawn(paste(tiles, mode.size, mode.tiles.area), colours, notes=_notes(problem, palette, shared, number))


def _notes(problem: Problem, palette: Palette, shared: int, number: int) -> tuple[str, ...]:
    slots = "/".join(slot.name for slot in problem.mode.slots if slot.area is None)
    return f"{slots} {legal_cells.names(palette, shared)}", f"{number} tiles"


def _candidates(problem: Problem, indices: np.ndarray) -> list[int]:
    """Masks of shared colours with which every place is legal, those with the fewest different tiles first."""
    found = []
    for mask in legal_cells.sets_of(problem, 0):
        wanted = problem.needs & ~np.int64(mask)
        if legal_cells.fits(wanted, problem.holders[1]).all():
            _, tiles = _tiles(problem, indices, mask)
            found.append((len(np.unique(tiles, axis=0)), mask))
    return [mask for _, mask in sorted(found, key=lambda pair: pair[0])[:TRIED]]


def _tiles(problem: Problem, indices: np.ndarray, shared: int) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
    """Slot colours, and uint8 ``[places, pixels]`` of slot numbers: the tiles at first sight."""
    mode = problem.mode
    assert mode.tiles is not None
    outer = np.full((1, 1), shared, np.int64)
    choice = legal_cells.Choice(np.zeros((1, 1)), (outer, problem.needs & ~np.int64(shared)))
    colours = slot_colours(problem, indices, choice)
    return colours, cut_tiles(assign(mode, indices, colours), mode.tiles.area)


def _covered(problem: Problem, palette: Palette, indices: np.ndarray, shared: int) -> tuple[Drawn, int, np.ndarray]:
    """The picture from the greedy cover, how many tiles it has, and bool ``[places]``: those that the mode's number of
    tiles leaves out."""
    mode = problem.mode
    assert mode.tiles is not None
    own = own_slot(mode)
    colours, first = _tiles(problem, indices, shared)
    tiles = np.unique(np.concatenate([first, *_variants(problem, first, own)]), axis=0)
    wanted = cut_tiles(indices, mode.tiles.area)
    shows, held = _shows(problem, colours, tiles, wanted, own)
    left = np.ones(len(wanted), bool)
    chosen = np.zeros(len(wanted), np.int64)
    rest = np.zeros(len(wanted), bool)
    number = 0
    while left.any():
        tile = int(shows[left].sum(0).argmax())
        served = left & shows[:, tile]
        chosen[served] = tile
        rest |= served & (number >= mode.tiles.count)
        left &= ~served
        number += 1
    picked = np.arange(len(wanted)), chosen
    pixels = paste(tiles[chosen], mode.size, mode.tiles.area)
    mine = held[picked].reshape(colours[own].shape)
    drawn = tuple(mine if slot == own else each for slot, each in enumerate(colours))
    return Drawn(pixels, drawn, notes=_notes(problem, palette, shared, number)), number, rest


def _variants(problem: Problem, tiles: np.ndarray, own: int) -> list[np.ndarray]:
    """Tiles that show the same with a shared colour as the place's own, where the own one is not needed."""
    free = ~(tiles == own).any(1)
    return [
        np.where(tiles[free] == slot, own, tiles[free]).astype(tiles.dtype)
        for slot in range(len(problem.mode.slots))
        if slot != own
    ]


def _shows(
    problem: Problem, colours: tuple[np.ndarray, ...], tiles: np.ndarray, wanted: np.ndarray, own: int
) -> tuple[np.ndarray, np.ndarray]:
    """bool ``[places, tiles]``: whether a tile shows a place to the pixel; and with which own colour."""
    holder = problem.holders[1][0]
    able = range(int(wanted.max()) + 1) if holder is None else holder
    shared = np.zeros((len(wanted), len(tiles)), np.float32)
    for slot, held in enumerate(colours):
        if slot != own:
            shared += _wrong(tiles == slot, wanted, int(held[0, 0]))
    shows = np.zeros(shared.shape, bool)
    found = np.zeros(shared.shape, np.int64)
    spare = 0 if holder is None else min(holder)
    for colour in sorted({*able, spare}, reverse=True):
        fits = shared + _wrong(tiles == own, wanted, colour) == 0
        shows |= fits
        found[fits] = colour
    # A tile that does not use the own colour leaves it at its lowest.
    found[:, ~(tiles == own).any(1)] = spare
    return shows, found


def _wrong(mask: np.ndarray, wanted: np.ndarray, colour: int) -> np.ndarray:
    """float32 ``[places, tiles]``: how many pixels of ``mask [tiles, pixels]`` are another colour in each place."""
    return (wanted != colour).astype(np.float32) @ mask.T.astype(np.float32)


def paste(tiles: np.ndarray, size: Size, area: Size) -> np.ndarray:
    """The inverse of ``cut_tiles``, uint8 ``[height, width]``."""
    (width, height), (across, down) = size, area
    split = tiles.reshape(height // down, width // across, down, across)
    return split.transpose(0, 2, 1, 3).reshape(height, width).astype(np.uint8)


def places_of(mode: Mode, rest: np.ndarray) -> tuple[Place, ...]:
    """The tiles that ``rest`` marks, bool ``[places]``, row by row."""
    assert mode.tiles is not None
    width, height = mode.tiles.area
    columns = mode.size[0] // width
    return tuple((int(n) % columns * width, int(n) // columns * height, width, height) for n in np.flatnonzero(rest))
