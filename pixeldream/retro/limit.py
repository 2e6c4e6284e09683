"""A picture in few of the colours that the machine has.

In a fixed palette the colours that may not be seen are moved far beyond white: every solver and every dither then
leaves them to slots that no pixel uses, with no rule of its own. Colours of a free palette are chosen here and locked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from pixeldream.retro.mode import Picture
from pixeldream.retro.palette import UNSEEN

SAMPLES = 4096
"""Pixels of an image that the choice of colours looks at."""


def barred(values: np.ndarray, only: Sequence[int]) -> np.ndarray:
    """``values`` (sRGB ``[colours, 3]``), all but ``only`` far beyond white; as they are for an empty ``only`` and for
    the empty array of a gamut."""
    if not only or not len(values):
        return values
    result = np.full_like(values, UNSEEN)
    result[list(only)] = values[list(only)]
    return result


def keep_to(picture: Picture, only: Sequence[int]) -> Picture:
    """``picture`` with a colour of ``only`` in every slot that no pixel needs for another: what is not seen should not
    be in the file either. Where the machine's rules leave no such colour, all stays as it is."""
    if not only or picture.mode.gamut is not None:
        return picture
    colours = tuple(_held(picture, number, only) for number in range(len(picture.colours)))
    try:
        return replace(picture, colours=colours)
    except ValueError:  # colours that may not stand together
        return picture


def _held(picture: Picture, number: int, only: Sequence[int]) -> np.ndarray:
    mode, held = picture.mode, picture.colours[number]
    possible = [colour for colour in only if colour in mode.allowed(number)]
    if not possible:
        return held
    changed = np.where(np.isin(held, possible), held, -1)
    for other in _around(picture, number):  # what stands there already may stand there twice
        changed = np.where((changed < 0) & np.isin(other, possible), other, changed)
    changed = np.where(changed < 0, possible[0], changed)
    slot = mode.slots[number]
    if mode.blocked_colour is not None and slot.area is not None:  # the machine's own
        columns = mode.blocked // slot.area[0]
        changed[:, :columns] = held[:, :columns]
    return changed


def _around(picture: Picture, number: int) -> Iterator[np.ndarray]:
    """The colours of the other slots whose areas hold those of slot ``number``, on its grid."""
    rows, columns = picture.colours[number].shape
    for other, colours in enumerate(picture.colours):
        down, across = colours.shape
        if other != number and rows % down == 0 and columns % across == 0:
            yield np.repeat(np.repeat(colours, rows // down, 0), columns // across, 1)


def fewest(colours: np.ndarray, image: np.ndarray, count: int) -> list[int]:
    """Which ``count`` of ``colours`` (uint8 ``[n, 3]``) serve ``image`` (sRGB, float32) best; all where there are no
    more. From all of them, that one is left out in turn whose pixels find the best replacement."""
    kept = list(range(len(colours)))
    pixels = image.reshape(-1, 3)[:: max(1, image.shape[0] * image.shape[1] // SAMPLES)]
    distance = np.square(_lab(pixels)[:, None] - _lab(colours.astype(np.float32) / 255)[None]).sum(-1)
    while len(kept) > max(1, count):
        near = distance[:, kept]
        first = near.argmin(1)
        second = np.partition(near, 1, 1)[:, 1]
        loss = np.bincount(first, second - near.min(1), len(kept))
        del kept[int(loss.argmin())]
    return kept


def _lab(srgb: np.ndarray) -> np.ndarray:
    import jax.numpy as jnp

    from pixeldream.retro.colour import srgb_to_oklab

    return np.asarray(srgb_to_oklab(jnp.asarray(srgb, jnp.float32)))
