"""What the eye gets: a mode's pixels at the shape of the screen.

A view turns an image in the mode's own pixels into one in display pixels by repeating whole pixels; it is
differentiable, so a network looks at the picture as a person does.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

from pixeldream.retro.mode import Mode, Size


def repeats(mode: Mode) -> Size:
    """Display pixels that a mode's pixel covers (across, down): (2, 1) for C64 multicolor, (1, 2) for Amiga hires."""
    across, down = mode.pixel_aspect
    return max(1, round(across / down)), max(1, round(down / across))


def display_size(mode: Mode) -> Size:
    """(width, height) of the whole picture in display pixels: 320x200 for every C64 screen."""
    return mode.size[0] * repeats(mode)[0], mode.size[1] * repeats(mode)[1]


def display_aspect(mode: Mode) -> float:
    """Width over height of the whole picture as seen on the screen."""
    return mode.size[0] * mode.pixel_aspect[0] / (mode.size[1] * mode.pixel_aspect[1])


@lru_cache
def view(mode: Mode) -> Callable[[Any], Any]:
    """``image [h, w, 3] -> image [H, W, 3]`` in display pixels. The same function object for equal modes."""
    across, down = repeats(mode)

    def show(image: Any) -> Any:
        # A broadcast, not jnp.repeat: its gradient is a plain sum instead of a scatter.
        import jax.numpy as jnp

        height, width, channels = image.shape
        tiled = jnp.broadcast_to(image[:, None, :, None], (height, down, width, across, channels))
        return tiled.reshape(height * down, width * across, channels)

    return show


def to_mode(image: Any, mode: Mode) -> Any:
    """An image in display pixels to the mode's own: the mean of the display pixels that each covers."""
    across, down = repeats(mode)
    height, width, channels = image.shape
    return image.reshape(height // down, down, width // across, across, channels).mean((1, 3))


@lru_cache
def shrink(mode: Mode) -> Callable[[Any], Any]:
    """:func:`to_mode` of one mode. The same function object for equal modes."""
    return partial(to_mode, mode=mode)
