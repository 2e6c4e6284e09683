"""What is done to training crops inside the jitted step, so that the student is not only right on clean pictures.

A run of style transfer shows a network pictures that no camera takes: noise, over-sharpened edges, few colours, wide
pixels. A student that never saw such things is fooled by them. Images are float32 [n, h, w, 3] in [0, 1].
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

CALM = 0.2
"""How much of a dither's contrast the teachers are spared."""

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


def _thresholds(height: int, width: int, key: jax.Array) -> jax.Array:
    """Dither thresholds [4, height, width] in [0, 1): Bayer's of 2, 4 and 8 pixels, and noise."""
    small = np.asarray([[0, 2], [3, 1]], np.float32)
    middle = np.asarray(_BAYER, np.float32)
    large = np.kron(np.ones((2, 2)), 4 * middle) + np.kron(small, np.ones((4, 4)))
    found = [np.tile((m + 0.5) / m.size, (height // len(m), width // len(m))) for m in (small, middle, large)]
    return jnp.concatenate([jnp.asarray(np.stack(found), jnp.float32), jax.random.uniform(key, (1, height, width))])


def dithered(images: jax.Array, key: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Images in two to five levels of grey or of each colour, by an ordered dither or noise, in square or wide pixels;
    and their shades: the same without the dither. Height and width must be multiples of 8."""
    count, height, width, _ = images.shape
    keys = jax.random.split(key, 5)
    grey = jnp.broadcast_to(images.mean(-1, keepdims=True), images.shape)
    shade = jnp.where(_sometimes(keys[0], count, 0.4), grey, images)
    wide = _sometimes(keys[1], count, 0.4)
    halved = (shade[:, :, ::2] + shade[:, :, 1::2]) / 2
    shade = jnp.where(wide, jnp.repeat(halved, 2, 2), shade)
    thresholds = _thresholds(height, width, keys[2])
    chosen = thresholds[jax.random.randint(keys[3], (count,), 0, len(thresholds))][..., None]
    chosen = jnp.where(wide, jnp.repeat(chosen[:, :, : width // 2], 2, 2), chosen)
    steps = jax.random.randint(keys[4], (count, 1, 1, 1), 1, 5).astype(jnp.float32)
    return jnp.clip(jnp.floor(shade * steps + chosen) / steps, 0, 1), shade


def vary(images: jax.Array, key: jax.Array) -> tuple[jax.Array, jax.Array]:
    """What is to be seen, and what it means: colours, sharpness and grain are changed; a quarter is shown in few
    colours, and then a fifth dithered. Both are the same but for the dithered: theirs mean ``CALM`` of their shade and
    the rest of the pattern, so that a student who learns the meaning makes less of patterns. In [0, 1]."""
    count = images.shape[0]
    keys = jax.random.split(key, 8)
    images = _sharpen(_recolour(images, keys[0]), keys[1])
    images = jnp.clip(_grain(images, keys[2]), 0, 1)
    few = quantise(images, random_palettes(keys[3], count), keys[4])
    images = jnp.where(_sometimes(keys[5], count, 0.25), few, images)
    pattern, shade = dithered(images, keys[6])
    drawn = _sometimes(keys[7], count, 0.2)
    seen = jnp.where(drawn, pattern, images)
    return seen, jnp.where(drawn, pattern + CALM * (shade - pattern), images)
