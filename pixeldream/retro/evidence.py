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
from dataclasses import dataclass, replace

import numpy as np

from pixeldream.retro import legal
from pixeldream.retro.clash import packed, unpacked
from pixeldream.retro.display import display_size, repeats
from pixeldream.retro.mode import Mode
from pixeldream.retro.palette import Gamut, Palette

LARGEST_PIXEL = 16
"""Pixels of the image that a pixel of the machine covers at most, each way."""

TIGHT = 0.12
"""By which share the capacity has to grow for a mode to be e times less likely."""

UNUSED = 6.0
"""Nats against a mode that would have drawn finer pixels than these."""

ODD_SIZE = 4.0
"""Nats against a mode for each factor of e that a side of the picture is off that of the screen."""

FRAMED = 0.5
"""Nats against a screen inside a border."""

NO_MACHINE = -5.0
"""Nats for a picture of no machine that has the size of a screen; 0 for any other size."""

PLAIN = 0.15
"""Which part of what other colours say black, white and pure ones do."""

SURE = 25.0
"""Nats that colours say at most."""

HOPELESS = 8.0
"""Nats behind the best from which on a mode is not looked at any more."""

ROUGH = 14.0
"""Mean distance, of 255, up to which colours count as those of a palette that were changed on their way."""

STRAY = 0.05
"""The share of the areas that may clash in a picture whose colours were changed on their way."""


@dataclass(frozen=True, eq=False)
class Found:
    """A mode that shows the picture. ``weight``: natural log of how likely, up to what all have in common. ``image``:
    in the mode's own pixels. ``scale``: pixels of the file that each covers (across, down). ``offset``: where the
    screen begins in the file (x, y). ``exact``: whether not a pixel is changed."""

    mode: Mode
    palette: Palette | Gamut
    weight: float
    image: np.ndarray
    scale: tuple[int, int]
    offset: tuple[int, int] = (0, 0)
    exact: bool = True


@dataclass(frozen=True, eq=False)
class View:
    """A picture with as few pixels as it can have while they stay as wide as tall. ``steps``: how many of them a pixel
    of the machine covers (across, down), at most; ``scale``: pixels of the file for each; ``offset``: (x, y) in it."""

    image: np.ndarray
    steps: tuple[int, int]
    scale: int
    offset: tuple[int, int]


def pixel_size(image: np.ndarray) -> tuple[tuple[int, int], tuple[int, int]]:
    """How many pixels of ``image`` each of the drawing's covers (across, down), and where the first whole one begins
    (x, y)."""
    numbers = packed(image)
    across, left = _step(np.flatnonzero((numbers[:, 1:] != numbers[:, :-1]).any(0)) + 1, image.shape[1])
    down, top = _step(np.flatnonzero((numbers[1:] != numbers[:-1]).any(1)) + 1, image.shape[0])
    return (across, down), (left, top)


def _step(changes: np.ndarray, length: int) -> tuple[int, int]:
    """The distance that all changes keep, and the place of the first edge modulo it."""
    if not len(changes):
        return 1, 0
    step = int(np.gcd.reduce(np.diff(changes))) if len(changes) > 1 else math.gcd(int(changes[0]), length)
    step = math.gcd(step, int(changes[0])) if step == 0 or not length % step else step
    if not 1 <= step <= LARGEST_PIXEL:
        step = max(k for k in range(1, LARGEST_PIXEL + 1) if step % k == 0) if step else 1
    return step, int(changes[0]) % step


