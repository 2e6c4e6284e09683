"""Muon (Keller Jordan 2024, https://kellerjordan.github.io/posts/muon): momentum whose matrices are made orthogonal.

Kernels move by orthogonalised momentum, biases by Adam's rule. Deviation: a step is relative, ``rate`` times the norm
that the kernel had at the start, so that one rate serves every layer and does not depend on the widths.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp

Arrays = dict[str, jax.Array]

_MOMENTUM = 0.95
_SQUARES = 0.99
_BIAS_SHARE = 0.1
_TINY = 1e-9


class Moments(NamedTuple):
    """Running means of gradients, and of the squares of the biases'; the number of the next step (from 1)."""

    mean: Arrays
    square: Arrays
    step: jax.Array


def start(params: Mapping[str, jax.Array]) -> Moments:
    """Moments of a run that has not begun."""
    zero = {name: jnp.zeros_like(value) for name, value in params.items()}
    square = {name: value for name, value in zero.items() if not name.endswith("_w")}
    return Moments(zero, square, jnp.ones((), jnp.float32))


def orthogonal(matrix: jax.Array) -> jax.Array:
    """Nearly the closest matrix with equal singular values: five Newton-Schulz iterations with Jordan's numbers."""
    if matrix.shape[0] > matrix.shape[1]:
        return orthogonal(matrix.T).T
    matrix = matrix / (jnp.linalg.norm(matrix) + _TINY)
    for _ in range(5):
        square = matrix @ matrix.T
        matrix = 3.4445 * matrix + (-4.7750 * square + 2.0315 * square @ square) @ matrix
    return matrix


def update(
    params: Arrays, gradients: Arrays, moments: Moments, rate: jax.Array, norms: Mapping[str, jax.Array]
) -> tuple[Arrays, Moments]:
    """One step: the new parameters and moments. ``norms`` holds the kernels' norms at the start, by name."""
    moved, mean, square = {}, {}, {}
    for name, value in params.items():
        gradient = gradients[name]
        mean[name] = _MOMENTUM * moments.mean[name] + (1 - _MOMENTUM) * gradient
        if name in norms:
            ahead = _MOMENTUM * mean[name] + (1 - _MOMENTUM) * gradient
            turned = orthogonal(ahead.reshape(-1, value.shape[-1])).reshape(value.shape)
            moved[name] = value - rate * norms[name] * turned / (jnp.linalg.norm(turned) + _TINY)
        else:
            square[name] = _SQUARES * moments.square[name] + (1 - _SQUARES) * gradient * gradient
            size = jnp.sqrt(square[name] / (1 - _SQUARES**moments.step)) + 1e-8
            moved[name] = value - _BIAS_SHARE * rate * mean[name] / size
    return moved, Moments(mean, square, moments.step + 1)
