"""PCHG, the chunk of an ILBM file that says which colours change from line to line.

Sebastiano Vigna, "Multi-palette pictures: the PCHG chunk" (1994), which comes with the code that packs the changes and
unpacks them. Numbers are big-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np

import pixeldream as pd

HEADER = struct.Struct(">HHhHHHHHI")
"""Compression, flags, first line, lines, changed lines, lowest and highest register, most changes, all changes."""

PLAIN, HUFFMAN = 0, 1
SMALL_LINES, BIG_LINES = 1, 2
Changes = list[tuple[int, np.ndarray]]

PACKED_HEADER = struct.Struct(">II")
"""Bytes of the tree, and of what the code unpacks to."""

MOST_TREE_BYTES = 2 * 511
"""256 different bytes are the leaves of no larger tree."""

LEAF = 0x100


def expand(words: np.ndarray) -> np.ndarray:
    """uint8 ``[..., 3]`` of 0x0RGB words."""
    wide = words.astype(np.int32)
    return (np.stack([wide >> 8 & 15, wide >> 4 & 15, wide & 15], -1) * 17).astype(np.uint8)


def lines(data: bytes, first: np.ndarray, height: int) -> np.ndarray:
    """uint8 ``[height, n, 3]``: the palette of every line, from the chunk and the palette ``first [n, 3]`` of the file.
    Changes stay until the next one. Raises ``FormatError``."""
    if len(data) < HEADER.size:
        raise pd.FormatError(f"the PCHG chunk has {len(data)} of {HEADER.size} bytes")
    compression, flags, start, count, *_ = HEADER.unpack(data[: HEADER.size])
    if compression not in (PLAIN, HUFFMAN) or not flags & (SMALL_LINES | BIG_LINES):
        raise pd.FormatError(f"a PCHG chunk of compression {compression} and flags {flags}; 0 or 1 and 1 or 2 are read")
    body = data[HEADER.size :]
    if compression == HUFFMAN:
        body = unpack(body)
    mask_bytes = (count + 31) // 32 * 4
    mask = np.unpackbits(np.frombuffer(body[:mask_bytes], np.uint8))[:count]
    changes = _small_lines(body[mask_bytes:]) if flags & SMALL_LINES else _big_lines(body[mask_bytes:])
    result, now, done = np.zeros((height, *first.shape), np.uint8), first.copy(), 0
    try:
        for line in (int(each) + start for each in np.flatnonzero(mask)):
            result[done : max(done, line)] = now
            done = max(done, min(line, height))
            for register, colour in next(changes):
                now[register] = colour
    except (StopIteration, IndexError, struct.error):
        raise pd.FormatError("the PCHG chunk ends early or changes a colour that is not there") from None
    result[done:] = now
    return result


def _small_lines(data: bytes) -> Iterator[Changes]:
    position = 0
    while position < len(data):
        low, high = struct.unpack_from(">BB", data, position)
        words = struct.unpack_from(f">{low + high}H", data, position + 2)
        position += 2 + 2 * len(words)
        registers = [(word >> 12) + 16 * (number >= low) for number, word in enumerate(words)]
        yield list(zip(registers, expand(np.asarray(words, np.int32) & 0xFFF), strict=True))


def _big_lines(data: bytes) -> Iterator[Changes]:
    position = 0
    while position < len(data):
        (count,) = struct.unpack_from(">H", data, position)
        position += 2
        line = []
        for _ in range(count):
            register, _, red, blue, green = struct.unpack_from(">HBBBB", data, position)
            line.append((register, np.array([red, green, blue], np.uint8)))
            position += 6
        yield line


def unpack(data: bytes) -> bytes:
    """What a Huffman code stands for: sizes, a tree of 16-bit words, then bits, the highest first.

    The root is the last word. A 1 follows a word: below 0 it is the way in bytes to another one, else a leaf. A 0 goes
    to the word before, which is a leaf where ``LEAF`` is set. Raises ``FormatError``.
    """
    tree_bytes, size = PACKED_HEADER.unpack(data[: PACKED_HEADER.size].ljust(PACKED_HEADER.size, b"\0"))
    body = data[PACKED_HEADER.size + tree_bytes :]
    if tree_bytes % 2 or not 2 <= tree_bytes <= MOST_TREE_BYTES or size > 8 * len(body):
        raise pd.FormatError(f"a PCHG chunk whose tree of {tree_bytes} bytes makes {size} of {len(body)}")
    tree = np.frombuffer(data, ">i2", tree_bytes // 2, PACKED_HEADER.size).tolist()
    result, root = bytearray(), len(tree) - 1
    place = root
    for bit in np.unpackbits(np.frombuffer(body, np.uint8)).tolist():
        if len(result) == size:
            break
        leaf = tree[place] >= 0
        if not bit:
            place -= 1
            leaf = place >= 0 and tree[place] >= 0 and bool(tree[place] & LEAF)
        elif not leaf:
            place += tree[place] // 2
        if place < 0:
            raise pd.FormatError("a PCHG chunk whose tree leads out of itself")
        if leaf:
            result.append(tree[place] & 255)
            place = root
    if len(result) != size:
        raise pd.FormatError(f"the PCHG chunk unpacks to {len(result)} of {size} bytes")
    return bytes(result)
