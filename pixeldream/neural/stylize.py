"""Style transfer after Gatys, Ecker and Bethge (arXiv 1508.06576), on any canvas and with any feature networks.

Images are sRGB float32 ``[height, width, 3]`` in [0, 1] as the networks see them: in display pixels. Each loss is
relative to its target (see ``losses``), so the same weights serve every network; several networks count equally.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from pixeldream.canvas import RGB, Canvas
from pixeldream.neural import losses
from pixeldream.neural.networks.base import FeatureNetwork, Weights
from pixeldream.neural.optimise import Losses, Progress, identity, optimise
from pixeldream.neural.settings import Settings as Settings


class LoadedNetwork(NamedTuple):
    """A feature network with its weights."""

    network: FeatureNetwork
    weights: Weights


class Style(NamedTuple):
    """A style picture ``[height, width, 3]`` of any size, and its share among several."""

    image: Any
    weight: float = 1.0


class Watched(NamedTuple):
    """The static half of one network's part in the objective."""

    network: FeatureNetwork
    content_layers: tuple[str, ...]
    style_layers: tuple[str, ...]

    def features(self, weights: Weights, image: jax.Array) -> dict[str, jax.Array]:
        """Every layer that is watched."""
        wanted = tuple(dict.fromkeys(self.content_layers + self.style_layers))
        return self.network.apply(weights, image, wanted)


class Targets(NamedTuple):
    """The traced half: for each network its weights, content features and style Gram matrices; and the dials."""

    weights: tuple[Weights, ...]
    content: tuple[dict[str, jax.Array], ...]
    style: tuple[dict[str, jax.Array], ...]
    content_weight: jax.Array
    style_weight: jax.Array
    tv_weight: jax.Array


@dataclass(frozen=True)
class StyleObjective:
    """Content, style and total-variation losses of an image, averaged over networks and their layers."""

    watched: tuple[Watched, ...]

    def __call__(self, arrays: Targets, image: jax.Array) -> Losses:
        content, style = [], []
        for number, watched in enumerate(self.watched):
            found = watched.features(arrays.weights[number], image)
            for layer in watched.content_layers:
                share = len(watched.content_layers) * len(self.watched)
                content.append(losses.content_loss(found[layer], arrays.content[number][layer]) / share)
            for layer in watched.style_layers:
                share = len(watched.style_layers) * len(self.watched)
                gram = losses.gram_matrix(found[layer])
                style.append(losses.style_loss(gram, arrays.style[number][layer]) / share)
        parts = {
            "content": jnp.sum(jnp.stack(content)) if content else jnp.zeros(()),
            "style": jnp.sum(jnp.stack(style)) if style else jnp.zeros(()),
            "tv": losses.total_variation(image),
        }
        dials = {"content": arrays.content_weight, "style": arrays.style_weight, "tv": arrays.tv_weight}
        return {**parts, "total": sum((dials[name] * parts[name] for name in parts), jnp.zeros(()))}


def watch(network: FeatureNetwork, settings: Settings) -> Watched:
    """The layers of ``network`` that ``settings`` ask for. Raises ``ValueError`` for a layer that it does not have."""
    for layer in settings.content_layers + settings.style_layers:
        if layer not in network.layers:
            raise ValueError(f"network {network.name!r} has no layer {layer!r}; it has {', '.join(network.layers)}")
    return Watched(
        network, settings.content_layers or network.content_layers, settings.style_layers or network.style_layers
    )


@partial(jax.jit, static_argnames=("network", "layers"))
def _features(network: FeatureNetwork, weights: Weights, image: jax.Array, layers: tuple[str, ...]) -> dict[str, Any]:
    return network.apply(weights, image, layers)


def _resized(image: jax.Array, height: int, width: int) -> jax.Array:
    if image.shape[:2] == (height, width):
        return image
    return jnp.clip(jax.image.resize(image, (height, width, 3), "lanczos3", antialias=True), 0.0, 1.0)


def _smaller(image: jax.Array, factor: int) -> jax.Array:
    """An image shrunk by a whole factor, its sides rounded."""
    height, width = image.shape[0], image.shape[1]
    return _resized(image, max(1, round(height / factor)), max(1, round(width / factor)))


