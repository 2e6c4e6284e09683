"""Drawings that two frames in turn can show: the frames that mix to them, exactly.

A row is a chain in which each pixel overlaps the next one of the other frame, and it begins beside the background. A
mixture and one of its two colours leave no choice of the other, so a background leaves no choice of the frames; then
only the cells remain to be checked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from pixeldream_plugins.c64_frames import COLOURS, HEIGHT, WIDE, WIDTH, Layout

import pixeldream as pd

CELL = 8
"""Lines of a cell, of 4 wide pixels."""


class Frames(NamedTuple):
    """``shown``: palette indices at every place, ``[200, 320]``: pixel x of the first frame stands at 2x, of the second
    at 2x + 1. ``broken``: places whose mixture does not follow from what is left of them. ``background``: the one
    taken."""

    shown: np.ndarray
    broken: np.ndarray
    background: int


class Cells(NamedTuple):
    """``ram [25, 40]``: the colour-RAM colour. ``needs``: what the screens of each frame (or of both) have to hold
    besides, masks ``[rows, 40]``. ``clashes``: where they can't. ``full``: all that the areas show."""

    ram: np.ndarray
    needs: list[np.ndarray]
    clashes: list[np.ndarray]
    full: list[np.ndarray]


def redraw(layout: Layout, mode: pd.Mode, image: np.ndarray, palette: pd.Palette, locks: np.ndarray) -> pd.Drawn:
    """The picture of a drawing in mixtures of the palette, or what breaks it with the best background."""
    mixed, partner = _mixtures(palette, image)
    backgrounds = layout.background if locks[0] < 0 else (int(locks[0]),)
    best = None
    for background in backgrounds:
        frames = _follow(layout, mixed, partner, background)
        cells = _cells(layout, frames, locks)
        # A break says more than a cell: the wrong background breaks every row.
        cost = int(frames.broken.sum()), sum(int(clash.sum()) for clash in cells.clashes)
        if best is None or cost < best[0]:
            best = cost, frames, cells
    assert best is not None
    cost, frames, cells = best
    notes = (f"background {_name(palette, frames.background)}", f"flickers by {_flicker(palette, frames):.2f} of luma")
    if any(cost):
        return pd.Drawn(clashes=_clashes(layout, palette, image, frames, cells), notes=notes)
    colours = _colours(layout, frames, cells, locks)
    return pd.Drawn(_pixels(layout, frames, colours), colours, notes=notes)


