"""MSX: SCREEN 2 of the TMS9918, which is Graphics II of the ColecoVision and the SG-1000 too, and its files.

Texas Instruments, "TMS9918A/TMS9928A/TMS9929A Video Display Processors" (1982), chapter 2; BSAVE files after "MSX
Technical Data Book" (1985). A pixel is 8/7 as wide as it is tall on an NTSC screen.
"""

from __future__ import annotations

import numpy as np

import pixeldream as pd

PALETTE = "msx-recoil"
COLUMNS, ROWS = 32, 24
TABLE_BYTES = 6144
NAME_BYTES = 768

PATTERNS, NAMES, PALETTE_AT, COLOURS, END = 0x0000, 0x1800, 0x1B80, 0x2000, 0x3800
"""Where the parts lie in video memory, and where the picture ends."""

BLACK = 1
"""The hardware's number of the palette's first colour; 0 is transparent and shows what lies behind the picture."""

SCREEN_2 = pd.Mode(
    name="msx-screen2",
    machine="MSX",
    size=(256, 192),
    # In the order of the bits 0, 1.
    slots=(pd.Slot("paper", (8, 1)), pd.Slot("ink", (8, 1))),
    palette=PALETTE,
    pixel_aspect=(8, 7),
    colours=15,
    description="two of 15 colours in each line of a cell",
)

THIRD = bytes(range(256))
"""The names of a third of the screen: every pattern once."""


def to_tables(picture: pd.Picture) -> tuple[bytes, bytes]:
    """Patterns and colours, 6144 bytes each, cell after cell."""
    paper, ink = (np.asarray(held).astype(np.uint8) + BLACK for held in picture.colours)
    return _by_cells(np.packbits(picture.pixels, axis=1)), _by_cells((ink << 4 | paper).astype(np.uint8))


def to_picture(patterns: bytes, colours: bytes, names: bytes = 3 * THIRD) -> pd.Picture:
    """The picture of the tables; ``names``: which pattern of its third each cell shows. Transparent is shown black."""
    place = np.frombuffer(names, np.uint8).astype(np.int64).reshape(3, -1) + 256 * np.arange(3)[:, None]
    lines = [
        np.frombuffer(table, np.uint8).reshape(-1, 8)[place.reshape(ROWS, COLUMNS)].transpose(0, 2, 1).reshape(-1, 32)
        for table in (patterns, colours)
    ]
    ink, paper = (np.maximum(held, BLACK) - BLACK for held in (lines[1] >> 4, lines[1] & 15))
    return pd.Picture(SCREEN_2, pd.palette(PALETTE), np.unpackbits(lines[0], axis=1), (paper, ink))


def _by_cells(lines: np.ndarray) -> bytes:
    return lines.reshape(ROWS, 8, COLUMNS).transpose(0, 2, 1).tobytes()


# -------------------------------------------------------------------------------------------- .sc2

HEADER_BYTES = 7
WITH_SPRITES = 0x4000
SPRITE_AT, NO_MORE_SPRITES = 0x1B00, 0xD0


def write_screen(picture: pd.Picture, options: pd.WriteOptions) -> bytes:
    """What BSAVE writes of SCREEN 2: video memory up to the end of the colours."""
    memory = pd.Memory(END)
    patterns, colours = to_tables(picture)
    memory.place(PATTERNS, patterns, "patterns")
    memory.place(NAMES, 3 * THIRD, "names")
    memory.place(SPRITE_AT, bytes([NO_MORE_SPRITES]), "end of the sprites")
    # Not a palette: an MSX1 has none, and readers would take zeros for one of blacks.
    memory.place(PALETTE_AT, b"\xff" * 32, "no palette")
    memory.place(COLOURS, colours, "colours")
    return bytes([0xFE, 0, 0, *(END - 1).to_bytes(2, "little"), 0, 0]) + memory.image()[1]


def read_screen(data: bytes) -> pd.Picture:
    """The picture of a .sc2 file: with sprites or without, which are not shown, nor is a palette of an MSX2."""
    end = int.from_bytes(data[3:5], "little")
    if len(data) < HEADER_BYTES or data[0] != 0xFE or data[1:3] != b"\0\0":
        raise pd.FormatError("a .sc2 file starts with FE 00 00, as BSAVE of video memory does")
    if not END - 1 <= end < WITH_SPRITES or len(data) < HEADER_BYTES + END:
        raise pd.FormatError(
            f"a .sc2 file up to ${end:04X} of {len(data)} bytes lacks tables: they end at ${END - 1:X}"
        )
    memory = data[HEADER_BYTES:]
    return to_picture(memory[:TABLE_BYTES], memory[COLOURS:END], memory[NAMES : NAMES + NAME_BYTES])


FORMATS = [
    pd.Format("msx-screen2", (".sc2",), (SCREEN_2.name,), write_screen, read_screen, description="MSX SCREEN 2, BSAVE"),
]


@pd.hookimpl
def register_modes() -> list[pd.Mode]:
    return [SCREEN_2]


@pd.hookimpl
def register_formats() -> list[pd.Format]:
    from pixeldream_plugins import msx_program

    return [*FORMATS, *msx_program.FORMATS]
