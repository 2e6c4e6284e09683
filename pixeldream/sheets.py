"""Sheets of pictures: under their names on a page, or close together on a machine's screen.

Pictures are float32 ``[height, width, 3]`` in [0, 1], all of one size.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pixeldream.images import as_bytes, resize

GAP, LETTERS = 8, 12
SHAPE = 1.5
"""About the width of a page over its height."""

PAPER, INK = (24, 24, 28), (225, 225, 225)


def named(tiles: Sequence[tuple[str, np.ndarray]], title: str) -> np.ndarray:
    """A page of pictures, row by row, unscaled, each with its name above it; none covers a picture."""
    font = ImageFont.load_default(LETTERS)
    height, width = tiles[0][1].shape[:2]
    line = LETTERS + 4
    across, down = width + GAP, height + line + GAP
    columns = max(1, min(len(tiles), round((SHAPE * len(tiles) * down / across) ** 0.5)))
    size = columns * across + GAP, ceil(len(tiles) / columns) * down + line + 2 * GAP
    page = Image.new("RGB", size, PAPER)
    pen = ImageDraw.Draw(page)
    pen.text((GAP, GAP // 2), _fitting(title, font, size[0] - 2 * GAP), INK, font)
    for place, (name, picture) in enumerate(tiles):
        left, top = GAP + place % columns * across, line + GAP + place // columns * down
        pen.text((left, top), _fitting(name, font, width), INK, font)
        page.paste(Image.fromarray(as_bytes(np.clip(picture, 0.0, 1.0))), (left, top + line))
    return np.asarray(page, np.float32) / 255.0


def _fitting(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    """The text, its end left out where it is too long."""
    kept = text
    while kept and font.getlength(kept) > width:
        kept = kept[:-1]
    return kept


def _columns(count: int, screen: tuple[int, int]) -> tuple[int, int]:
    """How many in a row, and the side of each, so that squares fill a screen (width, height) best."""
    width, height = screen
    sides = [(min(width // columns, height // ceil(count / columns)), columns) for columns in range(1, count + 1)]
    side, columns = max(sides)
    return columns, side


def side_within(count: int, screen: tuple[int, int]) -> int:
    """The side of ``count`` squares on a screen (width, height), in pixels, with a line between them."""
    return max(1, _columns(count, screen)[1] - 1)


def close(pictures: Sequence[np.ndarray], screen: tuple[int, int]) -> np.ndarray:
    """Squares on a screen (width, height), a dark line between them."""
    columns, side = _columns(len(pictures), screen)
    page = np.zeros((screen[1], screen[0], 3), np.float32)
    left = (screen[0] - columns * side) // 2
    top = (screen[1] - ceil(len(pictures) / columns) * side) // 2
    for place, picture in enumerate(pictures):
        y, x = top + place // columns * side, left + place % columns * side
        inner = max(1, side - 1)
        page[y : y + inner, x : x + inner] = picture if len(picture) == inner else resize(picture, (inner, inner))
    return page
