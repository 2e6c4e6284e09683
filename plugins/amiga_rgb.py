"""IFF RGB8 and RGBN: runs of true colour, as Impulse's Turbo Silver and Imagine left them. Only looked at, not written.

Each run is a big-endian number: 24 bits of colour (RGB8) or 12 (RGBN), a bit for genlock, and a length of 7 or 3 bits.
A length of 0 is in the byte that follows, and where that is 0 too, in the word behind it. Source: the description of
the forms by Impulse, in the Amiga ROM Kernel Reference Manual: Devices (1991), appendix A.
"""

from __future__ import annotations

import numpy as np
from pixeldream_plugins import amiga_ilbm as ilbm
from pixeldream_plugins import iff

import pixeldream as pd

FORMS = {b"RGB8": (4, 7), b"RGBN": (2, 3)}
"""Bytes of a run's number, and bits of its length."""

TURBO_SILVER = 4
"""BMHD's compression."""


def decode(data: bytes) -> pd.Shown:
    """What such a file shows. Raises ``FormatError``."""
    form = data[8:12]
    if form not in FORMS:
        raise pd.FormatError("this is no IFF file of the form RGB8 or RGBN")
    found: dict[bytes, bytes] = {}
    for name, content in iff.chunks(data, form):
        found.setdefault(name, content)
    if b"BMHD" not in found or b"BODY" not in found:
        raise pd.FormatError(f"the {form.decode()} file has no BMHD or no BODY chunk before its end")
    header = ilbm.header_of(found[b"BMHD"])
    width, height = header.size
    if not 0 < width * height <= ilbm.MAXIMUM_PIXELS or header.compression != TURBO_SILVER:
        raise pd.FormatError(f"a {form.decode()} picture of {width}x{height} in compression {header.compression}")
    image = _runs(found[b"BODY"], width * height, *FORMS[form]).reshape(height, width, 3)
    return pd.Shown(image, notes=(f"IFF {form.decode()}, {width}x{height}",))


def read(data: bytes) -> pd.Picture:
    """Nothing: no mode shows so many colours anywhere. Raises ``FormatError`` for every file."""
    raise pd.FormatError(f"{decode(data).notes[0]}: it can be shown, and is in no mode")


def _runs(body: bytes, count: int, size: int, length_bits: int) -> np.ndarray:
    """uint8 ``[count, 3]``."""
    colours, lengths, position, total = [], [], 0, 0
    while total < count:
        value = int.from_bytes(body[position : position + size], "big")
        position += size
        length = value & (1 << length_bits) - 1
        for further in (1, 2):
            if length == 0:
                length = int.from_bytes(body[position : position + further], "big")
                position += further
        if length == 0 or position > len(body):
            raise pd.FormatError(f"the runs end after {total} of {count} pixels")
        colours.append(value >> length_bits + 1)
        lengths.append(length)
        total += length
    values = np.repeat(colours, lengths)[:count]
    if size == 2:
        return (np.stack([values >> 8 & 15, values >> 4 & 15, values & 15], -1) * 17).astype(np.uint8)
    return np.stack([values >> 16 & 255, values >> 8 & 255, values & 255], -1).astype(np.uint8)