def make_targets(
    content: jax.Array, styles: Sequence[Style], networks: Sequence[LoadedNetwork], settings: Settings
) -> tuple[StyleObjective, Targets]:
    """The objective and its arrays for a content image and style images as the networks are to see them."""
    objective = StyleObjective(tuple(watch(loaded.network, settings) for loaded in networks))
    total = sum(style.weight for style in styles)
    content_features, grams = [], []
    for watched, loaded in zip(objective.watched, networks, strict=True):
        found = _features(watched.network, loaded.weights, content, watched.content_layers)
        content_features.append({layer: found[layer] for layer in watched.content_layers})
        blended: dict[str, jax.Array] = {}
        for style in styles:
            features = _features(watched.network, loaded.weights, style.image, watched.style_layers)
            for layer in watched.style_layers:
                share = losses.gram_matrix(features[layer]) * (style.weight / total)
                blended[layer] = blended[layer] + share if layer in blended else share
        grams.append(blended)
    dials = (settings.content_weight, settings.style_weight, settings.tv_weight)
    weights = tuple(loaded.weights for loaded in networks)
    return objective, Targets(
        weights, tuple(content_features), tuple(grams), *(jnp.asarray(dial, jnp.float32) for dial in dials)
    )


def check_sizes(size: tuple[int, int], networks: Sequence[LoadedNetwork], scales: int) -> None:
    """Raises ``ValueError`` when an image of ``size`` (width, height), at the coarsest scale, is too small."""
    shortest = min(size) // 2 ** (scales - 1)
    for loaded in networks:
        if shortest < loaded.network.minimum_side:
            raise ValueError(
                f"at {scales} scales the picture shrinks to {shortest} pixels; network {loaded.network.name!r} needs "
                f"{loaded.network.minimum_side}; use fewer scales"
            )


def stylize(
    content: Any,
    styles: Sequence[Style],
    networks: Sequence[LoadedNetwork],
    canvas: Canvas,
    *,
    settings: Settings = Settings(),  # noqa: B008 - a frozen value
    start: Any = None,
    view: Callable[[jax.Array], jax.Array] = identity,
    shrink: Callable[[jax.Array], jax.Array] = identity,
) -> Iterator[Progress]:
    """Paints ``content`` in the ``styles`` on ``canvas``; yields after each step, ``settings.steps`` in all.

    ``content`` and ``start`` (where the run begins; the content by default) are ``[height, width, 3]`` in display
    pixels; ``view`` leads from the canvas's pixels to those, ``shrink`` back. With several scales the first ones paint
    an unconstrained image at a half, a quarter ... of the size, and the last one the canvas itself: what a coarse
    scale settles is the large forms, which the fine one can't move any more.
    """
    content = jnp.asarray(content, jnp.float32)
    image = content if start is None else jnp.asarray(start, jnp.float32)
    styles = [Style(jnp.asarray(style.image, jnp.float32), style.weight) for style in styles]
    done = 0
    for scale in range(settings.scales - 1, 0, -1):
        steps = settings.steps // settings.scales
        small, small_styles = (
            _smaller(content, 2**scale),
            [Style(_smaller(s.image, 2**scale), s.weight) for s in styles],
        )
        objective, arrays = make_targets(small, small_styles, networks, settings)
        begin = _resized(image, *small.shape[:2])
        coarse = replace(RGB, finish=partial(_finish_coarse, canvas, shrink, content.shape[:2]))
        for progress in optimise(coarse, begin, objective, arrays, steps=steps, rate=settings.rate):
            yield replace(progress, step=progress.step + done, steps=settings.steps)
        done += steps
        image = _resized(progress.params, *content.shape[:2])
    objective, arrays = make_targets(content, styles, networks, settings)
    steps = settings.steps - done
    for progress in optimise(canvas, shrink(image), objective, arrays, steps=steps, view=view, rate=settings.rate):
        yield replace(progress, step=progress.step + done, steps=settings.steps)


def _finish_coarse(canvas: Canvas, shrink: Callable, size: tuple[int, int], params: jax.Array, state: Any) -> Any:
    """What a run that is stopped at a coarse scale leaves: the enlarged image, finished by the final canvas."""
    return canvas.finish(*canvas.init(shrink(_resized(params, *size))))
