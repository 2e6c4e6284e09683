"""What a critic sees of a picture besides its pixels: a pretrained network's features, at several sizes, each mixed at
random with those of the sizes below (Projected GANs, Sauer et al., arXiv 2111.01007).

The network and the mixtures are never trained. Random mixtures keep a critic from looking at the few features that
tell drawings apart most easily; mixed sizes let shallow heads know what deep layers found. Deviations: between sizes
channels are mixed by 1 x 1 instead of 3 x 3, and pixels are repeated instead of interpolated; features are brought to
one scale first, by pictures made by code.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from pixeldream.neural.gan.drawings import drawings
from pixeldream.neural.gan.networks import repeated
from pixeldream.neural.gan.settings import GanError, Plan
from pixeldream.neural.networks.base import FeatureNetwork

_PICTURES = 16
"""By which features are brought to one scale."""

_LEAST = 0.1
"""Of a layer's size: a channel's, at least, so that one that hardly ever says anything does not shout."""


class Mixtures(NamedTuple):
    """What is never trained. ``weights``: the network's. ``channels``: for each layer ``[in, out]``. ``sizes``: for
    each but the last what is added to it of the next one's mixture, ``[out of that, out]``."""

    weights: Any
    channels: tuple[jax.Array, ...]
    sizes: tuple[jax.Array, ...]


class Sight(NamedTuple):
    """The network, a static value, and its arrays, traced ones; none for a critic that sees pixels alone."""

    network: FeatureNetwork | None = None
    arrays: Any = ()


def sight(plan: Plan, network: FeatureNetwork, weights: Mapping[str, Any]) -> Sight:
    """What the critic of a plan sees through a network; the same each time. Raises :class:`GanError` for a plan that
    asks for layers that the network has not, or not of those sides."""
    if not plan.taps:
        return Sight()
    missing = [name for name in plan.taps if name not in network.layers]
    if missing:
        raise GanError(f"network {network.name!r} has no layer {missing[0]!r}; it has {', '.join(network.layers)}")
    # A rim that reflects costs a small picture half as much again.
    network = network.using(padding="zeros")
    arrays = {name: jnp.asarray(value) for name, value in weights.items()}
    scales = _scales(network, plan.taps, arrays, jnp.asarray(drawings(_PICTURES, plan.size)))
    sides = [side for side, _ in scales]
    if sides != [plan.size >> number for number in range(len(plan.taps))]:
        raise GanError(f"layers {', '.join(plan.taps)} of {network.name!r} have sides {sides}; each must halve")
    random = np.random.default_rng(0)

    def mixture(inside: int, outside: int, scale: np.ndarray | float = 1.0) -> jax.Array:
        kernel = random.normal(0, inside**-0.5, (inside, outside)) / np.reshape(scale, (-1, 1))
        return jnp.asarray(kernel, jnp.float32)

    widths = plan.tap_widths
    channels = tuple(mixture(len(scale), width, scale) for (_, scale), width in zip(scales, widths, strict=True))
    sizes = tuple(mixture(below, width) for width, below in pairwise(widths))
    return Sight(network, Mixtures(arrays, channels, sizes))


def _scales(
    network: FeatureNetwork, taps: tuple[str, ...], weights: Any, images: jax.Array
) -> list[tuple[int, np.ndarray]]:
    """Of each layer its side and the sizes of its channels."""
    found = []
    for features in _features(network, taps, weights, images.astype(jnp.float32) / 255.0):
        squares = np.square(np.asarray(features)).mean((0, 1, 2))
        found.append((features.shape[1], np.sqrt(squares + _LEAST**2 * squares.mean() + 1e-12)))
    return found


@partial(jax.jit, static_argnames=("network", "taps"))
def _features(network: FeatureNetwork, taps: tuple[str, ...], weights: Any, images: jax.Array) -> list[jax.Array]:
    found = jax.vmap(lambda image: network.apply(weights, image, taps))(images)
    return [found[name] for name in taps]


def features(
    plan: Plan, network: FeatureNetwork | None, mixtures: Mixtures, images: jax.Array
) -> tuple[jax.Array, ...]:
    """Of pictures ``[n, size, size, 3]`` in [0, 1]: for each layer ``[n, side, side, width]``; differentiable."""
    if not plan.taps:
        return ()
    if network is None:
        raise GanError(f"the critic sees through {', '.join(plan.taps)} of a network, and was given none")
    found = _features(network, plan.taps, mixtures.weights, images)
    mixed = [x @ kernel for x, kernel in zip(found, mixtures.channels, strict=True)]
    for number in reversed(range(len(mixed) - 1)):
        # Half the sum of two squares stays as large.
        mixed[number] = (mixed[number] + repeated(mixed[number + 1] @ mixtures.sizes[number], 2)) * 0.5**0.5
    return tuple(mixed)
