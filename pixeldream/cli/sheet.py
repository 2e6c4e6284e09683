"""A contact sheet: many pictures on one, with their names."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from math import ceil, sqrt

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pixeldream.images import repeat, resize
from pixeldream.retro.display import display_aspect
from pixeldream.retro.mode import Picture

WIDTH = 240
"""Of a picture on the sheet, in pixels."""

GAP = 12
LETTERS = 13
"""Height of the names."""

PAPER, INK = (32, 32, 36), (232, 232, 232)

ACROSS = 8
"""Pictures in a row at most."""


def thumbnail(picture: Picture) -> np.ndarray:
    """uint8 ``[height, WIDTH, 3]`` in the true shape of the screen."""
    image = repeat(picture.image().astype(np.float32) / 255.0, picture.mode)
    small = resize(image, (WIDTH, max(1, round(WIDTH / display_aspect(picture.mode)))))
    return np.rint(small * 255.0).astype(np.uint8)


def contact_sheet(pictures: Sequence[tuple[str, np.ndarray]]) -> bytes:
    """A PNG of pictures, each a name and uint8 ``[height, width, 3]``, row by row."""
    font = ImageFont.load_default(LETTERS)
    height = max(image.shape[0] for _, image in pictures)
    across = min(len(pictures), ACROSS, ceil(sqrt(len(pictures))))
    step = WIDTH + GAP, height + LETTERS + 2 * GAP
    size = across * step[0] + GAP, ceil(len(pictures) / across) * step[1] + GAP
    sheet = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(sheet)
    for number, (name, image) in enumerate(pictures):
        left, top = GAP + number % across * step[0], GAP + number // across * step[1]
        sheet.paste(Image.fromarray(image), (left, top))
        draw.text((left, top + image.shape[0] + GAP // 3), _fitting(name, font), INK, font)
    file = BytesIO()
    sheet.save(file, "PNG")
    return file.getvalue()


def _fitting(name: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """The name, its middle left out where it is too long."""
    kept = len(name)
    text = name
    while font.getlength(text) > WIDTH and kept > 2:
        kept -= 1
        text = f"{name[: kept // 2]}...{name[len(name) - (kept - kept // 2) :]}"
    return text
