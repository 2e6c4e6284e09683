"""Features of a picture that is too large to be looked at at once: tile by tile, with the whole picture's result.

A tile has a core, of which its features count, and around it as much of the picture as those features see. Gram
matrices and squared errors are sums over places: they are added up tile by tile, and their gradient is computed tile by
tile, each tile's features being forgotten and computed anew on the way back (Chen et al., arXiv 1604.06174). What comes
out is that of the whole picture, to the rounding of sums: there are no seams. Memory holds the activations of one tile.

All tiles have one shape, so that they share a compilation. A tile at the picture's edge has that edge, where networks
treat borders as they do, and lies at a multiple of the network's period, so that pools and strides fall alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pixeldream.neural import regions
from pixeldream.neural.networks.base import FeatureNetwork, Weights

Features = dict[str, jax.Array]

_PROBE = 960
"""Pixels by which a probe is longer than another: a multiple of every stride that networks use."""

_LONGEST = 1 << 11
"""The longest probe: a network that sees further has no use for tiles."""


class UntiledNetwork(ValueError):
    """A network whose features can't be computed in tiles; one line."""


@dataclass(frozen=True)
class Reach:
    """How a network lies on a picture. ``strides``: pixels between two features, by layer; ``period``: pixels after
    which everything repeats; ``overlap``: pixels, a multiple of the period, that any feature sees at most."""

    strides: tuple[tuple[str, int], ...]
    period: int
    overlap: int

    def stride(self, layer: str) -> int:
        """Of one layer."""
        return dict(self.strides)[layer]


@dataclass(frozen=True)
class Tiling:
    """One side of a picture cut into tiles of ``window`` pixels, overlap and all: where each begins, and the first and
    the last pixel (exclusive) of its core. The last core has no end."""

    window: int
    starts: tuple[int, ...]
    cores: tuple[tuple[int, int], ...]


_END = 1 << 30


