"""What one network measures of a picture for style transfer: at once or in tiles, everywhere or region by region.

Images are sRGB float32 ``[height, width, 3]``, features ``[height', width', channels]``. With *places* (float32 by
layer, ``[regions, height', width']``, each region summing to 1) a Gram matrix is ``[regions, channels, channels]``,
else ``[channels, channels]``.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from pixeldream.neural import losses, regions, tiles
from pixeldream.neural.networks.base import FeatureNetwork, Weights
from pixeldream.neural.settings import Settings, layer_weights
from pixeldream.neural.tiles import Features, Tiled, reach_of


class LoadedNetwork(NamedTuple):
    """A feature network with its weights."""

    network: FeatureNetwork
    weights: Weights


class Watched(NamedTuple):
    """The static half of one network's part in the objective. ``tiled``: how it looks at pictures in tiles, if so."""

    network: FeatureNetwork
    content_layers: tuple[str, ...]
    style_layers: tuple[str, ...]
    tiled: Tiled | None = None

    @property
    def layers(self) -> tuple[str, ...]:
        """Every layer that is watched."""
        return tuple(dict.fromkeys(self.content_layers + self.style_layers))

    def measure(
        self, weights: Weights, image: jax.Array, content: Features, places: Features | None = None
    ) -> tuple[Features, Features, Features]:
        """Gram matrices of the style layers and mean squared errors to ``content`` of the content layers; and all
        features, none where they are looked at in tiles."""
        if tiled := self._tiles(image):
            return *tiled.sums(weights, image, content, places), {}
        found = self.network.apply(weights, image, self.layers)
        errors = {layer: jnp.square(found[layer] - content[layer]).mean() for layer in self.content_layers}
        return _grams(found, self.style_layers, places), errors, found

    def features(self, weights: Weights, image: jax.Array, layers: tuple[str, ...]) -> Features:
        """Of a picture, in a few layers; compiled."""
        if tiled := self._tiles(image):
            return tiles.features(tiled, weights, image, layers)
        return _features(self.network, weights, image, layers)

    def grams(self, weights: Weights, image: jax.Array, places: Features | None = None) -> Features:
        """The Gram matrices of a style picture; compiled."""
        if tiled := self._tiles(image):
            return tiles.grams(tiled, weights, image, places)
        return _grams(_features(self.network, weights, image, self.style_layers), self.style_layers, places)

    def places(self, weights: Weights, image: jax.Array, where: np.ndarray) -> Features:
        """Where regions are in the features of ``image``: ``where`` is float32 ``[regions, height, width]``, of any
        size."""
        shapes = jax.eval_shape(lambda w, i: self.network.apply(w, i, self.style_layers), weights, image)
        return {layer: jnp.asarray(regions.shrunk(where, *shapes[layer].shape[:2])) for layer in self.style_layers}

    def _tiles(self, image: jax.Array) -> Tiled | None:
        """None for a picture that one tile holds."""
        if self.tiled is None or self.tiled.holds((image.shape[0], image.shape[1])):
            return None
        return self.tiled


def watch(network: FeatureNetwork, settings: Settings, weights: Weights | None = None) -> Watched:
    """The layers of ``network`` that ``settings`` ask for. Raises ``ValueError`` for a layer that it does not have, or
    for tiles that it can't work in."""
    content, style = (tuple(layer_weights(each)) for each in (settings.content_layers, settings.style_layers))
    for layer in content + style:
        if layer not in network.layers:
            raise ValueError(f"network {network.name!r} has no layer {layer!r}; it has {', '.join(network.layers)}")
    watched = Watched(network, content or network.content_layers, style or network.style_layers)
    if not settings.tile or weights is None:
        return watched
    reach = reach_of(network, weights, watched.layers)
    return watched._replace(tiled=Tiled(network, watched.content_layers, watched.style_layers, settings.tile, reach))


@partial(jax.jit, static_argnames=("network", "layers"))
def _features(network: FeatureNetwork, weights: Weights, image: jax.Array, layers: tuple[str, ...]) -> Features:
    return network.apply(weights, image, layers)


def _grams(found: Features, layers: tuple[str, ...], places: Features | None) -> Features:
    if places is None:
        return {layer: losses.gram_matrix(found[layer]) for layer in layers}
    return {layer: regions.gram_matrices(found[layer], places[layer]) for layer in layers}
