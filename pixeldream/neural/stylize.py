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
from pixeldream.neural import losses, regions
from pixeldream.neural.checkpoint import Checkpoint
from pixeldream.neural.jitter import UNTIL, shifted, shifts
from pixeldream.neural.loss import Loss, Seen, Weighted
from pixeldream.neural.networks.base import FeatureNetwork, Weights
from pixeldream.neural.networks.needed import needed
from pixeldream.neural.optimise import Losses, Progress, identity, optimise
from pixeldream.neural.regions import Guide
from pixeldream.neural.settings import Settings as Settings
from pixeldream.neural.settings import layer_weights
from pixeldream.neural.tiles import Features
from pixeldream.neural.watched import LoadedNetwork as LoadedNetwork
from pixeldream.neural.watched import Watched, watch


class Style(NamedTuple):
    """A style picture ``[height, width, 3]`` of any size, and its share among several."""

    image: Any
    weight: float = 1.0


class Targets(NamedTuple):
    """The traced half: for each network its weights, content features, style Gram matrices and what each layer counts;
    tones; the dials; the content's image and the weights for losses from elsewhere, where there are any; and where each
    region lies in each style layer of each network, with the regions' shares, where there are regions; and by how much
    the networks see the picture shifted (see ``jitter``), as they saw the content."""

    weights: tuple[Weights, ...]
    content: tuple[dict[str, jax.Array], ...]
    style: tuple[dict[str, jax.Array], ...]
    content_shares: tuple[dict[str, jax.Array], ...]
    style_shares: tuple[dict[str, jax.Array], ...]
    tones: jax.Array
    content_weight: jax.Array
    style_weight: jax.Array
    tv_weight: jax.Array
    tone_weight: jax.Array
    tone_colour: jax.Array
    image: jax.Array | None = None
    more_weights: tuple[jax.Array, ...] = ()
    places: tuple[dict[str, jax.Array], ...] | None = None
    region_shares: jax.Array | None = None
    shift: jax.Array | None = None


@dataclass(frozen=True)
class StyleObjective:
    """The losses of an image: content and style averaged over networks and their layers, total variation and tone; and
    ``more`` from elsewhere, averaged over networks."""

    watched: tuple[Watched, ...]
    more: tuple[Loss, ...] = ()

    def __call__(self, arrays: Targets, image: jax.Array) -> Losses:
        content, style, seen = [], [], []
        looked = image if arrays.shift is None else shifted(image, arrays.shift)
        for number, watched in enumerate(self.watched):
            places = None if arrays.places is None else arrays.places[number]
            grams, errors, found = watched.measure(arrays.weights[number], looked, arrays.content[number], places)
            seen.append(Seen(looked, found))
            for layer in watched.content_layers:
                error = errors[layer] / losses.content_power(arrays.content[number][layer])
                content.append(arrays.content_shares[number][layer] * error)
            for layer in watched.style_layers:
                loss = self._style(arrays, grams[layer], arrays.style[number][layer])
                style.append(arrays.style_shares[number][layer] * loss)
        parts = {
            "content": jnp.sum(jnp.stack(content)) if content else jnp.zeros(()),
            "style": jnp.sum(jnp.stack(style)) if style else jnp.zeros(()),
            "tv": losses.total_variation(image),
            "tone": losses.tone_loss(image, arrays.tones, arrays.tone_colour),
        }
        dials = (arrays.content_weight, arrays.style_weight, arrays.tv_weight, arrays.tone_weight)
        more = {loss.name: self._ask(loss, arrays, seen) for loss in self.more}
        weighted = zip((*dials, *arrays.more_weights), (*parts.values(), *more.values()), strict=True)
        return {**parts, **more, "total": sum((dial * part for dial, part in weighted), jnp.zeros(()))}

    @staticmethod
    def _style(arrays: Targets, gram: jax.Array, target: jax.Array) -> jax.Array:
        if arrays.region_shares is None:
            return losses.style_loss(gram, target)
        return regions.style_loss(gram, target, arrays.region_shares)

    @staticmethod
    def _ask(loss: Loss, arrays: Targets, seen: list[Seen]) -> jax.Array:
        pairs = zip(seen, arrays.content, strict=True)
        found = [loss.measure(shown, Seen(arrays.image, content)) for shown, content in pairs]
        return jnp.stack(found).mean()