def cut(length: int, tile: int, reach: Reach) -> Tiling:
    """A side of ``length`` pixels in cores of ``tile`` pixels, rounded up to whole periods."""
    core = -(-tile // reach.period) * reach.period
    least = core + 2 * reach.overlap
    # The last window ends with the picture and begins at a multiple of the period like all others.
    window = least + (length - least) % reach.period
    if window >= length:
        return Tiling(length, (0,), ((0, _END),))
    begins = list(range(0, length, core))
    starts = [min(max(begin - reach.overlap, 0), length - window) for begin in begins]
    # A core that the window before holds as well needs no window of its own.
    count = next(number for number, start in enumerate(starts, 1) if start == length - window)
    ends = [*begins[1:count], _END]
    return Tiling(window, tuple(starts[:count]), tuple(zip(begins[:count], ends, strict=True)))


def reach_of(network: FeatureNetwork, weights: Weights, layers: tuple[str, ...]) -> Reach:
    """How ``network`` lies on a picture, found by looking. Raises :class:`UntiledNetwork`."""
    shapes = tuple((name, tuple(np.shape(array))) for name, array in sorted(weights.items()))
    return _reach(network, layers, shapes)


@lru_cache
def _reach(network: FeatureNetwork, layers: tuple[str, ...], shapes: tuple[tuple[str, tuple[int, ...]], ...]) -> Reach:
    strides = _strides(network, layers, shapes)
    period = math.lcm(*strides.values())
    zeros = {name: np.zeros(shape, np.float32) for name, shape in shapes}
    side = max(network.minimum_side, period)
    length = 8 * side
    while True:
        found = [_spread(network, zeros, layers, strides, period, length, side, axis) for axis in (0, 1)]
        if max(found) < length // 2 - period:
            return Reach(tuple(strides.items()), period, -(-max(found) // period) * period)
        length *= 2
        if length > _LONGEST:
            raise UntiledNetwork(f"network {network.name!r} sees the whole picture at once: it can't work in tiles")


def _strides(network: FeatureNetwork, layers: tuple[str, ...], shapes: Any) -> dict[str, int]:
    """Pixels between two features of each layer, from the sizes of features."""
    weights = {name: jax.ShapeDtypeStruct(shape, jnp.float32) for name, shape in shapes}

    def sides(length: int) -> dict[str, int]:
        image = jax.ShapeDtypeStruct((length, length, 3), jnp.float32)
        found = jax.eval_shape(lambda w, i: network.apply(w, i, layers), weights, image)
        return {layer: found[layer].shape[0] for layer in layers}

    short, long = sides(_PROBE), sides(2 * _PROBE)
    result = {}
    for layer in layers:
        more = long[layer] - short[layer]
        if more <= 0 or _PROBE % more:
            raise UntiledNetwork(f"network {network.name!r}: {layer} has no even grid of features: no tiles")
        result[layer] = _PROBE // more
    return result


def _spread(
    network: FeatureNetwork, weights: Any, layers: tuple[str, ...], strides: dict[str, int], period: int, length: int,
    side: int, axis: int,
) -> int:  # fmt: skip
    """How many pixels away a feature still sees one period of pixels in the middle of a strip: where those are no
    numbers, all that sees them is none either, whatever the weights."""
    middle = length // 2 // period * period
    image = np.full((length, side, 3), 0.5, np.float32)
    image[middle : middle + period] = np.nan
    with jax.ensure_compile_time_eval(), jax.default_device(jax.local_devices(backend="cpu")[0]):
        apply = jax.jit(network.apply, static_argnums=2)
        found = apply(weights, image if axis == 0 else image.transpose(1, 0, 2), layers)
    reach = 0
    for layer in layers:
        blind = np.isnan(np.asarray(found[layer])).any((1 - axis, 2))
        if not blind.any():
            raise UntiledNetwork(f"network {network.name!r}: {layer} does not show what it sees: no tiles")
        places = np.flatnonzero(blind) * strides[layer]
        reach = max(reach, int(places[-1]) - middle, middle - int(places[0]))
    return reach


@dataclass(frozen=True)
class Tiled:
    """One network's look at pictures in tiles of ``tile`` pixels: a value, static in jitted functions."""

    network: FeatureNetwork
    content_layers: tuple[str, ...]
    style_layers: tuple[str, ...]
    tile: int
    reach: Reach

    @property
    def layers(self) -> tuple[str, ...]:
        """Every layer that is watched."""
        return tuple(dict.fromkeys(self.content_layers + self.style_layers))

    def holds(self, size: tuple[int, int]) -> bool:
        """Whether one tile holds a whole picture of ``size`` (height, width)."""
        return all(cut(length, self.tile, self.reach).window == length for length in size)

    def sums(
        self, weights: Weights, image: jax.Array, content: Features, places: Features | None = None
    ) -> tuple[Features, Features]:
        """Gram matrices of the style layers, ``[channels, channels]`` or with ``places`` (by layer, ``[regions, h,
        w]``) ``[regions, channels, channels]``, and the mean squared error to ``content``'s features of the content
        layers: those of the whole ``image [h, w, 3]``, differentiable."""
        _, _, shapes = self._plan(weights, (image.shape[0], image.shape[1]), self.layers)

        def measure(found: Features, inside: Features, place: jax.Array) -> tuple[Features, Features]:
            grams, errors = {}, {}
            for layer in self.style_layers:
                there = None if places is None else self._regions(places[layer], found[layer].shape, layer, place)
                grams[layer] = _gram_sum(found[layer] * inside[layer], there)
            for layer in self.content_layers:
                target = self._target(content[layer], found[layer].shape, layer, place)
                errors[layer] = (jnp.square(found[layer] - target) * inside[layer]).sum()
            return grams, errors

        grams, errors = self.add_up(weights, image, measure)
        if places is None:
            grams = {layer: gram / math.prod(shapes[layer].shape[:2]) for layer, gram in grams.items()}
        return grams, {layer: error / shapes[layer].size for layer, error in errors.items()}

    def add_up(
        self, weights: Weights, image: jax.Array, measure: Callable[[Features, Features, jax.Array], Any]
    ) -> Any:
        """The sum over all tiles of ``measure(features, inside, place)``, a tree of arrays, differentiable. ``inside``:
        by layer float32 ``[h, w, 1]``, 1 for the features that are the tile's own; ``place``: int32, the tile's top and
        left pixel first."""
        window, table, _ = self._plan(weights, (image.shape[0], image.shape[1]), self.layers)

        # Its result alone is kept for the way back, not what it went through.
        @partial(jax.checkpoint, prevent_cse=False)
        def look(place: jax.Array) -> Any:
            found = self.network.apply(weights, self._cut(image, place, window), self.layers)
            return measure(found, {layer: self._inside(found[layer], layer, place) for layer in self.layers}, place)

        def add(total: Any, place: jax.Array) -> tuple[Any, None]:
            return jax.tree.map(jnp.add, total, look(place)), None

        zero = jax.tree.map(lambda kind: jnp.zeros(kind.shape, kind.dtype), jax.eval_shape(look, table[0]))
        return jax.lax.scan(add, zero, table)[0]

    def features(self, weights: Weights, image: jax.Array, layers: tuple[str, ...]) -> Features:
        """Features of the whole ``image`` in a few layers."""
        window, table, shapes = self._plan(weights, (image.shape[0], image.shape[1]), layers)

        def put(whole: Features, place: jax.Array) -> tuple[Features, None]:
            found = self.network.apply(weights, self._cut(image, place, window), layers)
            return {layer: self._put(whole[layer], found[layer], layer, place) for layer in layers}, None

        zero = {layer: jnp.zeros(shapes[layer].shape, shapes[layer].dtype) for layer in layers}
        return jax.lax.scan(put, zero, table)[0]

    def _plan(self, weights: Weights, size: tuple[int, int], layers: tuple[str, ...]) -> Any:
        """The window's height and width; int32 ``[tiles, 6]``: top, left, the core's top, bottom, left and right; the
        shapes of the whole picture's features."""
        down, across = (cut(length, self.tile, self.reach) for length in size)
        rows = [
            (top, left, *core, *other)
            for top, core in zip(down.starts, down.cores, strict=True)
            for left, other in zip(across.starts, across.cores, strict=True)
        ]
        image = jax.ShapeDtypeStruct((*size, 3), jnp.float32)
        shapes = jax.eval_shape(lambda w, i: self.network.apply(w, i, layers), weights, image)
        return (down.window, across.window), jnp.asarray(rows, jnp.int32), shapes

    @staticmethod
    def _cut(image: jax.Array, place: jax.Array, window: tuple[int, int]) -> jax.Array:
        return jax.lax.dynamic_slice(image, (place[0], place[1], jnp.int32(0)), (*window, 3))

    def _inside(self, found: jax.Array, layer: str, place: jax.Array) -> jax.Array:
        """float32 ``[h, w, 1]``: 1 for the features of the core."""
        stride = self.reach.stride(layer)
        y, x = (jnp.arange(count, dtype=jnp.int32) * stride for count in found.shape[:2])
        y, x = y + place[0], x + place[1]
        inside = ((y >= place[2]) & (y < place[3]))[:, None] & ((x >= place[4]) & (x < place[5]))[None]
        return inside.astype(jnp.float32)[..., None]

    def _corner(self, layer: str, place: jax.Array) -> tuple[jax.Array, ...]:
        stride = self.reach.stride(layer)
        return place[0] // stride, place[1] // stride, jnp.int32(0)

    def _target(self, whole: jax.Array, shape: tuple[int, ...], layer: str, place: jax.Array) -> jax.Array:
        return jax.lax.dynamic_slice(whole, self._corner(layer, place), shape)

    def _regions(self, whole: jax.Array, shape: tuple[int, ...], layer: str, place: jax.Array) -> jax.Array:
        top, left, zero = self._corner(layer, place)
        return jax.lax.dynamic_slice(whole, (zero, top, left), (whole.shape[0], *shape[:2]))

    def _put(self, whole: jax.Array, found: jax.Array, layer: str, place: jax.Array) -> jax.Array:
        corner = self._corner(layer, place)
        kept = jax.lax.dynamic_slice(whole, corner, found.shape)
        new = jnp.where(self._inside(found, layer, place) > 0, found, kept)
        return jax.lax.dynamic_update_slice(whole, new, corner)


def _gram_sum(features: jax.Array, places: jax.Array | None) -> jax.Array:
    if places is not None:
        return regions.gram_matrices(features, places)
    flat = features.reshape(-1, features.shape[-1])
    return flat.T @ flat


@partial(jax.jit, static_argnames=("tiled", "layers"))
def features(tiled: Tiled, weights: Weights, image: jax.Array, layers: tuple[str, ...]) -> Features:
    """``tiled.features``, compiled."""
    return tiled.features(weights, image, layers)


@partial(jax.jit, static_argnames=("tiled",))
def grams(tiled: Tiled, weights: Weights, image: jax.Array, places: Features | None = None) -> Features:
    """The Gram matrices of the style layers, compiled; ``places`` as for ``tiled.sums``."""
    style = Tiled(tiled.network, (), tiled.style_layers, tiled.tile, tiled.reach)
    return style.sums(weights, image, {}, places)[0]
