"""The Laplacian pyramid of a picture or of its gradient (Burt and Adelson 1983), and a gradient whose bands are even.

A network's gradient is mostly of the finest waves: strides and pools spread it over single pixels, and a dream that
follows it is grain before its forms are seen. Mordvintsev (2016, "DeepDreaming with TensorFlow") divides each band of
the gradient's pyramid by its own size, so that forms of all sizes grow alike. Two more are done here. The finest band
counts for less, as no machine with few colours shows it but as noise. And the colours of the gradient are correlated as
those of photographs are (Olah, Mordvintsev and Schubert 2017, "Feature Visualization"): most of it becomes light and
dark, of which every palette has more than of hues.

Pictures are float32 ``[height, width, 3]`` in display pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from pixeldream.neural.fourier import mixing

SHARES = (0.1, 0.4, 1.0, 1.0, 0.3)
"""What each band counts, the finest first: waves of up to 5, 10, 20 and 40 pixels, and all longer ones, which are the
light and colours of a photo."""

HUES = 0.3
"""The share of the gradient that stays as the network sends it back, whatever its hues."""

_TINY = 1e-12

Pixels = Callable[[jax.Array], jax.Array]


def bands(image: jax.Array, count: int = len(SHARES)) -> list[jax.Array]:
    """Parts of ``image``, the finest first, all of its size; their sum is the image. Fewer for a small one."""
    height, width, channels = image.shape
    lows, side = [image], 2
    while len(lows) < count and side <= min(height, width):
        # Shrunk and enlarged again: left are waves of more than two of those pixels.
        small = jax.image.resize(image, (height // side, width // side, channels), "cubic", antialias=True)
        lows.append(jax.image.resize(small, image.shape, "cubic"))
        side *= 2
    return [*(fine - coarse for fine, coarse in pairwise(lows)), lows[-1]]


def evened(gradient: jax.Array) -> jax.Array:
    """``gradient`` with bands of one root mean square, times ``SHARES``, and with correlated colours."""
    total = jnp.zeros_like(gradient)
    for share, band in zip(SHARES, bands(gradient), strict=False):
        total = total + share * band / (jnp.sqrt(jnp.square(band).mean()) + _TINY)
    correlated = mixing() @ mixing().T
    correlated *= 3.0 / np.trace(correlated)
    return HUES * total + (1.0 - HUES) * (total @ jnp.asarray(correlated))


@lru_cache
def evening(inner: optax.GradientTransformation, view: Pixels, shrink: Pixels) -> optax.GradientTransformation:
    """``inner`` behind evened gradients. ``view`` and ``shrink`` lead from the pixels of the parameters to those of the
    display and back, so that bands are what an eye sees. The same object for the same three."""

    def update(gradients: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        return inner.update(shrink(evened(view(gradients))), state, params)

    return optax.GradientTransformation(inner.init, update)
