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

TONE_COLOUR = 6.0
"""How much colours count among the tones that a legal picture keeps when the networks see none: nothing else holds
them, and of the colours of a cell those with the right luma are seldom those with the right hue.

Measured in c64-multicolor, 60 steps, a yellow raft in the manner of the Starry Night: the distance of OKLab's a and b
to the photograph's (times 100, both blurred by four pixels) is 2.5 with 1, 2.1 with 4 and 1.6 with 16, where flat parts
lose their strokes; converting leaves 2.2. Along luma's own gradient (see :class:`_InGrey`) it was 2.9 with 1.
"""


def luma(image: jax.Array) -> jax.Array:
    """``[height, width, 1]``: the weighted mean of the encoded components."""
    return jnp.sum(image * jnp.asarray(LUMA, jnp.float32)[None, None], -1, keepdims=True)


@dataclass(frozen=True)
class _InGrey:
    apply: Apply

    def __call__(self, weights: Weights, image: jax.Array, wanted: tuple[str, ...]) -> dict[str, jax.Array]:
        mean = image.mean(-1, keepdims=True)
        # Along luma's own gradient a picture gets greener as it gets lighter; along that of the mean no colour changes.
        grey = mean + jax.lax.stop_gradient(luma(image) - mean)
        return self.apply(weights, jnp.repeat(grey, 3, -1), wanted)


def in_grey(network: FeatureNetwork) -> FeatureNetwork:
    """The network with the eyes of one who sees no colours; equal for equal networks."""
    return replace(network, apply=_InGrey(network.apply))


def with_colours_of(image: jax.Array, content: jax.Array) -> jax.Array:
    """The luma of ``image`` with the colour differences of ``content``, as far as sRGB has room for them."""
    light, difference = jnp.clip(luma(image), 0.0, 1.0), content - luma(content)
    room = jnp.where(difference > 0, 1 - light, light)
    fits = jnp.where(jnp.abs(difference) > 1e-6, room / jnp.maximum(jnp.abs(difference), 1e-6), jnp.inf)
    return jnp.clip(light + difference * jnp.minimum(fits.min(-1, keepdims=True), 1.0), 0.0, 1.0)
