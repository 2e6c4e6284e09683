"""A system for an Atari ST that knows nothing but what our programs call. Atari's own is not free.

It loads one program as GEMDOS does, runs it in user mode, and its calls destroy the registers that they may destroy.
"""

from __future__ import annotations

from pixeldream_plugins.atari_st_program import HEADER, _assemble

ROM = 0xE00000
ROM_BYTES = 0x40000
PROGRAM = 0x1000
"""Where the program stands in the ROM."""

SCREEN, TEXT = 0x78000, 0x10100
COLOURS, FRAMES = "0000 1000", "0000 1004"
"""Where the system keeps the palette that the next frame takes, and counts frames."""

BEFORE = 0x700
"""Colour 0 before the program runs: red."""


def _vector(address: int, label: str) -> str:
    return f"41FA {{{label}}} 23C8 0000 {address:04X}"  # lea label(pc),a0; move.l a0,address


def _when(number: int, label: str) -> str:
    return f"0C40 {number:04X} 6700 {{{label}}}"  # cmpi.w #number,d0; beq.w label


def tos(program: bytes, resolution: int, key: bool) -> bytes:
    """A ROM that starts in ``resolution`` and runs ``program``; a key comes at once where ``key``, or else never."""
    text = program[HEADER.size :]
    start = [
        "46FC 2700",  # move #$2700,sr
        "4FF9 0000 8000",  # lea $8000,sp
        "13FC 0005 FFFF 8001",  # a megabyte
        "13FC 0007 FFFF 8201 13FC 0080 FFFF 8203",  # the screen at $78000
        f"13FC 0002 FFFF 820A 13FC {resolution:04X} FFFF 8260",  # 50 Hz
        "42B9 0000 1000 42B9 0000 1004",
        f"33FC {BEFORE:04X} FFFF 8240",
        _vector(0x70, "frame"), _vector(0x84, "gemdos"), _vector(0xB8, "xbios"),
        f"41F9 {(ROM + PROGRAM) >> 16:04X} {PROGRAM:04X} 43F9 {TEXT >> 16:04X} {TEXT & 0xFFFF:04X}",
        f"303C {len(text) // 4:04X} load: 22D8 51C8 {{load}}",
        "41F9 0007 0000 4E60",  # the user's stack
        f"2F3C {TEXT >> 16:04X} {TEXT & 0xFFFF:04X} 3F3C 0300 4E73",  # to user mode
        "frame: 48E7 C0C0 52B9", FRAMES, "2039", COLOURS, "6700 {none} 2040 43F9 FFFF 8240 303C 000F",
        "colour: 32D8 51C8 {colour} 42B9", COLOURS, "none: 4CDF 0303 4E73",
        "gemdos: 4E68 3018", _when(7, "crawcin"), _when(0, "stay"), _when(9, "cconws"), "stay: 60FE",
        "crawcin:", "6000 {done}" if key else "60FE",
        "cconws: 2050 43F9", f"{SCREEN >> 16:04X} {SCREEN & 0xFFFF:04X}", "text: 12D8 6600 {text} 6000 {done}",
        "xbios: 4E68 3018",
        _when(3, "logbase"), _when(4, "getrez"), _when(5, "setscreen"), _when(6, "setpalette"), _when(7, "setcolor"),
        _when(21, "done"), _when(37, "vsync"), "60FE",
        f"logbase: 203C {SCREEN >> 16:04X} {SCREEN & 0xFFFF:04X} 6000 {{done}}",
        "getrez: 7000 1039 FFFF 8260 0240 0003 6000 {done}",
        "setscreen: 3228 0008 6B00 {done} 13C1 FFFF 8260",
        f"43F9 {SCREEN >> 16:04X} {SCREEN & 0xFFFF:04X} 303C 1F3F clear: 4299 51C8 {{clear}} 6000 {{done}}",
        "setpalette: 23D0", COLOURS, "6000 {done}",
        "setcolor: 3018 D040 43F9 FFFF 8240 3431 0000 3210 6B04 3381 0000 3002 6000 {done}",
        "vsync: 2239", FRAMES, "wait: B2B9", FRAMES, "6700 {wait}",
        "done: 323C DEAD 343C DEAD 207C DEAD BEEF 227C DEAD BEEF 247C DEAD BEEF 4E73",
    ]  # fmt: skip
    head = bytes.fromhex("602E 0206 00E0 0030 00E0 0000 0000 8000 00E0 0030 0000 0000 0101 1990 0001").ljust(
        0x30, b"\0"
    )
    code = (head + _assemble(start, {})).ljust(PROGRAM, b"\0")
    assert len(code) == PROGRAM
    return (code + text).ljust(ROM_BYTES, b"\0")
