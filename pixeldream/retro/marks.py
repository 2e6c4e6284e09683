"""A picture that marks what is wrong in a drawing: all of it dimmed but for the clashes, which are outlined."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from pixeldream.retro.clash import Place
from pixeldream.retro.display import repeats
from pixeldream.retro.legal import Checked

WIDTH = 960
"""About as wide as the picture is made, in whole steps."""

BLOCK = 8
"""Display pixels that are outlined around a smaller place, to be seen at a glance."""

DIMMED, GREYED = 0.4, 0.6
"""How bright the rest of the drawing is, and how much of its colour it loses."""

MARGIN = 4
"""Pixels around the picture, for outlines at its edge."""

OUTLINE, EDGE = (255, 0, 255), (0, 0, 0)
"""Magenta, which no palette of the old machines has as pure; and what sets it off from bright colours."""


def marked(checked: Checked) -> np.ndarray:
    """uint8 ``[height, width, 3]``: the drawing in display pixels, enlarged by a whole number, with a black margin."""
    across, down = repeats(checked.mode)
    scale = max(1, round(WIDTH / (checked.mode.size[0] * across)))
    across, down = across * scale, down * scale
    image = _framed(checked.image.repeat(down, 0).repeat(across, 1))
    places = [place for clash in checked.clashes for place in clash.places]
    if not places:
        return image
    wrong = _framed(_covered(checked.image.shape, places).repeat(down, 0).repeat(across, 1))
    around = wrong | _framed(_blocks(_small(checked, places), (across, down), scale))
    # Lines run outside, so that none hides a pixel that is marked.
    first, second = _grown(around, 2), _grown(around, 3)
    result = np.where(around[..., None], image, _dimmed(image))
    result[second & ~first] = EDGE
    result[first & ~around] = OUTLINE
    result[around & ~wrong] = _dimmed(result[around & ~wrong], greyed=0.0, dimmed=0.75)
    return result


def _framed(image: np.ndarray) -> np.ndarray:
    return np.pad(image, ((MARGIN, MARGIN), (MARGIN, MARGIN), (0, 0))[: image.ndim])


def _covered(shape: tuple[int, ...], places: Iterable[Place]) -> np.ndarray:
    mask = np.zeros(shape[:2], bool)
    for x, y, width, height in places:
        mask[y : y + height, x : x + width] = True
    return mask


def _small(checked: Checked, places: Iterable[Place]) -> np.ndarray:
    """bool ``[height, width]``: the pixels of places that are smaller than a block."""
    across, down = repeats(checked.mode)
    few = [place for place in places if place[2] * across * place[3] * down < BLOCK * BLOCK]
    return _covered(checked.image.shape, few)


def _blocks(small: np.ndarray, pixel: tuple[int, int], scale: int) -> np.ndarray:
    """Pixels of the enlarged picture: the whole blocks around the marked ones. ``pixel``: their size there."""
    large = small.repeat(pixel[1], 0).repeat(pixel[0], 1)
    height, width = large.shape
    side = BLOCK * scale
    padded = np.pad(large, ((0, -height % side), (0, -width % side)))
    split = padded.reshape(padded.shape[0] // side, side, padded.shape[1] // side, side).any((1, 3))
    return split.repeat(side, 0).repeat(side, 1)[:height, :width]


def _grown(mask: np.ndarray, by: int) -> np.ndarray:
    """``mask`` and all within ``by`` pixels of it, across and down."""
    padded = np.pad(mask, by)
    height, width = mask.shape
    rows = np.logical_or.reduce([padded[:, shift : shift + width] for shift in range(2 * by + 1)])
    return np.logical_or.reduce([rows[shift : shift + height] for shift in range(2 * by + 1)])


def _dimmed(image: np.ndarray, greyed: float = GREYED, dimmed: float = DIMMED) -> np.ndarray:
    grey = (image @ np.array([0.299, 0.587, 0.114]))[..., None]
    return np.rint(dimmed * (greyed * grey + (1 - greyed) * image)).astype(np.uint8)
