"""NES: a screen of background tiles, and its parts as tile editors have them.

NESdev Wiki, "PPU pattern tables", "PPU nametables", "PPU attribute tables" and "PPU palettes",
https://www.nesdev.org/wiki/; a pixel is 8/7 as wide as it is tall on an NTSC screen.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

import pixeldream as pd

PALETTE = "nes-2c02"
SUB_PALETTES, COLUMNS, ROWS = 4, 32, 30
TILES, TILE_BYTES = 256, 16

CODES = np.asarray([code for code in range(64) if (code & 15 < 13 and code != 0x30) or code in (0x0F, 0x2D, 0x3D)])
"""The hardware's code of each palette entry. $0D disturbs television sets, the rest repeat black or white."""

SCREEN = pd.Mode(
    name="nes",
    machine="NES",
    size=(256, 240),
    slots=(
        pd.Slot("backdrop"),
        *(pd.Slot(f"palette-{number}-colour-{colour}") for number in range(SUB_PALETTES) for colour in (1, 2, 3)),
    ),
    palette=PALETTE,
    pixel_aspect=(8, 7),
    colours=len(CODES),
    sub_palettes=pd.SubPalettes((16, 16), tuple((0, 3 * n + 1, 3 * n + 2, 3 * n + 3) for n in range(SUB_PALETTES))),
    tiles=pd.Tiles((8, 8), TILES),
    exact=False,
    description="each 16x16 area has one of four palettes of three colours and the backdrop; 256 different tiles",
)


@dataclass(frozen=True)
class Background:
    """A screen as the picture chip reads it. ``tiles``: 4096 bytes, in the order in which the screen first uses them.
    ``names``: 960 bytes, the tile at each place, then 64 of attributes. ``palette``: 16 bytes."""

    tiles: bytes
    names: bytes
    palette: bytes


def to_background(picture: pd.Picture) -> Background:
    """The bytes that show a picture."""
    cells = picture.stored().reshape(ROWS, 8, COLUMNS, 8).transpose(0, 2, 1, 3).reshape(-1, 8, 8)
    _, first, code = np.unique(cells, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)
    planes = [np.packbits(cells[first[order]] >> bit & 1, axis=2) for bit in (0, 1)]
    tiles = np.concatenate(planes, 1).tobytes()
    names = np.argsort(order)[code.reshape(-1)].astype(np.uint8)
    chosen = np.pad(picture.sub_palettes(), ((0, 1), (0, 0))).astype(np.uint8)
    attributes = chosen[::2, ::2] | chosen[::2, 1::2] << 2 | chosen[1::2, ::2] << 4 | chosen[1::2, 1::2] << 6
    colours = CODES[[int(held[0, 0]) for held in picture.colours]].astype(np.uint8)
    palette = np.insert(colours[1:].reshape(SUB_PALETTES, 3), 0, colours[0], 1)
    return Background(tiles.ljust(TILES * TILE_BYTES, b"\0"), names.tobytes() + attributes.tobytes(), palette.tobytes())


def to_picture(background: Background) -> pd.Picture:
    """The inverse of :func:`to_background`; codes that repeat a colour become the first of it."""
    planes = np.unpackbits(np.frombuffer(background.tiles, np.uint8).reshape(TILES, 2, 8, 1), axis=3)
    names = np.frombuffer(background.names, np.uint8)
    cells = (planes[:, 0] | planes[:, 1] << 1)[names[: ROWS * COLUMNS]]
    stored = cells.reshape(ROWS, COLUMNS, 8, 8).transpose(0, 2, 1, 3).reshape(ROWS * 8, COLUMNS * 8)
    attributes = names[ROWS * COLUMNS :].reshape(8, 8)
    chosen = np.stack([attributes >> shift & 3 for shift in (0, 2, 4, 6)], -1).reshape(8, 8, 2, 2)
    areas = chosen.transpose(0, 2, 1, 3).reshape(16, 16)[:15].repeat(16, 0).repeat(16, 1)
    assert SCREEN.sub_palettes is not None
    pixels = np.asarray(SCREEN.sub_palettes.slots)[areas, stored].astype(np.uint8)
    palette = np.frombuffer(background.palette, np.uint8).reshape(SUB_PALETTES, 4)
    codes = [palette[0, 0] & 63, *(palette[:, 1:].reshape(-1) & 63)]
    colours = tuple(np.full((1, 1), _index(int(code)), np.int64) for code in codes)
    return pd.Picture(SCREEN, pd.palette(PALETTE), pixels, colours)


def _index(code: int) -> int:
    first = 0x20 if code == 0x30 else 0x0F if code not in CODES else code
    return int(np.flatnonzero(first == CODES)[0])


def write_part(part: str, picture: pd.Picture, options: pd.WriteOptions) -> bytes:
    """One part of a picture: together they are the screen."""
    return getattr(to_background(picture), part)


FORMATS = [
    pd.Format("nes-tiles", (".chr",), (SCREEN.name,), partial(write_part, "tiles"), description="pattern table, NES"),
    pd.Format(
        "nes-names", (".nam",), (SCREEN.name,), partial(write_part, "names"),
        description="name table and attributes, NES",
    ),
    pd.Format(
        "nes-palette", (".pal",), (SCREEN.name,), partial(write_part, "palette"), description="palette memory, NES"
    ),
]  # fmt: skip


@pd.hookimpl
def register_modes() -> list[pd.Mode]:
    return [SCREEN]


@pd.hookimpl
def register_formats() -> list[pd.Format]:
    from pixeldream_plugins import nes_program

    return [*FORMATS, *nes_program.FORMATS]
