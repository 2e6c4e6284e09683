"""Feature networks in Flax from the arrays of a file: how deep it goes, and where it does not fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from pixeldream.neural.networks.base import FeatureNetwork
from pixeldream.neural.networks.layers import Extractor, Net
from pixeldream.neural.weights import WeightsError

Shape = tuple[int, ...]


class Stage(NamedTuple):
    """A layer, and the convolutions between the layer before and this one, in order, with the shapes of their kernels;
    a width of the file's own choice is what the file says."""

    layer: str
    kernels: dict[str, Shape]


class Facts(NamedTuple):
    """What is known of an architecture besides its layers. Of ``content`` and ``style`` those layers count that the
    file reaches; ``side`` is that of the pictures it was trained on, ``minimum_side`` the least that it takes."""

    content: tuple[str, ...]
    style: tuple[str, ...]
    logits: str
    side: int
    minimum_side: int


def plan(net: Net, side: int) -> list[Stage]:
    """All layers of an architecture, whether the file reaches them or not; nothing is computed."""
    stages: list[Stage] = []
    names: list[str] = []

    def note(next_function: Callable, arguments: Any, named: Any, context: Any) -> Any:
        if isinstance(context.module, nn.Conv):
            names.append(str(context.module.name))
        return next_function(*arguments, **named)

    def passed(layer: str) -> None:
        stages.append(Stage(layer, dict.fromkeys(names, ())))
        names.clear()

    with nn.intercept_methods(note):
        image = jax.ShapeDtypeStruct((1, side, side, 3), jnp.float32)
        made = jax.eval_shape(lambda key, image: net.init(key, image, ("",), passed), jax.random.key(0), image)
    shapes = {name: value["kernel"].shape for name, value in made["params"].items()}
    return [Stage(layer, {name: shapes[name] for name in kernels}) for layer, kernels in stages]


def assemble(
    name: str, kind: Callable[..., Net], facts: Facts, arrays: Mapping[str, Any], torn: bool = False
) -> FeatureNetwork:
    """The network of ``kind`` that a file's arrays describe: it reaches as deep as all arrays are there.

    Raises ``WeightsError`` that names the first array that is missing or of another shape; with ``torn``, deeper
    arrays may be there that nothing reaches.
    """
    widths = tuple(sorted((key[:-2], np.shape(a)[-1]) for key, a in arrays.items() if key[-2:] == "_w" and np.ndim(a)))
    net = kind(widths=widths)
    stages = plan(net, facts.side)
    depth = _depth(stages, arrays, torn)
    for stage in stages[:depth]:
        for layer, shape in stage.kernels.items():
            _check(arrays, layer, shape)
    layers = tuple(stage.layer for stage in stages[:depth])
    content, style = (tuple(layer for layer in chosen if layer in layers) for chosen in (facts.content, facts.style))
    logits = facts.logits if facts.logits in layers else None
    return FeatureNetwork(
        name, layers, Extractor(net), content or layers[-1:], style or layers[:1], facts.minimum_side, logits,
        facts.side if logits else None,
    )  # fmt: skip


def _depth(stages: list[Stage], arrays: Mapping[str, Any], torn: bool) -> int:
    """How many stages the file reaches."""
    every = [(depth, f"{name}_{part}") for depth, stage in enumerate(stages) for name in stage.kernels for part in "wb"]
    missing = next(((depth, key) for depth, key in every if key not in arrays), None)
    if missing is None:
        return len(stages)
    depth, key = missing
    if every[0][0] == depth:
        some = ", ".join(list(arrays)[:4])
        raise WeightsError(f"{key} is missing" + (f" among its arrays ({some} ...)" if some else ""))
    later = [found for _, found in every[every.index(missing) :] if found in arrays]
    if later and not torn:
        raise WeightsError(f"{key} is missing, but {later[0]} is there")
    return depth


def _check(arrays: Mapping[str, Any], layer: str, expected: Shape) -> None:
    """Raises ``WeightsError`` unless a kernel and its bias are of the shape expected."""
    found, bias = np.shape(arrays[f"{layer}_w"]), np.shape(arrays[f"{layer}_b"])
    if found != expected or 0 in found:
        wanted = ", ".join(map(str, expected[:-1]))
        raise WeightsError(f"{layer}_w has shape {list(found)} where [{wanted}, any] is expected")
    if bias != expected[-1:]:
        raise WeightsError(f"{layer}_b has shape {list(bias)} where {list(expected[-1:])} is expected")
