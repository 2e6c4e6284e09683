"""Commodore 64 programs that show their own picture: LOAD, RUN; any key returns to BASIC.

The picture lies where the video chip can show it without being moved; only colour RAM, which no file can load into,
is copied there. The machine code stands in ``c64_viewer`` and ``c64_raster``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from pixeldream_plugins import c64_charset, c64_raster, c64_sprites, c64_viewer
from pixeldream_plugins.c64_raster import FRAME
from pixeldream_plugins.c64_screen import (
    BITMAP_BYTES,
    CELL_BYTES,
    COLUMNS,
    HIRES,
    MULTICOLOR,
    ROWS,
    Screen,
    to_picture,
    to_screen,
)  # fmt: skip
from pixeldream_plugins.c64_viewer import BACKGROUND, BASIC, BITMAP, COLOURS, CONTROL_BYTE, SCREEN, START, assemble

import pixeldream as pd

END = BITMAP + BITMAP_BYTES

CHARACTERS_BYTES = c64_charset.CHARACTERS * c64_charset.CHARACTER_BYTES
SPRITES = c64_sprites.ACROSS * c64_sprites.DOWN
HIRES_CONTROL, MULTICOLOR_CONTROL = 0xC8, 0xD8
BLANK = b" "


def viewer(*parts: str) -> bytes:
    """The machine code of the listings called ``parts``, one after the other."""
    listings = vars(c64_viewer) | vars(c64_raster)
    return assemble("".join(listings[f"{part}_CODE"] for part in parts))


class Loaded:
    """A program as it lies in memory."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def at(self, address: int, length: int) -> bytes:
        """The bytes from ``address`` on."""
        offset = 2 + address - BASIC
        return self.data[offset : offset + length]


@dataclass(frozen=True)
class Kind:
    """How the pictures of one mode lie in memory. ``code``: machine code by address, which tells the kind. ``end``: the
    first address behind the file. ``place`` puts a picture's bytes into memory, ``take`` makes a picture of them."""

    mode: pd.Mode
    code: tuple[tuple[int, bytes], ...]
    end: int
    place: Callable[[pd.Memory, pd.Picture], None]
    take: Callable[[Loaded], pd.Picture]


def build(kind: Kind, picture: pd.Picture) -> bytes:
    """The program that shows a picture, with its load address. Raises ``FormatError`` for another size."""
    if picture.mode.size != kind.mode.size:
        raise pd.FormatError(
            f"a program of {kind.mode.name} shows {kind.mode.size[0]}x{kind.mode.size[1]} pixels, and not "
            f"{picture.mode.size[0]}x{picture.mode.size[1]}; store the picture in its editor's format"
        )
    memory = pd.Memory()
    memory.reserve(0x0000, BASIC, "KERNAL, stack and text screen")
    memory.place(BASIC, c64_viewer.BASIC_LINE, "BASIC line")
    memory.place(c64_viewer.KEYS, assemble(c64_viewer.KEYS_CODE), "keyboard routine")
    for address, code in kind.code:
        memory.place(address, code, "viewer")
    kind.place(memory, picture)
    start, data = memory.image()
    return start.to_bytes(2, "little") + data.ljust(kind.end - start, b"\0")


def recognise(kind: Kind, data: bytes) -> pd.Picture | None:
    """The picture of a program of that kind, or ``None`` where the program is none or was altered."""
    loaded = Loaded(data)
    if len(data) != 2 + kind.end - BASIC or any(loaded.at(at, len(code)) != code for at, code in kind.code):
        return None
    picture = kind.take(loaded)
    # Code that differs may show anything: only a program that comes out the same again is known to show this picture.
    return picture if picture.mode == kind.mode and build(kind, picture) == data else None


# ---------------------------------------------------------------------------------------- bitmap screens


def _place_bitmap(memory: pd.Memory, picture: pd.Picture) -> None:
    screen = to_screen(picture)
    memory.place(BACKGROUND, bytes([screen.background, screen.border]), "background and border")
    memory.place(SCREEN, screen.screen, "screen")
    memory.reserve(SCREEN + CELL_BYTES, 24, "rest of the screen, sprite pointers")
    if screen.colours:
        memory.place(COLOURS, screen.colours, "colour RAM")
    memory.place(BITMAP, screen.bitmap, "bitmap")


