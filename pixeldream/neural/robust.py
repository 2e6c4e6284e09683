"""The picture moved, turned and resized: at random in front of a network, or on purpose from frame to frame.

What a network is to see clearly under one view only is mostly noise that fits its grid. Deep dream (Mordvintsev, Olah
and Tyka 2015) shifts the picture at random in each step; for single channels random scale and
rotation are added (Olah, Mordvintsev and Schubert 2017, "Feature Visualization", transformation robustness).
"""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp


@dataclass(frozen=True)
class Moved:
    """By how much at most the picture is moved: ``jitter`` in pixels each way, ``scale`` as a share, ``rotation`` in
    degrees. Calling it moves ``image [h, w, 3]`` by what ``key`` says, and by ``share`` of that."""

    jitter: int = 0
    scale: float = 0.0
    rotation: float = 0.0

    def __call__(self, image: jax.Array, key: jax.Array, share: jax.Array | float = 1.0) -> jax.Array:
        first, second, third = jax.random.split(key, 3)
        if self.scale or self.rotation:
            zoom = jnp.exp(share * self.scale * jax.random.uniform(first, minval=-1.0, maxval=1.0))
            turn = share * self.rotation * jax.random.uniform(second, minval=-1.0, maxval=1.0)
            image = turned(image, zoom, turn)
        if self.jitter:
            # No further than a quarter of a small octave.
            most = min(self.jitter, min(image.shape[:2]) // 4)
            shift = jax.random.randint(third, (2,), -most, most + 1)
            shift = jnp.round(share * shift.astype(jnp.float32)).astype(jnp.int32)
            # Mirrored at the border: where it is wrapped around instead, a network dreams of the seam.
            padded = jnp.pad(image, ((most, most), (most, most), (0, 0)), mode="reflect")
            begin = (most - shift[0], most - shift[1], jnp.int32(0))
            image = jax.lax.dynamic_slice(padded, begin, image.shape)
        return image


def _sources(shape: tuple[int, ...], zoom: jax.Array | float, turn: jax.Array | float) -> tuple[jax.Array, jax.Array]:
    """Rows and columns ``[h, w]`` that a picture enlarged by ``zoom`` about its middle, and turned clockwise by
    ``turn`` degrees, shows."""
    height, width = shape[:2]
    middle, centre = (height - 1) / 2, (width - 1) / 2
    y = jnp.arange(height, dtype=jnp.float32)[:, None] - middle
    x = jnp.arange(width, dtype=jnp.float32)[None] - centre
    angle = jnp.deg2rad(jnp.asarray(turn, jnp.float32))
    cosine, sine = jnp.cos(angle) / zoom, jnp.sin(angle) / zoom
    return middle + cosine * y - sine * x, centre + sine * y + cosine * x


def turned(image: jax.Array, zoom: jax.Array | float, turn: jax.Array | float) -> jax.Array:
    """``image [h, w, 3]`` enlarged and turned about its middle; bilinear, differentiable, the border repeats."""
    places = _sources(image.shape, zoom, turn)
    sample = jax.scipy.ndimage.map_coordinates
    return jnp.stack([sample(image[..., c], places, order=1, mode="nearest") for c in range(3)], -1)


@jax.jit
def warped(image: jax.Array, zoom: jax.Array, turn: jax.Array) -> jax.Array:
    """As :func:`turned`, but by cubic convolution (Keys 1981, a = -0.5), within [0, 1]: done many times over it stays
    sharp."""
    height, width = image.shape[:2]
    rows, columns = _sources(image.shape, zoom, turn)
    total = jnp.zeros_like(image)
    for down in range(-1, 3):
        for across in range(-1, 3):
            row, column = jnp.floor(rows) + down, jnp.floor(columns) + across
            weight = _cubic(rows - row) * _cubic(columns - column)
            inside = jnp.clip(row, 0, height - 1).astype(jnp.int32), jnp.clip(column, 0, width - 1).astype(jnp.int32)
            total = total + weight[..., None] * image[inside]
    return jnp.clip(total, 0.0, 1.0)


def _cubic(distance: jax.Array) -> jax.Array:
    x = jnp.abs(distance)
    near = (1.5 * x - 2.5) * x * x + 1.0
    far = ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    return jnp.where(x < 1, near, jnp.where(x < 2, far, 0.0))


def blurred(image: jax.Array, sigma: float) -> jax.Array:
    """``image [h, w, 3]`` under a Gaussian of ``sigma`` pixels, whose border repeats."""
    reach = max(1, round(3 * sigma))
    weights = jnp.exp(-0.5 * jnp.square(jnp.arange(-reach, reach + 1, dtype=jnp.float32) / sigma))
    weights = weights / weights.sum()
    for axis in (0, 1):
        margin = [(reach, reach) if number == axis else (0, 0) for number in range(3)]
        padded, length = jnp.pad(image, margin, mode="edge"), image.shape[axis]
        parts = [jax.lax.slice_in_dim(padded, k, k + length, axis=axis) * weights[k] for k in range(2 * reach + 1)]
        image = sum(parts, jnp.zeros_like(image))
    return image
