"""Painting in lightness alone: the networks see greys, and the picture keeps the content's colours.

After the luminance-only transfer of Gatys et al., "Preserving color in neural artistic style transfer" (arXiv
1606.05897, section 4): luma carries the strokes, colour differences are the photograph's. Where a lightness and a
colour don't fit into sRGB together the colour is paler here, not clipped to another hue.

Images are sRGB float32 ``[height, width, 3]`` in [0, 1].
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp

from pixeldream.neural.networks.base import Apply, FeatureNetwork, Weights

LUMA = (0.2126, 0.7152, 0.0722)
"""Of red, green and blue (ITU-R BT.709)."""


def luma(image: jax.Array) -> jax.Array:
    """``[height, width, 1]``: the weighted mean of the encoded components."""
    return jnp.sum(image * jnp.asarray(LUMA, jnp.float32)[None, None], -1, keepdims=True)


@dataclass(frozen=True)
class _InGrey:
    apply: Apply

    def __call__(self, weights: Weights, image: jax.Array, wanted: tuple[str, ...]) -> dict[str, jax.Array]:
        return self.apply(weights, jnp.repeat(luma(image), 3, -1), wanted)


def in_grey(network: FeatureNetwork) -> FeatureNetwork:
    """The network with the eyes of one who sees no colours; equal for equal networks."""
    return replace(network, apply=_InGrey(network.apply))


def with_colours_of(image: jax.Array, content: jax.Array) -> jax.Array:
    """The luma of ``image`` with the colour differences of ``content``, as far as sRGB has room for them."""
    light, difference = jnp.clip(luma(image), 0.0, 1.0), content - luma(content)
    room = jnp.where(difference > 0, 1 - light, light)
    fits = jnp.where(jnp.abs(difference) > 1e-6, room / jnp.maximum(jnp.abs(difference), 1e-6), jnp.inf)
    return jnp.clip(light + difference * jnp.minimum(fits.min(-1, keepdims=True), 1.0), 0.0, 1.0)