def _mixtures(palette: pd.Palette, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The number of each place's mixture, ``[200, 320]``, and ``[16, mixtures]``: the colour that makes it with each,
    or -1."""
    values = palette.rgb(np.arange(COLOURS)).astype(np.int64)
    mean = (values[:, None] + values[None]) // 2
    every = mean[..., 0] << 16 | mean[..., 1] << 8 | mean[..., 2]
    wide = image.astype(np.int64)
    colours, number = np.unique(wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2], return_inverse=True)
    same = every[:, :, None] == colours[None, None]
    return number.reshape(image.shape[:2]), np.where(same.any(1), same.argmax(1), -1)


def _follow(layout: Layout, mixed: np.ndarray, partner: np.ndarray, background: int) -> Frames:
    """Both frames from left to right; behind a break any two colours that mix to the place go on."""
    anyone = (partner >= 0).argmax(0)
    shown, broken = np.zeros(mixed.shape, np.int64), np.zeros(mixed.shape, bool)
    before = np.full(HEIGHT, background)
    for place in range(WIDTH):
        number = mixed[:, place]
        here = partner[before, number]
        broken[:, place] = here < 0
        if place < 2 * layout.blocked:
            broken[:, place] |= here != background
            here = np.full(HEIGHT, background)
        before = np.where(here < 0, anyone[number], here)
        shown[:, place] = before
    return Frames(shown, broken, background)


def _masks(frame: np.ndarray, lines: int) -> np.ndarray:
    """int64 ``[200 / lines, 40]``: the colours in each area of a frame ``[200, 160]``; less than 0 is none."""
    colours = np.where(frame >= 0, np.int64(1) << np.maximum(frame, 0), 0)
    return np.bitwise_or.reduce(colours.reshape(HEIGHT // lines, lines, WIDE // 4, 4), axis=(1, 3))


def _room(slots: Sequence[int], locks: np.ndarray) -> tuple[int, int]:
    """What locked slots hold, as a mask, and how many are free."""
    held = 0
    for slot in slots:
        held |= 1 << int(locks[slot]) if locks[slot] >= 0 else 0
    return held, sum(int(locks[slot]) < 0 for slot in slots)


def _over_cell(areas: np.ndarray) -> np.ndarray:
    return areas.reshape(HEIGHT // CELL, -1, WIDE // 4).sum(1)


def _bits(masks: np.ndarray) -> np.ndarray:
    return np.sum([masks >> bit & 1 for bit in range(COLOURS)], axis=0)


def _cells(layout: Layout, frames: Frames, locks: np.ndarray) -> Cells:
    """The colour-RAM colours with which the fewest areas clash. Rows that break tell nothing of their cells."""
    breaks = np.asarray(frames.broken.any(1))
    whole = np.where(breaks[:, None], -1, frames.shown)
    full = [_masks(whole[:, frame::2], layout.lines) & ~(1 << frames.background) for frame in (0, 1)]
    if layout.shared:
        full = [full[0] | full[1]]
    rooms = [_room(layout.slots_of(frame)[1:3], locks) for frame in range(len(full))]
    own = len(locks) - 1
    candidates = range(COLOURS) if locks[own] < 0 else [int(locks[own])]
    fewest, ram = np.full((HEIGHT // CELL, WIDE // 4), 1 << 30), np.zeros((HEIGHT // CELL, WIDE // 4), np.int64)
    for colour in candidates:
        bad = [_bits(mask & ~(1 << colour | held)) > free for mask, (held, free) in zip(full, rooms, strict=True)]
        number = sum(_over_cell(each.astype(np.int64)) for each in bad)
        ram = np.where(number < fewest, colour, ram)
        fewest = np.minimum(number, fewest)
    held_by_ram = (np.int64(1) << ram).repeat(CELL // layout.lines, 0)
    needs = [mask & ~held_by_ram for mask in full]
    clashes = [_bits(mask & ~held) > free for mask, (held, free) in zip(needs, rooms, strict=True)]
    return Cells(ram, needs, clashes, full)


def _colours(layout: Layout, frames: Frames, cells: Cells, locks: np.ndarray) -> tuple[np.ndarray, ...]:
    """Every slot's colours; unused ones are 0, or what they are locked to."""
    found = {0: np.full((1, 1), frames.background)}
    own = len(locks) - 1
    lines = CELL // layout.lines
    used = np.any([_over_cell(mask >> cells.ram.repeat(lines, 0) & 1) > 0 for mask in cells.full], axis=0)
    found[own] = np.where(used, cells.ram, max(int(locks[own]), 0))
    for frame, mask in enumerate(cells.needs):
        slots = layout.slots_of(frame)[1:3]
        left = mask & ~_room(slots, locks)[0]
        for slot in slots:
            if locks[slot] >= 0:
                found[slot] = np.full(mask.shape, int(locks[slot]))
                continue
            lowest = left & -left
            found[slot] = np.where(left > 0, _bits(lowest - 1), 0)
            left = left & ~lowest
    return tuple(found[slot] for slot in range(len(locks)))


def _pixels(layout: Layout, frames: Frames, colours: tuple[np.ndarray, ...]) -> np.ndarray:
    """uint8 ``[2, 200, 160]``: the first bit pair that shows each pixel's colour."""
    pixels = np.zeros((2, HEIGHT, WIDE), np.uint8)
    for frame in (0, 1):
        for value in (3, 2, 1, 0):
            held = colours[layout.slots_of(frame)[value]]
            wide = held.repeat(HEIGHT // held.shape[0], 0).repeat(WIDE // held.shape[1], 1)
            pixels[frame][frames.shown[:, frame::2] == wide] = value
    pixels[:, :, : layout.blocked] = 0
    return pixels


def _flicker(palette: pd.Palette, frames: Frames) -> float:
    """The largest difference in luma (0 to 1) between two pixels that share a place."""
    luma = palette.values() @ np.array([0.299, 0.587, 0.114])
    return float(np.abs(luma[frames.shown[:, ::2]] - luma[frames.shown[:, 1::2]]).max())


def _name(palette: pd.Palette, colour: int) -> str:
    return palette.names[colour] if palette.names else str(colour)


def _clashes(
    layout: Layout, palette: pd.Palette, image: np.ndarray, frames: Frames, cells: Cells
) -> tuple[pd.Clash, ...]:
    found = []
    if frames.broken.any():
        places = tuple(pd.pixel_runs(frames.broken))
        colours = tuple(dict.fromkeys(tuple(image[y, x].tolist()) for x, y, _, _ in places))
        why = f"{int(frames.broken.sum())} places mix colours that the pixels to their left do not lead to"
        found.append(pd.Clash(why, places, colours))
    for frame, (clash, mask) in enumerate(zip(cells.clashes, cells.full, strict=True)):
        which = "both frames" if layout.shared else f"frame {frame + 1}"
        for row, column in zip(*np.nonzero(clash), strict=True):
            held = [colour for colour in range(COLOURS) if int(mask[row, column]) >> colour & 1]
            named = ", ".join(_name(palette, colour) for colour in held)
            why = f"{len(held)} colours of {which} besides the background, 3 are possible: {named}"
            if len(held) <= 3:
                why = f"colour RAM can't serve this area of {which} and the others of its cell: {named}"
            place = (int(column) * 8, int(row) * layout.lines, 8, layout.lines)
            found.append(pd.Clash(why, (place,), tuple(palette.colours[colour] for colour in held)))
    return tuple(found)
