"""Bootable Amiga disks that show one picture: the boot block loads it from the sectors behind and needs no files.

A disk of 80 cylinders, 2 heads and 11 sectors. Boot block: Amiga ROM Kernel Reference Manual: Devices (1991), chapter
"Trackdisk Device": "DOS" and a kind, a checksum, the root block's number, and from byte 12 on 68000 code that is
called with ExecBase in A6 and an open I/O request for the drive in A1.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

import numpy as np
from pixeldream_plugins import amiga_copper as copper
from pixeldream_plugins.amiga_ilbm import registers
from pixeldream_plugins.amiga_modes import MODES, kind_of, screen_of

import pixeldream as pd

DISK_BYTES = 80 * 2 * 11 * 512
BOOT_BYTES = 1024
ROOT_BLOCK = 880
CODE_START = 12

NOTE = b"pixeldream "
"""Stands behind the code, with the name of the mode, so that the picture can be read back."""


@dataclass(frozen=True)
class Field:
    """A copper list: where it stands behind the boot block, where its first plane pointer is, what that points to."""

    listing: int
    pointer: int
    start: int


@dataclass(frozen=True)
class Numbers:
    """What the code must know: bytes to load, the copper lists (two for an interlaced picture: its even rows, then its
    odd ones), how many planes there are and how long one is."""

    length: int
    fields: tuple[Field, ...]
    planes: int
    plane_bytes: int


def _long(value: int) -> str:
    return f"{value:08X}"


def _load(numbers: Numbers) -> list[str]:
    return [
        "2A49",                                    # movea.l a1,a5          the I/O request
        f"203C {_long(numbers.length)}",           # move.l  #length,d0
        "223C 00010002",                           # move.l  #MEMF_CHIP|MEMF_CLEAR,d1
        "4EAE FF3A",                               # jsr     AllocMem(a6)
        "4A80",                                    # tst.l   d0
        "6700 {fail}",                             # beq.w   fail
        "2840",                                    # movea.l d0,a4          the copper list, and all behind it
        "224D",                                    # movea.l a5,a1
        "337C 0002 001C",                          # move.w  #CMD_READ,io_Command(a1)
        f"237C {_long(numbers.length)} 0024",      # move.l  #length,io_Length(a1)
        "234C 0028",                               # move.l  a4,io_Data(a1)
        f"237C {_long(BOOT_BYTES)} 002C",          # move.l  #1024,io_Offset(a1)
        "4EAE FE38",                               # jsr     DoIO(a6)
        "4A80",                                    # tst.l   d0
        "6600 {fail}",                             # bne.w   fail
        "224D",                                    # movea.l a5,a1
        "337C 0009 001C",                          # move.w  #TD_MOTOR,io_Command(a1)
        "42A9 0024",                               # clr.l   io_Length(a1)  off
        "4EAE FE38",                               # jsr     DoIO(a6)
    ]  # fmt: skip


def _point(numbers: Numbers, field: Field) -> list[str]:
    """Puts the planes' addresses into a copper list."""
    return [
        f"41EC {field.pointer:04X}",               # lea     pointer(a4),a0
        "200C",                                    # move.l  a4,d0
        f"0680 {_long(field.start)}",              # addi.l  #start,d0
        f"72{numbers.planes - 1:02X}",             # moveq   #planes-1,d1
        "4840",                                    # plane:  swap d0
        "3080",                                    # move.w  d0,(a0)        BPLxPTH
        "4840",                                    # swap    d0
        "3140 0004",                               # move.w  d0,4(a0)       BPLxPTL
        "5088",                                    # addq.l  #8,a0
        f"0680 {_long(numbers.plane_bytes)}",      # addi.l  #plane_bytes,d0
        "51C9 FFEC",                               # dbra    d1,plane
    ]  # fmt: skip


SHOW = [
    "41F9 00DFF000",                               # lea     $DFF000,a0
    "317C 7FFF 009A",                              # move.w  #$7FFF,INTENA(a0)
    "317C 7FFF 0096",                              # move.w  #$7FFF,DMACON(a0)
    "317C 7FFF 009C",                              # move.w  #$7FFF,INTREQ(a0)
    "214C 0080",                                   # move.l  a4,COP1LC(a0)
    "3140 0088",                                   # move.w  d0,COPJMP1(a0)
    "317C 8380 0096",                              # move.w  #SET|MASTER|RASTER|COPPER,DMACON(a0)
]  # fmt: skip
STAY = ["60FE"]  # stay:   bra.s stay


def _take_turns(odd: Field) -> list[str]:
    """Names the list of the next field, over and over: the chip looks for it when a field begins. The long field shows
    the even rows, as with the system's LOFlist (graphics/gfxbase.h)."""
    return [
        f"47EC {odd.listing:04X}",                 # lea     odd(a4),a3
        "4A68 0004",                               # stay:   tst.w VPOSR(a0)  bit 15: a long field
        "6A06",                                    # bpl.s   even
        "214B 0080",                               # move.l  a3,COP1LC(a0)
        "60F4",                                    # bra.s   stay
        "214C 0080",                               # even:   move.l a4,COP1LC(a0)
        "60EE",                                    # bra.s   stay
    ]  # fmt: skip


