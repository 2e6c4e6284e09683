"""Deep dreams (Mordvintsev, Olah and Tyka 2015, "Inceptionism"; their notebook: https://github.com/google/deepdream)
on any canvas: gradient ascent on what a network sees, in octaves.

Images are sRGB float32 ``[height, width, 3]`` in [0, 1], in display pixels. An octave is the picture at a fraction of
its size; what was dreamt there is added, enlarged, to the next one's picture, whose own details stay. The last steps
are dreamt on the canvas, whatever pictures that allows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from pixeldream.canvas import RGB, Canvas
from pixeldream.neural import losses
from pixeldream.neural.ascent import optimiser_of
from pixeldream.neural.dream_objective import NEVER, DreamObjective, Form, Led, form_of, noise_of_nature, powers
from pixeldream.neural.dream_settings import MOST_OCTAVES, DreamSettings
from pixeldream.neural.fourier import fourier, under
from pixeldream.neural.imagenet import class_number
from pixeldream.neural.jitter import UNTIL
from pixeldream.neural.networks.base import FeatureNetwork
from pixeldream.neural.networks.needed import needed
from pixeldream.neural.optimise import Progress, evaluate, identity, optimise
from pixeldream.neural.robust import Moved, blurred
from pixeldream.neural.settings import Rate
from pixeldream.neural.tiles import Tiled, reach_of
from pixeldream.neural.units import RANDOM, Unit, check_layer, parse_all
from pixeldream.neural.watched import LoadedNetwork

Pixels = Callable[[jax.Array], jax.Array]

DREAMT = (
    ("inception-v3", ("mixed3", "mixed5")),
    ("googlenet", ("inception_4c",)),
    ("embedded", ("conv4_1",)),
    ("vgg", ("relu4_2", "relu5_1")),
    ("squeezenet", ("fire5", "fire8")),
)
"""Layers that dream well, by what a network's name begins with: those that a file reaches count."""


TOLD = 0.03
"""The variance of a photograph's tones, in sRGB units squared."""

BLANK, HASTE = 0.1, 3.0
"""What tells less than this share of a photograph is not to be recognised: the dream is so many times as fast there."""

ENOUGH = 320
"""Pixels of noise, each way, that tell how large a layer's features are."""

CLOSE = 4
"""Pixels by which the picture is shifted at most while it is finished on the canvas. Without any it gains most, by
pixels that fit the network's grid and look like noise to all other eyes."""


