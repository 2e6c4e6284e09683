"""Screens: pictures that have the size of a mode's screen, or that times a whole number, and are legal in it; with how
much each proves, as natural logarithms (nats).

Images are uint8 ``[height, width, 3]``. Everything is numpy.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pixeldream.retro import legal
from pixeldream.retro.clash import packed
from pixeldream.retro.display import display_size
from pixeldream.retro.mode import Mode
from pixeldream.retro.palette import Gamut, Palette

LARGEST_PIXEL = 16
"""Pixels of the image that a pixel of the machine covers at most, each way."""

TIGHT = 0.12
"""By which share the capacity has to grow for a mode to be e times less likely."""

UNUSED = 6.0
"""Nats against a mode that would have drawn finer pixels than these."""

PLAIN = 0.15
"""Which part of what other colours say black, white and pure ones do."""

SURE = 25.0
"""Nats that colours say at most."""

HOPELESS = 8.0
"""Nats behind the best from which on a mode is not looked at any more."""


@dataclass(frozen=True, eq=False)
class Found:
    """A mode that shows the picture. ``weight``: natural log of how likely, up to what all have in common. ``image``:
    in the mode's own pixels. ``scale``: pixels of the file that each covers (across, down). ``offset``: where the
    screen begins in the file (x, y). ``exact``: whether not a pixel is changed. ``known``: whether it is the mode's
    picture, or only in the colours of its machine."""

    mode: Mode
    palette: Palette | Gamut
    weight: float
    image: np.ndarray
    scale: tuple[int, int]
    offset: tuple[int, int] = (0, 0)
    exact: bool = True
    known: bool = True


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


def could(mode: Mode, palette: Palette | Gamut, colours: np.ndarray) -> bool:
    """Whether the mode has these colours at all: what costs little to know."""
    if isinstance(palette, Palette):
        return bool(np.isin(packed(colours), packed(legal.shades_of(mode, palette))).all())
    if mode.solve is None and len(colours) > len(mode.slots):
        return False
    fitted = colours if len(colours) > 4096 else legal.meant(mode, colours[None])[0][0]
    # Six bits a component are shown by repeating bits, a step beside where an even grid has them; the check is exact.
    return bool((np.abs(palette.rgb(palette.nearest(fitted)).astype(int) - fitted) <= 2).all())


def weight_of(mode: Mode, palette: Palette | Gamut, colours: np.ndarray, unused: float) -> float:
    """Of a legal picture: what its colours say, and the tightness of the mode, whose unit is set by the comparison."""
    says = colours_say(palette, legal.meant(mode, colours[None])[0][0] if isinstance(palette, Gamut) else colours)
    return says - room(mode) - UNUSED * unused


def room(mode: Mode) -> float:
    """Nats against a mode for what it could show besides: by its capacity for each pixel of the display."""
    return math.log(capacity(mode) / math.prod(display_size(mode))) / TIGHT


def screens(
    view: View, colours: np.ndarray, modes: Sequence[Mode], palettes: Mapping[str, Sequence[Palette]],
    offset: tuple[int, int] | None = None,
) -> Iterator[Found]:  # fmt: skip
    best = -math.inf
    for mode in sorted(modes, key=room):
        scale = legal.scale_of(mode, view.image.shape)
        if scale is None or view.steps[0] % scale[0] or view.steps[1] % scale[1]:
            continue
        if SURE - room(mode) < best - HOPELESS:
            break
        unused = math.log2(view.steps[0] * view.steps[1] / (scale[0] * scale[1]))
        for found in legal_in(view, colours, mode, palettes.get(mode.name, ()), unused, scale, offset or view.offset):
            best = max(best, found.weight)
            yield found


def legal_in(
    view: View, colours: np.ndarray, mode: Mode, palettes: Sequence[Palette], unused: float, scale: tuple[int, int],
    offset: tuple[int, int],
) -> Iterator[Found]:  # fmt: skip
    able = [p for p in ([mode.gamut] if mode.gamut is not None else palettes) if could(mode, p, colours)]
    if not able:
        return
    checked = legal.check(view.image, mode, able)
    if checked.legal:
        whole = scale[0] * view.scale, scale[1] * view.scale
        weight = weight_of(mode, checked.palette, colours, unused)
        yield Found(mode, checked.palette, weight, checked.image, whole, offset)
