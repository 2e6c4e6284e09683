"""Commodore 64 programs that show their own picture: LOAD, RUN; any key returns to BASIC.

The picture lies where the video chip can show it without being moved; only colour RAM, which no file can load into,
is copied there. Commodore 64 Programmer's Reference Guide (1982): registers in chapter 3; memory map, KERNAL entries
and keyboard in chapter 5.
"""

from __future__ import annotations

from pixeldream_plugins.c64_screen import BITMAP_BYTES, CELL_BYTES, Screen, to_picture, to_screen

import pixeldream as pd

BASIC = 0x0801
KEYS = 0x080D
START = 0x081E
BACKGROUND = 0x0BFE
BORDER = 0x0BFF
SCREEN = 0x0C00
COLOURS = 0x1000
BITMAP = 0x2000
END = BITMAP + BITMAP_BYTES

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

MULTICOLOR_CODE = """
AD FE 0B    lda BACKGROUND
8D 21 D0    sta $D021
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
A9 D8       lda #$D8    ; multicolor, 40 columns
8D 16 D0    sta $D016
"""

HIRES_CODE = """
A9 C8       lda #$C8    ; no multicolor, 40 columns
8D 16 D0    sta $D016
"""

WAIT_CODE = """
A9 38       lda #$38    ; screen at $0C00, bitmap at $2000
8D 18 D0    sta $D018
A9 3B       lda #$3B    ; bitmap, screen on, 25 rows
8D 11 D0    sta $D011
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


def viewer(multicolor: bool) -> bytes:
    """The machine code at :data:`START`."""
    return assemble(SHOW_CODE + (MULTICOLOR_CODE if multicolor else HIRES_CODE) + WAIT_CODE)


def write(picture: pd.Picture, options: pd.WriteOptions) -> bytes:
    """The program, with its load address: $0801 to $3F3F."""
    screen = to_screen(picture)
    memory = pd.Memory()
    memory.reserve(0x0000, BASIC, "KERNAL, stack and text screen")
    memory.place(BASIC, BASIC_LINE, "BASIC line")
    memory.place(KEYS, assemble(KEYS_CODE), "keyboard routine")
    memory.place(START, viewer(bool(screen.colours)), "viewer")
    memory.place(BACKGROUND, bytes([screen.background, screen.border]), "background and border")
    memory.place(SCREEN, screen.screen, "screen")
    memory.reserve(SCREEN + CELL_BYTES, 24, "rest of the screen, sprite pointers")
    if screen.colours:
        memory.place(COLOURS, screen.colours, "colour RAM")
    memory.place(BITMAP, screen.bitmap, "bitmap")
    start, data = memory.image()
    return start.to_bytes(2, "little") + data


def read(data: bytes) -> pd.Picture:
    """The picture of a program that :func:`write` made. Raises ``FormatError`` for any other or altered one."""
    if len(data) != 2 + END - BASIC:
        raise pd.FormatError(f"{len(data)} bytes are no picture program of pixeldream: it has {2 + END - BASIC}")

    def at(address: int, length: int) -> bytes:
        offset = 2 + address - BASIC
        return data[offset : offset + length]

    background, border = at(BACKGROUND, 2)
    code = viewer(multicolor=True)
    colours = at(COLOURS, CELL_BYTES) if at(START, len(code)) == code else b""
    picture = to_picture(Screen(at(BITMAP, BITMAP_BYTES), at(SCREEN, CELL_BYTES), colours, background, border))
    # Code that differs may show anything: only a program that comes out the same again is known to show this picture.
    if write(picture, pd.WriteOptions()) != data:
        raise pd.FormatError("this program was not written by pixeldream, or was altered: what it shows is not known")
    return picture
