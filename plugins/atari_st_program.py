"""What makes an Atari ST show a picture: a program for TOS, and a disk that starts it by itself.

Calls of the system: Atari's "GEMDOS Reference Manual" (1986) and "A Hitchhiker's Guide to the BIOS" (1985), which also
has the disk's layout. The code stands at any address: nothing in it has to be relocated.
"""

from __future__ import annotations

import re
import struct

from pixeldream_plugins.atari_st_screen import MODES, SCREEN_BYTES, palette_words, planes_of, resolution_of, to_picture

import pixeldream as pd

HEADER = struct.Struct(">HIIIIIIH")
"""A magic number, lengths of code, data, cleared memory and symbols, two reserved, and 1 for "nothing to relocate"."""

MAGIC = 0x601A
PALETTE_BYTES = 32
WRONG_MONITOR = b"This picture is for the other monitor.\r\n\0"

SECTOR, SECTORS, FAT_SECTORS, ROOT_ENTRIES = 512, 1440, 5, 112
"""Of a disk with two sides, 80 tracks and nine sectors."""

CLUSTER = 2 * SECTOR
ROOT = (1 + 2 * FAT_SECTORS) * SECTOR
DATA = ROOT + 32 * ROOT_ENTRIES
FOLDER, ARCHIVE = 0x10, 0x20
DATE = 1 << 5 | 1
"""The first of January 1980, as the file system counts: the same picture always makes the same disk."""


def _xbios(number: int, pop: int) -> str:
    """A call whose arguments are on the stack, ``pop`` bytes of them with the number."""
    return f"3F3C {number:04X} 4E4E 4FEF {pop:04X}"  # move.w #number,-(sp); trap #14; lea pop(sp),sp


def code(resolution: int) -> bytes:
    """The program, behind which palette, memory and a message stand. A key ends it."""
    lines = [
        _xbios(4, 2),                              # Getrez
        "3E00",                                    # move.w  d0,d7       the resolution to come back to
        "7000",                                    # moveq   #0,d0
        "0C47 0002 57C0",                          # cmpi.w  #2,d7; seq d0
        f"0C00 {0xFF if resolution == 2 else 0:04X}",  # cmpi.b  #monochrome,d0
        "6600 {wrong}",                            # bne.w   wrong
        "4267 4267", _xbios(21, 6),                # Cursconf(0, 0)      no cursor
        _xbios(3, 2),                              # Logbase
        "2840",                                    # movea.l d0,a4
        f"3F3C {resolution:04X}",                  # move.w  #resolution,-(sp)
        "70FF 2F00 2F00", _xbios(5, 12),           # Setscreen(-1, -1, resolution)
        "7C0F",                                    # moveq   #15,d6
        "save: 3F3C FFFF 3F06", _xbios(7, 6),      # Setcolor(d6, -1)    what it is
        "3F00",                                    # move.w  d0,-(sp)    colour 15 first, so that they are in order
        "51CE {save}",                             # dbf     d6,save
        "2A4F",                                    # movea.l sp,a5
        "41FA {memory}",                           # lea     memory(pc),a0
        "303C 1F3F",                               # move.w  #7999,d0
        "copy: 28D8",                              # move.l  (a0)+,(a4)+
        "51C8 {copy}",                             # dbf     d0,copy
        "487A {palette}", _xbios(6, 6),            # Setpalette(palette)
        "3F3C 0007 4E41 544F",                     # Crawcin             a key
        "2F0D", _xbios(6, 6),                      # Setpalette(a5)
        _xbios(37, 2),                             # Vsync               now the palette was read
        "3F07 70FF 2F00 2F00", _xbios(5, 12),      # Setscreen(-1, -1, d7)
        "end: 4267 4E41",                          # Pterm0
        "wrong: 487A {message} 3F3C 0009 4E41 5C4F",  # Cconws(message)
        "3F3C 0007 4E41 544F",                     # Crawcin
        "6000 {end}",                              # bra.w   end
    ]  # fmt: skip
    return _assemble(lines, {"palette": 0, "memory": PALETTE_BYTES, "message": PALETTE_BYTES + SCREEN_BYTES})