FAIL = [
    "70FF",                                        # fail:   moveq #-1,d0
    "4E75",                                        # rts
]  # fmt: skip


def boot_code(numbers: Numbers) -> bytes:
    """The program of the boot block. It never returns, unless there is no memory or the disk can't be read."""
    odd = numbers.fields[1:]
    pointers = [line for field in numbers.fields for line in _point(numbers, field)]
    before_fail = _load(numbers) + pointers + SHOW + (_take_turns(odd[0]) if odd else STAY)
    place, code = 0, bytearray()
    target = sum(len(bytes.fromhex(line.replace("{fail}", "0000"))) for line in before_fail)
    for line in before_fail + FAIL:
        # A branch counts from its second word.
        code += bytes.fromhex(line.replace("{fail}", f"{target - place - 2:04X}"))
        place = len(code)
    return bytes(code)


def checksum(block: bytes) -> int:
    """What makes the boot block's longwords, added with their carries, 0xFFFFFFFF."""
    total = sum(int.from_bytes(block[i : i + 4], "big") for i in range(0, BOOT_BYTES, 4) if i != 4)
    while total >> 32:
        total = (total & 0xFFFFFFFF) + (total >> 32)
    return total ^ 0xFFFFFFFF


def write(picture: pd.Picture, options: pd.WriteOptions) -> bytes:
    """A disk image that boots on every Amiga with the chip set that the mode asks for."""
    mode = picture.mode
    if mode.size != screen_of(mode).size:
        raise pd.FormatError(f"a picture of {mode.size[0]}x{mode.size[1]}; a disk shows full screens only")
    moves = copper.copper_list(picture)
    planar, listing = copper.planes(picture), copper.words(moves)
    pointer, count = 4 * moves.index((copper.BPL1PTH, 0)) + 2, copper.fields(mode)
    fields = tuple(
        Field(number * len(listing), number * len(listing) + pointer, count * len(listing) + number * planar.shape[2])
        for number in range(count)
    )
    payload = count * listing + planar.tobytes()
    payload += bytes(-len(payload) % 512)
    numbers = Numbers(len(payload), fields, len(planar), planar[0].size)
    head = b"DOS\0" + bytes(4) + ROOT_BLOCK.to_bytes(4, "big") + boot_code(numbers)
    block = (head + NOTE + mode.name.encode("ascii")).ljust(BOOT_BYTES, b"\0")
    block = block[:4] + checksum(block).to_bytes(4, "big") + block[8:]
    return (block + payload).ljust(DISK_BYTES, b"\0")


def read(data: bytes) -> pd.Picture:
    """The picture of a disk that :func:`write` made. Raises ``FormatError`` for any other."""
    if len(data) != DISK_BYTES or data[:4] != b"DOS\0":
        raise pd.FormatError(f"{len(data)} bytes that are no Amiga disk of {DISK_BYTES} with a boot block")
    found = re.search(re.escape(NOTE) + rb"([a-z0-9-]+)\0", data[:BOOT_BYTES])
    if not found or found[1].decode() not in MODES:
        raise pd.FormatError("an Amiga disk that holds no picture of ours; its files are not read")
    mode = MODES[found[1].decode()]
    kind, (width, height) = kind_of(mode), mode.size
    moves, start = _copper_list(data)
    start += (copper.fields(mode) - 1) * len(copper.words(moves) + copper.words([copper.END]))
    planar = np.frombuffer(data, np.uint8, kind.planes * height * width // 8, start)
    pixels = copper.pixels_of(planar.reshape(kind.planes, height, width // 8), copper.chip_order(kind))
    held = registers(_registers(moves, kind.colours, kind.aga), kind.gamut)
    return pd.Picture(mode, kind.gamut, pixels, tuple(np.full((1, 1), each) for each in held), border=held[0])


def _copper_list(data: bytes) -> tuple[list[copper.Move], int]:
    """The moves, and where the disk goes on behind them."""
    moves: list[copper.Move] = []
    for position in range(BOOT_BYTES, BOOT_BYTES + 0x4000, 4):
        register, value = struct.unpack_from(">HH", data, position)
        move = register, value
        if move == copper.END:
            return moves, position + 4
        moves.append(move)
    raise pd.FormatError("the disk's copper list has no end")


def _registers(moves: list[copper.Move], count: int, aga: bool) -> np.ndarray:
    """uint8 ``[count, 3]``: the colours that a copper list sets."""
    colours, bank = np.zeros((count, 3), np.uint8), 0
    for register, value in moves:
        number = (bank >> 13) * copper.BANK + (register - copper.COLOR00) // 2
        if register == copper.BPLCON3:
            bank = value
        elif copper.COLOR00 <= register < copper.COLOR00 + 2 * copper.BANK and number < count:
            nibbles = np.array([value >> 8 & 15, value >> 4 & 15, value & 15], np.uint8)
            if bank & copper.LOW_NIBBLES:
                colours[number] = colours[number] & 0xF0 | nibbles
            else:
                colours[number] = nibbles * 17
    return colours
