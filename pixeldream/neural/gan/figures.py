"""How near a set of pictures is to another one, in the features of a network; chance is in none of it.

Features are float64 ``[pictures, numbers]``.

Fréchet distance: Heusel et al., arXiv 1706.08500. Kernel distance: Binkowski et al., arXiv 1801.01401, on all pictures
instead of on subsets. Precision and recall: Kynkäänniemi et al., arXiv 1904.06991. The features are those of a network
that says so, not Inception's: figures compare with each other and with none that is published.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from pixeldream.neural.networks.base import FeatureNetwork

NEIGHBOURS = 3
"""Whose distance is the radius of a picture's neighbourhood."""

SIDE = 64
"""What pictures are enlarged to, at least: small ones would leave the deep layers nothing."""

_BATCH = 64


class Figures(NamedTuple):
    """``frechet`` and ``kernel`` (times 1000): lower is nearer, 0 the same. ``precision``: the part of the pictures
    that could be real ones; ``recall``: the part of the real ones that could be drawn."""

    frechet: float
    kernel: float
    precision: float
    recall: float


def features(network: FeatureNetwork, weights: Mapping[str, Any], images: np.ndarray) -> np.ndarray:
    """Of pictures uint8 ``[n, side, side, 3]``: the means of each layer that says how a picture is painted."""
    times = max(1, -(-max(SIDE, network.minimum_side) // images.shape[1]))
    arrays = {name: jnp.asarray(value) for name, value in weights.items()}
    found = []
    for start in range(0, len(images), _BATCH):
        part = images[start : start + _BATCH]
        full = np.concatenate([part, np.zeros((_BATCH - len(part), *part.shape[1:]), np.uint8)])
        found.append(np.asarray(_features(network, arrays, jnp.asarray(full), times))[: len(part)])
    return np.concatenate(found).astype(np.float64)


@partial(jax.jit, static_argnames=("network", "times"))
def _features(network: FeatureNetwork, weights: Mapping[str, Any], images: jax.Array, times: int) -> jax.Array:
    large = jnp.repeat(jnp.repeat(images.astype(jnp.float32) / 255.0, times, 1), times, 2)

    def one(image: jax.Array) -> jax.Array:
        layers = network.apply(weights, image, network.style_layers)
        return jnp.concatenate([layers[name].mean((0, 1)) for name in network.style_layers])

    return jax.lax.map(one, large, batch_size=16)


def compare(real: np.ndarray, made: np.ndarray) -> Figures:
    """The figures of ``made`` against ``real``."""
    precision, recall = _within(made, real), _within(real, made)
    return Figures(frechet(real, made), 1000 * kernel(real, made), precision, recall)


def halves(real: np.ndarray) -> Figures:
    """Real against real: what the best generator could reach with half as many pictures."""
    return compare(real[::2], real[1::2])


def frechet(first: np.ndarray, second: np.ndarray) -> float:
    """The squared Fréchet distance of two normal distributions with the means and covariances of both sets."""
    gap = first.mean(0) - second.mean(0)
    one, two = np.cov(first, rowvar=False), np.cov(second, rowvar=False)
    root = _root(one)
    shared = np.sqrt(np.clip(np.linalg.eigvalsh(root @ two @ root), 0, None)).sum()
    return float(max(0.0, gap @ gap + np.trace(one) + np.trace(two) - 2 * shared))


def _root(matrix: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T


def kernel(first: np.ndarray, second: np.ndarray) -> float:
    """The squared maximum mean discrepancy under a cubic kernel, without bias: below 0 by chance where sets agree."""
    within = []
    for one in (first, second):
        values = _cubic(one, one)
        within.append((values.sum() - np.trace(values)) / (len(one) * (len(one) - 1)))
    return float(sum(within) - 2 * _cubic(first, second).mean())


def _cubic(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return (first @ second.T / first.shape[1] + 1) ** 3


def _within(these: np.ndarray, those: np.ndarray) -> float:
    """The part of ``these`` that lies in the neighbourhood of any of ``those``."""
    own = _distances(those, those)
    np.fill_diagonal(own, np.inf)
    radius = np.partition(own, NEIGHBOURS - 1, axis=1)[:, NEIGHBOURS - 1]
    return float((_distances(these, those) <= radius).any(1).mean())


def _distances(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    squares = (first**2).sum(1)[:, None] + (second**2).sum(1) - 2 * first @ second.T
    return np.maximum(squares, 0.0)
