"""Differentiable augmentation: whatever the critic sees is altered by chance, so that a small set of pictures can't be
learnt by heart; the generator's gradient passes through (Zhao et al., arXiv 2006.10738).

Images are float32 ``[n, side, side, 3]``. Amounts are those of the paper.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

SHIFT = 1 / 8
"""The largest translation, as a part of the side."""

CUT = 1 / 2
"""The side of the square that is cut out, as a part of the side."""


def augment(names: tuple[str, ...], images: jax.Array, key: jax.Array) -> jax.Array:
    """``images`` altered by chance, each in its own way."""
    for number, (name, alter) in enumerate(_ALL.items()):
        if name in names:
            images = alter(images, jax.random.fold_in(key, number))
    return images


def mirror(images: jax.Array, key: jax.Array) -> jax.Array:
    """About half of them mirrored left to right."""
    chosen = jax.random.bernoulli(key, 0.5, (images.shape[0], 1, 1, 1))
    return jnp.where(chosen, images[:, :, ::-1], images)


def _colour(images: jax.Array, key: jax.Array) -> jax.Array:
    """Brightness by up to .5, saturation by 0 to 2, contrast by .5 to 1.5."""
    light, saturation, contrast = (jax.random.uniform(k, (images.shape[0], 1, 1, 1)) for k in jax.random.split(key, 3))
    images = images + (light - 0.5)
    grey = images.mean(3, keepdims=True)
    images = (images - grey) * (2.0 * saturation) + grey
    middle = images.mean((1, 2, 3), keepdims=True)
    return (images - middle) * (contrast + 0.5) + middle


def _translation(images: jax.Array, key: jax.Array) -> jax.Array:
    """Shifted; what comes in is mid-grey, as the paper's zeros are in [-1, 1]."""
    count, side = images.shape[:2]
    most = int(side * SHIFT + 0.5)
    shifts = jax.random.randint(key, (2, count, 1, 1), -most, most + 1)
    place = jnp.arange(side)
    # [count, to, from]: products of matrices, whose gradients cost a CPU far less than those of slices do.
    rows, columns = ((place[None, None] == place[None, :, None] + shift).astype(images.dtype) for shift in shifts)
    return jnp.einsum("nty,nux,nyxc->ntuc", rows, columns, images - 0.5) + 0.5


def _cutout(images: jax.Array, key: jax.Array) -> jax.Array:
    """A square of mid-grey anywhere, partly outside."""
    count, side = images.shape[:2]
    length = int(side * CUT + 0.5)
    centres = jax.random.randint(key, (2, count, 1), 0, side + 1 - length % 2)
    place = jnp.arange(side)[None]
    rows, columns = (jnp.abs(2 * (place - centre) + 1) <= length for centre in centres)
    hidden = rows[:, :, None, None] & columns[:, None, :, None]
    return jnp.where(hidden, 0.5, images)


_ALL = {"colour": _colour, "translation": _translation, "cutout": _cutout}
