"""ZX Spectrum pictures that load and show themselves: tapes, and snapshots of a machine that runs.

World of Spectrum, https://worldofspectrum.org/faq/reference/formats.htm (.tap, .sna) and z80format.htm; the tokens of
BASIC and the keyboard's ports: Steven Vickers, "ZX Spectrum BASIC Programming" (1982), appendix A and chapter 23.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from pixeldream_plugins.zx import SCREEN_BYTES, SPECTRUM, to_picture, to_screen

import pixeldream as pd

SCREEN = 0x4000
BORDER_COLOURS = 8

# ---------------------------------------------------------------------------------------------- tapes

HEADER, DATA = 0x00, 0xFF
BASIC, CODE = 0, 3
HEADER_BYTES = 17
NO_VARIABLES = 0x8000
LINE = 10


def write_tape(picture: pd.Picture, options: pd.WriteOptions) -> bytes:
    """``LOAD ""``: a BASIC line that sets the border, loads the screen behind it and waits for a key."""
    border = hardware_border(picture)
    text = b"\xe7" + _number(border) + b':\xef""\xaa:\xf2' + _number(0) + b"\r"  # BORDER b: LOAD ""SCREEN$: PAUSE 0
    program = struct.pack(">H", LINE) + struct.pack("<H", len(text)) + text
    loader = _block(HEADER, _header(BASIC, len(program), LINE, len(program))) + _block(DATA, program)
    screen = to_screen(picture)
    return loader + _block(HEADER, _header(CODE, len(screen), SCREEN, NO_VARIABLES)) + _block(DATA, screen)


def _number(value: int) -> bytes:
    """A small number as BASIC stores it: digits, and the same in binary behind a mark."""
    return str(value).encode() + bytes([0x0E, 0, 0, value, 0, 0])


def _header(kind: int, length: int, first: int, second: int) -> bytes:
    return struct.pack("<B10sHHH", kind, b"pixeldream", length, first, second)


def _block(flag: int, data: bytes) -> bytes:
    body = bytes([flag]) + data
    checksum = 0
    for byte in body:
        checksum ^= byte
    return struct.pack("<H", len(body) + 1) + body + bytes([checksum])


def _blocks(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data):
        length = int.from_bytes(data[at : at + 2], "little")
        if length < 2 or at + 2 + length > len(data):
            raise pd.FormatError(f"the tape's block at byte {at} of {length} bytes leaves the file of {len(data)}")
        yield data[at + 2], data[at + 3 : at + 1 + length]
        at += 2 + length


def read_tape(data: bytes) -> pd.Picture:
    """The first screen of a tape: a block of code that is as long as one."""
    border, header = 0, b""
    for flag, block in _blocks(data):
        if flag == DATA and len(block) == SCREEN_BYTES and len(header) == HEADER_BYTES and header[0] == CODE:
            return to_picture(block, border)
        if flag == DATA and block[4:5] == b"\xe7" and block[6:9] == b"\x0e\0\0" and len(block) > 9:
            border = block[9] & 7
        header = block if flag == HEADER else b""
    raise pd.FormatError(f"there is no block of code of {SCREEN_BYTES} bytes, a screen, on the tape")


# ------------------------------------------------------------------------------------------ snapshots

START, STACK = 0x8000, 0xFFFE
RAM, RAM_BYTES = 0x4000, 0xC000
SNA_HEADER = 27
SNA_BYTES = SNA_HEADER + RAM_BYTES

WAIT_CODE = bytes.fromhex(
    "3E 00 D3 FE"  # ld a,border; out ($FE),a
    "AF DB FE F6 E0 3C 20 F8"  # xor a; in a,($FE); or $E0; inc a; jr nz,-8: until all keys are up
    "AF DB FE F6 E0 3C 28 F8"  # the same with jr z: until one is down
    "C3 00 00"  # jp 0: the machine starts anew
)


def write_snapshot(picture: pd.Picture, options: pd.WriteOptions) -> bytes:
    """A machine of 48K that shows the picture until a key is pressed, and starts anew then."""
    border = hardware_border(picture)
    memory = pd.Memory()
    memory.place(SCREEN, to_screen(picture), "screen")
    memory.place(START, WAIT_CODE[:1] + bytes([border]) + WAIT_CODE[2:], "code")
    memory.place(STACK, START.to_bytes(2, "little"), "stack")
    # I, HL', DE', BC', AF', HL, DE, BC, IY, IX, interrupts off, R, AF, SP, interrupt mode 1, border
    registers = struct.pack("<B7HHHBBHHBB", 0x3F, *[0] * 7, 0x5C3A, 0, 0, 0, 0, STACK, 1, border)
    return registers + memory.image()[1]


def read_snapshot(data: bytes) -> pd.Picture:
    """The screen of a .sna file of 48K or 128K."""
    if len(data) not in (SNA_BYTES, 131103, 147487):
        raise pd.FormatError(f"a snapshot has {SNA_BYTES} bytes (or 131103, 147487 of 128K), not {len(data)}")
    return to_picture(data[SNA_HEADER : SNA_HEADER + SCREEN_BYTES], data[26] & 7)


Z80_HEADER = 30
SCREEN_PAGE = 8
PAGE_BYTES = 0x4000
RAW = 0xFFFF
MORE_HEADER = (23, 54, 55)
END_MARK = b"\0\xed\xed\0"


def read_z80(data: bytes) -> pd.Picture:
    """The screen of a .z80 file of any version."""
    if len(data) < Z80_HEADER + 2:
        raise pd.FormatError(f"{len(data)} bytes are too few for a .z80 snapshot")
    # 255 stands for 1, as programs of old wrote it.
    flags = 1 if data[12] == 255 else data[12]
    memory = _whole(data, bool(flags & 32)) if data[6] | data[7] else _page(data)
    return to_picture(memory[:SCREEN_BYTES], flags >> 1 & 7)


def _whole(data: bytes, packed: bool) -> bytes:
    """All memory, of version 1."""
    body = data[Z80_HEADER:]
    if packed and body.endswith(END_MARK):
        body = _unpacked(body[: -len(END_MARK)], RAM_BYTES + 1)
    if len(body) != RAM_BYTES:
        raise pd.FormatError(f"the .z80 snapshot holds {len(body)} bytes of memory, not {RAM_BYTES}")
    return body


def _page(data: bytes) -> bytes:
    """The page of memory with the screen, of versions 2 and 3."""
    more = int.from_bytes(data[Z80_HEADER : Z80_HEADER + 2], "little")
    if more not in MORE_HEADER:
        raise pd.FormatError(f"the second header of a .z80 snapshot has {more} bytes, none of {MORE_HEADER}")
    at, found = Z80_HEADER + 2 + more, b""
    while at < len(data):
        length, page = struct.unpack_from("<HB", data.ljust(at + 3, b"\0"), at)
        body = data[at + 3 : at + 3 + (PAGE_BYTES if length == RAW else length)]
        content = body if length == RAW else _unpacked(body, PAGE_BYTES + 1)
        if len(content) != PAGE_BYTES:
            raise pd.FormatError(f"page {page} of the .z80 snapshot holds {len(content)} bytes, not {PAGE_BYTES}")
        found = content if page == SCREEN_PAGE else found
        at += 3 + len(body)
    if not found:
        raise pd.FormatError("the .z80 snapshot lacks the page of memory that holds the screen")
    return found


def _unpacked(data: bytes, length: int) -> bytes:
    """``ED ED count value`` is a run; up to ``length`` bytes."""
    result, at = bytearray(), 0
    while at < len(data) and len(result) < length:
        if data[at : at + 2] == b"\xed\xed" and at + 3 < len(data):
            result += data[at + 3 : at + 4] * data[at + 2]
            at += 4
        else:
            result.append(data[at])
            at += 1
    return bytes(result[:length])


def hardware_border(picture: pd.Picture) -> int:
    """The border's colour, which is never bright."""
    return picture.border if picture.border < BORDER_COLOURS else picture.border - (BORDER_COLOURS - 1)


FORMATS = [
    pd.Format(
        "zx-tape", (".tap",), (SPECTRUM.name,), write_tape, read_tape, program=True,
        description="tape that loads and shows a picture, ZX Spectrum",
    ),
    pd.Format(
        "zx-snapshot", (".sna",), (SPECTRUM.name,), write_snapshot, read_snapshot, program=True,
        description="snapshot of a ZX Spectrum that shows a picture",
    ),
    pd.Format("zx-z80", (".z80",), (SPECTRUM.name,), read=read_z80, description="snapshot of a ZX Spectrum, .z80"),
]  # fmt: skip
