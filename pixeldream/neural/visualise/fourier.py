"""Pictures as waves of opponent colours, so that a step moves large forms and lightness as readily as pixels do.

Gradient ascent on pixels ends in noise of single pixels; on waves whose sizes fall with their frequency, as those of
natural pictures do, and on colours that are not correlated, it ends in forms (Olah, Mordvintsev and Schubert 2017,
"Feature visualization", https://distill.pub/2017/feature-visualization, section "Preconditioning").

Waves are float32 ``[height, width // 2 + 1, 3, 2]``, real and imaginary parts; pictures sRGB ``[height, width, 3]``
strictly within 0 to 1, and periodic: what leaves at one border comes in at the other.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

MEAN = (0.485, 0.456, 0.406)
"""The mean colour of ImageNet's pictures: the zero of every network that was trained on them."""

_OPPONENTS = np.asarray([[1, 1, 1], [1, 0, -1], [0.5, -1, 0.5]], np.float32)
"""Light, warm against cold, magenta against green: about the principal axes of photographs' colours (Ruderman, Cronin
and Chiao 1998, "Statistics of cone responses to natural images")."""

_SIZES = np.asarray([1.0, 0.3, 0.15], np.float32)
"""How far photographs reach along each."""


def start(key: jax.Array, height: int, width: int, size: float = 0.05) -> jax.Array:
    """The waves of a picture that is nearly :data:`MEAN` everywhere."""
    return size * jax.random.normal(key, (height, width // 2 + 1, 3, 2), jnp.float32)


def show(waves: jax.Array, width: int) -> jax.Array:
    """The picture ``[height, width, 3]`` of waves."""
    height = waves.shape[0]
    sizes = jnp.asarray(_wave_sizes(height, width))[:, :, None]
    spectrum = jax.lax.complex(waves[..., 0] * sizes, waves[..., 1] * sizes)
    opponents = jnp.fft.irfft2(spectrum, (height, width), axes=(0, 1), norm="ortho")
    colours = jnp.asarray(_OPPONENTS * _SIZES[:, None])
    mean = np.asarray(MEAN, np.float32)
    return jax.nn.sigmoid(opponents @ colours + jnp.asarray(np.log(mean / (1 - mean)))[None, None])


def _wave_sizes(height: int, width: int) -> np.ndarray:
    """float32 ``[height, width // 2 + 1]``: 1 over the frequency, with a mean square of 1, so that waves of size 1 make
    a picture of contrast 1."""
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    sizes = 1.0 / np.maximum(frequency, 1.0 / max(height, width))
    return (sizes / np.sqrt(np.square(sizes).mean())).astype(np.float32)
