"""IFF ILBM, the Amiga's picture file: written from every mode, and taken apart.

The Amiga ROM Kernel Reference Manual: Devices (1991), appendix A. The border of the screen shows colour register 0 and
is not stored. Reading takes two steps: :func:`parse` finds out what is in the file, ``amiga_view`` what it shows.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

import numpy as np
from pixeldream_plugins import iff
from pixeldream_plugins.amiga_ham import EIGHTEEN_BIT
from pixeldream_plugins.amiga_modes import HALFBRITE, HAM6, HAM8, kind_of, screen_of

import pixeldream as pd

HIRES, HAM, EXTRA_HALFBRITE, LACE = 0x8000, 0x800, 0x80, 0x4
NTSC_MONITOR, PAL_MONITOR = 0x11000, 0x21000

HEADER = struct.Struct(">HHhhBBBBHBBhh")
"""BMHD: width, height, x, y, planes, masking, compression, flags, transparent colour, x and y aspect, page size."""

NO_MASK, MASK_PLANE = 0, 1
UNPACKED, BYTE_RUN_1 = 0, 1
COLOURS_ARE_8_BIT = 0x80
PLANAR, CHUNKY = b"ILBM", b"PBM "

MAXIMUM_PIXELS = 1 << 22
"""2048x2048: four times the largest screen that any Amiga shows."""


@dataclass(frozen=True)
class Header:
    """What a BMHD chunk says, as far as it matters here."""

    size: tuple[int, int]
    planes: int
    masking: int
    compression: int
    flags: int

    @property
    def row_bytes(self) -> int:
        """Bytes of one row of one plane: whole 16-bit words."""
        return (self.size[0] + 15) // 16 * 2

    @property
    def stored_planes(self) -> int:
        """Planes in the body: a mask is one more."""
        return self.planes + (self.masking == MASK_PLANE)


@dataclass(frozen=True)
class File:
    """A file taken apart. ``pixels``: ``[height, width]`` of up to 2 ** 32; ``cmap``: uint8 ``[n, 3]`` as stored;
    ``camg``: the display mode or ``None``; ``chunks``: all that stand before the body."""

    header: Header
    pixels: np.ndarray
    cmap: np.ndarray
    camg: int | None
    chunks: dict[bytes, bytes] = field(default_factory=dict)

    @property
    def palette(self) -> np.ndarray:
        """uint8 ``[n, 3]``: the colours in full.

        Old writers stored a nibble in the upper half of the byte, newer ones repeat it and say so in BMHD's flags.
        """
        if not len(self.cmap):
            # Grey, as ffmpeg and RECOIL have it: the brightest is not quite white.
            grey = np.arange(1 << self.header.planes) * 255 >> self.header.planes
            return np.repeat(grey.astype(np.uint8)[:, None], 3, 1)
        if self.header.flags & COLOURS_ARE_8_BIT or len(self.cmap) > 32 or (self.cmap & 15).any():
            return self.cmap
        return self.cmap | self.cmap >> 4


def write(picture: pd.Picture, options: pd.WriteOptions) -> bytes:
    """IFF ILBM, packed, of a picture in any of the Amiga's modes."""
    (width, height), kind, screen = picture.mode.size, kind_of(picture.mode), screen_of(picture.mode)
    aspect = 44 >> screen.hires, (52 if screen.ntsc else 44) >> screen.lace
    header = HEADER.pack(
        width, height, 0, 0, kind.planes, NO_MASK, BYTE_RUN_1, COLOURS_ARE_8_BIT, 0, *aspect, width, height
    )
    flags = {HAM6: HAM, HAM8: HAM, HALFBRITE: EXTRA_HALFBRITE}.get(kind.own, 0) if kind.own else 0
    return iff.form(
        PLANAR,
        iff.chunk(b"BMHD", header),
        iff.chunk(b"CMAP", base_colours(picture).tobytes()),
        iff.chunk(b"CAMG", (screen.camg | flags).to_bytes(4, "big")),
        iff.chunk(b"BODY", b"".join(iff.pack(row) for row in plane_rows(picture.pixels, kind.planes))),
    )


def base_colours(picture: pd.Picture) -> np.ndarray:
    """uint8 ``[n, 3]``: the colour registers; 4 and 6 bits repeat themselves in 8."""
    registers = np.array([int(colours[0, 0]) for colours in picture.colours])
    if picture.mode.gamut == EIGHTEEN_BIT:
        steps = np.stack([registers >> 12, registers >> 6 & 63, registers & 63], -1)
        return (steps << 2 | steps >> 4).astype(np.uint8)
    return picture.palette.rgb(registers)


