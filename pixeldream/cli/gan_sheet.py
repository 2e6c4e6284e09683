"""Sheets of drawings, and the curve of a run as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from math import ceil, sqrt

import numpy as np
from PIL import Image, ImageDraw, ImageFont

LEAST = 512
"""The least side of a sheet in pixels: small drawings are enlarged in whole pixels."""

PAPER, INK, GRID = (32, 32, 36), (232, 232, 232), (64, 64, 70)

LINES = ((240, 140, 90), (110, 170, 250))
"""Of the two curves that are drawn together."""

WIDTH, HEIGHT, MARGIN = 760, 190, 44


def grid(images: np.ndarray, columns: int = 0, least: int = LEAST) -> np.ndarray:
    """uint8 ``[height, width, 3]``: pictures ``[n, side, side, 3]`` (uint8) row by row, a black pixel between them."""
    count, side = images.shape[:2]
    columns = columns or ceil(sqrt(count))
    rows = ceil(count / columns)
    sheet = np.zeros((rows * (side + 1) + 1, columns * (side + 1) + 1, 3), np.uint8)
    for number, image in enumerate(images):
        top, left = 1 + number // columns * (side + 1), 1 + number % columns * (side + 1)
        sheet[top : top + side, left : left + side] = image
    times = max(1, ceil(least / max(sheet.shape[:2])))
    return sheet.repeat(times, 0).repeat(times, 1)


def png(image: np.ndarray) -> bytes:
    """A PNG of uint8 ``[height, width, 3]``."""
    file = BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


def plot(rows: np.ndarray, names: Sequence[str]) -> bytes:
    """A PNG of curves, two by two: ``rows [n, names]``, the first of which is the step."""
    panels = [names[place : place + len(LINES)] for place in range(1, len(names), len(LINES))]
    page = Image.new("RGB", (WIDTH, HEIGHT * len(panels)), PAPER)
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(12)
    for number, panel in enumerate(panels):
        values = {name: rows[:, list(names).index(name)] for name in panel}
        _panel(draw, font, HEIGHT * number, rows[:, 0], values)
    file = BytesIO()
    page.save(file, "PNG")
    return file.getvalue()


def _panel(draw: ImageDraw.ImageDraw, font: object, top: int, steps: np.ndarray, values: dict[str, np.ndarray]) -> None:
    finite = np.concatenate([each[np.isfinite(each)] for each in values.values()] or [np.zeros(1)])
    # A single outburst would press everything else flat.
    low, high = np.percentile(finite, (1, 99)) if finite.size else (0.0, 1.0)
    low, high = (low - 0.5, high + 0.5) if high - low < 1e-6 else (low, high)
    box = (MARGIN, top + 24, WIDTH - 12, top + HEIGHT - 24)
    for part in (0.0, 0.5, 1.0):
        y = box[3] + part * (box[1] - box[3])
        draw.line((box[0], y, box[2], y), GRID)
        draw.text((4, y - 7), f"{low + part * (high - low):.2g}", INK, font)  # type: ignore[arg-type]
    draw.text((box[2] - 60, box[3] + 4), f"step {int(steps[-1])}", INK, font)  # type: ignore[arg-type]
    x = box[0] + (steps - steps[0]) / max(steps[-1] - steps[0], 1) * (box[2] - box[0])
    for place, (name, curve) in enumerate(values.items()):
        y = box[3] + np.clip((np.nan_to_num(curve) - low) / (high - low), 0, 1) * (box[1] - box[3])
        draw.line([(float(a), float(b)) for a, b in zip(x, y, strict=True)], LINES[place], 2)
        draw.text((box[0] + 90 * place, top + 6), name, LINES[place], font)  # type: ignore[arg-type]