def view_of(image: np.ndarray) -> View:
    """The picture in its own pixels, or whole fractions of them."""
    (across, down), (left, top) = pixel_size(image)
    scale = math.gcd(across, down)
    left, top = left % scale, top % scale
    height, width = ((side - first) // scale * scale for side, first in zip(image.shape, (top, left), strict=False))
    cut = image[top : top + height : scale, left : left + width : scale]
    return View(np.ascontiguousarray(cut), (across // scale, down // scale), scale, (left, top))


def capacity(mode: Mode) -> float:
    """Bits that a picture of the mode takes, about: how many pictures it can show, as a logarithm."""
    width, height = mode.size
    frames = mode.frames * math.prod(mode.frame_size or mode.size)
    if mode.tiles is not None:
        (across, down), count = mode.tiles.area, mode.tiles.count
        each = math.log2(max(2, mode.pixel_values if mode.sub_palettes is None else len(mode.sub_palettes.slots[0])))
        bits = count * across * down * each + width * height / (across * down) * math.log2(count)
    else:
        bits = frames * math.log2(max(2, mode.pixel_values))
    for number, slot in enumerate(mode.slots):
        columns, rows = mode.grid(number)
        bits += columns * rows * math.log2(max(2, mode.colours if slot.allowed is None else len(slot.allowed)))
    return bits


def colours_say(palette: Palette | Gamut, colours: np.ndarray) -> float:
    """Nats for a palette or gamut that holds all of ``colours``, uint8 ``[n, 3]``. Black, white and pure colours are
    everywhere: they only speak a little for palettes that have few others."""
    telling = int((~np.isin(colours, (0, 255)).all(-1)).sum())
    plain = len(colours) - telling
    return min(SURE, telling * (24 * math.log(2) - math.log(palette.count))) - PLAIN * plain * math.log(palette.count)


def modes_of(
    image: np.ndarray, modes: Sequence[Mode], palettes: Mapping[str, Sequence[Palette]]
) -> tuple[list[Found], float]:
    """Every mode that shows the picture, the likeliest first, and the weight of no machine at all.

    ``palettes``: those that a mode's pictures may be in, by its name. A picture that no mode shows is compared with
    those of fixed palettes once more, in the nearest of their colours.
    """
    view = view_of(image)
    colours = unpacked(np.unique(packed(view.image)))
    found = list(_screens(view, colours, modes, palettes))
    if not found:
        found = list(_framed(view, colours, modes, palettes))
    if not found:
        found = list(_cut(view, colours, modes, palettes))
    if not found:
        found = list(_odd(view, colours, modes))
    usual = any(legal.scale_of(mode, view.image.shape) for mode in modes)
    if not found:
        found = list(_rough(image, modes, palettes))
    if any(each.offset != view.offset for each in found):
        usual = True
    found.sort(key=lambda each: -each.weight)
    return found, _of_no_machine(colours, usual)


def _could(mode: Mode, palette: Palette | Gamut, colours: np.ndarray) -> bool:
    """Whether the mode has these colours at all: what costs little to know."""
    if isinstance(palette, Palette):
        return bool(np.isin(packed(colours), packed(legal.shades_of(mode, palette))).all())
    if mode.solve is None and len(colours) > len(mode.slots):
        return False
    fitted = colours if len(colours) > 4096 else legal.meant(mode, colours[None])[0][0]
    # Six bits a component are shown by repeating bits, a step beside where an even grid has them; the check is exact.
    return bool((np.abs(palette.rgb(palette.nearest(fitted)).astype(int) - fitted) <= 2).all())


def _weight(mode: Mode, palette: Palette | Gamut, colours: np.ndarray, unused: float) -> float:
    """Of a legal picture: what its colours say, and the tightness of the mode, whose unit is set by the comparison."""
    says = colours_say(palette, legal.meant(mode, colours[None])[0][0] if isinstance(palette, Gamut) else colours)
    return says - _room(mode) - UNUSED * unused


def _room(mode: Mode) -> float:
    """Nats against a mode for what it could show besides: by its capacity for each pixel of the display."""
    return math.log(capacity(mode) / math.prod(display_size(mode))) / TIGHT


def _of_no_machine(colours: np.ndarray, usual: bool) -> float:
    """The weight of a picture that is of no machine: that of its own palette, in all colours there are."""
    bits = math.log2(max(2, len(colours))) if len(colours) <= 256 else 24
    plain = int(np.isin(colours, (0, 255)).all(-1).sum())
    return (NO_MACHINE if usual else 0.0) - math.log(bits) / TIGHT - PLAIN * plain * 24 * math.log(2)


def _screens(
    view: View, colours: np.ndarray, modes: Sequence[Mode], palettes: Mapping[str, Sequence[Palette]],
    offset: tuple[int, int] | None = None,
) -> Iterator[Found]:  # fmt: skip
    best = -math.inf
    for mode in sorted(modes, key=_room):
        scale = legal.scale_of(mode, view.image.shape)
        if scale is None or view.steps[0] % scale[0] or view.steps[1] % scale[1]:
            continue
        if SURE - _room(mode) < best - HOPELESS:
            break
        unused = math.log2(view.steps[0] * view.steps[1] / (scale[0] * scale[1]))
        for found in _legal(view, colours, mode, palettes.get(mode.name, ()), unused, scale, offset or view.offset):
            best = max(best, found.weight)
            yield found


def _legal(
    view: View, colours: np.ndarray, mode: Mode, palettes: Sequence[Palette], unused: float, scale: tuple[int, int],
    offset: tuple[int, int],
) -> Iterator[Found]:  # fmt: skip
    able = [p for p in ([mode.gamut] if mode.gamut is not None else palettes) if _could(mode, p, colours)]
    if not able:
        return
    checked = legal.check(view.image, mode, able)
    if checked.legal:
        whole = scale[0] * view.scale, scale[1] * view.scale
        weight = _weight(mode, checked.palette, colours, unused)
        yield Found(mode, checked.palette, weight, checked.image, whole, offset)


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
                hits = [replace(f, weight=f.weight - FRAMED) for f in _screens(part, inside, few, palettes, here)]
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
            if not _could(mode, palette, colours):
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
        if hits := list(_screens(whole, colours, [mode], {mode.name: (palette,)}, offset)):
            return hits
    return []


def _odd(view: View, colours: np.ndarray, modes: Sequence[Mode]) -> Iterator[Found]:
    """Pictures larger or smaller than the screen, of modes whose colours span it. Others have no sizes to choose."""
    height, width = view.image.shape[:2]
    for mode in modes:
        across, down = repeats(mode)
        whole = width % across == 0 and height % down == 0
        fits = view.steps[0] % across == 0 and view.steps[1] % down == 0
        if mode.gamut is None or mode.frames > 1 or mode.tiles or not (whole and fits):
            continue
        size = width // across, height // down
        off = sum(abs(math.log(a / b)) for a, b in zip(size, mode.size, strict=True))
        unused = math.log2(view.steps[0] * view.steps[1] / (across * down))
        resized = replace(mode, size=size)
        for found in _legal(view, colours, resized, (), unused, (across, down), view.offset):
            yield replace(found, weight=found.weight - ODD_SIZE * off)


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
            checked = legal.check(snapped, mode, [palette])
            where = np.zeros(mode.size[::-1], bool)
            for clash in checked.clashes:
                for x, y, width, height in clash.places:
                    where[y : y + height, x : x + width] = True
            if where.mean() <= STRAY:
                weight = 6.0 - distances / 3 - 20 * float(where.mean()) - _room(mode)
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