def registers(colours: np.ndarray, gamut: pd.Gamut) -> list[int]:
    """The indices into ``gamut`` of uint8 ``[n, 3]``. Raises ``FormatError`` for a colour that it lacks."""
    wide = colours.astype(np.int64)
    if gamut == EIGHTEEN_BIT:
        steps = wide >> 2
        shown, highest = steps << 2 | steps >> 4, 64
    else:
        highest = gamut.levels[0]
        steps = np.rint(wide * (highest - 1) / 255).astype(np.int64)
        shown = steps * 255 // (highest - 1)
    wrong = np.flatnonzero((shown != wide).any(-1))
    if wrong.size:
        number = int(wrong[0])
        colour = "".join(f"{part:02x}" for part in wide[number])
        bits = 3 * (highest.bit_length() - 1)
        raise pd.FormatError(f"colour {number} ({colour}) is none of the {highest**3} that {bits}-bit registers hold")
    return [int(index) for index in (steps[:, 0] * highest + steps[:, 1]) * highest + steps[:, 2]]


def plane_rows(pixels: np.ndarray, planes: int) -> list[bytes]:
    """Each row's planes, the lowest bit first, as bytes: row 0 plane 0, row 0 plane 1, and so on."""
    bits = np.asarray(pixels)[:, None, :] >> np.arange(planes)[None, :, None] & 1
    packed = np.packbits(bits.astype(np.uint8), axis=-1)
    padded = np.pad(packed, ((0, 0), (0, 0), (0, packed.shape[-1] % 2)))
    return [row.tobytes() for row in padded.reshape(-1, padded.shape[-1])]


def parse(data: bytes) -> File:
    """A file taken apart, all of it checked; of an animation its first frame. Raises ``FormatError``."""
    if data[:4] == b"FORM" and data[8:16] == b"ANIMFORM":
        data = data[12:]
    form = data[8:12]
    found: dict[bytes, bytes] = {}
    for name, content in iff.chunks(data, CHUNKY if form == CHUNKY else PLANAR):
        found.setdefault(name, content)
        if name == b"BODY":
            break
    header = header_of(found.get(b"BMHD", b""))
    _check(header, form == CHUNKY)
    if b"BODY" not in found:
        raise pd.FormatError("the ILBM file has no BODY chunk before its end")
    body, cmap = found.pop(b"BODY"), found.get(b"CMAP", b"")
    return File(
        header,
        _chunky(body, header) if form == CHUNKY else pixels_of(body, header),
        np.frombuffer(cmap[: len(cmap) // 3 * 3], np.uint8).reshape(-1, 3),
        int.from_bytes(found[b"CAMG"][:4], "big") if b"CAMG" in found else None,
        found,
    )


def header_of(data: bytes) -> Header:
    """What a BMHD chunk says. Raises ``FormatError`` when it is too short."""
    if len(data) < HEADER.size:
        raise pd.FormatError(f"the BMHD chunk has {len(data)} of {HEADER.size} bytes")
    width, height, _, _, planes, masking, compression, flags, *_ = HEADER.unpack(data[: HEADER.size])
    return Header((width, height), planes, masking, compression, flags)


def _check(header: Header, chunky: bool) -> None:
    """Raises ``FormatError`` for what can't be a picture, before anything is unpacked."""
    width, height = header.size
    if not 0 < width * height <= MAXIMUM_PIXELS:
        raise pd.FormatError(f"an ILBM picture of {width}x{height}; 1 to {MAXIMUM_PIXELS} pixels are read")
    known = (8,) if chunky else (*range(1, 9), 24, 32)
    if header.planes not in known:
        which = "8 planes" if chunky else "1 to 8, 24 or 32 planes"
        raise pd.FormatError(f"an ILBM picture of {width}x{height} in {header.planes} planes; {which} are read")
    if header.compression not in (UNPACKED, BYTE_RUN_1):
        raise pd.FormatError(f"ILBM compression {header.compression} is unknown; 0 and 1 (ByteRun1) are read")


def _unpacked(body: bytes, header: Header, length: int) -> np.ndarray:
    if header.compression == BYTE_RUN_1:
        body = iff.unpack(body, length)
    elif len(body) < length:
        raise pd.FormatError(f"the BODY chunk has {len(body)} of {length} bytes")
    return np.frombuffer(body[:length], np.uint8)


def _chunky(body: bytes, header: Header) -> np.ndarray:
    """uint8 ``[height, width]``: a byte a pixel, rows of whole words."""
    width, height = header.size
    row = width + width % 2
    return _unpacked(body, header, height * row).reshape(height, row)[:, :width]


def pixels_of(body: bytes, header: Header) -> np.ndarray:
    """``[height, width]`` of a BODY chunk in planes, uint8 of up to 8 and else uint32; a mask plane is dropped. Raises
    ``FormatError``."""
    width, height = header.size
    length = height * header.stored_planes * header.row_bytes
    rows = _unpacked(body, header, length).reshape(height, header.stored_planes, header.row_bytes)
    pixels = np.zeros((height, width), np.uint8 if header.planes <= 8 else np.uint32)
    for plane in range(header.planes):
        bits = np.unpackbits(rows[:, plane], axis=-1)[:, :width].astype(pixels.dtype)
        pixels |= bits << pixels.dtype.type(plane)
    return pixels
