"""What makes an Amstrad CPC show a screen: a viewer inside the screen, AMSDOS headers, and snapshots.

The viewer's layout is the one that GrafX2 and ConvImgCpc write too: code at $C7D0, the mode at $D7D0 and the inks
behind it, in the bytes of the screen that nothing shows. Firmware calls: "Soft 968", chapter 14. Snapshots: the first
kind of the CPCEMU emulator's: https://www.cpcwiki.eu/index.php/Format:SNA_snapshot_file_format.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import pixeldream as pd

SCREEN, VIEWER, SETTINGS = 0xC000, 0xC7D0, 0xD7D0
"""Addresses of the screen, of the code in it and of mode, 16 inks and border."""

SET_MODE, SET_OFFSET, SET_INK, SET_BORDER, WAIT_KEY = 0xBD1C, 0xBC05, 0xBC32, 0xBC38, 0xBB18
"""MC SET MODE, SCR SET OFFSET, SCR SET INK, SCR SET BORDER and KM WAIT KEY."""

HARDWARE = bytes.fromhex("54 44 55 5C 58 5D 4C 45 4D 56 46 57 5E 40 5F 4E 47 4F 52 42 53 5A 59 5B 4A 43 4B")
"""The gate array's number of each of the firmware's colours, with bit 6 that says "colour"."""

TWINS = {0x41: 0x40, 0x48: 0x45, 0x49: 0x43, 0x50: 0x44, 0x51: 0x42}
"""Numbers of the gate array that show the same as another."""

AMSDOS_BYTES, SNAPSHOT_HEADER = 128, 256
RAM = 0x10000
LOOP = 0x8000
"""Where the processor of a snapshot waits for ever."""

CRTC = bytes([63, 40, 46, 0x8E, 38, 0, 25, 30, 0, 7, 0, 0, 0x30, 0, 0, 0, 0, 0])
"""The firmware's registers of the video controller: 40x25 characters from $C000 on, 50 Hz."""


@dataclass(frozen=True)
class Screen:
    """A screen: its 16 KB, the mode (0 to 2), 16 inks and the border as the firmware numbers colours (0 to 26)."""

    memory: bytes
    mode: int
    inks: tuple[int, ...]
    border: int


def firmware(code: int) -> int:
    """The firmware's number of a colour of the gate array. Raises ``FormatError`` for what is none."""
    found = HARDWARE.find(TWINS.get(code, code))
    if found < 0:
        raise pd.FormatError(f"${code:02X} is no colour of the CPC's gate array, which are $40 to $5F")
    return found


def _address(value: int) -> bytes:
    return struct.pack("<H", value)


def viewer() -> bytes:
    """The code at :data:`VIEWER`: it shows the screen that it stands in and returns when a key is pressed."""
    loop = (
        b"\xf5\xe5"  # push af, hl
        + b"\x46\x48\xcd" + _address(SET_INK)  # ld b,(hl); ld c,b: no flashing
        + b"\xe1\xf1\x23\x3c\xfe\x10"  # pop hl, af; inc hl; inc a; cp 16
    )  # fmt: skip
    return (
        b"\x3a" + _address(SETTINGS) + b"\xcd" + _address(SET_MODE)  # ld a,(mode)
        + b"\x21\0\0\xcd" + _address(SET_OFFSET)  # ld hl,0: as if nothing had scrolled
        + b"\x21" + _address(SETTINGS + 1) + b"\xaf"  # ld hl,inks; xor a
        + loop + b"\x20" + bytes([256 - len(loop) - 2])  # jr nz,loop
        + b"\x46\x48\xcd" + _address(SET_BORDER)
        + b"\xc3" + _address(WAIT_KEY)
    )  # fmt: skip


def with_viewer(screen: Screen) -> bytes:
    """The screen's memory with the viewer, mode, inks and border in it."""
    memory = pd.Memory()
    settings = bytes([screen.mode, *screen.inks, screen.border])
    for block in range(8):
        memory.place(SCREEN + 2048 * block, screen.memory[2048 * block : 2048 * block + 2000], f"block {block}")
    memory.place(VIEWER, viewer(), "viewer")
    memory.place(SETTINGS, settings, "mode and inks")
    return memory.image()[1].ljust(len(screen.memory), b"\0")


