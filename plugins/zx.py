"""ZX Spectrum: its screen, the Timex screen with attributes for every line, and files that hold them.

World of Spectrum, "The Spectrum's screen" and file formats, https://worldofspectrum.org/faq/reference/48kreference.htm;
a pixel is 59/56 as wide as it is tall on a PAL screen (7 MHz where square pixels need 7.375).
"""

from __future__ import annotations

from functools import partial

import numpy as np

import pixeldream as pd

PALETTE = "zx-spectrum"
COLUMNS, HEIGHT = 32, 192
BITMAP_BYTES, ATTRIBUTE_BYTES = 6144, 768
SCREEN_BYTES = BITMAP_BYTES + ATTRIBUTE_BYTES

BRIGHT = 7
"""How far the palette's bright colours stand behind the normal ones; black is the same in both and comes once."""

LINES = np.asarray([y & 0xC0 | (y & 7) << 3 | y >> 3 & 7 for y in range(HEIGHT)])
"""Where each line of the screen lies in memory, in lines."""


def _mode(name: str, cell: tuple[int, int], description: str) -> pd.Mode:
    return pd.Mode(
        name=name, machine="ZX Spectrum", size=(256, HEIGHT),
        # In the order of the bits 0, 1.
        slots=(pd.Slot("paper", cell), pd.Slot("ink", cell)),
        palette=PALETTE, pixel_aspect=(59, 56), colours=15,
        colour_groups=(tuple(range(8)), (0, *range(8, 15))),
        description=description,
    )  # fmt: skip


SPECTRUM = _mode("zx-spectrum", (8, 8), "two colours of one brightness in each 8x8 cell")
MULTICOLOUR = _mode("zx-multicolour", (8, 1), "two colours of one brightness in each line of a cell (Timex hi-colour)")


def to_screen(picture: pd.Picture, order: np.ndarray = LINES) -> bytes:
    """Bitmap and attributes; ``order``: where each line's attributes lie, when each line has its own."""
    bitmap = np.empty((HEIGHT, COLUMNS), np.uint8)
    bitmap[LINES] = np.packbits(picture.pixels, axis=1)
    paper, ink = (np.asarray(held).astype(np.uint8) for held in picture.colours)
    paper_colour, ink_colour = (np.where(held > BRIGHT, held - BRIGHT, held) for held in (paper, ink))
    bright = np.maximum(paper, ink) > BRIGHT
    attributes = (bright.astype(np.uint8) << 6 | paper_colour << 3 | ink_colour).astype(np.uint8)
    if len(attributes) == HEIGHT:
        attributes[order] = attributes.copy()
    return bitmap.tobytes() + attributes.tobytes()


def to_picture(data: bytes, border: int = 0, order: np.ndarray = LINES) -> pd.Picture:
    """The inverse of :func:`to_screen`: of ``zx-spectrum``, or ``zx-multicolour`` with attributes for every line.
    Flashing cells stand still."""
    pixels = np.unpackbits(np.frombuffer(data, np.uint8, BITMAP_BYTES).reshape(HEIGHT, COLUMNS)[LINES], axis=1)
    attributes = np.frombuffer(data, np.uint8, offset=BITMAP_BYTES).reshape(-1, COLUMNS)
    mode = SPECTRUM if len(attributes) < HEIGHT else MULTICOLOUR
    if mode is MULTICOLOUR:
        attributes = attributes[order]
    bright = np.where(attributes & 64, BRIGHT, 0)
    colours = [np.where(colour, colour + bright, 0) for colour in (attributes >> 3 & 7, attributes & 7)]
    return pd.Picture(mode, pd.palette(PALETTE), pixels, (colours[0], colours[1]), border)


LINEAR = np.arange(HEIGHT)
MONOCHROME = bytes([0x47]) * ATTRIBUTE_BYTES
"""Bright white on black, as RECOIL shows a bitmap alone."""


def read_screen(data: bytes) -> pd.Picture:
    """A screen of 6912 bytes, of 6913 with the border behind it, of 6144 without attributes (white on black), or of
    12288 with attributes for every line."""
    if len(data) == SCREEN_BYTES + 1 and data[-1] < 8:
        return to_picture(data[:-1], data[-1])
    if len(data) == BITMAP_BYTES:
        return to_picture(data + MONOCHROME)
    if len(data) in (SCREEN_BYTES, 2 * BITMAP_BYTES):
        return to_picture(data)
    raise pd.FormatError(f"a Spectrum screen has {SCREEN_BYTES} bytes ({2 * BITMAP_BYTES} by lines), not {len(data)}")


def read_lines(data: bytes) -> pd.Picture:
    """A .mlt file: 12288 bytes, attributes from the top to the bottom."""
    if len(data) != 2 * BITMAP_BYTES:
        raise pd.FormatError(f"an MLT screen has {2 * BITMAP_BYTES} bytes, not {len(data)}")
    return to_picture(data, order=LINEAR)


def write_screen(order: np.ndarray, picture: pd.Picture, options: pd.WriteOptions) -> bytes:
    """Bitmap and attributes; the border is not kept."""
    return to_screen(picture, order)


FORMATS = [
    pd.Format(
        "zx-screen", (".scr",), (SPECTRUM.name, MULTICOLOUR.name), partial(write_screen, LINES), read_screen,
        description="ZX Spectrum screen memory",
    ),
    pd.Format(
        "zx-lines", (".mlt",), (MULTICOLOUR.name,), partial(write_screen, LINEAR), read_lines,
        description="ZX Spectrum screen with attributes for every line",
    ),
]  # fmt: skip


@pd.hookimpl
def register_modes() -> list[pd.Mode]:
    return [SPECTRUM, MULTICOLOUR]


@pd.hookimpl
def register_formats() -> list[pd.Format]:
    from pixeldream_plugins import zx_program

    return [*FORMATS, *zx_program.FORMATS]
