"""Where something is wrong, in words: the pixel and its cells, the slot, the byte."""

from __future__ import annotations

from typing import Any

import numpy as np

from pixeldream.retro.mode import Mode, Slot
from pixeldream.retro.palette import Gamut, Palette


def pixel(mode: Mode, place: Any) -> str:
    """``pixel (8, 3), cell (1, 0) of slots 'ink', 'paper'``; ``place`` is an index into the mode's pixels: (y, x), or
    (frame, y, x). Columns come before rows, and count from 0 at the top left."""
    *frame, y, x = (int(each) for each in place)
    height, width = mode.pixel_shape[-2:]
    words = [f"pixel ({x}, {y})" + (f" of frame {frame[0]}" if frame else "")]
    for level in mode.levels:
        if level.area != mode.size:
            column, row = x * level.grid[0] // width, y * level.grid[1] // height
            words.append(f"cell ({column}, {row}) of {_slots(mode, level.slots)}")
    return ", ".join(words)


def _slots(mode: Mode, numbers: tuple[int, ...]) -> str:
    names = [repr(mode.slots[number].name) for number in numbers]
    return f"slot{'s' * (len(names) > 1)} {', '.join(names[:4] + ['...'] * (len(names) > 4))}"


def first_pixel(mode: Mode, wrong: np.ndarray) -> str:
    """The first place in a boolean array ``[height, width]`` of the mode's pixels that is true."""
    return pixel(mode, np.argwhere(wrong)[0])


def illegal(mode: Mode, palette: Palette | Gamut, pixels: np.ndarray, colours: tuple[np.ndarray, ...]) -> str:
    """What a picture's arrays break first, with its place; empty where no single place is to blame."""
    if pixels.shape == mode.pixel_shape:
        wrong = (pixels < 0) | (pixels >= mode.pixel_values)
        if wrong.any():
            place = np.argwhere(wrong)[0]
            return f"{pixel(mode, place)}: value {int(pixels[tuple(place)])}, not 0 to {mode.pixel_values - 1}"
    for number, (slot, held) in enumerate(zip(mode.slots, colours, strict=False)):
        if held.shape == mode.grid(number)[::-1] and (found := _illegal_colour(slot, palette, held)):
            return found
    return ""


def _illegal_colour(slot: Slot, palette: Palette | Gamut, held: np.ndarray) -> str:
    allowed = np.arange(palette.count) if slot.allowed is None else np.asarray(slot.allowed)
    wrong = ~np.isin(held, allowed)
    if not wrong.any():
        return ""
    row, column = np.argwhere(wrong)[0]
    choice = f"0 to {palette.count - 1}" if slot.allowed is None else ", ".join(map(str, slot.allowed))
    where = f"slot {slot.name!r}" + (f", cell ({column}, {row})" if slot.area else "")
    return f"{where}: colour {int(held[row, column])}, not {choice}"


def first_byte(first: bytes, second: bytes) -> str:
    """Where two files part: ``byte 18 ($12): 4F and 50``, or their lengths."""
    for number, (one, other) in enumerate(zip(first, second, strict=False)):
        if one != other:
            return f"byte {number} (${number:X}): {one:02X} and {other:02X}"
    return f"{len(first)} and {len(second)} bytes"


def sample(data: bytes) -> str:
    """A file's bytes as words: all of a short one, or the first of a long one."""
    start = data[:8].hex(" ").upper()
    return f"{len(data)} bytes ({start}{' ...' if len(data) > 8 else ''})" if data else "an empty file"
