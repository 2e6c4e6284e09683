"""The laws that every loss and feature network keeps; ``testing`` offers them with the others.

Losses and networks are known here by their shape: this room does not import the neural one. A network's laws are handed
the arrays of its weights by name as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np


class _Seen(NamedTuple):
    """As what a loss is handed: a picture, and features of it by layer."""

    image: jax.Array
    features: dict[str, jax.Array]


def _seen_by_a_network(image: jax.Array) -> _Seen:
    """Two layers as deep ones are: smaller than the picture, with more channels, and none below 0."""
    mix = jnp.asarray(np.random.default_rng(9).normal(0, 1, (3, 8)), jnp.float32)
    layers = {}
    for name, factor in (("one", 2), ("two", 4)):
        height, width = image.shape[0] // factor, image.shape[1] // factor
        pooled = image.reshape(height, factor, width, factor, 3).mean((1, 3))
        layers[name] = jax.nn.relu(pooled @ mix)
    return _Seen(image, layers)


def loss_is_a_number(loss: Any) -> None:
    """A loss is one finite float32 number: for any picture, a blank one, the content itself; with jit and without."""
    for name, image, content in _pairs_of_images():
        for measure in (loss.measure, jax.jit(loss.measure)):
            value = measure(_seen_by_a_network(image), _seen_by_a_network(content))
            shape, kind = getattr(value, "shape", None), getattr(value, "dtype", type(value).__name__)
            assert shape == (), f"loss {loss.name!r} is of shape {shape} for {name}, not a single number"
            assert kind == jnp.float32, f"loss {loss.name!r} is {kind} for {name}, not float32"
            assert jnp.isfinite(value), f"loss {loss.name!r} is {value} for {name}"


def loss_moves_the_picture(loss: Any) -> None:
    """Its gradient says where to go for a picture that is not the content, and is finite for every picture."""
    for name, image, content in _pairs_of_images():
        target = _seen_by_a_network(content)
        slope = jax.grad(lambda moved, target=target: loss.measure(_seen_by_a_network(moved), target))(image)
        wrong = ~jnp.isfinite(slope).all(-1)
        if wrong.any():
            y, x = np.argwhere(np.asarray(wrong))[0]
            raise AssertionError(f"loss {loss.name!r} has no finite gradient for {name}, first at pixel ({x}, {y})")
        still = name == "a picture" and not bool((slope != 0).any())
        assert not still, f"loss {loss.name!r} has a gradient of 0 everywhere: it can't move a picture"


def _pairs_of_images() -> list[tuple[str, jax.Array, jax.Array]]:
    random = np.random.default_rng(10)
    image, content = (jnp.asarray(random.uniform(0, 1, (32, 48, 3)), jnp.float32) for _ in range(2))
    blank = jnp.full_like(image, 0.5)
    return [("a picture", image, content), ("a blank picture", blank, content), ("the content", content, content),
            ("a blank content", image, blank)]  # fmt: skip


LOSS_LAWS: tuple[Callable[[Any], None], ...] = (loss_is_a_number, loss_moves_the_picture)


def network_names_its_layers(network: Any, arrays: Mapping[str, Any]) -> None:
    """Built of its weights, a network knows its layers, and is a value: it is a static argument of jitted functions."""
    built, again = network.build(arrays), network.build(arrays)
    assert built == again, f"network {network.name!r} built twice of the same weights is another one"
    assert hash(built) == hash(again), f"network {network.name!r}: equal networks hash differently"
    unknown = [layer for layer in built.content_layers + built.style_layers if layer not in built.layers]
    assert not unknown, f"network {network.name!r} looks at layer {unknown[0]!r}, which is not among its layers"
    assert built.content_layers or built.style_layers, f"network {network.name!r} looks at no layer"
    logits = built.logits
    known = logits is None or logits in built.layers
    assert known, f"network {network.name!r} classifies by layer {logits!r}, which is not among its layers"


def network_sees_pictures(network: Any, arrays: Mapping[str, Any]) -> None:
    """Every layer is finite float32 ``[height, width, channels]``, for the smallest picture that it takes as well."""
    built = network.build(arrays)
    weights = {name: jnp.asarray(array) for name, array in arrays.items()}
    for side in (built.minimum_side, built.minimum_side + 37):
        image = jnp.asarray(np.random.default_rng(11).uniform(0, 1, (side, side, 3)), jnp.float32)
        found = jax.jit(built.apply, static_argnums=2)(weights, image, built.layers)
        for layer in built.layers:
            assert layer in found, f"network {network.name!r} leaves out layer {layer!r} that was asked for"
            shape, kind = found[layer].shape, found[layer].dtype
            right = len(shape) == 3 and min(shape) > 0 and kind == jnp.float32
            assert right, f"network {network.name!r}, layer {layer!r}: {kind} of shape {shape} for {side}x{side} pixels"
            finite = bool(jnp.isfinite(found[layer]).all())
            assert finite, f"network {network.name!r}, layer {layer!r} holds values that are not finite"
        flat = built.logits is None or found[built.logits].shape[:2] == (1, 1)
        assert flat, f"network {network.name!r}: layer {built.logits!r} that classifies is not [1, 1, classes]"


def network_refuses_other_weights(network: Any, arrays: Mapping[str, Any]) -> None:
    """Arrays of another network raise ``WeightsError`` (or another ``ValueError``) in one line."""
    for wrong in ({}, {"something_else": np.zeros((3, 3), np.float32)}):
        try:
            network.build(wrong)
        except ValueError as error:
            assert "\n" not in str(error), f"network {network.name!r}: the message has more than one line: {error}"
        except Exception as error:
            names = ", ".join(wrong) or "no arrays"
            raise AssertionError(
                f"network {network.name!r} raises {type(error).__name__} ({error}), not WeightsError, for {names}"
            ) from error


NETWORK_LAWS: tuple[Callable[[Any, Mapping[str, Any]], None], ...] = (
    network_names_its_layers,
    network_sees_pictures,
    network_refuses_other_weights,
)
