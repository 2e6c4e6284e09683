"""Style transfer after Gatys, Ecker and Bethge (arXiv 1508.06576), on any canvas and with any feature networks.

Images are sRGB float32 ``[height, width, 3]`` in [0, 1] as the networks see them: in display pixels. Each loss is
relative to its target (see ``losses``), so the same weights serve every network; several networks count equally.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from pixeldream.canvas import RGB, Canvas
from pixeldream.neural import losses
from pixeldream.neural.loss import Loss, Seen, Weighted
from pixeldream.neural.networks.base import FeatureNetwork, Weights
from pixeldream.neural.networks.needed import needed
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

    @property
    def layers(self) -> tuple[str, ...]:
        """Every layer that is watched."""
        return tuple(dict.fromkeys(self.content_layers + self.style_layers))

    def features(self, weights: Weights, image: jax.Array) -> dict[str, jax.Array]:
        """Of every layer that is watched."""
        return self.network.apply(weights, image, self.layers)


class Targets(NamedTuple):
    """The traced half: for each network its weights, content features and style Gram matrices; tones; the dials; the
    content's image and the weights for losses from elsewhere, where there are any."""

    weights: tuple[Weights, ...]
    content: tuple[dict[str, jax.Array], ...]
    style: tuple[dict[str, jax.Array], ...]
    tones: jax.Array
    content_weight: jax.Array
    style_weight: jax.Array
    tv_weight: jax.Array
    tone_weight: jax.Array
    image: jax.Array | None = None
    more_weights: tuple[jax.Array, ...] = ()


@dataclass(frozen=True)
class StyleObjective:
    """The losses of an image: content and style averaged over networks and their layers, total variation and tone; and
    ``more`` from elsewhere, averaged over networks."""

    watched: tuple[Watched, ...]
    more: tuple[Loss, ...] = ()

    def __call__(self, arrays: Targets, image: jax.Array) -> Losses:
        content, style, seen = [], [], []
        for number, watched in enumerate(self.watched):
            found = watched.features(arrays.weights[number], image)
            seen.append(Seen(image, found))
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
            "tone": losses.tone_loss(image, arrays.tones),
        }
        dials = (arrays.content_weight, arrays.style_weight, arrays.tv_weight, arrays.tone_weight)
        more = {loss.name: self._ask(loss, arrays, seen) for loss in self.more}
        weighted = zip((*dials, *arrays.more_weights), (*parts.values(), *more.values()), strict=True)
        return {**parts, **more, "total": sum((dial * part for dial, part in weighted), jnp.zeros(()))}

    @staticmethod
    def _ask(loss: Loss, arrays: Targets, seen: list[Seen]) -> jax.Array:
        pairs = zip(seen, arrays.content, strict=True)
        found = [loss.measure(shown, Seen(arrays.image, content)) for shown, content in pairs]
        return jnp.stack(found).mean()


def watch(network: FeatureNetwork, settings: Settings) -> Watched:
    """The layers of ``network`` that ``settings`` ask for. Raises ``ValueError`` for a layer that it does not have."""
    for layer in settings.content_layers + settings.style_layers:
        if layer not in network.layers:
            raise ValueError(f"network {network.name!r} has no layer {layer!r}; it has {', '.join(network.layers)}")
    return Watched(
        network, settings.content_layers or network.content_layers, settings.style_layers or network.style_layers
    )


