"""PNG of every mode: indexed in hardware order where the mode has indices, at the shape of the display. (See ``gif``.)

PNG: https://www.w3.org/TR/png-3/. The bytes depend on the picture, the options and the zlib at hand, never on the time.
"""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np

import pixeldream as pd

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.PngImagePlugin import PngInfo

MAXIMUM_INDICES = 256

ENLARGEMENT = 2
"""Of a picture that is resampled: room for the edges between pixels, which no longer fall on whole ones."""


def write(picture: pd.Picture, options: pd.WriteOptions) -> bytes:
    """A PNG file. The palette index is the hardware colour of a fixed palette, or the slot where the palette is free.

    Whole pixels are repeated to the shape of the display; ``options.raw`` keeps the mode's own, ``options.aspect``
    resamples to the true shape of the screen, in RGB.
    """
    across, down = (1, 1) if options.raw else pd.repeats(picture.mode)
    if options.aspect:
        image = _from_rgb(_true_shape(picture))
    else:
        found = indexed(picture)
        image = _from_rgb(picture.image()) if found is None else from_indices(*found)
        image = image.resize((image.width * across, image.height * down), resample=0)
    file = BytesIO()
    image.save(file, "PNG", pnginfo=_metadata(options))
    return file.getvalue()


def indexed(picture: pd.Picture) -> tuple[np.ndarray, np.ndarray] | None:
    """uint8 indices ``[height, width]`` and their colours ``[n, 3]``; ``None`` where no index says it all."""
    if picture.mode.render is not None:
        return _by_value(picture)
    if isinstance(picture.palette, pd.Palette):
        if picture.palette.count > MAXIMUM_INDICES:
            return None
        return picture.indices().astype(np.uint8), picture.palette.rgb(np.arange(picture.palette.count))
    if any(colours.size > 1 for colours in picture.colours):
        return None
    return picture.pixels, picture.palette.rgb([int(colours[0, 0]) for colours in picture.colours])


def _by_value(picture: pd.Picture) -> tuple[np.ndarray, np.ndarray] | None:
    """As :func:`indexed` for a mode with an own render, if each pixel value has one colour: halfbrite, but not HAM."""
    values = picture.mode.pixel_values
    if picture.pixels.ndim != 2 or values > MAXIMUM_INDICES or picture.pixels.size < values:
        return None
    every = np.resize(np.arange(values, dtype=np.uint8), picture.pixels.shape)
    colours = replace(picture, pixels=every).image().reshape(-1, 3)[:values]
    shown = picture.image()
    return (picture.pixels, colours) if np.array_equal(colours[picture.pixels], shown) else None


def from_indices(indices: np.ndarray, colours: np.ndarray) -> Image:
    """An indexed image of uint8 ``[height, width]`` and its colours ``[n, 3]``."""
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(indices, np.uint8)).convert("L")
    image.putpalette(colours.astype(np.uint8).tobytes())
    return image


def _from_rgb(rgb: np.ndarray) -> Image:
    from PIL import Image

    return Image.fromarray(np.ascontiguousarray(rgb, np.uint8))


def _true_shape(picture: pd.Picture) -> np.ndarray:
    """uint8 ``[height, width, 3]`` with the proportions of the screen, no side shorter than that of the display."""
    across, down = pd.repeats(picture.mode)
    wide, tall = picture.mode.size[0] * across * ENLARGEMENT, picture.mode.size[1] * down * ENLARGEMENT
    aspect = pd.display_aspect(picture.mode)
    return resample(picture.image(), (max(wide, round(tall * aspect)), max(tall, round(wide / aspect))))


def resample(rgb: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """uint8 ``[height, width, 3]`` at ``size`` (width, height): each new pixel is the mean light of what it covers.

    Pixels stay sharp squares, and thin lines keep their brightness: the mean is taken of linear light (IEC 61966-2-1).
    """
    encoded = rgb / 255.0
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    down, across = _cover(rgb.shape[0], size[1]), _cover(rgb.shape[1], size[0])
    mean = np.einsum("yh,hwc,xw->yxc", down, linear, across, optimize=True)
    encoded = np.where(mean <= 0.0031308, mean * 12.92, 1.055 * np.maximum(mean, 0.0) ** (1 / 2.4) - 0.055)
    return np.rint(np.clip(encoded, 0.0, 1.0) * 255.0).astype(np.uint8)


def _cover(old: int, new: int) -> np.ndarray:
    """``[new, old]``: which part of each new pixel lies over each old one; rows sum to 1."""
    edges = np.arange(new + 1) * (old / new)
    starts = np.arange(old)
    overlap = np.minimum(edges[1:, None], starts + 1) - np.maximum(edges[:-1, None], starts)
    return np.maximum(overlap, 0.0) * (new / old)


def _metadata(options: pd.WriteOptions) -> PngInfo:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    for keyword, text in options.metadata.items():
        # Latin-1 goes into tEXt, everything else into iTXt, which is UTF-8.
        info.add_text(keyword, text)
    return info


@pd.hookimpl
def register_formats() -> list[pd.Format]:
    from pixeldream_plugins import gif

    return [
        pd.Format("png", (".png",), write=write, description="PNG, indexed in the order of the hardware's colours"),
        gif.FORMAT,
    ]
