"""Pictures to test with: legal ones of every mode, by chance and by formula."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

import pixeldream as pd


def palette_of(mode: pd.Mode) -> pd.Palette | pd.Gamut:
    """The mode's default palette, or the gamut that it mixes its own from."""
    return pd.palette(mode.palette) if mode.gamut is None else mode.gamut


@st.composite
def pictures(draw: st.DrawFn, mode: pd.Mode) -> pd.Picture:
    """Legal pictures: from flat ones to noise, in few colours or all."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    palette = palette_of(mode)
    slots = draw(st.integers(1, len(mode.slots)))
    count = draw(st.sampled_from([1, 2, palette.count]))
    block = draw(st.sampled_from([1, 2, 8]))
    width, height = mode.size
    coarse = random.integers(0, slots, (height // block, width // block))
    pixels = np.kron(coarse, np.ones((block, block))).astype(np.uint8)
    colours = tuple(random.integers(0, count, mode.grid(slot)[::-1]) for slot in range(len(mode.slots)))
    return pd.Picture(mode, palette, pixels, colours, border=draw(st.integers(0, 15)))


def pattern(mode: pd.Mode) -> pd.Picture:
    """The same picture on every machine for ever: every slot, every colour, no two neighbouring cells alike."""
    width, height = mode.size
    y, x = np.mgrid[0:height, 0:width]
    palette = palette_of(mode)
    pixels = ((x * x + 3 * y + x * y // 7) // 2 % len(mode.slots)).astype(np.uint8)
    colours = []
    for slot in range(len(mode.slots)):
        columns, rows = mode.grid(slot)
        row, column = np.mgrid[0:rows, 0:columns]
        colours.append((5 * row + 3 * column + row * column + 7 * slot * slot + 2) % palette.count)
    return pd.Picture(mode, palette, pixels, tuple(colours), border=11)
