"""Class images and inversions on any canvas: grown without limits, then painted on within them.

Channels of a sheet are grown together (``sheet``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax

from pixeldream.canvas import RGB, Canvas
from pixeldream.neural.jitter import UNTIL, shifts
from pixeldream.neural.networks.base import FeatureNetwork, Weights
from pixeldream.neural.optimise import ADAM, Progress, Rate, identity, optimise
from pixeldream.neural.pyramid import evening
from pixeldream.neural.visualise.backward import check_side
from pixeldream.neural.visualise.growth import Grown, grow
from pixeldream.neural.visualise.objectives import MEAN, Answer, Asked, Likeness
from pixeldream.neural.visualise.settings import GrowSettings
from pixeldream.neural.visualise.target import Target, channels_of

Look = Callable[[jax.Array], jax.Array]

WITHIN = Rate(0.07, 0.01)
"""Of a step on a legal canvas: see ``dream_settings``."""


def answered(
    network: FeatureNetwork, weights: Weights, target: Target, size: tuple[int, int], settings: GrowSettings,
    canvas: Canvas | None = None, view: Look = identity, shrink: Look = identity,
) -> Iterator[Progress]:  # fmt: skip
    """The picture of ``size`` (height, width) that a class or a layer's channel answers most to; yields after each
    step. ``canvas``: where it is painted; without one it is unconstrained. ``view``, ``shrink``: as for stylize."""
    objective, asked = _answer(network, weights, [target], size, settings)
    return _paint(objective, asked, size, settings, canvas, view, shrink, evening(ADAM, view, shrink), WITHIN)


def inverted(
    network: FeatureNetwork, weights: Weights, layer: str, photo: Any, settings: GrowSettings,
    canvas: Canvas = RGB, view: Look = identity, shrink: Look = identity,
) -> Iterator[Progress]:  # fmt: skip
    """The picture whose features in ``layer`` are those of ``photo [h, w, 3]``, found from them alone.

    It ends on pixels also where it is unconstrained: waves find the forms sooner, but they are periodic, and never
    quite black or white.
    """
    photo = jnp.asarray(photo, jnp.float32)
    check_side(network, photo)
    features = _features(network, weights, photo, layer)
    asked = Asked(weights, features[None], jnp.zeros(()), jnp.asarray(settings.tv_weight, jnp.float32))
    size = (photo.shape[0], photo.shape[1])
    return _paint(Likeness(network, layer), asked, size, replace(settings, jitter=0), canvas, view, shrink)


def sheet(
    network: FeatureNetwork, weights: Weights, targets: Sequence[Target], side: int, settings: GrowSettings
) -> Iterator[Grown]:
    """A square picture for each channel, all of one layer and all at once; yields after each step."""
    objective, asked = _answer(network, weights, targets, (side, side), settings)
    yield from grow(objective, asked, (side, side), settings)


def _answer(
    network: FeatureNetwork, weights: Weights, targets: Sequence[Target], size: tuple[int, int], settings: GrowSettings
) -> tuple[Answer, Asked]:
    used = network.published() if targets[0].score else network
    grey = jnp.broadcast_to(jnp.asarray(MEAN, jnp.float32)[None, None], (*size, 3))
    check_side(used, grey)
    noise = grey + 0.02 * jax.random.normal(jax.random.key(0), grey.shape, jnp.float32)
    objective = Answer(used, targets[0].layer)
    unit = _spread(objective, weights, noise)
    count = channels_of(used, weights, targets[0].layer)
    shares = jnp.stack([target.share(count) for target in targets])
    decay, variation = (unit * jnp.asarray(dial, jnp.float32) for dial in (settings.decay, settings.tv_weight))
    return objective, Asked(weights, shares, decay, variation)


def _paint(
    objective: Callable, asked: Asked, size: tuple[int, int], settings: GrowSettings, canvas: Canvas | None,
    view: Look, shrink: Look, optimiser: optax.GradientTransformation = ADAM, rate: Rate = Rate(),  # noqa: B008
) -> Iterator[Progress]:  # fmt: skip
    steps = settings.steps
    sketch = steps if canvas is None else min(max(1, round(steps * settings.sketch)), steps - 1)
    free = RGB if canvas is None else replace(RGB, finish=partial(_finish_free, canvas, shrink))
    image = jnp.broadcast_to(jnp.asarray(MEAN, jnp.float32)[None, None], (*size, 3))
    for grown in grow(objective, asked, size, settings, sketch) if sketch else ():
        image = grown.images[0]
        losses = {name: value[0] for name, value in grown.losses.items()}
        yield Progress(grown.step, steps, losses, free, image, ())
    if canvas is None:
        return
    alone = asked._replace(own=jax.tree.map(lambda each: each[0], asked.own))
    turns = [alone._replace(shift=jnp.asarray(shift)) for shift in shifts(settings.jitter)]
    for progress in optimise(
        canvas, shrink(image), objective, turns[0], others=turns[1:], until=UNTIL, steps=steps - sketch, view=view,
        optimiser=optimiser, rate=rate,
    ):  # fmt: skip
        yield replace(progress, step=progress.step + sketch, steps=steps)


def _finish_free(canvas: Canvas, shrink: Look, image: jax.Array, state: Any) -> Any:
    """What a run that is stopped before it came to the canvas leaves."""
    return canvas.finish(*canvas.init(shrink(image)))


@partial(jax.jit, static_argnums=0)
def _spread(objective: Answer, weights: Weights, image: jax.Array) -> jax.Array:
    return objective.spread(weights, image)


@partial(jax.jit, static_argnames=("network", "layer"))
def _features(network: FeatureNetwork, weights: Weights, image: jax.Array, layer: str) -> jax.Array:
    return network.apply(weights, image, (layer,))[layer]
