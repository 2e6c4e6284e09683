"""What the pixels of a picture prove about where it comes from: how large they are, whose colours they have, which
modes show it without one of them changed, and how much that says.

A picture is legal in many modes at once: what 16 colours can show, 32 can as well. The likeliest is the tightest, the
one that can show the fewest pictures (the least *capacity*): hardly any picture of a roomier mode would happen to keep
its limits. Colours speak for themselves: that all of them are in a gamut by chance gets less likely with each.

Images are uint8 ``[height, width, 3]``. Everything is numpy.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from pixeldream.retro import legal
from pixeldream.retro.clash import packed, unpacked
from pixeldream.retro.display import display_size, repeats
from pixeldream.retro.mode import Mode
from pixeldream.retro.palette import Palette
from pixeldream.retro.screens import (
    PLAIN,
    TIGHT,
    Found,
    View,
    capacity,
    colours_say,
    could,
    legal_in,
    pixel_size,
    room,
    screens,
    view_of,
    weight_of,
)  # fmt: skip

__all__ = ["Found", "View", "capacity", "colours_say", "modes_of", "pixel_size", "view_of"]

ODD_SIZE = 4.0
"""Nats against a mode for each factor of e that a side of the picture is off that of the screen."""

FRAMED = 0.5
"""Nats against a screen inside a border."""

NO_MACHINE = -5.0
"""Nats for a picture of no machine that has the size of a screen; 0 for any other size."""

ROUGH = 14.0
"""Mean distance, of 255, up to which colours count as those of a palette that were changed on their way."""

STRAY = 0.05
"""The share of the areas that may clash in a picture whose colours were changed on their way."""

SPOILT = 3.0
"""Nats against a mode that the picture almost keeps, besides those by the area that clashes."""

FREE = 3.0
"""Nats against colours of a machine that are put together in a way that no mode knows."""

TELLING = 4
"""Colours that it takes to say so."""


def modes_of(
    image: np.ndarray, modes: Sequence[Mode], palettes: Mapping[str, Sequence[Palette]]
) -> tuple[list[Found], float]:
    """Every mode that shows the picture, the likeliest first, and the weight of no machine at all.

    ``palettes``: those that a mode's pictures may be in, by its name. A picture that no mode shows is compared with
    those of fixed palettes once more, in the nearest of their colours.
    """
    view = view_of(image)
    colours = unpacked(np.unique(packed(view.image)))
    found = list(screens(view, colours, modes, palettes))
    for look in (_framed, _cut, _short, _odd):
        if not found:
            found = list(look(view, colours, modes, palettes))
    if all(each.mode.gamut is not None for each in found):
        found += _nearly(view, colours, modes, palettes)
    found += _mixed(view, colours, modes, found)
    usual = any(legal.scale_of(mode, view.image.shape) for mode in modes)
    if not found:
        found = list(_rough(image, modes, palettes))
    if any(each.offset != view.offset for each in found):
        usual = True
    found.sort(key=lambda each: -each.weight)
    return found, _of_no_machine(colours, usual)


def _of_no_machine(colours: np.ndarray, usual: bool) -> float:
    """The weight of a picture that is of no machine: that of its own palette, in all colours there are."""
    bits = math.log2(max(2, len(colours))) if len(colours) <= 256 else 24
    plain = int(np.isin(colours, (0, 255)).all(-1).sum())
    return (NO_MACHINE if usual else 0.0) - math.log(bits) / TIGHT - PLAIN * plain * 24 * math.log(2)


def _framed(
    view: View, colours: np.ndarray, modes: Sequence[Mode], palettes: Mapping[str, Sequence[Palette]]
) -> Iterator[Found]:
    """Screens inside a border of one colour, as emulators show them: in the middle, or where the picture begins or
    ends."""
    numbers = packed(view.image)
    height, width = numbers.shape
    other = numbers != numbers[0, 0]
    if not other.any() or (numbers[0] != numbers[0, 0]).any():
        return
    rows, columns = np.flatnonzero(other.any(1)), np.flatnonzero(other.any(0))
    for size in sorted({display_size(mode) for mode in modes}):
        for times in (1, 2):
            across, down = size[0] * times, size[1] * times
            if across > width or down > height or (across, down) == (width, height):
                continue
            for left, top in _places((width, height), (across, down), columns, rows):
                part = View(view.image[top : top + down, left : left + across], view.steps, view.scale, view.offset)
                here = view.offset[0] + left * view.scale, view.offset[1] + top * view.scale
                few = [mode for mode in modes if display_size(mode) == size]
                inside = unpacked(np.unique(packed(part.image)))
                hits = [replace(f, weight=f.weight - FRAMED) for f in screens(part, inside, few, palettes, here)]
                yield from hits
                if hits:
                    break


def _places(
    outer: tuple[int, int], inner: tuple[int, int], columns: np.ndarray, rows: np.ndarray
) -> Iterator[tuple[int, int]]:
    """Where a screen may begin (x, y) so that all that is not border is on it, the likeliest first."""
    sides = []
    for whole, length, seen in zip(outer, inner, (columns, rows), strict=True):
        first, last = int(seen[0]), int(seen[-1])
        wanted = [(whole - length) // 2, (whole - length) // 2 - 1, first, last + 1 - length]
        fitting = [place for place in wanted if 0 <= place <= min(first, whole - length) and place + length > last]
        sides.append(list(dict.fromkeys(fitting)))
    yield from ((x, y) for y in sides[1] for x in sides[0])


def _cut(
    view: View, colours: np.ndarray, modes: Sequence[Mode], palettes: Mapping[str, Sequence[Palette]]
) -> Iterator[Found]:
    """Screens without the columns at the left that the machine can't paint, as some programs save them: whatever colour
    is there hides nothing."""
    height, width = view.image.shape[:2]
    for mode in modes:
        across, down = repeats(mode)
        missing = mode.blocked * across
        times = height // (mode.size[1] * down)
        if not mode.blocked or not times or (width + missing * times, height) != (
            mode.size[0] * across * times, mode.size[1] * down * times,
        ):  # fmt: skip
            continue
        for palette in palettes.get(mode.name, ()):
            if not could(mode, palette, colours):
                continue
            hits = _filled(view, colours, mode, palette, missing * times)
            yield from hits
            if hits:
                break


def _filled(view: View, colours: np.ndarray, mode: Mode, palette: Palette, missing: int) -> list[Found]:
    # What is never painted is mostly black, or the grey that FLI shows there.
    usual = [palette.colours[index] for index in (0, mode.blocked_colour) if index is not None]
    for colour in dict.fromkeys([*usual, *palette.colours]):
        left = np.broadcast_to(np.asarray(colour, np.uint8), (view.image.shape[0], missing, 3))
        whole = replace(view, image=np.concatenate([left, view.image], 1))
        offset = view.offset[0] - missing * view.scale, view.offset[1]
        if hits := list(screens(whole, colours, [mode], {mode.name: (palette,)}, offset)):
            return hits
    return []


def _short(
    view: View, colours: np.ndarray, modes: Sequence[Mode], palettes: Mapping[str, Sequence[Palette]]
) -> Iterator[Found]:
    """Screens whose lowest rows are missing, as some programs save them: the last row goes on, which adds nothing that
    could clash."""
    height, width = view.image.shape[:2]
    for mode in modes:
        across, down = repeats(mode)
        times = width // (mode.size[0] * across)
        whole = mode.size[1] * down * times
        if mode.gamut is not None or width != mode.size[0] * across * times or not whole / 4 <= height < whole:
            continue
        image = np.concatenate([view.image, view.image[-1:].repeat(whole - height, 0)])
        for found in screens(replace(view, image=image), colours, [mode], palettes):
            shown = found.image[: max(1, height // (down * times))]
            yield replace(found, image=shown, weight=found.weight - ODD_SIZE * math.log(whole / height), exact=False)


def _odd(
    view: View, colours: np.ndarray, modes: Sequence[Mode], palettes: Mapping[str, Sequence[Palette]]
) -> Iterator[Found]:
    """Pictures larger or smaller than the screen, of modes whose colours span it. Others have no sizes to choose."""
    del palettes
    height, width = view.image.shape[:2]
    for mode in modes:
        across, down = repeats(mode)
        whole = width % across == 0 and height % down == 0
        fits = view.steps[0] % across == 0 and view.steps[1] % down == 0
        if mode.gamut is None or mode.frames > 1 or mode.tiles or not (whole and fits):
            continue
        size = width // across, height // down
        off = abs(math.log(size[0] / mode.size[0])) + _rows_off(mode, size[1], modes)
        unused = math.log2(view.steps[0] * view.steps[1] / (across * down))
        resized = replace(mode, size=size)
        for found in legal_in(view, colours, resized, (), unused, (across, down), view.offset):
            yield replace(found, weight=found.weight - ODD_SIZE * off)


def _rows_off(mode: Mode, rows: int, modes: Sequence[Mode]) -> float:
    """How far a number of rows is off the screen, in factors of e. What the shortest screen of that width holds (NTSC)
    is as far from that as from taller ones."""
    wide = mode.size[0], repeats(mode), mode.machine
    least = min(each.size[1] for each in modes if (each.size[0], repeats(each), each.machine) == wide)
    return math.log(least / rows) if rows <= least else abs(math.log(rows / mode.size[1]))


def _nearly(
    view: View, colours: np.ndarray, modes: Sequence[Mode], palettes: Mapping[str, Sequence[Palette]]
) -> Iterator[Found]:
    """Screens in the colours of a machine that clash in a few places: a drawing that is not done yet."""
    for mode in modes:
        scale = legal.scale_of(mode, view.image.shape)
        if scale is None or mode.gamut is not None or mode.frames > 1 or view.steps[0] % scale[0]:
            continue
        able = [palette for palette in palettes.get(mode.name, ()) if could(mode, palette, colours)]
        if not able or view.steps[1] % scale[1]:
            continue
        checked = legal.check(view.image, mode, able)
        share = _clashing(mode, checked)
        if share <= STRAY:
            unused = math.log2(view.steps[0] * view.steps[1] / (scale[0] * scale[1]))
            weight = weight_of(mode, checked.palette, colours, unused) - SPOILT - 20 * share
            whole = scale[0] * view.scale, scale[1] * view.scale
            yield Found(mode, checked.palette, weight, checked.image, whole, view.offset, exact=False)


def _clashing(mode: Mode, checked: legal.Checked) -> float:
    """The share of the screen that clashes."""
    where = np.zeros(mode.size[::-1], bool)
    for clash in checked.clashes:
        for x, y, width, height in clash.places:
            where[y : y + height, x : x + width] = True
    return float(where.mean())


def _mixed(view: View, colours: np.ndarray, modes: Sequence[Mode], found: Sequence[Found]) -> Iterator[Found]:
    """Colours that all come from what a machine can mix, in a picture that none of its modes shows: it changed them on
    the way down the screen, or so."""
    seen: set[tuple[str, str]] = set()
    telling = int((~np.isin(colours, (0, 255)).all(-1)).sum())
    proven = any(each.exact and colours_say(each.palette, colours) > 0 for each in found)
    if telling < TELLING or proven:
        return
    for mode in modes:
        gamut = mode.gamut
        if gamut is None or (mode.machine, gamut.name) in seen or colours_say(gamut, colours) <= 0:
            continue
        seen.add((mode.machine, gamut.name))
        if (gamut.rgb(gamut.nearest(colours)) == colours).all():
            weight = colours_say(gamut, colours) - FREE - math.log(math.log2(gamut.count)) / TIGHT
            scale = view.scale, view.scale
            yield Found(mode, gamut, weight, view.image, scale, view.offset, exact=False, known=False)


def _rough(image: np.ndarray, modes: Sequence[Mode], palettes: Mapping[str, Sequence[Palette]]) -> Iterator[Found]:
    """Pictures whose colours were changed on their way, by a lossy file or another emulator's palette."""
    for mode in modes:
        scale = legal.scale_of(mode, image.shape)
        if scale is None or mode.gamut is not None or mode.frames > 1:
            continue
        small = _medians(image, scale)
        for palette in palettes.get(mode.name, ())[:4]:
            distances, snapped = _snapped(small, palette)
            if distances > ROUGH:
                continue
            share = _clashing(mode, legal.check(snapped, mode, [palette]))
            if share <= STRAY:
                weight = 6.0 - distances / 3 - 20 * share - room(mode)
                yield Found(mode, palette, weight, snapped, scale, exact=False)


def _medians(image: np.ndarray, scale: tuple[int, int]) -> np.ndarray:
    across, down = scale
    blocks = image.reshape(image.shape[0] // down, down, image.shape[1] // across, across, 3)
    return np.median(blocks, axis=(1, 3)).astype(np.uint8)


def _snapped(image: np.ndarray, palette: Palette) -> tuple[float, np.ndarray]:
    """How far the pixels are from the palette on the mean, and the picture in its nearest colours."""
    colours = palette.rgb(np.arange(palette.count)).astype(np.float32)
    flat = image.reshape(-1, 3).astype(np.float32)
    best, index = np.full(len(flat), np.inf, np.float32), np.zeros(len(flat), np.int64)
    for number, colour in enumerate(colours):
        squared = np.square(flat - colour).sum(1)
        index, best = np.where(squared < best, number, index), np.minimum(best, squared)
    return float(np.sqrt(best).mean()), palette.rgb(index).reshape(image.shape)
