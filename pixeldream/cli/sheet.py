"""A contact sheet: many pictures on one, with their names."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from math import ceil, sqrt

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pixeldream.images import as_bytes, repeat, resize
from pixeldream.retro.mode import Picture

WIDTH = 320
"""Of a picture on the sheet, in pixels, at most."""

GAP = 12
LETTERS = 13
"""Height of the names."""

PAPER, INK = (32, 32, 36), (232, 232, 232)

ACROSS = 6
"""Pictures in a row at most."""


def thumbnail(picture: Picture) -> np.ndarray:
    """uint8 ``[height, width <= WIDTH, 3]``: whole pixels as long as they fit, or a dither would show as something
    else."""
    image = repeat(picture.image(), picture.mode)
    times = WIDTH // image.shape[1]
    if times:
        return image.repeat(times, 0).repeat(times, 1)
    size = WIDTH, round(WIDTH / image.shape[1] * image.shape[0])
    return as_bytes(resize(image.astype(np.float32) / 255.0, size))


def contact_sheet(pictures: Sequence[tuple[str, np.ndarray]]) -> bytes:
    """A PNG of pictures, each a name and uint8 ``[height, width, 3]``, row by row."""
    font = ImageFont.load_default(LETTERS)
    height = max(image.shape[0] for _, image in pictures)
    across = min(len(pictures), ACROSS, ceil(sqrt(len(pictures))))
    width = max(image.shape[1] for _, image in pictures)
    step = width + GAP, height + LETTERS + 2 * GAP
    size = across * step[0] + GAP, ceil(len(pictures) / across) * step[1] + GAP
    sheet = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(sheet)
    for number, (name, image) in enumerate(pictures):
        left, top = GAP + number % across * step[0], GAP + number // across * step[1]
        sheet.paste(Image.fromarray(image), (left, top))
        draw.text((left, top + image.shape[0] + GAP // 3), _fitting(name, font, width), INK, font)
    file = BytesIO()
    sheet.save(file, "PNG")
    return file.getvalue()


def _fitting(name: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    """The name, its middle left out where it is too long."""
    kept = len(name)
    text = name
    while font.getlength(text) > width and kept > 2:
        kept -= 1
        text = f"{name[: kept // 2]}...{name[len(name) - (kept - kept // 2) :]}"
    return text
