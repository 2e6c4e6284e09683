"""MSX cartridges that show a picture: switch on; any key goes on to BASIC.

"MSX Technical Data Book" (1985): the header of a cartridge, entries and work area of the BIOS.
"""

from __future__ import annotations

from dataclasses import replace

from pixeldream_plugins.msx import SCREEN_2, TABLE_BYTES, to_picture, to_tables

import pixeldream as pd

CARTRIDGE, CARTRIDGE_BYTES = 0x4000, 0x4000
START = 0x4010
PATTERN_DATA = 0x4100
COLOUR_DATA = PATTERN_DATA + TABLE_BYTES
BORDER_AT = START + 1
UNUSED = 0xFF

# BDRCLR $F3EB; DISSCR $0041, ENASCR $0044, LDIRVM $005C, CHGMOD $005F, INITXT $006C, CHGET $009F, KILBUF $0156
SHOW_CODE = """
3E 01       ld a,border
32 EB F3    ld (BDRCLR),a
3E 02       ld a,2
CD 5F 00    call CHGMOD     ; SCREEN 2, with the border's colour
CD 41 00    call DISSCR     ; off until all is in place
21 00 41    ld hl,PATTERN_DATA
11 00 00    ld de,PATTERNS
01 00 18    ld bc,TABLE_BYTES
CD 5C 00    call LDIRVM
21 00 59    ld hl,COLOUR_DATA
11 00 20    ld de,COLOURS
01 00 18    ld bc,TABLE_BYTES
CD 5C 00    call LDIRVM
CD 44 00    call ENASCR
FB          ei              ; the keyboard is read by an interrupt
CD 56 01    call KILBUF
CD 9F 00    call CHGET
CD 6C 00    call INITXT
C9          ret             ; on to the other cartridges, and to BASIC
"""


def assemble(listing: str) -> bytes:
    """The bytes in front of the mnemonics."""
    return b"".join(bytes.fromhex(line[:12].strip()) for line in listing.strip().splitlines())


def write(picture: pd.Picture, options: pd.WriteOptions) -> bytes:
    """A cartridge of 16 KB."""
    memory = pd.Memory()
    patterns, colours = to_tables(picture)
    code = bytearray(assemble(SHOW_CODE))
    code[BORDER_AT - START] = picture.border + 1
    memory.place(CARTRIDGE, b"AB" + START.to_bytes(2, "little") + bytes(12), "header")
    memory.place(START, bytes(code), "code")
    memory.place(PATTERN_DATA, patterns, "patterns")
    memory.place(COLOUR_DATA, colours, "colours")
    return memory.image(UNUSED)[1].ljust(CARTRIDGE_BYTES, bytes([UNUSED]))


def read(data: bytes) -> pd.Picture:
    """The picture of a cartridge by :func:`write`."""
    code, start = assemble(SHOW_CODE), START - CARTRIDGE
    known = data[start + 2 : start + len(code)] == code[2:] and data[start] == code[0]
    if len(data) != CARTRIDGE_BYTES or data[:2] != b"AB" or not known:
        raise pd.FormatError("this is no MSX cartridge of 16 KB with the viewer of ours")
    tables = (data[at - CARTRIDGE : at - CARTRIDGE + TABLE_BYTES] for at in (PATTERN_DATA, COLOUR_DATA))
    return replace(to_picture(*tables), border=max(data[BORDER_AT - CARTRIDGE] & 15, 1) - 1)


FORMATS = [
    pd.Format(
        "msx-cartridge", (".rom",), (SCREEN_2.name,), write, read, program=True,
        description="cartridge that shows a picture, MSX",
    ),
]  # fmt: skip
