"""Pictures to test with: legal ones of every mode, by chance and by formula."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

import pixeldream as pd
from pixeldream.plugin import testing


def palette_of(mode: pd.Mode) -> pd.Palette | pd.Gamut:
    """The mode's default palette, or the gamut that it mixes its own from."""
    return pd.palette(mode.palette) if mode.gamut is None else mode.gamut


def legal(mode: pd.Mode, pixels: np.ndarray, colours: list[np.ndarray], border: int) -> pd.Picture:
    """A picture after the mode's rules: columns that can't be painted, colours that a slot may hold, few tiles."""
    if mode.tiles is not None:
        (width, height), (columns, rows) = mode.tiles.area, (16, 4)
        small = pixels[: rows * height, : columns * width]
        pixels = np.tile(small, (8, 3))[: pixels.shape[0], : pixels.shape[1]]
    pixels = testing.in_one_sub_palette(mode, pixels)
    pixels[..., : mode.blocked_pixels] = 0
    for number, slot in enumerate(mode.slots):
        if slot.allowed is not None:
            colours[number] = np.asarray(slot.allowed)[colours[number] % len(slot.allowed)]
        if mode.blocked_colour is not None and slot.area is not None:
            colours[number][:, : mode.blocked // slot.area[0]] = mode.blocked_colour
    return pd.Picture(mode, palette_of(mode), pixels, tuple(testing.in_one_group(mode, colours)), border)


@st.composite
def pictures(draw: st.DrawFn, mode: pd.Mode) -> pd.Picture:
    """Legal pictures: from flat ones to noise, in few colours or all."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    palette = palette_of(mode)
    values = draw(st.integers(1, mode.pixel_values))
    count = draw(st.sampled_from([1, 2, palette.count]))
    block = draw(st.sampled_from([1, 2, 8]))
    *frames, height, width = mode.pixel_shape
    coarse = random.integers(0, values, (*frames, -(-height // block), -(-width // block)))
    pixels = np.kron(coarse, np.ones((block, block), int))[..., :height, :width].astype(np.uint8)
    colours = [random.integers(0, count, mode.grid(slot)[::-1]) for slot in range(len(mode.slots))]
    return legal(mode, pixels, colours, draw(st.integers(0, min(palette.count, 16) - 1)))


def pattern(mode: pd.Mode) -> pd.Picture:
    """The same picture on every machine for ever: every slot, every colour, no two neighbouring cells alike."""
    *frames, height, width = mode.pixel_shape
    y, x = np.mgrid[0:height, 0:width]
    palette = palette_of(mode)
    first = (x * x + 3 * y + x * y // 7) // 2 % mode.pixel_values
    pixels = np.stack([(first + frame) % mode.pixel_values for frame in range(*frames)]) if frames else first
    colours = []
    for slot in range(len(mode.slots)):
        columns, rows = mode.grid(slot)
        row, column = np.mgrid[0:rows, 0:columns]
        colours.append((5 * row + 3 * column + row * column + 7 * slot * slot + 2) % palette.count)
    return legal(mode, pixels.astype(np.uint8), colours, border=11)
