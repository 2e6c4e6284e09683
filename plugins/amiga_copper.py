"""How the Amiga is told to show a picture: its bit planes, and the copper list that sets the display up each frame.

Amiga Hardware Reference Manual (1991), chapters 2 and 3 and appendix A; AGA's additions as in Commodore's "AA" chip set
notes. A copper list is pairs of a register's offset from $DFF000 and the word to put there.
"""

from __future__ import annotations

from itertools import chain

import numpy as np
from pixeldream_plugins.amiga_ilbm import base_colours
from pixeldream_plugins.amiga_modes import HAM6, HAM8, Kind, Screen, kind_of, screen_of

import pixeldream as pd

DIWSTRT, DIWSTOP, DDFSTRT, DDFSTOP = 0x08E, 0x090, 0x092, 0x094
BPLCON0, BPLCON1, BPLCON2, BPLCON3, BPLCON4 = 0x100, 0x102, 0x104, 0x106, 0x10C
BPL1MOD, BPL2MOD, FMODE = 0x108, 0x10A, 0x1FC
BPL1PTH, COLOR00, SPR0CTL = 0x0E0, 0x180, 0x142
END = (0xFFFF, 0xFFFE)

LOW_NIBBLES = 0x0200
"""BPLCON3's LOCT: colour registers take the lower four bits of each component."""

SINGLE_FETCH_PLANES = 4
"""Planes of high resolution that 16 bits at a time are quick enough for."""

FETCH_32_BITS = 1
"""FMODE's BPL32: high resolution is then fetched as often as low. Planes start at multiples of four."""

BANK = 32
"""Colour registers that BPLCON3 shows at a time."""

Move = tuple[int, int]


def control(kind: Kind, screen: Screen) -> int:
    """BPLCON0: how many planes, and what they mean. Halfbrite is what six planes are that nothing is said about."""
    planes = 0x0010 if kind.planes == 8 else kind.planes << 12
    ham = 0x0800 if kind.own in (HAM6, HAM8) else 0
    return planes | ham | 0x0200 | (0x8000 if screen.hires else 0) | (0x0004 if screen.lace else 0)


def fields(mode: pd.Mode) -> int:
    """How many copper lists a picture needs: interlaced, one for the even rows and one for the odd."""
    return 2 if screen_of(mode).lace else 1


def copper_list(picture: pd.Picture, addresses: tuple[int, ...] | None = None) -> list[Move]:
    """The whole list for a picture of a screen's full size, for planes one after the other. Fields differ only in the
    ``addresses``, those of the planes' first rows that they show; 0 where they are to be filled in."""
    kind, screen = kind_of(picture.mode), screen_of(picture.mode)
    modulo = (fields(picture.mode) - 1) * picture.mode.size[0] // 8  # past the other field's rows
    where = addresses or (0,) * kind.planes
    twice = screen.hires and kind.planes > SINGLE_FETCH_PLANES
    start, stop = (0x003C, 0x00D4) if screen.hires and not twice else (0x0038, 0x00D0)
    moves = [(DIWSTRT, 0x2C81), (DIWSTOP, 0xF4C1 if screen.ntsc else 0x2CC1), (DDFSTRT, start), (DDFSTOP, stop)]
    moves += [(BPLCON0, control(kind, screen)), (BPLCON1, 0), (BPLCON2, 0), (BPL1MOD, modulo), (BPL2MOD, modulo)]
    # A sprite that was being shown when its DMA stopped would be shown for ever.
    moves += [(SPR0CTL + 8 * sprite, 0) for sprite in range(8)]
    if kind.aga:
        moves += [(FMODE, FETCH_32_BITS if twice else 0), (BPLCON4, 0)]
    for plane, address in enumerate(where):
        moves += [(BPL1PTH + 4 * plane, address >> 16), (BPL1PTH + 4 * plane + 2, address & 0xFFFF)]
    return [*moves, *_colours(picture, kind.aga), END]


def _colours(picture: pd.Picture, aga: bool) -> list[Move]:
    wide = base_colours(picture).astype(int)
    high, low = ((part[:, 0] << 8 | part[:, 1] << 4 | part[:, 2]).tolist() for part in (wide >> 4, wide & 15))
    if not aga:
        return [(COLOR00 + 2 * number, value) for number, value in enumerate(high)]
    moves: list[Move] = []
    for first in range(0, len(high), BANK):
        # The upper bits first: writing them sets the lower ones too.
        for flag, values in ((0, high), (LOW_NIBBLES, low)):
            moves.append((BPLCON3, first // BANK << 13 | flag))
            moves += [(COLOR00 + 2 * number, value) for number, value in enumerate(values[first : first + BANK])]
    return moves


def words(moves: list[Move]) -> bytes:
    """A copper list as it stands in memory."""
    return b"".join(word.to_bytes(2, "big") for word in chain.from_iterable(moves))


def chip_order(kind: Kind) -> tuple[int, ...]:
    """Which bit of a pixel's value each plane holds: on the chip, HAM8's two control bits are the lowest planes."""
    return (6, 7, 0, 1, 2, 3, 4, 5) if kind.own == HAM8 else tuple(range(kind.planes))


def planes(picture: pd.Picture, order: tuple[int, ...] | None = None) -> np.ndarray:
    """uint8 ``[planes, height, row bytes]``, in the chip's order or another. The width must fill whole words."""
    bits = order or chip_order(kind_of(picture.mode))
    return np.stack([np.packbits(picture.pixels >> bit & 1, axis=-1) for bit in bits])


def pixels_of(planar: np.ndarray, order: tuple[int, ...]) -> np.ndarray:
    """uint8 ``[height, width]`` back from planes ``[planes, height, row bytes]``."""
    values = [np.unpackbits(plane, axis=-1) << bit for plane, bit in zip(planar, order, strict=True)]
    return np.bitwise_or.reduce(np.stack(values).astype(np.uint8))