def load(network: FeatureNetwork, arrays: Mapping[str, Any], settings: Settings) -> LoadedNetwork:
    """The network with those of its weights that the layers watched read. Raises ``ValueError`` as :func:`watch`."""
    return LoadedNetwork(network, needed(network, arrays, watch(network, settings).layers))


def _shares(watching: Sequence[tuple[str, ...]], asked: tuple[str, ...]) -> tuple[dict[str, jax.Array], ...]:
    """How much each of those layers counts, for each network: in all they are 1, and so are the networks equal."""
    weights = layer_weights(asked)
    result = []
    for layers in watching:
        own = {layer: weights.get(layer, 1.0) for layer in layers}
        total = sum(own.values()) * len(watching)
        result.append({layer: jnp.asarray(weight / total, jnp.float32) for layer, weight in own.items()})
    return tuple(result)


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
    guide: Guide | None = None,
) -> tuple[StyleObjective, Targets]:
    """The objective and its arrays for a content image and style images as the networks are to see them.

    ``guide``: which style is painted where; its pictures may be of other sizes than these. Tones weigh nothing: see
    :func:`keep_tones`.
    """
    if more and settings.tile:
        raise ValueError("a plugin's loss looks at the whole picture, not at tiles; leave out one of the two")
    watching = tuple(watch(loaded.network, settings, loaded.weights) for loaded in networks)
    objective = StyleObjective(watching, tuple(each.loss for each in more))
    shares = None if guide is None else jnp.asarray(guide.shares)
    guide = None if guide is None else guide.whole()
    content_features, grams, places = [], [], []
    for watched, loaded in zip(objective.watched, networks, strict=True):
        layers = watched.layers if more else watched.content_layers
        content_features.append(watched.features(loaded.weights, content, layers))
        grams.append(_style_targets(watched, loaded.weights, styles, guide))
        if guide is not None:
            places.append(watched.places(loaded.weights, content, guide.content))
    dials = (settings.content_weight, settings.style_weight, settings.tv_weight, 0.0)
    content_weight, style_weight, tv_weight, tone_weight = (jnp.asarray(dial, jnp.float32) for dial in dials)
    targets = Targets(
        tuple(loaded.weights for loaded in networks),
        tuple(content_features),
        tuple(grams),
        _shares([watched.content_layers for watched in watching], settings.content_layers),
        _shares([watched.style_layers for watched in watching], settings.style_layers),
        losses.tones(content),
        content_weight,
        style_weight,
        tv_weight,
        tone_weight,
        jnp.ones(()),
        content if more else None,
        tuple(jnp.asarray(each.weight, jnp.float32) for each in more),
        None if guide is None else tuple(places),
        shares,
    )
    return objective, targets


def _style_targets(watched: Watched, weights: Weights, styles: Sequence[Style], guide: Guide | None) -> Features:
    """The Gram matrix of each style layer, blended of the styles; with a guide, that of each region."""
    total = sum(style.weight for style in styles)
    blended: Features = {}
    for number, style in enumerate(styles):
        share, places = jnp.asarray(style.weight / total, jnp.float32), None
        if guide is not None:
            share = jnp.asarray(guide.weights[:, number, None, None])
            places = watched.places(weights, style.image, guide.in_style(number))
        for layer, gram in watched.grams(weights, style.image, places).items():
            blended[layer] = blended[layer] + share * gram if layer in blended else share * gram
    return blended


