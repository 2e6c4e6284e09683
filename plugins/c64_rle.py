"""The run-length code of Commodore 64 editors: an escape byte, a count and a value stand for a run.

Koala's packer stores the value first, FunPaint's and Drazlace's the count. A count of 0 means 256. Unpacking stops as
soon as there is more than was promised, so a bomb costs nothing.
"""

from __future__ import annotations

import re

import pixeldream as pd

WORTH = 3
"""A run of more bytes than this is shorter packed than plain."""


def pack(data: bytes, escape: int, value_first: bool = False) -> bytes:
    """``data`` packed; every byte like the escape becomes a run."""
    result = bytearray()
    for run in re.finditer(rb"(.)\1{0,254}", data, re.DOTALL):
        value, count = run[1][0], len(run[0])
        if count > WORTH or value == escape:
            result += bytes([escape, value, count] if value_first else [escape, count, value])
        else:
            result += run[0]
    return bytes(result)


def unpack(data: bytes, escape: int, length: int, value_first: bool = False) -> bytes:
    """Exactly ``length`` bytes. Raises ``FormatError`` when there are more or fewer, or a run is cut off."""
    result = bytearray()
    position = 0
    while position < len(data):
        run = data.find(escape, position)
        run = len(data) if run < 0 else run
        result += data[position:run]
        if run < len(data):
            if run + 3 > len(data):
                raise pd.FormatError("the packed picture ends within a run")
            value, count = data[run + 1 : run + 3] if value_first else data[run + 2 : run : -1]
            result += bytes([value]) * (count or 256)
        position = run + 3
        if len(result) > length:
            raise pd.FormatError(f"the packed picture holds more than {length} bytes")
    if len(result) < length:
        raise pd.FormatError(f"the packed picture holds {len(result)} of {length} bytes")
    return bytes(result)