def _take_bitmap(loaded: Loaded, multicolor: bool) -> pd.Picture:
    background, border = loaded.at(BACKGROUND, 2)
    colours = loaded.at(COLOURS, CELL_BYTES) if multicolor else b""
    bitmap, screen = loaded.at(BITMAP, BITMAP_BYTES), loaded.at(SCREEN, CELL_BYTES)
    return to_picture(Screen(bitmap, screen, colours, background, border))


# -------------------------------------------------------------------------------------------- characters


def _place_characters(memory: pd.Memory, picture: pd.Picture) -> None:
    text = c64_charset.to_text(picture)
    control = MULTICOLOR_CONTROL if text.multicolor else HIRES_CONTROL
    background, *shared = text.shared
    memory.place(CONTROL_BYTE, bytes([control, *shared, background, text.border]), "colours")
    memory.place(SCREEN, text.codes, "screen")
    memory.reserve(SCREEN + CELL_BYTES, 24, "rest of the screen, sprite pointers")
    memory.place(COLOURS, text.colours, "colour RAM")
    memory.place(BITMAP, text.characters, "characters")


def _take_characters(loaded: Loaded) -> pd.Picture:
    control, *shared, background, border = loaded.at(CONTROL_BYTE, 5)
    characters = np.frombuffer(loaded.at(BITMAP, CHARACTERS_BYTES), np.uint8).reshape(-1, 8)
    codes = np.frombuffer(loaded.at(SCREEN, CELL_BYTES), np.uint8).reshape(ROWS, COLUMNS)
    own = np.frombuffer(loaded.at(COLOURS, CELL_BYTES), np.uint8).reshape(ROWS, COLUMNS)
    picture = c64_charset.from_text(characters[codes], own, (background, *shared), control == MULTICOLOR_CONTROL)
    return replace(picture, border=border & 15)


# ----------------------------------------------------------------------------------------------- sprites


def _place_sprites(memory: pd.Memory, picture: pd.Picture) -> None:
    background, *shared = c64_sprites.globals_of(picture)
    wide = 0xFF if c64_sprites.is_multicolor(picture) else 0
    memory.place(CONTROL_BYTE, bytes([wide, *shared, background, picture.border]), "colours")
    memory.place(SCREEN, BLANK * CELL_BYTES, "screen")
    memory.reserve(SCREEN + CELL_BYTES, 24, "rest of the screen, sprite pointers")
    memory.place(COLOURS, c64_sprites.colours(picture).tobytes(), "sprite colours")
    memory.place(BITMAP, np.pad(c64_sprites.shapes(picture), ((0, 0), (0, 1))).tobytes(), "sprites")


def _take_sprites(loaded: Loaded) -> pd.Picture:
    wide, *shared, background, border = loaded.at(CONTROL_BYTE, 5)
    sprites = np.frombuffer(loaded.at(BITMAP, SPRITES * 64), np.uint8).reshape(SPRITES, 64).copy()
    sprites[:, 63] = np.frombuffer(loaded.at(COLOURS, SPRITES), np.uint8)
    picture = c64_sprites.sheet(sprites, tuple(colour & 15 for colour in (background, *shared)), bool(wide))
    return replace(picture, border=border & 15)


def _still(*parts: str) -> tuple[tuple[int, bytes], ...]:
    """The viewer of a screen that stays as it is: the listings ``parts`` of ``c64_viewer``."""
    return ((START, viewer("OPEN", *parts, "WAIT", "RETURN")),)


SPRITE = ((START, viewer("OPEN", "LOOK", "SPRITES")), (FRAME, viewer("ROWS", "KEY", "RETURN")))

KINDS = (
    Kind(
        MULTICOLOR, _still("BACKGROUND", "COPY", "MULTICOLOR", "BITMAP"), END, _place_bitmap,
        partial(_take_bitmap, multicolor=True),
    ),
    Kind(
        HIRES, _still("HIRES", "BITMAP"), END, _place_bitmap, partial(_take_bitmap, multicolor=False),
    ),
    *[
        Kind(
            mode, _still("CHARACTERS", "COPY", "TEXT"), BITMAP + CHARACTERS_BYTES, _place_characters, _take_characters
        )
        for mode in (c64_charset.HIRES_CHARSET, c64_charset.MULTICOLOR_CHARSET)
    ],
    *[
        Kind(mode, SPRITE, BITMAP + SPRITES * 64, _place_sprites, _take_sprites)
        for mode in (c64_sprites.HIRES_SPRITES, c64_sprites.MULTICOLOR_SPRITES)
    ],
)  # fmt: skip
"""Those that need no more than one bitmap or charset; ``c64_fli_program`` has the others."""