def default_layers(network: FeatureNetwork) -> tuple[str, ...]:
    """What a network dreams of where nobody says. Of one that is not in the table the layer two thirds down."""
    for name, layers in DREAMT:
        known = tuple(layer for layer in layers if layer in network.layers)
        if network.name.startswith(name) and known:
            return known
    features = [layer for layer in network.layers if layer != network.logits]
    return (features[len(features) * 2 // 3],)


def units_of(network: FeatureNetwork, settings: DreamSettings, classes: int = 0) -> tuple[Unit, ...]:
    """What ``settings`` ask this network for. ``classes``: of its classifier, 0 where that is not known. Raises
    ``ValueError`` for a layer or a class that it does not have."""
    units = parse_all(settings.layers)
    for unit in units:
        check_layer(network.name, unit.layer, network.layers)
    if settings.class_name:
        if network.logits is None:
            raise ValueError(
                f"class {settings.class_name!r}: the weights of network {network.name!r} hold no classifier; "
                "name a file that has one"
            )
        number = 0 if settings.class_name == RANDOM else class_number(settings.class_name)
        if classes and number >= classes:
            raise ValueError(f"class {number}: network {network.name!r} has {classes}, counted from 0")
        units = (*units, Unit(network.logits, number))
    return units or tuple(Unit(layer) for layer in default_layers(network))


def load(network: FeatureNetwork, arrays: Mapping[str, Any], settings: DreamSettings) -> LoadedNetwork:
    """The network with those of its weights that the dream reads. Raises ``ValueError`` as :func:`units_of`."""
    layers = tuple(dict.fromkeys(unit.layer for unit in units_of(network, settings)))
    return LoadedNetwork(network, needed(network, arrays, layers))


def make_objective(
    loaded: LoadedNetwork, size: tuple[int, int], settings: DreamSettings, guide: jax.Array | None = None
) -> tuple[DreamObjective, Led]:
    """The objective and its arrays for pictures of ``size`` (height, width), at the full size of the picture.

    ``guide``: a picture ``[h, w, 3]`` whose features lead, where there is one. Raises ``ValueError`` for a channel or a
    place that is not there.
    """
    network, weights = loaded
    noise = jnp.asarray(noise_of_nature(*size))
    layers = tuple(dict.fromkeys(unit.layer for unit in units_of(network, settings)))
    shapes = jax.eval_shape(lambda w, i: network.apply(w, i, layers), weights, noise)
    logits = network.logits
    units = units_of(network, settings, shapes[logits].shape[2] if logits in shapes else 0)
    forms = tuple(_form(unit, network, settings, guide is not None) for unit in units)
    _check_units(network, units, {layer: shapes[layer].shape for layer in layers}, size)
    tiled = None
    if settings.tile:
        tiled = Tiled(network, layers, (), settings.tile, reach_of(network, weights, layers))
    objective = DreamObjective(
        network, forms, Moved(settings.jitter, settings.random_scale, settings.random_rotation), tiled
    )
    return objective, _arrays(objective, loaded, noise, units, settings, guide)


def _form(unit: Unit, network: FeatureNetwork, settings: DreamSettings, guided: bool) -> Form:
    """A class is asked for by its score as it is (Simonyan, Vedaldi and Zisserman 2013, arXiv 1312.6034)."""
    if unit.layer != network.logits:
        return form_of(unit, settings.objective, guided)
    return form_of(unit, "mean", False)._replace(random=settings.class_name == RANDOM)


def _arrays(
    objective: DreamObjective, loaded: LoadedNetwork, noise: jax.Array, units: Sequence[Unit], settings: DreamSettings,
    guide: jax.Array | None,
) -> Led:  # fmt: skip
    height, width = noise.shape[:2]
    total = sum(abs(unit.weight) for unit in units)
    middle = [(unit.place or (0, 0)) for unit in units]
    numbers = (settings.pull(), settings.tv_weight, 0.0)
    decay, tv_weight, tone_weight = (jnp.asarray(number, jnp.float32) for number in numbers)
    led = {}
    if guide is not None:
        layers = tuple(form.layer for form in objective.forms if form.guided)
        found = loaded.network.apply(loaded.weights, guide, layers)
        led = {layer: found[layer].reshape(-1, found[layer].shape[-1]) for layer in layers}
    return Led(
        loaded.weights,
        jnp.asarray([unit.channel or 0 for unit in units], jnp.int32),
        jnp.asarray([((x + 0.5) / width, (y + 0.5) / height) for x, y in middle], jnp.float32),
        jnp.asarray([unit.weight / total for unit in units], jnp.float32),
        powers(loaded.network, loaded.weights, objective.layers, noise[:ENOUGH, :ENOUGH]),
        led, losses.tones(noise), decay, tv_weight, tone_weight, jax.random.key(settings.seed), jnp.ones(()),
        jnp.asarray(NEVER, jnp.float32),
    )  # fmt: skip


def _check_units(
    network: FeatureNetwork, units: Sequence[Unit], shapes: Mapping[str, tuple[int, ...]], size: tuple[int, int]
) -> None:
    for unit in units:
        count = shapes[unit.layer][2]
        if unit.channel is not None and unit.channel >= count:
            raise ValueError(
                f"layer {unit.layer!r} of network {network.name!r} has {count} channels, counted from 0; not channel "
                f"{unit.channel} (a weight has a point: {unit.layer}:{unit.channel}.0)"
            )
        if unit.place is not None and not (unit.place[0] < size[1] and unit.place[1] < size[0]):
            raise ValueError(f"place {unit.place[0]},{unit.place[1]} is not within {size[1]}x{size[0]} display pixels")


class Gained(NamedTuple):
    """An objective without the dials, to judge pictures by."""

    objective: DreamObjective
    arrays: Led

    def of(self, image: Any) -> float:
        """How much of what was dreamt of is in ``image``, display pixels."""
        return -float(evaluate(self.objective, self.arrays, jnp.asarray(image, jnp.float32))["dream"])


# ---- octaves --------------------------------------------------------------------------------------------------------


def octave_sizes(size: tuple[int, int], settings: DreamSettings, least: int) -> list[tuple[int, int]]:
    """(height, width) of each octave, the smallest first. ``least``: the shortest side that the network takes. Raises
    ``ValueError`` for more octaves than there is room for."""
    wanted = settings.octaves or MOST_OCTAVES
    every = [tuple(max(1, round(side / settings.octave_scale**k)) for side in size) for k in range(wanted)]
    fitting = [each for each in every if min(each) >= least]
    if not fitting:
        raise ValueError(f"a picture of {size[1]}x{size[0]} pixels is too small: the network needs {least} each way")
    if settings.octaves and len(fitting) < settings.octaves:
        raise ValueError(
            f"octaves of {settings.octaves}: the smallest would have {min(every[-1])} pixels, the network needs "
            f"{least}; ask for {len(fitting)} at most, or a smaller octave-scale"
        )
    return [(each[0], each[1]) for each in reversed(fitting)]


def _resized(image: jax.Array, size: tuple[int, int]) -> jax.Array:
    if image.shape[:2] == size:
        return image
    return jax.image.resize(image, (*size, 3), "cubic", antialias=True)


@lru_cache
def _smoothed(settle: Callable, sigma: float) -> Callable:
    def smoothed(params: Any, gradients: Any, state: Any, step: Any) -> tuple[Any, Any]:
        return settle(blurred(params, sigma), gradients, state, step)

    return smoothed


@dataclass(frozen=True)
class Place:
    """Where a dream is dreamt: the canvas, and the ways between its pixels and the display's. Equal functions for
    equal sizes, or each run compiles anew."""

    canvas: Canvas = RGB
    view: Pixels = identity
    shrink: Pixels = identity

    @property
    def free(self) -> bool:
        """Whether any picture may stand there."""
        return self.canvas is RGB


class Dreamer:
    """A network that dreams of something, for pictures of one size ``(height, width)`` in display pixels.

    ``guide``: a picture ``[h, w, 3]`` of any size whose features lead. Raises ``ValueError`` for what the network does
    not have, and for a size that it does not take.
    """

    def __init__(
        self,
        loaded: LoadedNetwork,
        size: tuple[int, int],
        place: Place = Place(),
        settings: DreamSettings = DreamSettings(),  # noqa: B008 - a frozen value
        guide: Any = None,
    ) -> None:
        self.settings, self.place, self.size = settings, place, size
        self.sizes = octave_sizes(size, settings, loaded.network.minimum_side)
        led = None if guide is None else jnp.asarray(guide, jnp.float32)
        self._objective, self._arrays = make_objective(loaded, size, settings, led)
        self._closing = self._objective
        if settings.parameters == "pixels" and not place.free:
            self._closing = replace(self._objective, moved=Moved(min(settings.jitter, CLOSE)))

    def gained(self) -> Gained:
        """Who judges pictures as they are."""
        return Gained(replace(self._objective, moved=Moved()), self._arrays)

    def dream(self, image: Any) -> Iterator[Progress]:
        """Dreams on ``image`` in octaves; yields after each step. What is finished belongs to the canvas."""
        image, settings = jnp.asarray(image, jnp.float32), self.settings
        total, done = len(self.sizes) * settings.steps + settings.finish_steps, 0
        detail = jnp.zeros((1, 1, 3))
        pace = HASTE if _told(losses.tones(image)) < BLANK else 1.0
        for size in self.sizes:
            base = _resized(image, size)
            start = jnp.clip(base + _resized(detail, size), 0.0, 1.0)
            for progress in self._free(start, settings.steps, done, pace):
                yield replace(progress, step=progress.step + done, steps=total, begin=start)
            dreamt = progress.image()
            detail, done = dreamt - base, done + settings.steps
        enough = self._enough(start, dreamt)
        for progress in self._bound(dreamt, settings.finish_steps, done, enough):
            yield replace(progress, step=progress.step + done, steps=total, begin=dreamt)

    def _enough(self, start: jax.Array, dreamt: jax.Array) -> float:
        """What a dream without limits would come to in the canvas's steps, after a last octave that led from ``start``
        to ``dreamt``: it gains about as much again."""
        settings, judge = self.settings, self.gained()
        if self.place.free or settings.parameters == "fourier" or settings.class_name == RANDOM:
            return NEVER
        reached = judge.of(dreamt)
        return reached + (reached - judge.of(start)) * settings.finish_steps / settings.steps

    def onward(self, image: Any, steps: int, number: int) -> Iterator[Progress]:
        """Dreams on at full size and on the canvas alone. ``number``: another one, other random numbers."""
        image = jnp.asarray(image, jnp.float32)
        for progress in self._bound(image, steps, number << 20):
            yield replace(progress, begin=image)

    def unseen(self, progress: Progress) -> jax.Array:
        """What the canvas's picture was chosen for, ``[h, w, 3]`` in display pixels: the dream without its limits."""
        if self.settings.parameters == "fourier":
            return fourier(*self.size).show(progress.params, ())
        return self.place.view(progress.params)

    def _free(self, image: jax.Array, steps: int, done: int, pace: float) -> Iterator[Progress]:
        """A stage without limits, at any size."""
        canvas = RGB if self.settings.parameters == "pixels" else fourier(*image.shape[:2])
        canvas = replace(canvas, finish=partial(_finish_free, self.place, self.size, canvas.show))
        arrays = self._arrays._replace(tones=losses.tones(image))
        return self._optimise(Place(canvas), image, self._objective, arrays, steps, done, self.settings.rates(pace))

    def _bound(self, image: jax.Array, steps: int, done: int, enough: float = NEVER) -> Iterator[Progress]:
        """A stage on the canvas, which keeps the image's tones. It is hardly shifted, and in the end not at all: cells
        and wide pixels would answer to an average of views, and keep half as much."""
        settings, place = self.settings, self.place
        tones = losses.tones(image)
        weight = 0.0 if place.free else settings.tone_weight * abs(self.gained().of(image)) * _told(tones)
        arrays = self._arrays._replace(
            tones=tones, tone_weight=jnp.asarray(weight, jnp.float32), enough=jnp.asarray(enough, jnp.float32)
        )
        start = place.shrink(image)
        if settings.parameters == "fourier":
            place, start = replace(place, canvas=under(fourier(*image.shape[:2]), place.canvas, place.shrink)), image
        rate = settings.rates() if self.place.free else settings.bound_rates()
        return self._optimise(place, start, self._closing, arrays, steps, done, rate)

    def _optimise(
        self, place: Place, start: jax.Array, objective: DreamObjective, arrays: Led, steps: int, done: int, rate: Rate
    ) -> Iterator[Progress]:  # fmt: skip
        settings, canvas = self.settings, place.canvas
        if settings.smooth and settings.parameters == "pixels":
            canvas = replace(canvas, settle=_smoothed(canvas.settle, settings.smooth))
        still = UNTIL * steps if objective is self._closing and self._closing is not self._objective else steps

        def vary(arrays: Led, number: int) -> Led:
            sway = jnp.asarray(number <= still, jnp.float32)
            return arrays._replace(key=jax.random.fold_in(arrays.key, done + number), sway=sway)

        return optimise(
            canvas, start, objective, arrays, steps=steps, view=place.view, rate=rate, vary=vary,
            optimiser=optimiser_of(settings.optimiser, settings.parameters, place.view, place.shrink),
        )  # fmt: skip


def _told(tones: jax.Array) -> float:
    """How much tones are worth keeping, 0 to 1: those of noise and of a grey start tell nothing."""
    return min(1.0, float(jnp.var(tones, axis=(0, 1)).mean()) / TOLD)


def _finish_free(place: Place, size: tuple[int, int], show: Callable, params: Any, state: Any) -> Any:
    """What a dream that is stopped before it came to the canvas leaves: the image so far, finished by the canvas."""
    image = jnp.clip(_resized(show(params, state), size), 0.0, 1.0)
    return place.canvas.finish(*place.canvas.init(place.shrink(image)))
