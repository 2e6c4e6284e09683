"""What an ILBM file shows: a picture in one of our modes, or an image that none of them holds.

The second are files in 24 planes, and those whose palette changes on the way down the screen: SHAM ("sliced HAM"),
CTBL (NewTek's Dynamic HiRes) and PCHG (see ``amiga_pchg``).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from pixeldream_plugins import amiga_ilbm as ilbm
from pixeldream_plugins import amiga_pchg, amiga_rgb
from pixeldream_plugins.amiga_ham import hold
from pixeldream_plugins.amiga_modes import HALFBRITE, HAM6, HAM8, KINDS, Kind, Screen, mode

import pixeldream as pd


def read(data: bytes) -> pd.Picture:
    """The picture of an ILBM or PBM file, in the mode that it was made for.

    ``border`` of the result is colour 0; registers that the file does not set are black. Raises ``FormatError``, also
    for files that can only be looked at.
    """
    return picture_of(ilbm.parse(data))


def decode(data: bytes) -> pd.Picture | pd.Shown:
    """The picture of a file, or what it shows where no mode holds it. Raises ``FormatError``."""
    if data[:4] == b"FORM" and data[8:12] in amiga_rgb.FORMS:
        return amiga_rgb.decode(data)
    file = ilbm.parse(data)
    try:
        return picture_of(file)
    except pd.FormatError:
        return pd.Shown(_image(file), screen_of(file).pixel_aspect, tuple(_notes(file)))


def screen_of(file: ilbm.File) -> Screen:
    """The screen that a file was made for; without a word about the system, 200 lines are NTSC's."""
    camg = file.camg or 0
    lace = bool(camg & ilbm.LACE)
    monitor = camg & 0xFFFF1000
    ntsc = monitor == ilbm.NTSC_MONITOR or (monitor != ilbm.PAL_MONITOR and file.header.size[1] == 200 << lace)
    return Screen(bool(camg & ilbm.HIRES), lace, ntsc)


def kind_of(file: ilbm.File) -> Kind:
    """What a file's pixels mean, as far as that has no need of its colours."""
    planes, camg = file.header.planes, file.camg or 0
    ham, half = bool(camg & ilbm.HAM), bool(camg & ilbm.EXTRA_HALFBRITE)
    if not ham and not half and planes == 6:
        # No chip set without these two has six planes: the number of colours tells.
        ham, half = len(file.cmap) == 16, len(file.cmap) == 32
    if ham and planes >= 5:
        return KINDS["ham8" if planes > 6 else "ham6"]
    if half and planes == 6:
        return KINDS["ehb"]
    return KINDS[str(1 << planes)] if planes <= 5 else KINDS["aga"]


def picture_of(file: ilbm.File) -> pd.Picture:
    """The picture of a file taken apart, in the mode that it was made for. Raises ``FormatError``."""
    if file.header.planes > 8:
        raise pd.FormatError(f"an ILBM picture in {file.header.planes} planes can be shown, and is in no mode")
    for name in (b"SHAM", b"CTBL", b"PCHG"):
        if name in file.chunks:
            raise pd.FormatError(f"an ILBM picture with {name.decode()} can be shown, and is in no mode")
    kind = kind_of(file)
    colours = file.palette[: kind.colours]
    try:
        held = ilbm.registers(colours, kind.gamut)
    except pd.FormatError:
        if kind.own:
            raise
        # More shades than the old chips have: a picture for the new ones.
        kind = KINDS["aga"]
        held = ilbm.registers(file.palette[: kind.colours], kind.gamut)
    held += [0] * (kind.colours - len(held))
    target = mode(kind, screen_of(file), file.header.size)
    slots = tuple(np.full((1, 1), register) for register in held)
    return pd.Picture(target, kind.gamut, file.pixels, slots, border=held[0])


def _image(file: ilbm.File) -> np.ndarray:
    """uint8 ``[height, width, 3]``."""
    if file.header.planes > 8:
        parts = [file.pixels >> np.uint32(shift) & np.uint32(255) for shift in (0, 8, 16)]
        return np.stack(parts, -1).astype(np.uint8)
    kind = kind_of(file)
    lines = _lines(file, max(kind.colours, 1 << file.header.planes if not kind.own else 0))
    pixels = file.pixels.astype(np.int32)
    if kind.own in (HAM6, HAM8):
        bits = 4 if kind.own == HAM6 else 6
        values = np.arange(1 << bits)
        changed = values * 17 if bits == 4 else values << 2 | values >> 4
        return hold(pixels >> bits, pixels & (1 << bits) - 1, lines.astype(np.int32), changed).astype(np.uint8)
    if kind.own == HALFBRITE:
        lines = np.concatenate([lines, lines >> 1], 1)
    rows = np.arange(pixels.shape[0])[:, None] % lines.shape[0]
    return lines[rows, pixels]


def _lines(file: ilbm.File, count: int) -> np.ndarray:
    """uint8 ``[height or 1, count, 3]``: the palette of every line."""
    first = np.zeros((count, 3), np.uint8)
    known = file.palette[:count]
    first[: len(known)] = known
    height = file.header.size[1]
    for name, changes in ((b"PCHG", amiga_pchg.lines), (b"SHAM", _sham), (b"CTBL", _ctbl)):
        if name in file.chunks:
            return changes(file.chunks[name], first, height)
    return first[None]


def _whole_lines(words: np.ndarray, first: np.ndarray, height: int, colours: int) -> np.ndarray:
    """A table of ``colours`` words for each line, or for each two lines where there is half as much."""
    lines = min(len(words) // max(colours, 1), height)
    if not 0 < colours <= len(first) or lines == 0:
        raise pd.FormatError(f"a table of {len(words)} colours for {height} lines")
    result = np.repeat(first[None], height, 0)
    table = amiga_pchg.expand(words[: lines * colours].reshape(lines, colours))
    result[:, :colours] = table[np.arange(height) * lines // height]
    return result


def _sham(data: bytes, first: np.ndarray, height: int) -> np.ndarray:
    return _whole_lines(np.frombuffer(data[2 : len(data) // 2 * 2], ">u2"), first, height, 16)


def _ctbl(data: bytes, first: np.ndarray, height: int) -> np.ndarray:
    words = np.frombuffer(data[: len(data) // 2 * 2], ">u2")
    return _whole_lines(words, first, height, min(len(words) // height, len(first)))


def _notes(file: ilbm.File) -> Iterator[str]:
    width, height = file.header.size
    yield f"IFF ILBM, {width}x{height}, {file.header.planes} planes"
    for name in (b"SHAM", b"CTBL", b"PCHG"):
        if name in file.chunks:
            yield f"the palette changes from line to line ({name.decode()})"
