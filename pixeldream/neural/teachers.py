"""Those whose features are learnt: several networks as one guide, and the directions in which they see most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from pixeldream.neural.networks.base import FeatureNetwork
from pixeldream.neural.student import EXACT, LAYERS, Basis


class Teacher(NamedTuple):
    """A network whose features are taught, with its weights."""

    network: FeatureNetwork
    weights: Mapping[str, Any]


@dataclass(frozen=True)
class _Joined:
    """Networks side by side, each with its own layers; their weights are held by number."""

    parts: tuple[tuple[FeatureNetwork, tuple[str, ...]], ...]

    def __call__(self, weights: Mapping[str, Any], image: jax.Array, wanted: tuple[str, ...]) -> dict[str, jax.Array]:
        found: dict[str, jax.Array] = {}
        for number, (network, layers) in enumerate(self.parts):
            if own := tuple(layer for layer in wanted if layer in layers):
                found |= network.apply(weights[str(number)], image, own)
        return found


def guided(teachers: Sequence[Teacher]) -> tuple[list[Teacher], list[tuple[str, ...]]]:
    """The guide, which has each layer from the first teacher that has it, and then those whose layers another one
    guides; and the layers of each. Raises ``ValueError`` where a layer has none."""
    own = [tuple(layer for layer in LAYERS if layer in teacher.network.layers) for teacher in teachers]
    first = {layer: next((n for n, layers in enumerate(own) if layer in layers), None) for layer in LAYERS}
    missing = [layer for layer, number in first.items() if number is None]
    if missing:
        raise ValueError(f"no teacher has {', '.join(missing)}; give one that has, such as a whole VGG-19")
    guiding = [tuple(layer for layer in layers if first[layer] == n) for n, layers in enumerate(own)]
    used = [n for n, layers in enumerate(guiding) if layers]
    guide = teachers[used[0]]
    if len(used) > 1:
        joined = _Joined(tuple((teachers[n].network, guiding[n]) for n in used))
        weights = {str(place): dict(teachers[n].weights) for place, n in enumerate(used)}
        guide = Teacher(replace(guide.network, name="joined", layers=LAYERS, apply=joined), weights)
    rest = [tuple(layer for layer in layers if first[layer] != n) for n, layers in enumerate(own)]
    others = [n for n, layers in enumerate(rest) if layers]
    return [guide, *(teachers[n] for n in others)], [LAYERS, *(rest[n] for n in others)]


@partial(jax.jit, static_argnames=("network", "layers"))
def _products(
    network: FeatureNetwork, layers: tuple[str, ...], weights: Mapping[str, Any], images: jax.Array
) -> dict[str, jax.Array]:
    found = jax.vmap(lambda image: network.apply(weights, image, layers))(images)
    return {layer: jnp.einsum("nhwc,nhwd->cd", f, f, precision=EXACT) / f[..., 0].size for layer, f in found.items()}


def find_basis(teacher: Teacher, layers: tuple[str, ...], images: jax.Array, ranks: Sequence[int]) -> Basis:
    """The strongest directions of a teacher's features on images [n, h, w, 3]: principal components about zero (Gram
    matrices know no mean), scaled so that each layer's mean square is 1 in all."""

    parts = [
        _products(teacher.network, layers, teacher.weights, images[start : start + 16])
        for start in range(0, len(images), 16)
    ]
    projection, spectrum = {}, {}
    for layer in layers:
        total = np.sum([np.asarray(part[layer], np.float64) for part in parts], 0) / len(parts)
        values, vectors = np.linalg.eigh(total)
        kept = slice(None, -1 - min(ranks[LAYERS.index(layer)], len(values)), -1)
        whole = max(values.sum(), 1e-12)
        projection[layer] = jnp.asarray(vectors[:, kept] * whole**-0.5, jnp.float32)
        spectrum[layer] = jnp.asarray(np.maximum(values[kept] / whole, 1e-6), jnp.float32)
    return Basis(jax.tree.map(jnp.asarray, dict(teacher.weights)), projection, spectrum)
