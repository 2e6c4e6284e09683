"""Features of pictures of any size for a classifier that wants one size. No Flax here."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np


def to_grid(features: jax.Array, rows: int, columns: int) -> jax.Array:
    """Averages over ``rows`` x ``columns`` parts of a picture of any size: [n, h, w, c] -> [n, rows, columns, c].

    Parts share a pixel where the sides do not divide, as in torch's ``adaptive_avg_pool2d``; a picture of just that
    size stays as it is.
    """
    if features.shape[1:3] == (rows, columns):
        return features
    down, across = (jnp.asarray(_parts(n, k)) for n, k in zip(features.shape[1:3], (rows, columns), strict=True))
    return jnp.einsum("rh,nhwc,sw->nrsc", down, features, across)


def _parts(length: int, count: int) -> np.ndarray:
    """The share of each of ``length`` pixels in each of ``count`` parts: float32 [count, length]."""
    begin, end = np.arange(count) * length // count, -(-(np.arange(count) + 1) * length // count)
    inside = (np.arange(length) >= begin[:, None]) & (np.arange(length) < end[:, None])
    return (inside / inside.sum(1, keepdims=True)).astype(np.float32)
