"""Character sets of the Commodore 64: a screen of 40 x 25 places that shows at most 256 different characters.

Hires characters have one colour of their own at each place. Multicolor ones have wide pixels, three colours for the
whole screen and one of the first eight at each place: bit 3 of colour RAM is what makes a place multicolor. Commodore
64 Programmer's Reference Guide (1982), chapter 3. CharPad files, version 5: CharPad's manual, and RECOIL.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from pixeldream_plugins.c64_screen import COLUMNS, PALETTE, ROWS, pack, unpack

import pixeldream as pd

CHARACTERS = 256
CHARACTER_BYTES = 8
IS_MULTICOLOR = 8

HIRES_CHARSET = pd.Mode(
    name="c64-charset-hires",
    machine="Commodore 64",
    size=(320, 200),
    # In the order of the bits 0, 1.
    slots=(pd.Slot("background"), pd.Slot("colour-ram", (8, 8))),
    palette=PALETTE,
    pixel_aspect=(59, 63),
    tiles=pd.Tiles((8, 8), CHARACTERS),
    description="256 different characters, a colour in each place and the background",
)

MULTICOLOR_CHARSET = pd.Mode(
    name="c64-charset-multicolor",
    machine="Commodore 64",
    size=(160, 200),
    # In the order of the bit pairs 00, 01, 10, 11.
    slots=(
        pd.Slot("background"),
        pd.Slot("shared-1"),
        pd.Slot("shared-2"),
        pd.Slot("colour-ram", (4, 8), tuple(range(8))),
    ),
    palette=PALETTE,
    pixel_aspect=(118, 63),
    tiles=pd.Tiles((4, 8), CHARACTERS),
    description="256 different characters of wide pixels, one of eight colours in each place and three shared",
)


@dataclass(frozen=True)
class TextScreen:
    """A screen of characters as bytes.

    ``characters``: 8 bytes each, up to 256, in the order in which the screen first uses them. ``codes``: 1000 bytes,
    the character at each place. ``colours``: colour RAM, 1000 bytes. ``shared``: background and the two colours of
    multicolor characters.
    """

    characters: bytes
    codes: bytes
    colours: bytes
    shared: tuple[int, int, int]
    multicolor: bool
    border: int = 0


def to_text(picture: pd.Picture) -> TextScreen:
    """The bytes that show a picture of a character mode, of any size."""
    multicolor = len(picture.colours) == 4
    cells = np.frombuffer(pack(picture.pixels, 2 if multicolor else 1), np.uint8).reshape(-1, CHARACTER_BYTES)
    _, first, code = np.unique(cells, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    *shared, own = picture.colours
    values = [int(colour[0, 0]) for colour in shared] + [0, 0]
    colours = np.asarray(own).astype(np.uint8) | (IS_MULTICOLOR if multicolor else 0)
    return TextScreen(
        cells[first[order]].tobytes(), rank[code.reshape(-1)].astype(np.uint8).tobytes(), colours.tobytes(),
        (values[0], values[1], values[2]), multicolor, picture.border,
    )  # fmt: skip


def from_text(cells: np.ndarray, own: np.ndarray, shared: tuple[int, ...], multicolor: bool) -> pd.Picture:
    """The picture of uint8 ``cells [rows, columns, 8]`` with own colours ``[rows, columns]``; 40x25 places make one of
    the registered mode. Raises ``FormatError`` when there are more than 256 different characters."""
    mode, bits = (MULTICOLOR_CHARSET, 2) if multicolor else (HIRES_CHARSET, 1)
    rows, columns = own.shape
    pixels = unpack(cells.tobytes(), bits, columns)
    if (rows, columns) != (ROWS, COLUMNS):
        mode = replace(mode, size=(columns * 8 // bits, rows * 8))
    globals_ = [np.full((1, 1), value & 15, np.uint8) for value in shared[: 3 if multicolor else 1]]
    try:
        return pd.Picture(mode, pd.palette(PALETTE), pixels, (*globals_, own & (7 if multicolor else 15)))
    except ValueError as error:
        raise pd.FormatError(str(error)) from None


# ------------------------------------------------------------------------------------------ CharPad

SIGNATURE = b"CTM\x05"
HEADER_BYTES = 20
GLOBAL, PER_TILE, PER_CHARACTER = range(3)
"""What has a colour of its own."""

HAS_TILES, EXPANDED, WIDE = 1, 2, 4
"""Flags: the map is of tiles; tiles are characters in a row, without a table; wide pixels."""

MAXIMUM_PLACES = 1 << 19
"""Characters of a map that are unfolded: 32 million pixels."""


@dataclass(frozen=True)
class _CharPad:
    """The header of a CharPad 5 file, and where its parts start."""

    shared: tuple[int, ...]
    colour: int
    method: int
    flags: int
    characters: int
    tiles: int
    tile: tuple[int, int]
    map: tuple[int, int]

    @property
    def attributes(self) -> int:
        return HEADER_BYTES + self.characters * CHARACTER_BYTES

    @property
    def tile_table(self) -> int:
        return self.attributes + self.characters

    @property
    def tile_colours(self) -> int:
        stored = self.flags & HAS_TILES and not self.flags & EXPANDED
        return self.tile_table + (self.tiles * self.tile[0] * self.tile[1] * 2 if stored else 0)

    @property
    def places(self) -> int:
        return self.tile_colours + (self.tiles if self.method == PER_TILE else 0)

    @property
    def end(self) -> int:
        return self.places + self.map[0] * self.map[1] * 2


def _header(data: bytes) -> _CharPad:
    if len(data) < 30 or data[:4] != SIGNATURE:
        raise pd.FormatError("this is no CharPad file of version 5: it starts with 'CTM' and a 5")
    word = [data[at] | data[at + 1] << 8 for at in range(10, 20, 2)]
    tiled = bool(data[9] & HAS_TILES)
    tile = (data[14], data[15]) if tiled else (1, 1)
    header = _CharPad(
        tuple(data[4:7]), data[7], data[8], data[9], word[0] + 1, word[1] + 1 if tiled else 0, tile, (word[3], word[4])
    )
    if header.method > PER_CHARACTER or (header.method == PER_TILE and not tiled) or 0 in tile or 0 in header.map:
        raise pd.FormatError(f"a CharPad file of colour method {header.method}, tiles {tile} and a map of {header.map}")
    if header.end != len(data):
        raise pd.FormatError(f"a CharPad file of {len(data)} bytes, of which its header promises {header.end}")
    if header.map[0] * tile[0] * header.map[1] * tile[1] > MAXIMUM_PLACES:
        raise pd.FormatError(f"a CharPad map of {header.map[0]}x{header.map[1]} tiles is too large")
    return header


def _words(data: bytes, start: int, *shape: int) -> np.ndarray:
    return np.frombuffer(data, "<u2", int(np.prod(shape)), start).astype(np.int64).reshape(shape)


def read_charpad(data: bytes) -> pd.Picture:
    """The whole map of a CharPad 5 file, as one picture of a character mode."""
    header = _header(data)
    (across, down), (columns, rows) = header.tile, header.map
    places = _words(data, header.places, rows, columns)
    tile = places.repeat(down, 0).repeat(across, 1)
    codes = tile
    if header.flags & HAS_TILES:
        if int(places.max()) >= header.tiles:
            raise pd.FormatError(f"the CharPad map uses tile {int(places.max())} of {header.tiles}")
        y, x = np.mgrid[0 : rows * down, 0 : columns * across]
        codes = (tile * down + y % down) * across + x % across
        if not header.flags & EXPANDED:
            codes = _words(data, header.tile_table, header.tiles * down * across)[codes]
    if int(codes.max()) >= header.characters:
        raise pd.FormatError(f"the CharPad map uses character {int(codes.max())} of {header.characters}")
    characters = np.frombuffer(data, np.uint8, header.characters * CHARACTER_BYTES, HEADER_BYTES)
    if header.method == GLOBAL:
        own = np.full(codes.shape, header.colour, np.uint8)
    elif header.method == PER_TILE:
        own = np.frombuffer(data, np.uint8, header.tiles, header.tile_colours)[tile]
    else:
        own = np.frombuffer(data, np.uint8, header.characters, header.attributes)[codes]
    multicolor = bool(header.flags & WIDE)
    return from_text(characters.reshape(-1, CHARACTER_BYTES)[codes], own, header.shared, multicolor)


FORMATS = [
    pd.Format(
        "charpad", (".ctm",), (HIRES_CHARSET.name, MULTICOLOR_CHARSET.name), read=read_charpad,
        description="CharPad 5, Commodore 64 characters and maps",
    )
]  # fmt: skip
