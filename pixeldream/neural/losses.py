"""The losses of style transfer, each relative to its target, so that the same weights serve every network.

Features are float32 ``[height, width, channels]``; every loss is a float32 scalar, 0 at the target and about 1 where
nothing of it is left.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from pixeldream.neural.greys import luma

_TINY = 1e-12

_FLAT = 0.001
"""The variance of tones, in sRGB units squared, below which a picture counts as flat: it has no tones to keep."""


def content_loss(features: jax.Array, target: jax.Array) -> jax.Array:
    """Squared distance to the content's features over their variance about the channels' means.

    Gatys, Ecker and Bethge (arXiv 1508.06576, equation 1) sum the squares; dividing by the variance makes layers and
    networks comparable. A hundredth of the features' power is added: a blank picture has no variance.
    """
    return jnp.square(features - target).mean() / content_power(target)


def content_power(target: jax.Array) -> jax.Array:
    """What :func:`content_loss` divides the mean squared error by."""
    variance = jnp.square(target - target.mean((0, 1), keepdims=True)).mean()
    return variance + 0.01 * jnp.square(target).mean() + _TINY


def gram_matrix(features: jax.Array) -> jax.Array:
    """``[channels, channels]``: mean product of two channels over all positions (arXiv 1508.06576, equation 3).

    The mean, not the sum: pictures of different sizes can be compared.
    """
    flat = features.reshape(-1, features.shape[-1])
    return flat.T @ flat / flat.shape[0]


def style_loss(gram: jax.Array, target: jax.Array) -> jax.Array:
    """Squared distance of two Gram matrices over the target's squared norm (equation 4 scales by sizes instead)."""
    return jnp.square(gram - target).sum() / (jnp.square(target).sum() + _TINY)


TONE_PIXELS = 8
"""The side of what counts as a tone: a C64 cell. Dither within it is seen as its mean."""


def tones(image: jax.Array) -> jax.Array:
    """``image [height, width, 3]`` as seen from afar: shrunk by :data:`TONE_PIXELS` with a triangle filter."""
    height, width = (max(1, side // TONE_PIXELS) for side in image.shape[:2])
    return jax.image.resize(image, (height, width, 3), "linear", antialias=True)


def tone_loss(image: jax.Array, target: jax.Array, colour: jax.Array | float = 1.0) -> jax.Array:
    """Squared distance of an image's tones to the ``target`` tones, over the target's variance about its mean.

    ``colour``: how much the difference counts that is none of luma; 1 for the plain distance.
    """
    variance = jnp.square(target - target.mean((0, 1), keepdims=True)).mean()
    apart = tones(image) - target
    hue = apart - luma(apart)
    return (jnp.square(apart).mean() + (colour - 1.0) * jnp.square(hue).mean()) / (variance + _FLAT)


def total_variation(image: jax.Array) -> jax.Array:
    """Mean squared difference of neighbouring pixels of ``image [height, width, 3]``."""
    down, across = image[1:] - image[:-1], image[:, 1:] - image[:, :-1]
    return jnp.square(down).mean() + jnp.square(across).mean()
