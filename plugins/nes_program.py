"""NES cartridges that show a picture: the simplest board, 16 KB of program and 8 KB of tiles.

NESdev Wiki, "iNES", "NROM", "Init code" and "PPU registers", https://www.nesdev.org/wiki/.
"""

from __future__ import annotations

from pixeldream_plugins.nes import SCREEN, TILE_BYTES, TILES, Background, to_background, to_picture

import pixeldream as pd

HEADER = b"NES\x1a" + bytes([1, 1]) + bytes(10)
"""16 KB of program, 8 KB of tiles, board 0."""

PROGRAM, PROGRAM_BYTES = 0xC000, 0x4000
TILES_BYTES = 0x2000
NAMES, PALETTE = 0xD000, 0xD400
NAMES_BYTES, PALETTE_BYTES = 1024, 16
RETURN = 0xC080
VECTORS = 0xFFFA

SHOW_CODE = """
78          sei
D8          cld
A9 40       lda #$40        ; no interrupts from the sound
8D 17 40    sta $4017
A2 FF       ldx #$FF
9A          txs
E8          inx
8E 00 20    stx $2000       ; none from the picture
8E 01 20    stx $2001       ; and no picture
8E 10 40    stx $4010
2C 02 20    bit $2002
2C 02 20    bit $2002       ; the picture chip needs two frames to wake up
10 FB       bpl *-3
2C 02 20    bit $2002
10 FB       bpl *-3
A9 3F       lda #$3F        ; palette memory
8D 06 20    sta $2006
8E 06 20    stx $2006
BD 00 D4    lda PALETTE,x
8D 07 20    sta $2007
E8          inx
E0 10       cpx #16
D0 F5       bne *-9
A9 20       lda #$20        ; name table
8D 06 20    sta $2006
A2 00       ldx #0
8E 06 20    stx $2006
BD 00 D0    lda NAMES,x
8D 07 20    sta $2007
E8          inx
D0 F7       bne *-7
BD 00 D1    lda NAMES+$100,x
8D 07 20    sta $2007
E8          inx
D0 F7       bne *-7
BD 00 D2    lda NAMES+$200,x
8D 07 20    sta $2007
E8          inx
D0 F7       bne *-7
BD 00 D3    lda NAMES+$300,x
8D 07 20    sta $2007
E8          inx
D0 F7       bne *-7
2C 02 20    bit $2002       ; on with the picture between two frames
10 FB       bpl *-3
8E 00 20    stx $2000
8E 05 20    stx $2005       ; not scrolled
8E 05 20    stx $2005
A9 0A       lda #$0A        ; background, also in the left column
8D 01 20    sta $2001
4C 75 C0    jmp *
"""


def assemble(listing: str) -> bytes:
    """The bytes in front of the mnemonics."""
    return b"".join(bytes.fromhex(line[:12].strip()) for line in listing.strip().splitlines())


def write(picture: pd.Picture, options: pd.WriteOptions) -> bytes:
    """An .nes file of 24592 bytes."""
    background = to_background(picture)
    memory = pd.Memory()
    memory.place(PROGRAM, assemble(SHOW_CODE), "code")
    memory.place(RETURN, b"\x40", "rti")
    memory.place(NAMES, background.names, "names")
    memory.place(PALETTE, background.palette, "palette")
    memory.place(VECTORS, b"".join(at.to_bytes(2, "little") for at in (RETURN, PROGRAM, RETURN)), "vectors")
    return HEADER + memory.image()[1] + background.tiles.ljust(TILES_BYTES, b"\0")


def read(data: bytes) -> pd.Picture:
    """The picture of a cartridge by :func:`write`."""
    code = assemble(SHOW_CODE)
    program = data[len(HEADER) : len(HEADER) + PROGRAM_BYTES]
    whole = len(data) == len(HEADER) + PROGRAM_BYTES + TILES_BYTES
    if data[: len(HEADER)] != HEADER or not whole or program[: len(code)] != code:
        raise pd.FormatError("this is no NES cartridge with the viewer of ours")
    names = program[NAMES - PROGRAM :][:NAMES_BYTES]
    palette = program[PALETTE - PROGRAM :][:PALETTE_BYTES]
    tiles = data[len(HEADER) + PROGRAM_BYTES :][: TILES * TILE_BYTES]
    return to_picture(Background(tiles, names, palette))


FORMATS = [
    pd.Format(
        "nes-cartridge", (".nes",), (SCREEN.name,), write, read, program=True,
        description="cartridge that shows a picture, NES",
    ),
]  # fmt: skip