def load(network: FeatureNetwork, arrays: Mapping[str, Any], settings: Settings) -> LoadedNetwork:
    """The network with those of its weights that the layers watched read. Raises ``ValueError`` as :func:`watch`."""
    return LoadedNetwork(network, needed(network, arrays, watch(network, settings).layers))


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
    content: jax.Array,
    styles: Sequence[Style],
    networks: Sequence[LoadedNetwork],
    settings: Settings,
    more: Sequence[Weighted] = (),
) -> tuple[StyleObjective, Targets]:
    """The objective and its arrays for a content image and style images as the networks are to see them.

    Tones weigh nothing: see :func:`keep_tones`.
    """
    watching = tuple(watch(loaded.network, settings) for loaded in networks)
    objective = StyleObjective(watching, tuple(each.loss for each in more))
    total = sum(style.weight for style in styles)
    content_features, grams = [], []
    for watched, loaded in zip(objective.watched, networks, strict=True):
        layers = watched.layers if more else watched.content_layers
        found = _features(watched.network, loaded.weights, content, layers)
        content_features.append({layer: found[layer] for layer in layers})
        blended: dict[str, jax.Array] = {}
        for style in styles:
            features = _features(watched.network, loaded.weights, style.image, watched.style_layers)
            for layer in watched.style_layers:
                share = losses.gram_matrix(features[layer]) * (style.weight / total)
                blended[layer] = blended[layer] + share if layer in blended else share
        grams.append(blended)
    dials = (settings.content_weight, settings.style_weight, settings.tv_weight, 0.0)
    content_weight, style_weight, tv_weight, tone_weight = (jnp.asarray(dial, jnp.float32) for dial in dials)
    weights = tuple(loaded.weights for loaded in networks)
    targets = Targets(
        weights,
        tuple(content_features),
        tuple(grams),
        losses.tones(content),
        content_weight,
        style_weight,
        tv_weight,
        tone_weight,
        content if more else None,
        tuple(jnp.asarray(each.weight, jnp.float32) for each in more),
    )
    return objective, targets


def keep_tones(targets: Targets, image: jax.Array, weight: float) -> Targets:
    """The targets with those of ``image``'s tones."""
    return targets._replace(tones=losses.tones(image), tone_weight=jnp.asarray(weight, jnp.float32))


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
    more: Sequence[Weighted] = (),
    start: Any = None,
    view: Callable[[jax.Array], jax.Array] = identity,
    shrink: Callable[[jax.Array], jax.Array] = identity,
) -> Iterator[Progress]:
    """Paints ``content`` in the ``styles`` on ``canvas``; yields after each step, ``settings.steps`` in all.

    ``content`` and ``start`` (where the run begins; the content by default) are ``[height, width, 3]`` in display
    pixels; ``view`` leads from the canvas's pixels to those, ``shrink`` back. ``more``: losses besides our own.

    With several scales the first ones paint an unconstrained image at a half, a quarter ... of the size: what a coarse
    scale settles is the large forms, which the fine one can't move any more. Then comes a sketch at full size, and then
    the canvas, which keeps the sketch's tones: left alone with a few colours, the networks choose those whose mixture
    is calmest, whatever their brightness.
    """
    content = jnp.asarray(content, jnp.float32)
    image = content if start is None else jnp.asarray(start, jnp.float32)
    styles = [Style(jnp.asarray(style.image, jnp.float32), style.weight) for style in styles]
    plan, last = _plan(settings)
    free = replace(RGB, finish=partial(_finish_free, canvas, shrink, content.shape[:2]))
    done = 0
    for factor, steps in plan:
        small, small_styles = _smaller(content, factor), [Style(_smaller(s.image, factor), s.weight) for s in styles]
        objective, arrays = make_targets(small, small_styles, networks, settings, more)
        image = _resized(image, *small.shape[:2])
        for progress in optimise(free, image, objective, arrays, steps=steps, rate=settings.rate):
            yield replace(progress, step=progress.step + done, steps=settings.steps)
        done, image = done + steps, progress.params
    image = _resized(image, *content.shape[:2])
    objective, arrays = make_targets(content, styles, networks, settings, more)
    if plan and plan[-1][0] == 1:
        arrays = keep_tones(arrays, image, settings.tone_weight)
    for progress in optimise(canvas, shrink(image), objective, arrays, steps=last, view=view, rate=settings.rate):
        yield replace(progress, step=progress.step + done, steps=settings.steps)


def _plan(settings: Settings) -> tuple[list[tuple[int, int]], int]:
    """What is painted without limits, as (the picture shrunk by this factor, steps); and the steps of the canvas."""
    each = settings.steps // settings.scales
    plan = [(2**scale, each) for scale in range(settings.scales - 1, 0, -1)]
    left = settings.steps - each * len(plan)
    sketch = min(round(left * settings.sketch), left - 1)
    return [*plan, (1, sketch)] if sketch else plan, left - sketch


def _finish_free(canvas: Canvas, shrink: Callable, size: tuple[int, int], params: jax.Array, state: Any) -> Any:
    """What a run that is stopped before it came to the canvas leaves: the image so far, finished by the canvas."""
    return canvas.finish(*canvas.init(shrink(_resized(params, *size))))