def from_viewer(memory: bytes) -> Screen:
    """The screen of memory that a viewer of this layout stands in. Raises ``FormatError``."""
    code, settings = memory[VIEWER - SCREEN :], memory[SETTINGS - SCREEN :]
    mode, inks, border = settings[0], settings[1:17], settings[17]
    if not code.startswith(b"\x3a" + _address(SETTINGS)) or mode > 2 or max(inks) >= len(HARDWARE):
        raise pd.FormatError("a CPC screen without mode and inks; put its palette (.pal) beside it, of the same name")
    # Others have no border of its own there.
    own = code.startswith(viewer()) and border < len(HARDWARE)
    return Screen(memory, mode, tuple(inks), border if own else inks[0])


def amsdos(data: bytes, name: bytes, load: int, entry: int) -> bytes:
    """The 128 bytes that AMSDOS puts before a binary file; ``name`` is eight and three characters."""
    header = struct.pack("<B11s6xB2xHxHH", 0, name, 2, load, len(data), entry).ljust(64, b"\0")
    header += len(data).to_bytes(3, "little")
    return (header + _address(sum(header))).ljust(AMSDOS_BYTES, b"\0")


def without_amsdos(data: bytes) -> bytes:
    """What stands behind an AMSDOS header, if there is one; at most as much as the header says."""
    if len(data) > AMSDOS_BYTES and sum(data[:67]) == int.from_bytes(data[67:69], "little") and any(data[:67]):
        return data[AMSDOS_BYTES:][: int.from_bytes(data[64:67], "little")]
    return data


def snapshot(screen: Screen) -> bytes:
    """A machine that shows ``screen`` and does nothing else, with interrupts off and both ROMs out of the way."""
    header = bytearray(SNAPSHOT_HEADER)
    header[:8], header[0x10] = b"MV - SNA", 1
    header[0x21:0x25] = _address(SCREEN) + _address(LOOP)  # SP, PC
    header[0x25] = 1  # interrupt mode
    header[0x2F:0x40] = bytes(HARDWARE[ink] & 31 for ink in (*screen.inks, screen.border))
    header[0x40] = 0x8C | screen.mode
    header[0x43:0x55] = CRTC
    header[0x59] = 0x82  # ports A and C out, B in
    header[0x6B:0x6D] = _address(RAM >> 10)
    ram = pd.Memory()
    ram.place(0, bytes(LOOP), "nothing")
    ram.place(LOOP, b"\xf3\x18\xfe", "loop")  # di; jr $
    ram.place(SCREEN, screen.memory.ljust(RAM - SCREEN, b"\0"), "screen")
    return bytes(header) + ram.image()[1]


def from_snapshot(data: bytes) -> Screen:
    """The screen that the machine of a snapshot shows, if it is as large as the firmware's. Raises ``FormatError``."""
    if data[:8] != b"MV - SNA" or len(data) < SNAPSHOT_HEADER + RAM:
        raise pd.FormatError("this is no snapshot of an Amstrad CPC with 64 KB of memory")
    mode, controller = data[0x40] & 3, data[0x43:0x55]
    if mode == 3 or (controller[1], controller[6], controller[9] & 31) != (40, 25, 7):
        raise pd.FormatError(
            f"a CPC snapshot in mode {mode} of {controller[1]}x{controller[6]} characters; 40x25 are read"
        )
    page, offset = (controller[12] & 0x30) << 10, 2 * ((controller[12] & 3) << 8 | controller[13])
    memory = data[SNAPSHOT_HEADER + page : SNAPSHOT_HEADER + page + 0x4000]
    blocks = (memory[2048 * block : 2048 * block + 2048] for block in range(8))
    colours = [firmware(0x40 | code & 31) for code in data[0x2F:0x40]]
    # A screen that has scrolled starts inside each block and goes on at its beginning.
    return Screen(b"".join(each[offset:] + each[:offset] for each in blocks), mode, tuple(colours[:16]), colours[16])
