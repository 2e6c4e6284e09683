"""Spectral normalisation: every kernel of the critic divided by its largest singular value (arXiv 1802.05957).

One step of the power method a training step, for both losses: the layers stay as they are, and are handed kernels that
are normalised already.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from pixeldream.neural.gan.networks import Arrays

Directions = dict[str, jax.Array]
"""For each kernel the direction of its largest singular value so far, ``[out]``."""


def begin(learnt: Arrays, key: jax.Array) -> Directions:
    """Random directions."""
    kernels = _kernels(learnt)
    if isinstance(key, jax.core.Tracer):  # only shapes are asked for
        return {name: jnp.zeros(kernel.shape[-1:]) for name, kernel in kernels.items()}
    random = np.random.default_rng(np.asarray(jax.random.key_data(key)))
    found = {name: random.normal(size=kernel.shape[-1:]) for name, kernel in kernels.items()}
    return {name: jnp.asarray(each / np.linalg.norm(each), jnp.float32) for name, each in found.items()}


def advance(learnt: Arrays, directions: Directions) -> Directions:
    """One step of the power method."""
    result = {}
    for name, kernel in _kernels(learnt).items():
        matrix = kernel.reshape(-1, kernel.shape[-1])
        result[name] = _unit((matrix @ directions[name]) @ matrix)
    return result


def normalised(learnt: Arrays, directions: Directions) -> Arrays:
    """The arrays with every kernel divided by its singular value along the direction; differentiable."""

    def divided(path: tuple, leaf: jax.Array) -> jax.Array:
        name = jax.tree_util.keystr(path)
        if name not in directions:
            return leaf
        matrix = leaf.reshape(-1, leaf.shape[-1])
        right = directions[name]
        left = jax.lax.stop_gradient(_unit(matrix @ right))
        return leaf / (left @ (matrix @ right))

    return jax.tree_util.tree_map_with_path(divided, learnt)


def _kernels(learnt: Arrays) -> dict[str, jax.Array]:
    leaves = jax.tree_util.tree_leaves_with_path(learnt)
    return {jax.tree_util.keystr(path): leaf for path, leaf in leaves if leaf.ndim > 1}


def _unit(vector: jax.Array) -> jax.Array:
    return vector / (jnp.linalg.norm(vector) + 1e-12)
