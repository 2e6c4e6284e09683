"""An endless zoom: each frame is the last one enlarged and turned a little, and dreamt on.

A frame follows from where it begins, from its number and from the settings: whatever is kept of one frame, the rest can
be dreamt again, bit by bit. Where the canvas limits the picture, a frame begins mostly from what the last one *showed*:
colours that were chosen stay chosen until the dream or the motion asks for others. Begun from the unseen image, every
pixel that lies between two colours would be decided anew, which flickers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pixeldream.neural.dream import Dreamer
from pixeldream.neural.dream_settings import Zoom
from pixeldream.neural.optimise import Progress
from pixeldream.neural.robust import blurred, warped

EYE = 1.5
"""Sigma in display pixels of what the eye blurs when flicker is measured: a dither's pixels melt."""


@dataclass(frozen=True, eq=False)
class Frame:
    """A frame, and all that the next one needs. ``number`` counts from 1; ``result``: what the canvas made of it;
    ``onward``: float32 ``[h, w, 3]`` in display pixels, where the next one begins."""

    number: int
    result: Any
    onward: np.ndarray


def frames(
    image: Any, dreamer: Dreamer, zoom: Zoom, shown: Callable[[Any], Any], after: int = 0
) -> Iterator[Progress | Frame]:
    """The steps of all frames, and each frame after its steps. The first one is a whole dream.

    ``image``: where frame ``after + 1`` begins: a picture, or ``onward`` of the frame ``after``. ``shown``: leads from
    a result to what is seen of it, float32 ``[h, w, 3]`` in display pixels.
    """
    for number in range(after + 1, zoom.frames + 1):
        for progress in dreamer.dream(image) if number == 1 else dreamer.onward(image, zoom.steps, number):
            yield progress
        result, unseen = progress.finish(), dreamer.unseen(progress)
        mixed = unseen + jnp.float32(zoom.steady) * (jnp.asarray(shown(result)) - unseen)
        image = _moved(mixed, zoom)
        yield Frame(number, result, np.asarray(image))


def _moved(image: Any, zoom: Zoom) -> jax.Array:
    return warped(jnp.asarray(image, jnp.float32), jnp.float32(zoom.zoom), jnp.float32(zoom.turn))


def flicker(before: Any, after: Any, zoom: Zoom) -> float:
    """The mean difference, in sRGB units, of two frames as shown (``[h, w, 3]``, display pixels) when the motion is
    taken out: what changed and did not move, to an eye that blurs."""
    apart = blurred(_moved(before, zoom), EYE) - blurred(jnp.asarray(after, jnp.float32), EYE)
    return float(jnp.abs(apart).mean())
