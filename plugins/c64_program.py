"""Commodore 64 programs that show their own picture: LOAD, RUN; any key returns to BASIC.

The picture lies where the video chip can show it without being moved; only colour RAM, which no file can load into,
is copied there. Commodore 64 Programmer's Reference Guide (1982): registers in chapter 3; memory map, KERNAL entries
and keyboard in chapter 5.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from pixeldream_plugins import c64_charset, c64_raster, c64_sprites
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

import pixeldream as pd

BASIC = 0x0801
KEYS = 0x080D
START = 0x081E
CONTROL_BYTE = 0x0BFB
"""$D016 of characters, $D01C of sprites; then the two shared colours, background and border."""

BACKGROUND = 0x0BFE
BORDER = 0x0BFF
SCREEN = 0x0C00
COLOURS = 0x1000
BITMAP = 0x2000
END = BITMAP + BITMAP_BYTES

CHARACTERS_BYTES = c64_charset.CHARACTERS * c64_charset.CHARACTER_BYTES
SPRITES = c64_sprites.ACROSS * c64_sprites.DOWN
HIRES_CONTROL, MULTICOLOR_CONTROL = 0xC8, 0xD8
BLANK = b" "

BASIC_LINE = (
    b"\x0b\x08"  # address of the next line
    b"\x0a\x00"  # 10
    b"\x9e2078"  # SYS 2078, which is START
    b"\x00"
    b"\x00\x00"  # no next line
)

# Z is set while no key is down. Looks once a frame, so that a bouncing contact is not taken for a second key.
KEYS_CODE = """
AD 12 D0    lda $D012   ; wait for raster line 250, below the picture
C9 FA       cmp #250
D0 F9       bne *-5
CD 12 D0    cmp $D012   ; and for its end
F0 FB       beq *-3
AE 01 DC    ldx $DC01   ; the columns of the keyboard: a key that is down pulls one low
E8          inx
60          rts
"""

SHOW_CODE = """
78          sei         ; the KERNAL would take the keys
A9 0B       lda #$0B    ; screen off until all is in place
8D 11 D0    sta $D011
AD 00 DD    lda $DD00   ; the video chip sees $0000-$3FFF
09 03       ora #$03
8D 00 DD    sta $DD00
A9 00       lda #$00    ; no sprites: their pointers are whatever lies behind the screen
8D 15 D0    sta $D015
AD FF 0B    lda BORDER
8D 20 D0    sta $D020
"""

BACKGROUND_CODE = """
AD FE 0B    lda BACKGROUND
8D 21 D0    sta $D021
"""

COPY_CODE = """
A2 00       ldx #$00
BD 00 10    lda COLOURS,x
9D 00 D8    sta $D800,x
BD 00 11    lda COLOURS+$100,x
9D 00 D9    sta $D900,x
BD 00 12    lda COLOURS+$200,x
9D 00 DA    sta $DA00,x
BD 00 13    lda COLOURS+$300,x  ; the last 24 bytes fall behind the screen
9D 00 DB    sta $DB00,x
E8          inx
D0 E5       bne *-25
"""

MULTICOLOR_CODE = """
A9 D8       lda #$D8    ; multicolor, 40 columns
8D 16 D0    sta $D016
"""

HIRES_CODE = """
A9 C8       lda #$C8    ; no multicolor, 40 columns
8D 16 D0    sta $D016
"""

CHARACTERS_CODE = """
AD FE 0B    lda BACKGROUND
8D 21 D0    sta $D021
AD FC 0B    lda SHARED_1
8D 22 D0    sta $D022
AD FD 0B    lda SHARED_2
8D 23 D0    sta $D023
"""

TEXT_CODE = """
AD FB 0B    lda CONTROL_BYTE; 40 columns, multicolor or not
8D 16 D0    sta $D016
A9 38       lda #$38        ; screen at $0C00, characters at $2000
8D 18 D0    sta $D018
A9 1B       lda #$1B        ; text, screen on, 25 rows
8D 11 D0    sta $D011
"""

BITMAP_CODE = """
A9 38       lda #$38    ; screen at $0C00, bitmap at $2000
8D 18 D0    sta $D018
A9 3B       lda #$3B    ; bitmap, screen on, 25 rows
8D 11 D0    sta $D011
"""

WAIT_CODE = """
A9 00       lda #$00    ; all rows of the keyboard at once
8D 00 DC    sta $DC00
20 0D 08    jsr KEYS    ; the RETURN of RUN may still be down
D0 FB       bne *-3
20 0D 08    jsr KEYS    ; wait for a key
F0 FB       beq *-3
20 0D 08    jsr KEYS    ; until it is up again, so that BASIC does not type it
D0 FB       bne *-3
20 81 FF    jsr CINT    ; the KERNAL's own screen
58          cli
60          rts         ; after the SYS
"""


def assemble(listing: str) -> bytes:
    """The bytes of a listing: each line pairs of hexadecimal digits, then, after two blanks or more, what they mean."""
    return b"".join(bytes.fromhex(line.split("  ")[0]) for line in listing.strip().splitlines())


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
    memory.place(BASIC, BASIC_LINE, "BASIC line")
    memory.place(KEYS, assemble(KEYS_CODE), "keyboard routine")
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


WIDE_VIEW = BACKGROUND_CODE + COPY_CODE + MULTICOLOR_CODE
TEXT = ((START, assemble(SHOW_CODE + CHARACTERS_CODE + COPY_CODE + TEXT_CODE + WAIT_CODE)),)
SPRITE = ((START, assemble(c64_raster.SPRITES_CODE)), (FRAME, assemble(c64_raster.ROWS_CODE + c64_raster.KEY_CODE)))

KINDS = (
    Kind(
        MULTICOLOR, ((START, assemble(SHOW_CODE + WIDE_VIEW + BITMAP_CODE + WAIT_CODE)),), END, _place_bitmap,
        partial(_take_bitmap, multicolor=True),
    ),
    Kind(
        HIRES, ((START, assemble(SHOW_CODE + HIRES_CODE + BITMAP_CODE + WAIT_CODE)),), END, _place_bitmap,
        partial(_take_bitmap, multicolor=False),
    ),
    *[
        Kind(mode, TEXT, BITMAP + CHARACTERS_BYTES, _place_characters, _take_characters)
        for mode in (c64_charset.HIRES_CHARSET, c64_charset.MULTICOLOR_CHARSET)
    ],
    *[
        Kind(mode, SPRITE, BITMAP + SPRITES * 64, _place_sprites, _take_sprites)
        for mode in (c64_sprites.HIRES_SPRITES, c64_sprites.MULTICOLOR_SPRITES)
    ],
)  # fmt: skip
"""Those that need no more than one bitmap or charset; ``c64_fli_program`` has the others."""
