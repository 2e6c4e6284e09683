"""Machine code of the Commodore 64 programs that show a picture: what all viewers share, and those of still screens.

Listings: bytes, then what they mean. Commodore 64 Programmer's Reference Guide (1982): registers in chapter 3; memory
map, KERNAL entries and keyboard in chapter 5. The viewers that depend on the raster stand in ``c64_raster``.
"""

from __future__ import annotations

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

OPEN_CODE = """
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

# For viewers that look at the keyboard once a frame and change the video chip's bank.
LOOK_CODE = """
AD 00 DD    lda $DD00
85 FC       sta PLAIN   ; the video chip at $0000
A9 00       lda #$00
85 02       sta STATE   ; no key was looked at yet
8D 00 DC    sta $DC00   ; all rows of the keyboard at once
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
"""

RETURN_CODE = """
20 81 FF    jsr CINT    ; the KERNAL's own screen
58          cli
60          rts         ; after the SYS
"""


def assemble(listing: str) -> bytes:
    """The bytes of a listing: each line pairs of hexadecimal digits, then, after two blanks or more, what they mean."""
    return b"".join(bytes.fromhex(line.split("  ")[0]) for line in listing.strip().splitlines())
