"""Files of the Atari ST's painters: Degas, NeoChrome and Doodle both ways, and Spectrum 512 to look at.

Layouts: David Baggett's "Atari ST Picture Formats" (1991 and later), which every viewer follows.
"""

from __future__ import annotations

import struct
from functools import partial

import numpy as np
from pixeldream_plugins import atari_st_screen as screen
from pixeldream_plugins import iff
from pixeldream_plugins.atari_st_screen import HIGH, MODES, PLANES, SCREEN_BYTES, SIZES, resolution_of, to_picture

import pixeldream as pd

PACKED = 0x8000
PALETTE_BYTES = 32
NEO_BYTES = 128
SPECTRUM_LINES, SPECTRUM_COLOURS = 199, 48


def write_degas(picture: pd.Picture, options: pd.WriteOptions) -> bytes:
    """Resolution, palette, memory."""
    return resolution_of(picture.mode).to_bytes(2, "big") + screen.palette_words(picture) + screen.planes_of(picture)


def write_packed(picture: pd.Picture, options: pd.WriteOptions) -> bytes:
    """The same with ByteRun1 of each line's planes, and Degas Elite's colour cycling: none."""
    resolution = resolution_of(picture.mode)
    planes = PLANES[resolution]
    lines = np.frombuffer(screen.planes_of(picture), np.uint8).reshape(SIZES[resolution][1], -1, planes, 2)
    body = b"".join(iff.pack(plane.tobytes()) for line in lines for plane in line.transpose(1, 0, 2))
    return (PACKED | resolution).to_bytes(2, "big") + screen.palette_words(picture) + body + bytes(32)


def read_degas(data: bytes, kind: int | None = None) -> pd.Picture:
    """The picture of a Degas or Degas Elite file, packed or not; of one ``kind`` if that is said, the word that the
    file starts with. Raises ``FormatError``."""
    resolution = int.from_bytes(data[:2], "big")
    if kind is not None and resolution != kind and resolution & ~PACKED <= 2:
        extension = f".p{'c' if resolution & PACKED else 'i'}{(resolution & ~PACKED) + 1}"
        raise pd.FormatError(f"this is a Degas picture of another kind; call it {extension}")
    palette, body = data[2 : 2 + PALETTE_BYTES], data[2 + PALETTE_BYTES :]
    if resolution & ~PACKED > 2 or not body:
        raise pd.FormatError(f"this is no Degas picture: {len(data)} bytes of resolution {resolution & ~PACKED}")
    if resolution & PACKED:
        return to_picture(resolution ^ PACKED, palette, _unpacked(resolution ^ PACKED, body))
    if len(body) not in (SCREEN_BYTES, SCREEN_BYTES + 32):
        raise pd.FormatError(f"a Degas picture of {len(data)} bytes; 32034 and 32066 are read")
    return to_picture(resolution, palette, body[:SCREEN_BYTES])


def _unpacked(resolution: int, body: bytes) -> bytes:
    """The screen's memory: in the file each line has plane behind plane."""
    lines = np.frombuffer(iff.unpack(body, SCREEN_BYTES), np.uint8)
    return lines.reshape(SIZES[resolution][1], PLANES[resolution], -1, 2).transpose(0, 2, 1, 3).tobytes()


def write_neo(picture: pd.Picture, options: pd.WriteOptions) -> bytes:
    """A header of 128 bytes and the memory."""
    name, whole = b"        .   ", struct.pack(">HH", *SIZES[0])
    head = bytes(4) + screen.palette_words(picture) + name + bytes(10) + whole
    return head.ljust(NEO_BYTES, b"\0") + screen.planes_of(picture)


def read_neo(data: bytes) -> pd.Picture:
    """The picture of a NeoChrome file. Raises ``FormatError``."""
    flag, resolution = struct.unpack(">HH", data[:4].ljust(4, b"\xff"))
    if len(data) != NEO_BYTES + SCREEN_BYTES or flag or resolution > 2:
        raise pd.FormatError(f"this is no NeoChrome picture, which has {NEO_BYTES + SCREEN_BYTES} bytes")
    return to_picture(resolution, data[4 : 4 + PALETTE_BYTES], data[NEO_BYTES:])


def write_doodle(picture: pd.Picture, options: pd.WriteOptions) -> bytes:
    """The memory."""
    return screen.planes_of(picture)


def read_doodle(data: bytes) -> pd.Picture:
    """The picture of a file that is nothing but a monochrome screen's memory. Raises ``FormatError``."""
    if len(data) != SCREEN_BYTES:
        raise pd.FormatError(f"{len(data)} bytes of a Doodle picture, which has {SCREEN_BYTES}")
    return to_picture(2, bytes(PALETTE_BYTES), data)


def decode_spectrum(data: bytes) -> pd.Shown:
    """What a Spectrum 512 file shows: 48 colours on each of 199 lines, and where a pixel stands decides which of three
    registers it means. Raises ``FormatError``."""
    if len(data) != SCREEN_BYTES + SPECTRUM_LINES * SPECTRUM_COLOURS * 2:
        raise pd.FormatError(f"{len(data)} bytes of a Spectrum 512 picture, which has 51104")
    gamut, held = screen.registers(data[SCREEN_BYTES:])
    colours = gamut.rgb(held).reshape(SPECTRUM_LINES, SPECTRUM_COLOURS, 3)
    # Nothing is painted on the first line: the program changes colours while the one above is drawn.
    pixels = screen.pixels_of(0, data[:SCREEN_BYTES])[1:].astype(int)
    first = 10 * pixels + 1 - 6 * (pixels & 1)
    x = np.arange(SIZES[0][0])[None]
    slots = pixels + 16 * (x >= first) + 16 * (x >= first + 160)
    image = colours[np.arange(SPECTRUM_LINES)[:, None], slots]
    return pd.Shown(image, notes=("Spectrum 512: the palette changes 48 times a line",))


def read_spectrum(data: bytes) -> pd.Picture:
    """Nothing: no mode of ours changes its palette. Raises ``FormatError`` for every file."""
    raise pd.FormatError(f"{decode_spectrum(data).notes[0]}; it can be shown, and is in no mode")


def _degas() -> list[pd.Format]:
    result = []
    for number, name in enumerate(screen.NAMES, 1):
        modes = tuple(mode.name for mode in MODES.values() if resolution_of(mode) == number - 1)
        result += [
            pd.Format(
                f"degas-{name}", (f".pi{number}",), modes, write_degas, partial(read_degas, kind=number - 1),
                description=f"Degas, {name} resolution of the Atari ST",
            ),
            pd.Format(
                f"packed-degas-{name}", (f".pc{number}",), modes, write_packed,
                partial(read_degas, kind=PACKED | number - 1),
                description=f"Degas Elite, packed, {name} resolution of the Atari ST",
            ),
        ]  # fmt: skip
    return result


FORMATS = [
    *_degas(),
    pd.Format(
        "neochrome", (".neo",), ("atari-st-low", "atari-ste-low"), write_neo, read_neo,
        description="NeoChrome, low resolution of the Atari ST",
    ),
    pd.Format(
        "atari-doodle", (".doo",), (HIGH.name,), write_doodle, read_doodle,
        description="Doodle, high resolution of the Atari ST",
    ),
    pd.Format(
        "spectrum-512", (".spu",), (), None, read_spectrum, decode_spectrum,
        description="Spectrum 512, an Atari ST's low resolution with a palette that changes; shown only",
    ),
]  # fmt: skip
