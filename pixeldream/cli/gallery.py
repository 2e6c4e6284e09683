"""Pictures side by side on one sheet, each under its name."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, sqrt

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pixeldream import images
from pixeldream.retro.mode import Picture

LINE = 16
"""Height in pixels of a name."""

GAP = 8
"""Pixels between pictures, and around all."""

SHAPE = 1.5
"""About the width of the sheet over its height."""

PAPER, INK = 24, 232
"""Grey values of 0 to 255: dark paper, as a screen's surroundings are."""


def shown(picture: Picture) -> np.ndarray:
    """float32 ``[height, width, 3]``: a picture in display pixels."""
    return images.repeat(picture.image().astype(np.float32) / 255.0, picture.mode)


def sheet(tiles: Sequence[tuple[str, np.ndarray]]) -> np.ndarray:
    """float32 ``[height, width, 3]``: pictures of one size, row by row, unscaled, with their names above them."""
    height, width = tiles[0][1].shape[:2]
    across, down = width + GAP, height + LINE + GAP
    columns = min(len(tiles), max(1, round(sqrt(SHAPE * len(tiles) * down / across))))
    page = Image.new("RGB", (columns * across + GAP, ceil(len(tiles) / columns) * down + GAP), (PAPER,) * 3)
    draw, font = ImageDraw.Draw(page), ImageFont.load_default()
    for place, (name, image) in enumerate(tiles):
        x, y = GAP + place % columns * across, GAP + place // columns * down
        draw.text((x, y), name, fill=(INK,) * 3, font=font)
        page.paste(Image.fromarray(np.rint(image * 255).astype(np.uint8)), (x, y + LINE))
    return np.asarray(page, np.float32) / 255.0
