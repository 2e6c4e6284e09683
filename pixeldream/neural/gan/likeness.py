"""How like enlarged pictures are to those that they were before they were made small; and simple ways to enlarge, to
compare with. Pictures are float32 ``[n, height, width, 3]`` in [0, 1], large enough for the feature network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np
from PIL import Image

from pixeldream.neural.gan.enlarging import Eyes, seen_apart
from pixeldream.neural.greys import LUMA
from pixeldream.neural.networks.base import FeatureNetwork

_WINDOW, _SIGMA = 11, 1.5
"""The Gaussian window of SSIM."""

_DEPTH = {2: (2,), 4: (2, 2)}
"""How often :func:`scale2x` is applied."""


class Likeness(NamedTuple):
    """Means over all pictures. ``psnr`` in decibels and ``ssim`` (Wang et al. 2004, on luma): higher is nearer.
    ``features``: the distance that the enlarger's training makes small, lower is nearer."""

    psnr: float
    ssim: float
    features: float


def compare(eyes: Eyes, layers: tuple[str, ...], real: np.ndarray, made: np.ndarray) -> Likeness:
    """The figures of ``made`` against ``real``."""
    error = np.square(real - made).mean((1, 2, 3))
    psnr = float(np.mean(-10 * np.log10(np.maximum(error, 1e-10))))
    return Likeness(psnr, ssim(real, made), float(_apart(eyes.network, layers, eyes.weights, made, real)))


@partial(jax.jit, static_argnames=("network", "layers"))
def _apart(
    network: FeatureNetwork, layers: tuple[str, ...], weights: Any, made: jax.Array, real: jax.Array
) -> jax.Array:
    each = jax.lax.map(lambda pair: seen_apart(network, weights, layers, pair[0][None], pair[1][None]), (made, real))
    return each.mean()


def ssim(real: np.ndarray, made: np.ndarray) -> float:
    """Structural similarity, the mean over all places and pictures."""
    x, y = (images.astype(np.float64) @ np.asarray(LUMA) for images in (real, made))
    a, b = _blurred(x), _blurred(y)
    own, other, both = _blurred(x * x) - a * a, _blurred(y * y) - b * b, _blurred(x * y) - a * b
    one, two = 0.01**2, 0.03**2
    return float(((2 * a * b + one) * (2 * both + two) / ((a * a + b * b + one) * (own + other + two))).mean())


def _blurred(values: np.ndarray) -> np.ndarray:
    """``[n, h, w]``, blurred where the whole window is within the picture."""
    window = np.exp(-0.5 * np.square((np.arange(_WINDOW) - _WINDOW // 2) / _SIGMA))
    window /= window.sum()
    for axis in (1, 2):
        length = values.shape[axis] - _WINDOW + 1
        rows = np.arange(length)
        values = np.sum([weight * np.take(values, rows + place, axis) for place, weight in enumerate(window)], 0)
    return values


def nearest(images: np.ndarray, times: int) -> np.ndarray:
    """Every pixel repeated."""
    return images.repeat(times, 1).repeat(times, 2)


def bicubic(images: np.ndarray, times: int) -> np.ndarray:
    """By Pillow's cubic filter, on sRGB values."""
    n, height, width, _ = images.shape
    made = np.empty((n, times * height, times * width, 3), np.float32)
    for number in range(n):
        for channel in range(3):
            plane = Image.fromarray(np.ascontiguousarray(images[number, ..., channel]))
            made[number, ..., channel] = plane.resize((times * width, times * height), Image.Resampling.BICUBIC)
    return np.clip(made, 0.0, 1.0)


def scale2x(images: np.ndarray, times: int) -> np.ndarray:
    """Mazzoleni's Scale2x, twice for four times: a corner takes the colour of the two pixels beside it where those are
    alike, and unlike the other two."""
    for _ in _DEPTH[times]:
        padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
        above, below = padded[:, :-2, 1:-1], padded[:, 2:, 1:-1]
        left, right = padded[:, 1:-1, :-2], padded[:, 1:-1, 2:]
        able = ~(_alike(above, below) | _alike(left, right))
        made = np.empty((len(images), 2 * images.shape[1], 2 * images.shape[2], 3), images.dtype)
        for down, row in ((above, 0), (below, 1)):
            for across, column in ((left, 0), (right, 1)):
                taken = able & _alike(down, across)
                made[:, row::2, column::2] = np.where(taken[..., None], down, images)
        images = made
    return images


def _alike(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return (one == other).all(-1)


WAYS: Mapping[str, Callable[[np.ndarray, int], np.ndarray]] = {
    "nearest": nearest, "bicubic": bicubic, "scale2x": scale2x,
}  # fmt: skip
"""To compare with, by name."""
