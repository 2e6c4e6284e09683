"""What is done to training crops inside the jitted step, so that the student is not only right on clean pictures.

A run of style transfer shows a network pictures that no camera takes: noise, over-sharpened edges, few colours, wide
pixels. A student that never saw such things is fooled by them. Images are float32 [n, h, w, 3] in [0, 1].
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

_BAYER = ((0, 8, 2, 10), (12, 4, 14, 6), (3, 11, 1, 9), (15, 7, 13, 5))
_GREY_SHARE = 1 / 3


def _uniform(key: jax.Array, count: int, low: float, high: float, last: int = 1) -> jax.Array:
    """One number, or ``last``, for each image: [count, 1, 1, last]."""
    return jax.random.uniform(key, (count, 1, 1, last), minval=low, maxval=high)


def _sometimes(key: jax.Array, count: int, share: float) -> jax.Array:
    return jax.random.bernoulli(key, share, (count, 1, 1, 1))


def quantise(images: jax.Array, palettes: jax.Array, key: jax.Array) -> jax.Array:
    """Few colours, mostly wide pixels and an ordered dither, as old machines show: ``palettes`` [n, colours, 3].

    Height and width must be multiples of 8.
    """
    count, height, width, _ = images.shape
    keys = jax.random.split(key, 2)
    wide = jnp.repeat((images[:, :, ::2] + images[:, :, 1::2]) / 2, 2, 2)
    shown = jnp.where(_sometimes(keys[0], count, 0.6), wide, images)
    tile = jnp.repeat(jnp.asarray(_BAYER, jnp.float32) / 16 - 0.47, 2, 1)
    threshold = jnp.tile(tile, (height // 4, width // 8))[None, :, :, None]
    shown = shown + threshold * _uniform(keys[1], count, 0, 0.35)
    distance = jnp.square(shown[..., None, :] - palettes[:, None, None]).sum(-1)
    chosen = jax.nn.one_hot(jnp.argmin(distance, -1), palettes.shape[1], dtype=jnp.float32)
    return jnp.einsum("nhwp,npc->nhwc", chosen, palettes)


def random_palettes(key: jax.Array, count: int, colours: int = 16) -> jax.Array:
    """[count, colours, 3], from grey to gaudy."""
    keys = jax.random.split(key, 2)
    palettes = jax.random.uniform(keys[0], (count, colours, 3))
    grey = palettes.mean(-1, keepdims=True)
    return grey + (palettes - grey) * jax.random.uniform(keys[1], (count, 1, 1))


def _recolour(images: jax.Array, key: jax.Array) -> jax.Array:
    """Saturation, contrast, brightness and tint."""
    count = images.shape[0]
    keys = jax.random.split(key, 4)
    grey = images.mean(-1, keepdims=True)
    images = grey + (images - grey) * _uniform(keys[0], count, 0, 1.6)
    images = (images - 0.5) * _uniform(keys[1], count, 0.3, 1.8) + 0.5
    return images + _uniform(keys[2], count, -0.2, 0.2) + _uniform(keys[3], count, -0.08, 0.08, 3)


def _sharpen(images: jax.Array, key: jax.Array) -> jax.Array:
    """Some are blurred, some sharpened up to four times."""
    count = images.shape[0]
    keys = jax.random.split(key, 2)
    around = sum((jnp.roll(images, step, axis) for axis in (1, 2) for step in (1, -1)), images) / 5
    amount = jnp.where(_sometimes(keys[0], count, 0.3), _uniform(keys[1], count, 0, 4), 1.0)
    return around + (images - around) * amount


def _grain(images: jax.Array, key: jax.Array) -> jax.Array:
    """Some get noise: fine or coarse, coloured or grey."""
    count = images.shape[0]
    keys = jax.random.split(key, 5)
    white = jax.random.normal(keys[0], images.shape)
    grey = jnp.broadcast_to(white.mean(-1, keepdims=True) / _GREY_SHARE**0.5, white.shape)
    fine = jnp.where(_sometimes(keys[1], count, 0.5), white, grey)
    coarse = jax.image.resize(fine[:, ::4, ::4], fine.shape, "linear")
    amount = jnp.where(_sometimes(keys[2], count, 0.4), 0.5 * _uniform(keys[3], count, 0, 1) ** 2, 0.0)
    return images + amount * jnp.where(_sometimes(keys[4], count, 0.6), fine, coarse)


def vary(images: jax.Array, key: jax.Array) -> jax.Array:
    """Colours, sharpness and grain changed; about a quarter shown in few colours as well. In [0, 1] again."""
    keys = jax.random.split(key, 6)
    images = _sharpen(_recolour(images, keys[0]), keys[1])
    images = jnp.clip(_grain(images, keys[2]), 0, 1)
    few = quantise(images, random_palettes(keys[3], images.shape[0]), keys[4])
    return jnp.where(_sometimes(keys[5], images.shape[0], 0.25), few, images)