def look_shifted(
    objective: StyleObjective, targets: Targets, content: jax.Array, most: int
) -> tuple[Targets, list[Targets]]:
    """The targets for the unshifted picture, and those for it shifted by up to ``most`` pixels."""
    found = []
    for shift in jnp.asarray(shifts(most)):
        image = shifted(content, shift)
        features = [
            watched.features(weights, image, tuple(old))
            for watched, weights, old in zip(objective.watched, targets.weights, targets.content, strict=True)
        ]
        there = None if targets.image is None else image
        found.append(targets._replace(shift=shift, content=tuple(features), image=there))
    return found[0], found[1:]


def keep_tones(targets: Targets, image: jax.Array, weight: float, colour: float = 1.0) -> Targets:
    """The targets with those of ``image``'s tones; ``colour`` as for ``losses.tone_loss``."""
    tone_weight, tone_colour = jnp.asarray(weight, jnp.float32), jnp.asarray(colour, jnp.float32)
    return targets._replace(tones=losses.tones(image), tone_weight=tone_weight, tone_colour=tone_colour)


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
    guide: Guide | None = None,
    start: Any = None,
    view: Callable[[jax.Array], jax.Array] = identity,
    shrink: Callable[[jax.Array], jax.Array] = identity,
    sketched: Callable[[jax.Array], jax.Array] = identity,
    tone_colour: float = 1.0,
    resume: Checkpoint | None = None,
) -> Iterator[Progress]:
    """Paints ``content`` in the ``styles`` on ``canvas``; yields after each step, ``settings.steps`` in all.

    ``content`` and ``start`` (where the run begins; the content by default) are ``[height, width, 3]`` in display
    pixels; ``view`` leads from the canvas's pixels to those, ``shrink`` back. ``more``: losses besides our own.
    ``guide``: which style is painted where. ``sketched``: what is done to the image before the canvas goes on from it.
    ``tone_colour``: how much colours count among the tones that the canvas keeps, as for ``losses.tone_loss``.
    ``resume``: goes on from a checkpoint of the same run, whose step is yielded first.

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
        if resume is not None and resume.step > done + steps:
            done += steps
            continue
        small, small_styles = _smaller(content, factor), [Style(_smaller(s.image, factor), s.weight) for s in styles]
        targets = make_targets(small, small_styles, networks, settings, more, guide)
        image = _begin(resume, _resized(image, *small.shape[:2]))
        stage = _Stage(free, identity, steps, done)
        for progress in stage.paint(targets, small, image, image, settings, resume):
            yield progress
        done, image, resume = done + steps, progress.params, None
    image = _begin(resume, sketched(_resized(image, *content.shape[:2])))
    objective, arrays = make_targets(content, styles, networks, settings, more, guide)
    if plan and plan[-1][0] == 1:
        arrays = keep_tones(arrays, image, settings.tone_weight, tone_colour)
    stage = _Stage(canvas, view, last, done)
    yield from stage.paint((objective, arrays), content, image, shrink(image), settings, resume)


class _Stage(NamedTuple):
    """A part of a run at one size: ``steps`` on ``canvas``, after ``done`` others."""

    canvas: Canvas
    view: Callable[[jax.Array], jax.Array]
    steps: int
    done: int

    def paint(
        self,
        targets: tuple[StyleObjective, Targets],
        content: jax.Array,
        begin: jax.Array,
        start: jax.Array,
        settings: Settings,
        resume: Checkpoint | None,
    ) -> Iterator[Progress]:
        """The steps, numbered as those of the whole run. ``begin``: the image that the stage begins with; ``start``:
        the same in the canvas's pixels; ``resume``: a checkpoint within this stage."""
        arrays, others = look_shifted(*targets, content, settings.jitter)
        for progress in optimise(
            self.canvas, start, targets[0], arrays, others=others, until=UNTIL, steps=self.steps, view=self.view,
            rate=settings.rate, resume=None if resume is None else replace(resume, step=resume.step - self.done),
        ):  # fmt: skip
            yield replace(progress, step=progress.step + self.done, steps=settings.steps, begin=begin)


def _begin(resume: Checkpoint | None, image: jax.Array) -> jax.Array:
    """The image that a stage begins with: ``image``, or that of the stage that is resumed."""
    return image if resume is None else resume.begin_like(image)


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
