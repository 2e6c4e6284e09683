"""Which of a file's weights are computed with: a classifier's are most of a VGG, and no style asks for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pixeldream.neural.networks.base import FeatureNetwork


def needed(network: FeatureNetwork, arrays: Mapping[str, Any], layers: tuple[str, ...]) -> dict[str, jax.Array]:
    """The arrays that ``layers`` are computed from, on the device. They are copied: what was read of the file can go.

    The network is traced, for nothing is computed; so it works for a plugin's as well. Arrays that one looks at only
    while it is traced, it reads when it is built.
    """
    shapes = {name: jax.ShapeDtypeStruct(np.shape(arrays[name]), jnp.float32) for name in sorted(arrays)}
    image = jax.ShapeDtypeStruct((network.minimum_side, network.minimum_side, 3), jnp.float32)
    traced = jax.make_jaxpr(lambda weights, image: network.apply(weights, image, layers))(shapes, image).jaxpr
    used = {id(variable) for step in traced.eqns for variable in step.invars} | {id(each) for each in traced.outvars}
    # A dictionary's leaves come in the order of its sorted names.
    return {
        name: jnp.array(arrays[name]) for name, each in zip(shapes, traced.invars, strict=False) if id(each) in used
    }
