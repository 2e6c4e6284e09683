"""What a dream is led by: features of layers, channels and neurons, those of a guiding picture, and classes.

Images are sRGB float32 ``[height, width, 3]`` in [0, 1], in display pixels; features ``[height', width', channels]``.
Every feature is counted in the root mean square that its layer has for a fixed picture of 1/f noise, so that layers and
networks can be added up; an objective that is maximised is a loss with a minus before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from pixeldream.neural import losses
from pixeldream.neural.networks.base import FeatureNetwork, Weights
from pixeldream.neural.optimise import Losses
from pixeldream.neural.robust import Moved
from pixeldream.neural.tiles import Features, Tiled
from pixeldream.neural.units import Unit

GREY = 0.5
"""What ``decay`` draws the picture to: nothing, to a network that takes numbers about zero."""

NEVER = 1e30
"""More than there ever is of anything."""

NEAR = 0.25
"""From what share below enough on a dream asks for less, down to nothing where there is enough."""

_TINY = 1e-12

_MATCHES = 1 << 22
"""Dot products of a picture's features with a guide's that are in memory at once."""


class Form(NamedTuple):
    """The static half of a unit: what is done with a layer's features."""

    layer: str
    one_channel: bool = False
    one_place: bool = False
    square: bool = False
    guided: bool = False
    random: bool = False
    """Another channel in each step."""


class Led(NamedTuple):
    """The traced half. For each unit its channel, its place as shares of width and height, and its weight; ``scales``
    by layer (see the module); ``guide``: by layer the guiding picture's features ``[positions, channels]``; ``tones``:
    see ``losses.tones``; ``key``: this step's random numbers; ``sway``: how much of the
    movement there is, 0 to 1; ``enough``: what need not be exceeded of what is dreamt of, :data:`NEVER` where more is
    always better."""

    weights: Weights
    channels: jax.Array
    places: jax.Array
    shares: jax.Array
    scales: dict[str, jax.Array]
    guide: Features
    tones: jax.Array
    decay: jax.Array
    tv_weight: jax.Array
    tone_weight: jax.Array
    key: jax.Array
    sway: jax.Array
    enough: jax.Array


