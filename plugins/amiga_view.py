"""What an ILBM file shows: a picture in one of our modes, or an image that none of them holds.

The second are files in 24 planes, and those whose palette changes on the way down the screen: SHAM ("sliced HAM"),
CTBL (NewTek's Dynamic HiRes) and PCHG (Sebastiano Vigna, "PCHG", 1994).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np
from pixeldream_plugins import amiga_ilbm as ilbm
from pixeldream_plugins import amiga_rgb
from pixeldream_plugins.amiga_ham import hold
from pixeldream_plugins.amiga_modes import HALFBRITE, HAM6, HAM8, KINDS, Kind, Screen, mode

import pixeldream as pd

SMALL_LINES, BIG_LINES = 1, 2
PCHG_HEADER = struct.Struct(">HHhHHHHHI")
"""Compression, flags, first line, lines, changed lines, lowest and highest register, most changes, all changes."""


def read(data: bytes) -> pd.Picture:
    """The picture of an ILBM or PBM file, in the mode that it was made for.

    ``border`` of the result is colour 0; registers that the file does not set are black. Raises ``FormatError``, also
    for files that can only be looked at.
    """
    return _picture(ilbm.parse(data))


def decode(data: bytes) -> pd.Picture | pd.Shown:
    """The picture of a file, or what it shows where no mode holds it. Raises ``FormatError``."""
    if data[:4] == b"FORM" and data[8:12] in amiga_rgb.FORMS:
        return amiga_rgb.decode(data)
    file = ilbm.parse(data)
    try:
        return _picture(file)
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


def _picture(file: ilbm.File) -> pd.Picture:
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
    for name, changes in ((b"PCHG", _pchg), (b"SHAM", _sham), (b"CTBL", _ctbl)):
        if name in file.chunks:
            return changes(file.chunks[name], first, height)
    return first[None]


def _expand(words: np.ndarray) -> np.ndarray:
    """uint8 ``[..., 3]`` of 0x0RGB words."""
    wide = words.astype(np.int32)
    return (np.stack([wide >> 8 & 15, wide >> 4 & 15, wide & 15], -1) * 17).astype(np.uint8)


def _whole_lines(words: np.ndarray, first: np.ndarray, height: int, colours: int) -> np.ndarray:
    """A table of ``colours`` words for each line, or for each two lines where there is half as much."""
    lines = min(len(words) // max(colours, 1), height)
    if not 0 < colours <= len(first) or lines == 0:
        raise pd.FormatError(f"a table of {len(words)} colours for {height} lines")
    result = np.repeat(first[None], height, 0)
    table = _expand(words[: lines * colours].reshape(lines, colours))
    result[:, :colours] = table[np.arange(height) * lines // height]
    return result


def _sham(data: bytes, first: np.ndarray, height: int) -> np.ndarray:
    return _whole_lines(np.frombuffer(data[2 : len(data) // 2 * 2], ">u2"), first, height, 16)


def _ctbl(data: bytes, first: np.ndarray, height: int) -> np.ndarray:
    words = np.frombuffer(data[: len(data) // 2 * 2], ">u2")
    return _whole_lines(words, first, height, min(len(words) // height, len(first)))


def _pchg(data: bytes, first: np.ndarray, height: int) -> np.ndarray:
    """Changes stay until the next one."""
    if len(data) < PCHG_HEADER.size:
        raise pd.FormatError(f"the PCHG chunk has {len(data)} of {PCHG_HEADER.size} bytes")
    compression, flags, start, count, *_ = PCHG_HEADER.unpack(data[: PCHG_HEADER.size])
    if compression or not flags & (SMALL_LINES | BIG_LINES):
        raise pd.FormatError(f"a PCHG chunk of compression {compression} and flags {flags}; 0 and 1 or 2 are read")
    body = data[PCHG_HEADER.size :]
    mask_bytes = (count + 31) // 32 * 4
    mask = np.unpackbits(np.frombuffer(body[:mask_bytes], np.uint8))[:count]
    changes = _small_lines(body[mask_bytes:]) if flags & SMALL_LINES else _big_lines(body[mask_bytes:])
    result, now, done = np.zeros((height, *first.shape), np.uint8), first.copy(), 0
    try:
        for line in (int(each) + start for each in np.flatnonzero(mask)):
            result[done : max(done, line)] = now
            done = max(done, min(line, height))
            for register, colour in next(changes):
                now[register] = colour
    except (StopIteration, IndexError, struct.error):
        raise pd.FormatError("the PCHG chunk ends early or changes a colour that is not there") from None
    result[done:] = now
    return result


def _small_lines(data: bytes) -> Iterator[list[tuple[int, np.ndarray]]]:
    position = 0
    while position < len(data):
        low, high = struct.unpack_from(">BB", data, position)
        words = struct.unpack_from(f">{low + high}H", data, position + 2)
        position += 2 + 2 * len(words)
        registers = [(word >> 12) + 16 * (number >= low) for number, word in enumerate(words)]
        yield list(zip(registers, _expand(np.asarray(words, np.int32) & 0xFFF), strict=True))


def _big_lines(data: bytes) -> Iterator[list[tuple[int, np.ndarray]]]:
    position = 0
    while position < len(data):
        (count,) = struct.unpack_from(">H", data, position)
        position += 2
        line = []
        for _ in range(count):
            register, _, red, blue, green = struct.unpack_from(">HBBBB", data, position)
            line.append((register, np.array([red, green, blue], np.uint8)))
            position += 6
        yield line


def _notes(file: ilbm.File) -> Iterator[str]:
    width, height = file.header.size
    yield f"IFF ILBM, {width}x{height}, {file.header.planes} planes"
    for name in (b"SHAM", b"CTBL", b"PCHG"):
        if name in file.chunks:
            yield f"the palette changes from line to line ({name.decode()})"
