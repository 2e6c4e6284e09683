"""The bitmap screens of the Commodore 64: their modes, and a picture as the video chip reads it from memory.

Modes: Commodore 64 Programmer's Reference Guide (1982), chapter 3. The pixel is 59/63 as wide as it is tall on a PAL
screen (VICE, vicii.c: a pixel aspect of 0.93650794); a multicolor pixel is twice that wide.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

import pixeldream as pd

PALETTE = "c64-colodore"

ROWS, COLUMNS = 25, 40
"""Character cells of the screen: 8 lines by 8 dots each."""

BITMAP_BYTES = 8000
CELL_BYTES = ROWS * COLUMNS

MULTICOLOR = pd.Mode(
    name="c64-multicolor",
    machine="Commodore 64",
    size=(160, 200),
    # In the order of the bit pairs 00, 01, 10, 11.
    slots=(
        pd.Slot("background"),
        pd.Slot("screen-high", (4, 8)),
        pd.Slot("screen-low", (4, 8)),
        pd.Slot("colour-ram", (4, 8)),
    ),
    palette=PALETTE,
    pixel_aspect=(118, 63),
    description="wide pixels; each 4x8 cell has three colours of its own and shares the background",
)

HIRES = pd.Mode(
    name="c64-hires",
    machine="Commodore 64",
    size=(320, 200),
    # In the order of the bits 0, 1.
    slots=(pd.Slot("screen-low", (8, 8)), pd.Slot("screen-high", (8, 8))),
    palette=PALETTE,
    pixel_aspect=(59, 63),
    description="two colours in each 8x8 cell",
)


@dataclass(frozen=True)
class Screen:
    """A bitmap screen as bytes.

    ``bitmap``: 8000 bytes, cell after cell, each eight lines of eight dots. ``screen``: 1000 bytes, high and low nibble
    a colour each. ``colours``: colour RAM, 1000 bytes of which the low nibble counts; empty for hires. ``background``
    and ``border``: 0 to 15.
    """

    bitmap: bytes
    screen: bytes
    colours: bytes = b""
    background: int = 0
    border: int = 0


def to_screen(picture: pd.Picture) -> Screen:
    """The bytes that show a picture of ``c64-multicolor`` or ``c64-hires``; unused nibbles are 0."""
    colours = [np.asarray(slot).astype(np.uint8) for slot in picture.colours]
    if len(colours) == 2:
        low, high = colours
        return Screen(pack(picture.pixels, bits=1), (high << 4 | low).tobytes(), border=picture.border)
    background, high, low, own = colours
    bitmap = pack(picture.pixels, bits=2)
    return Screen(bitmap, (high << 4 | low).tobytes(), own.tobytes(), int(background[0, 0]), picture.border)


def to_picture(screen: Screen) -> pd.Picture:
    """The picture that a screen shows: ``c64-multicolor`` when it has colour RAM, or else ``c64-hires``.

    Nibbles that the video chip does not connect are ignored.
    """
    cells = np.frombuffer(screen.screen, np.uint8).reshape(ROWS, COLUMNS)
    high, low = cells >> 4, cells & 15
    palette = pd.palette(PALETTE)
    if not screen.colours:
        return pd.Picture(HIRES, palette, unpack(screen.bitmap, bits=1), (low, high), screen.border & 15)
    colours = np.frombuffer(screen.colours, np.uint8).reshape(ROWS, COLUMNS) & 15
    background = np.full((1, 1), screen.background & 15, np.uint8)
    pixels = unpack(screen.bitmap, bits=2)
    return pd.Picture(MULTICOLOR, palette, pixels, (background, high, low, colours), screen.border & 15)


def pack(pixels: np.ndarray, bits: int) -> bytes:
    """Pixels ``[rows * 8, columns * 8 / bits]`` of ``bits`` bits, the leftmost in the highest bits, cell after cell of
    eight bytes: 8000 bytes of a whole screen."""
    lines = to_lines(pixels, bits)
    return lines.reshape(len(lines) // 8, 8, -1).transpose(0, 2, 1).tobytes()


def unpack(bitmap: bytes, bits: int, columns: int = COLUMNS) -> np.ndarray:
    """The inverse of :func:`pack` for cells of ``columns`` in a row: uint8 ``[rows * 8, columns * 8 / bits]``."""
    cells = np.frombuffer(bitmap, np.uint8).reshape(-1, columns, 8)
    return from_lines(cells.transpose(0, 2, 1).reshape(-1, columns), bits)


def to_lines(pixels: np.ndarray, bits: int) -> np.ndarray:
    """uint8 ``[height, width * bits / 8]``: pixels of ``bits`` bits as bytes, the leftmost in the highest bits."""
    separate = np.unpackbits(np.asarray(pixels).astype(np.uint8)[..., None], axis=-1)[..., 8 - bits :]
    return np.packbits(separate.reshape(pixels.shape[0], -1), axis=1)


def from_lines(lines: np.ndarray, bits: int) -> np.ndarray:
    """The inverse of :func:`to_lines`: uint8 ``[height, width]``."""
    separate = np.unpackbits(lines, axis=1).reshape(len(lines), -1, bits)
    return (separate << np.arange(bits - 1, -1, -1, dtype=np.uint8)).sum(-1, dtype=np.uint8)