@dataclass(frozen=True)
class DreamObjective:
    """The losses of an image: ``dream`` is what the dream gained, negative; and decay, total variation and tones."""

    network: FeatureNetwork
    forms: tuple[Form, ...]
    moved: Moved = Moved()  # noqa: RUF009 - a frozen value
    tiled: Tiled | None = None

    @property
    def layers(self) -> tuple[str, ...]:
        """Every layer that is looked at."""
        return tuple(dict.fromkeys(form.layer for form in self.forms))

    def __call__(self, arrays: Led, image: jax.Array) -> Losses:
        shown, drawn = jax.random.split(arrays.key)
        seen = self.moved(image, shown, arrays.sway)
        gained = (arrays.shares * self.values(arrays, seen, drawn)).sum()
        missing = jax.lax.stop_gradient((arrays.enough - gained) / (NEAR * jnp.abs(arrays.enough) + _TINY))
        parts = {
            "dream": -gained,
            "decay": jnp.square(image - GREY).mean(),
            "tv": losses.total_variation(image),
            "tone": losses.tone_loss(image, arrays.tones),
        }
        dials = (jnp.clip(missing, 0.0, 1.0), arrays.decay, arrays.tv_weight, arrays.tone_weight)
        total = sum((dial * part for dial, part in zip(dials, parts.values(), strict=True)), jnp.zeros(()))
        return {**parts, "total": total}

    def values(self, arrays: Led, image: jax.Array, key: jax.Array) -> jax.Array:
        """float32 ``[units]``: how much of each there is in ``image``, without its weight."""

        def apply(weights: Weights, image: jax.Array) -> Features:
            return self.network.apply(weights, image, self.layers)

        shapes = jax.eval_shape(apply, arrays.weights, image)
        grids = {layer: shapes[layer].shape for layer in self.layers}
        tiled = self.tiled
        if tiled is None or tiled.holds((image.shape[0], image.shape[1])):
            return self._sums(arrays, apply(arrays.weights, image), grids, {}, {}, key)

        def measure(found: Features, inside: Features, place: jax.Array) -> jax.Array:
            corners = {layer: place[:2] // tiled.reach.stride(layer) for layer in self.layers}
            return self._sums(arrays, found, grids, inside, corners, key)

        return tiled.add_up(arrays.weights, image, measure)

    def _sums(
        self, arrays: Led, found: Features, grids: dict[str, tuple[int, ...]], inside: Features, corners: Features,
        key: jax.Array,
    ) -> jax.Array:  # fmt: skip
        """The part of :meth:`values` that these features have, of layers of the shapes ``grids``. ``inside`` and
        ``corners``: those that count and where they begin; none for the whole picture."""
        values = []
        for number, form in enumerate(self.forms):
            features, grid = found[form.layer] / arrays.scales[form.layer], grids[form.layer]
            count, corner = inside.get(form.layer), corners.get(form.layer, jnp.zeros(2, jnp.int32))
            if form.guided:
                target = arrays.guide[form.layer] / arrays.scales[form.layer]
                value = best_matches(features, target)[..., None] / grid[2]
            else:
                value = self._activity(form, features, arrays.channels[number], grid[2], key)
            value = value if count is None else value * count
            if form.one_place:
                values.append((value * _at(arrays.places[number], grid, value.shape, corner)).mean(2).sum())
            else:
                values.append(value.mean(2).sum() / (grid[0] * grid[1]))
        return jnp.stack(values)

    @staticmethod
    def _activity(form: Form, features: jax.Array, channel: jax.Array, count: int, key: jax.Array) -> jax.Array:
        if form.random:
            channel = jax.random.randint(key, (), 0, count)
        if form.one_channel:
            features = jax.lax.dynamic_slice_in_dim(features, channel, 1, 2)
        return jnp.square(features) if form.square else features


def _at(place: jax.Array, grid: tuple[int, ...], shape: tuple[int, ...], corner: jax.Array) -> jax.Array:
    """float32 ``[h, w, 1]``: 1 at the neuron of ``place``, shares (x, y) of the picture, in a part of the grid that
    begins at ``corner``."""
    row = jnp.floor(place[1] * grid[0]).astype(jnp.int32) - corner[0]
    column = jnp.floor(place[0] * grid[1]).astype(jnp.int32) - corner[1]
    there = (jnp.arange(shape[0]) == row)[:, None] & (jnp.arange(shape[1]) == column)[None]
    return there.astype(jnp.float32)[..., None]


def best_matches(features: jax.Array, guide: jax.Array) -> jax.Array:
    """float32 ``[h, w]``: the largest dot product of each of ``features [h, w, c]`` with one of ``guide [n, c]``. Its
    gradient is that guiding feature (Mordvintsev, Olah and Tyka 2015, ``objective_guide``)."""
    flat = features.reshape(-1, features.shape[-1])
    rows = max(1, _MATCHES // guide.shape[0])
    if flat.shape[0] <= rows:
        return (flat @ guide.T).max(-1).reshape(features.shape[:2])
    parts = -(-flat.shape[0] // rows)
    padded = jnp.pad(flat, ((0, parts * rows - flat.shape[0]), (0, 0))).reshape(parts, rows, -1)
    found = jax.lax.map(jax.checkpoint(lambda part: (part @ guide.T).max(-1)), padded)
    return found.reshape(-1)[: flat.shape[0]].reshape(features.shape[:2])


def form_of(unit: Unit, objective: str, guided: bool) -> Form:
    """The static half of a unit. ``objective``: of ``OBJECTIVES``."""
    return Form(unit.layer, unit.channel is not None, unit.place is not None, objective == "l2" and not guided, guided)


def noise_of_nature(height: int, width: int) -> np.ndarray:
    """float32 ``[height, width, 3]``: always the same 1/f noise, of a photograph's mean and spread."""
    random = np.random.default_rng(0)
    spectrum = np.fft.rfft2(random.normal(0, 1, (height, width, 3)), axes=(0, 1))
    down, across = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
    frequency = np.maximum(np.hypot(down, across), 1 / max(height, width))[..., None]
    noise = np.fft.irfft2(spectrum / frequency, (height, width), axes=(0, 1))
    return np.clip(0.45 + 0.25 * noise / noise.std(), 0, 1).astype(np.float32)


@partial(jax.jit, static_argnames=("network", "layers"))
def powers(network: FeatureNetwork, weights: Weights, layers: Sequence[str], image: jax.Array) -> dict[str, jax.Array]:
    """The root mean square of each layer's features."""
    found = network.apply(weights, image, tuple(layers))
    return {layer: jnp.sqrt(jnp.square(found[layer]).mean()) + _TINY for layer in layers}
