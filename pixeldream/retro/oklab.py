"""OKLab in numpy, for what does without jax; see ``pixeldream.retro.colour``."""

from __future__ import annotations

import numpy as np

TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ],
    np.float32,
)
TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ],
    np.float32,
)


def to_lab(linear: np.ndarray) -> np.ndarray:
    """OKLab of linear light ``[..., 3]``, as ``colour.linear_to_oklab``."""
    return np.cbrt(np.maximum(linear @ TO_CONES.T, 1e-7)) @ TO_LAB.T