def _assemble(lines: list[str], behind: dict[str, int]) -> bytes:
    """Code in hexadecimal, where ``{name}`` is the distance from that word to ``name:`` or to a place ``behind``."""
    words = [word for line in lines for word in line.split()]
    places, length = {}, 0
    for word in words:
        if word.endswith(":"):
            places[word[:-1]] = length
        else:
            length += 2
    places |= {name: length + offset for name, offset in behind.items()}
    result = bytearray()
    for word in words:
        if found := re.fullmatch(r"\{(\w+)\}", word):
            result += (places[found[1]] - len(result)).to_bytes(2, "big", signed=True)
        elif not word.endswith(":"):
            result += bytes.fromhex(word)
    return bytes(result)


def write_program(picture: pd.Picture, options: pd.WriteOptions) -> bytes:
    """A program for TOS that shows the picture until a key is pressed."""
    data = palette_words(picture) + planes_of(picture) + WRONG_MONITOR
    text = code(resolution_of(picture.mode)) + data
    return HEADER.pack(MAGIC, len(text), 0, 0, 0, 0, 0, 1) + text


def read_program(data: bytes) -> pd.Picture:
    """The picture of a program that :func:`write_program` wrote. Raises ``FormatError``."""
    text = data[HEADER.size :]
    for resolution in range(3):
        start = len(code(resolution))
        end = start + PALETTE_BYTES + SCREEN_BYTES
        if text.startswith(code(resolution)) and text[end:] == WRONG_MONITOR:
            return to_picture(resolution, text[start : start + PALETTE_BYTES], text[start + PALETTE_BYTES : end])
    raise pd.FormatError("this is no program for the Atari ST that pixeldream wrote")


def write_disk(picture: pd.Picture, options: pd.WriteOptions) -> bytes:
    """A disk whose AUTO folder has the program: the machine shows the picture when it is switched on."""
    program = write_program(picture, options)
    clusters = -(-len(program) // CLUSTER)
    # The folder is cluster 2, the program the ones behind it.
    chain = [0xFF9, 0xFFF, 0xFFF, *range(4, 3 + clusters), 0xFFF]
    pairs = zip(chain[::2], [*chain[1::2], *[0] * (len(chain) % 2)], strict=True)
    table = b"".join((low | high << 12).to_bytes(3, "little") for low, high in pairs).ljust(FAT_SECTORS * SECTOR, b"\0")
    root = _entry(b"AUTO       ", FOLDER, 2, 0).ljust(32 * ROOT_ENTRIES, b"\0")
    folder = (
        _entry(b".          ", FOLDER, 2, 0)
        + _entry(b"..         ", FOLDER, 0, 0)
        + _entry(b"PICTURE PRG", ARCHIVE, 3, len(program))
    )
    return (_boot_sector() + 2 * table + root + folder.ljust(CLUSTER, b"\0") + program).ljust(SECTORS * SECTOR, b"\0")


def _entry(name: bytes, attribute: int, cluster: int, length: int) -> bytes:
    return struct.pack("<11sB10xHHHI", name, attribute, 0, DATE, cluster, length)


def _boot_sector() -> bytes:
    """The disk's measures; no code, so the sum of its words is not $1234."""
    measures = struct.pack(
        "<HBHBHHBHHHH", SECTOR, CLUSTER // SECTOR, 1, 2, ROOT_ENTRIES, SECTORS, 0xF9, FAT_SECTORS, 9, 2, 0
    )
    # Behind them what other systems look for: no label.
    label = b"\x29" + bytes(4) + b"NO NAME    FAT12   "
    return (b"\xe9\0pixeldream"[:11] + measures).ljust(38, b"\0") + label.ljust(SECTOR - 38, b"\0")


def read_disk(data: bytes) -> pd.Picture:
    """The picture of a disk that :func:`write_disk` wrote. Raises ``FormatError``."""
    entry = data[DATA + 64 : DATA + 96]
    if len(data) != SECTORS * SECTOR or entry[:11] != b"PICTURE PRG":
        raise pd.FormatError("this is no disk for the Atari ST that pixeldream wrote")
    start = DATA + CLUSTER
    return read_program(data[start : start + int.from_bytes(entry[28:32], "little")])


FORMATS = [
    pd.Format(
        "atari-st-program", (".tos", ".prg"), tuple(MODES), write_program, read_program, program=True,
        description="Atari ST program that shows the picture",
    ),
    pd.Format(
        "atari-st-disk", (".st",), tuple(MODES), write_disk, read_disk, program=True,
        description="Atari ST disk that shows the picture when the machine is switched on",
    ),
]  # fmt: skip
