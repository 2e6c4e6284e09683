"""What is done to training crops inside the jitted step, so that the student is not only right on clean pictures.

A run of style transfer shows a network pictures that no camera takes: noise, over-sharpened edges, few colours, wide
pixels. A student that never saw such things is fooled by them. Images are float32 [n, h, w, 3] in [0, 1].
"""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

_BAYER = ((0, 8, 2, 10), (12, 4, 14, 6), (3, 11, 1, 9), (15, 7, 13, 5))
_GREY_SHARE = 1 / 3


class Chance:
    """What is left to chance about each of ``count`` images: one draw of ``numbers`` each, handed out in turn. (A draw
    for each use would take most of a step's compilation.)"""

    def __init__(self, key: jax.Array, count: int, numbers: int) -> None:
        self._drawn, self._used = jax.random.uniform(key, (count, 1, 1, numbers)), 0

    def uniform(self, low: float, high: float, last: int = 1) -> jax.Array:
        """One number, or ``last``, for each image: [count, 1, 1, last]."""
        start, self._used = self._used, self._used + last
        assert self._used <= self._drawn.shape[-1], "more is left to chance than was drawn"
        return low + (high - low) * self._drawn[..., start : self._used]

    def sometimes(self, share: float) -> jax.Array:
        """True for ``share`` of the images: [count, 1, 1, 1]."""
        return self.uniform(0.0, 1.0) < share

    def choice(self, kinds: int) -> jax.Array:
        """One of the numbers below ``kinds`` for each image: int32 [count, 1, 1, 1]."""
        return jnp.minimum(self.uniform(0.0, kinds).astype(jnp.int32), kinds - 1)


def quantise(images: jax.Array, palettes: jax.Array, key: jax.Array) -> jax.Array:
    """Few colours, mostly wide pixels and an ordered dither, as old machines show: ``palettes`` [n, colours, 3].

    Height and width must be multiples of 8.
    """
    count, height, width, _ = images.shape
    chance = Chance(key, count, 2)
    shown = jnp.where(chance.sometimes(0.6), _widened(images), images)
    tile = jnp.repeat(jnp.asarray(_BAYER, jnp.float32) / 16 - 0.47, 2, 1)
    threshold = jnp.tile(tile, (height // 4, width // 8))[None, :, :, None]
    shown = shown + threshold * chance.uniform(0, 0.35)
    distance = jnp.square(shown[..., None, :] - palettes[:, None, None]).sum(-1)
    chosen = jax.nn.one_hot(jnp.argmin(distance, -1), palettes.shape[1], dtype=jnp.float32)
    return jnp.einsum("nhwp,npc->nhwc", chosen, palettes)


def _widened(images: jax.Array) -> jax.Array:
    """In pixels twice as wide."""
    return jnp.repeat((images[:, :, ::2] + images[:, :, 1::2]) / 2, 2, 2)


def random_palettes(key: jax.Array, count: int, colours: int = 16) -> jax.Array:
    """[count, colours, 3], from grey to gaudy."""
    drawn = jax.random.uniform(key, (count, colours + 1, 3))
    palettes, strength = drawn[:, 1:], drawn[:, :1, :1]
    grey = palettes.mean(-1, keepdims=True)
    return grey + (palettes - grey) * strength


def _recolour(images: jax.Array, chance: Chance) -> jax.Array:
    """Saturation, contrast, brightness and tint."""
    grey = images.mean(-1, keepdims=True)
    images = grey + (images - grey) * chance.uniform(0, 1.6)
    images = (images - 0.5) * chance.uniform(0.3, 1.8) + 0.5
    return images + chance.uniform(-0.2, 0.2) + chance.uniform(-0.08, 0.08, 3)


def _sharpen(images: jax.Array, chance: Chance) -> jax.Array:
    """Some are blurred, some sharpened up to four times."""
    around = sum((jnp.roll(images, step, axis) for axis in (1, 2) for step in (1, -1)), images) / 5
    amount = jnp.where(chance.sometimes(0.3), chance.uniform(0, 4), 1.0)
    return around + (images - around) * amount


def _grain(images: jax.Array, chance: Chance, key: jax.Array) -> jax.Array:
    """Some get noise: fine or coarse, coloured or grey."""
    white = jax.random.normal(key, images.shape)
    grey = jnp.broadcast_to(white.mean(-1, keepdims=True) / _GREY_SHARE**0.5, white.shape)
    fine = jnp.where(chance.sometimes(0.5), white, grey)
    coarse = jax.image.resize(fine[:, ::4, ::4], fine.shape, "linear")
    amount = jnp.where(chance.sometimes(0.4), 0.5 * chance.uniform(0, 1) ** 2, 0.0)
    return images + amount * jnp.where(chance.sometimes(0.6), fine, coarse)


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
    keys = jax.random.split(key, 2)
    chance = Chance(keys[0], count, 4)
    grey = jnp.broadcast_to(images.mean(-1, keepdims=True), images.shape)
    shade = jnp.where(chance.sometimes(0.4), grey, images)
    wide = chance.sometimes(0.4)
    shade = jnp.where(wide, _widened(shade), shade)
    thresholds = _thresholds(height, width, keys[1])
    chosen = thresholds[chance.choice(len(thresholds))[:, 0, 0, 0]][..., None]
    chosen = jnp.where(wide, jnp.repeat(chosen[:, :, : width // 2], 2, 2), chosen)
    steps = (1 + chance.choice(4)).astype(jnp.float32)
    return jnp.clip(jnp.floor(shade * steps + chosen) / steps, 0, 1), shade


@partial(jax.jit, static_argnames=("calm",))
def vary(images: jax.Array, key: jax.Array, calm: float = 0.0) -> tuple[jax.Array, jax.Array]:
    """What is to be seen, and what it means: colours, sharpness and grain are changed; a quarter is shown in few
    colours. Both are the same, unless ``calm`` is above 0: then a fifth is dithered, and means its shade with the
    pattern in 1 - ``calm`` of its contrast. A student who learns the meaning makes less of patterns. In [0, 1]."""
    count = images.shape[0]
    keys = jax.random.split(key, 5)
    chance = Chance(keys[0], count, 16)
    images = _sharpen(_recolour(images, chance), chance)
    images = jnp.clip(_grain(images, chance, keys[1]), 0, 1)
    few = quantise(images, random_palettes(keys[2], count), keys[3])
    images = jnp.where(chance.sometimes(0.25), few, images)
    if not calm:
        return images, images
    pattern, shade = dithered(images, keys[4])
    drawn = chance.sometimes(0.2)
    return jnp.where(drawn, pattern, images), jnp.where(drawn, pattern + calm * (shade - pattern), images)
