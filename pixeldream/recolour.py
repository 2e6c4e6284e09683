"""A painting in a photograph's colours, before anything is painted like it.

After Gatys et al., "Preserving color in neural artistic style transfer" (arXiv 1606.05897, section 3.1): the style
picture's pixels are moved so that their mean and covariance are the content's. They do it in RGB with a Cholesky or a
symmetric root; here it is OKLab, where distances are seen ones, and the linear map that moves the colours least (Pitié
and Kokaram, "The linear Monge-Kantorovitch linear colour mapping", CVMP 2007).

Images are sRGB float32 ``[height, width, 3]`` in [0, 1].
"""

from __future__ import annotations

import numpy as np

_NOISE = 1e-4
"""Variance in OKLab that every picture counts as having: a grey drawing's grain is not blown up to bright colours."""


def recoloured(style: np.ndarray, content: np.ndarray) -> np.ndarray:
    """``style`` with the mean and covariance of the colours of ``content``, as far as sRGB holds them."""
    own, wanted = _lab(style), _lab(content)
    (own_mean, own_spread), (mean, spread) = _moments(own), _moments(wanted)
    root = _root(own_spread)
    back = np.linalg.inv(root)
    move = back @ _root(root @ spread @ root) @ back
    return _srgb(((own - own_mean) @ move + mean).reshape(style.shape))


def in_lightness_of(style: np.ndarray, content: np.ndarray) -> np.ndarray:
    """``style`` in greys, their mean and deviation those of the luma of ``content`` (section 4 of the same paper)."""
    from pixeldream.images import LUMA

    own, wanted = style @ LUMA, content @ LUMA
    grey = (own - own.mean()) * (wanted.std() / max(float(own.std()), 0.01)) + wanted.mean()
    return np.repeat(np.clip(grey, 0.0, 1.0)[..., None], 3, -1).astype(np.float32)


def _moments(lab: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return lab.mean(0), np.cov(lab, rowvar=False) + _NOISE * np.eye(3)


def _root(matrix: np.ndarray) -> np.ndarray:
    """The symmetric square root of a positive definite matrix."""
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T


def _lab(image: np.ndarray) -> np.ndarray:
    import jax.numpy as jnp

    from pixeldream.retro.colour import srgb_to_oklab

    return np.asarray(srgb_to_oklab(jnp.asarray(image.reshape(-1, 3), jnp.float32)), np.float64)


def _srgb(lab: np.ndarray) -> np.ndarray:
    import jax.numpy as jnp

    from pixeldream.retro.colour import oklab_to_srgb

    return np.asarray(oklab_to_srgb(jnp.asarray(lab, jnp.float32)))
