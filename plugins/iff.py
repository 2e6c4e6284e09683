"""Interchange File Format, as Commodore's machines use it: chunks, and the ByteRun1 packing of picture rows.

Source: "EA IFF 85" by J. Morrison and its ILBM supplement (Electronic Arts, 1985 and 1986), as printed in the Amiga
ROM Kernel Reference Manual: Devices (1991), appendix A. Numbers are big-endian.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pixeldream as pd

MAXIMUM_CHUNKS = 1000
LONGEST = 128
"""The longest run, and the longest copy, that one code of ByteRun1 can say."""

NO_OPERATION = 128
EQUAL = re.compile(rb"(.)\1+", re.DOTALL)
"""Two equal bytes and more."""


def chunk(name: bytes, data: bytes) -> bytes:
    """A chunk: its name, its length, its data, and a zero byte where the length is odd."""
    return name + len(data).to_bytes(4, "big") + data + bytes(len(data) % 2)


def form(kind: bytes, *chunks: bytes) -> bytes:
    """A whole file: the form of four letters, such as ``ILBM``, and its chunks."""
    return chunk(b"FORM", kind + b"".join(chunks))


def chunks(data: bytes, kind: bytes, most: int = MAXIMUM_CHUNKS) -> Iterator[tuple[bytes, bytes]]:
    """(name, data) of each chunk of a file that is one form of that kind. Bytes behind the form are ignored.

    Raises ``FormatError`` for another kind of file, for lengths that lead out of it and for more than ``most`` chunks.
    """
    if data[:4] != b"FORM" or len(data) < 12:
        raise pd.FormatError("this is no IFF file: it does not start with a FORM")
    if data[8:12] != kind:
        raise pd.FormatError(f"this is an IFF {_text(data[8:12])} file; {_text(kind)} is read")
    end = 8 + int.from_bytes(data[4:8], "big")
    if end > len(data):
        raise pd.FormatError(f"the file is cut off: it should have {end} bytes and has {len(data)}")
    position = 12
    for _ in range(most):
        if position + 8 > end:
            return
        name, length = data[position : position + 4], int.from_bytes(data[position + 4 : position + 8], "big")
        position += 8
        if length > end - position:
            raise pd.FormatError(f"chunk {_text(name)} says {length} bytes; {end - position} are left in the file")
        yield name, data[position : position + length]
        position += length + length % 2
    raise pd.FormatError(f"more than {most} chunks: this is no picture")


def _text(name: bytes) -> str:
    return repr(name.decode("latin-1"))


def pack(row: bytes) -> bytes:
    """ByteRun1 of one row: runs of three and more, and of two where no copy is open. No row of up to 128 bytes (1024
    pixels) packs shorter.

    Code 128 is never written: the standard calls it no operation, some readers a run of 129.
    """
    result, start = bytearray(), 0
    for found in EQUAL.finditer(row):
        place, end = found.span()
        if end - place == 2 and place > start:
            continue
        result += _copy(row[start:place])
        while end - place > 1:
            run = min(end - place, LONGEST)
            result += bytes([257 - run, row[place]])
            place += run
        start = place
    return bytes(result + _copy(row[start:]))


def _copy(data: bytes) -> bytes:
    pieces = [data[start : start + LONGEST] for start in range(0, len(data), LONGEST)]
    return b"".join(bytes([len(piece) - 1]) + piece for piece in pieces)


def unpack(data: bytes, length: int) -> bytes:
    """The ``length`` bytes that ByteRun1 ``data`` stands for. Runs may cross rows.

    What follows is ignored: some writers leave rubbish there. Raises ``FormatError`` as soon as the data ends early or
    a run leads beyond ``length``.
    """
    # The worst packing that is not nonsense copies every byte by a code of its own, the best makes 128 of two.
    if len(data) > 2 * length + 1:
        raise pd.FormatError(f"{len(data)} packed bytes are too many for {length}")
    if len(data) * LONGEST < 2 * length:
        raise pd.FormatError(
            f"the packed picture gives less than {len(data) * LONGEST // 2 + 1} bytes and not {length}"
        )
    result, position = bytearray(), 0
    while len(result) < length and position < len(data):
        code = data[position]
        position += 1
        if code < NO_OPERATION:
            result += data[position : position + code + 1]
            position += code + 1
        elif code > NO_OPERATION:
            result += data[position : position + 1] * (257 - code)
            position += 1
    if len(result) != length or position > len(data):
        raise pd.FormatError(f"the packed picture gives {len(result)} bytes and not {length}")
    return bytes(result)
