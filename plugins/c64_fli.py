"""FLI and AFLI of the Commodore 64: a screen of its own for each of the eight lines of a cell.

A bad line is forced on every raster line, so the video chip reads its two screen colours anew each time; the chip then
misses the first three cells of the line. It reads $FF there: the two screen colours are 15, and what colour RAM holds
is chance. FLI leaves those cells at the background, which the chip shows as such; in AFLI they are all of colour 15.
https://codebase64.org/doku.php?id=base:fli; VICE, vicii-fetch.c.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pixeldream_plugins.c64_screen import CELL_BYTES, COLUMNS, PALETTE, ROWS, pack, unpack

import pixeldream as pd

LINES = 8
"""Lines of a cell, and so many screens."""

SCREEN_BYTES = 1024
"""From one screen to the next in memory; the last 24 bytes are not shown."""

SCREENS_BYTES = LINES * SCREEN_BYTES

BUG_CELLS = 3

FLI = pd.Mode(
    name="c64-fli",
    machine="Commodore 64",
    size=(160, 200),
    # In the order of the bit pairs 00, 01, 10, 11.
    slots=(
        pd.Slot("background"),
        pd.Slot("screen-high", (4, 1)),
        pd.Slot("screen-low", (4, 1)),
        pd.Slot("colour-ram", (4, 8)),
    ),
    palette=PALETTE,
    pixel_aspect=(118, 63),
    blocked=4 * BUG_CELLS,
    description="multicolor with two new colours in each line of a cell; the left 12 pixels are lost",
)

AFLI = pd.Mode(
    name="c64-afli",
    machine="Commodore 64",
    size=(320, 200),
    # In the order of the bits 0, 1.
    slots=(pd.Slot("screen-low", (8, 1)), pd.Slot("screen-high", (8, 1))),
    palette=PALETTE,
    pixel_aspect=(59, 63),
    blocked=8 * BUG_CELLS,
    blocked_colour=15,
    description="hires with two new colours in each line of a cell; the left 24 pixels are lost",
)


@dataclass(frozen=True)
class FliScreen:
    """A FLI picture as bytes.

    ``bitmap``: 8000 bytes in cell order. ``screens``: 8192 bytes, the screen of line 0 of every cell first.
    ``colours``: colour RAM, 1000 bytes; empty for AFLI. ``background`` and ``border``: 0 to 15.
    """

    bitmap: bytes
    screens: bytes
    colours: bytes = b""
    background: int = 0
    border: int = 0


def pack_screens(high: np.ndarray, low: np.ndarray) -> bytes:
    """Two colours a line of a cell, ``[200, 40]``, to eight screens; the bytes that are not shown are 0."""
    cells = (np.asarray(high).astype(np.uint8) << 4 | np.asarray(low).astype(np.uint8)).reshape(ROWS, LINES, COLUMNS)
    screens = cells.transpose(1, 0, 2).reshape(LINES, CELL_BYTES)
    return np.pad(screens, ((0, 0), (0, SCREEN_BYTES - CELL_BYTES))).tobytes()


def unpack_screens(screens: bytes) -> tuple[np.ndarray, np.ndarray]:
    """The inverse of :func:`pack_screens`: high and low nibbles, uint8 ``[200, 40]``. The last bytes may be missing."""
    padded = screens.ljust(SCREENS_BYTES, b"\0")
    cells = np.frombuffer(padded, np.uint8).reshape(LINES, SCREEN_BYTES)[:, :CELL_BYTES]
    rows = cells.reshape(LINES, ROWS, COLUMNS).transpose(1, 0, 2).reshape(ROWS * LINES, COLUMNS)
    return rows >> 4, rows & 15


def to_fli(picture: pd.Picture) -> FliScreen:
    """The bytes that show a picture of ``c64-fli`` or ``c64-afli``."""
    if len(picture.colours) == 2:
        low, high = picture.colours
        return FliScreen(pack(picture.pixels, bits=1), pack_screens(high, low), border=picture.border)
    background, high, low, own = picture.colours
    bitmap, colours = pack(picture.pixels, bits=2), np.asarray(own).astype(np.uint8).tobytes()
    return FliScreen(bitmap, pack_screens(high, low), colours, int(background[0, 0]), picture.border)


def from_fli(screen: FliScreen) -> pd.Picture:
    """The picture that the bytes show: ``c64-fli`` when there is colour RAM, or else ``c64-afli``.

    What a file holds in the three cells that the chip misses is dropped: editors left anything there.
    """
    high, low = unpack_screens(screen.screens)
    palette, border = pd.palette(PALETTE), screen.border & 15
    if not screen.colours:
        pixels = unpack(screen.bitmap, bits=1)
        pixels[:, : AFLI.blocked] = 0
        low[:, :BUG_CELLS] = high[:, :BUG_CELLS] = 15
        return pd.Picture(AFLI, palette, pixels, (low, high), border)
    pixels = unpack(screen.bitmap, bits=2)
    pixels[:, : FLI.blocked] = 0
    own = np.frombuffer(screen.colours, np.uint8).reshape(ROWS, COLUMNS) & 15
    background = np.full((1, 1), screen.background & 15, np.uint8)
    return pd.Picture(FLI, palette, pixels, (background, high, low, own), border)
