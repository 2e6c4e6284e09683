"""What a network sees: in a picture, and of its own. ``pd.visualise.saliency(photo)`` and its siblings.

Pictures are sRGB, uint8 or float in [0, 1], ``[height, width, 3]``. Networks are named as on the command line; one
without a classifier is asked for a layer's channel instead of a class.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pixeldream import images, maps
from pixeldream.look import Look, look
from pixeldream.neural.networks.needed import needed
from pixeldream.neural.optimise import Progress
from pixeldream.neural.settings import DEFAULT_NETWORK
from pixeldream.neural.visualise import backward, paint, target
from pixeldream.neural.visualise.names import METHODS, Layer, parse_layer
from pixeldream.neural.visualise.settings import CHANNELS, CLASS, INVERSION, GrowSettings, usual
from pixeldream.neural.visualise.target import Target
from pixeldream.neural.watched import LoadedNetwork
from pixeldream.neural.weights import resolve
from pixeldream.plugin.registry import Registry, load
from pixeldream.retro.display import display_size, shrink, view
from pixeldream.retro.mode import Picture
from pixeldream.retro.schedule import DEFAULT_SCHEDULE, Schedule

CLASS_NETWORK = "squeezenet1.1"
"""Has a classifier, and is small; the embedded network has none."""

SAMPLES = 16
"""Noisy copies whose signals are averaged for a saliency map."""

NOISE = 0.1
"""Their noise, in sRGB units: a tenth of the range, in the middle of what SmoothGrad's authors recommend."""

USUAL_VIEWS = {"saliency": "overlay", "guided": "colour", "deconv": "colour"}


@dataclass(frozen=True, eq=False)
class Explained:
    """What was sent back to the pixels of ``photo``: ``signal``, float32 ``[height, width, 3]``; and what was asked,
    with the network's ``answer`` to the photo: a class's score, or a layer's mean."""

    photo: np.ndarray
    signal: np.ndarray
    method: str
    target: Target
    answer: float
    network: str

    @property
    def title(self) -> str:
        """What is shown, in words."""
        return f"{self.method} of {self.target.name} ({self.answer:.3g}), {self.network}"

    def map(self, view: str | None = None, blur: float | None = None) -> maps.Map:
        """One of ``maps.VIEWS``; the method's usual one if left out."""
        return maps.draw(self.signal, self.photo, view or USUAL_VIEWS[self.method], blur)

    def picture(self, view: str | None = None, blur: float | None = None, legend: bool = True) -> np.ndarray:
        """float32 ``[height, width, 3]``; a legend is added below."""
        found = self.map(view, blur)
        return maps.with_legend(found, self.title) if legend else found.image


def target_of(
    loaded: LoadedNetwork, image: Any = None, class_: str | int | None = None, layer: Layer | None = None,
    neuron: bool = False,
) -> Target:  # fmt: skip
    """What is asked: a class, a layer's channel, or what the network takes ``image`` for. Raises ``ValueError``."""
    network, weights = loaded
    if class_ is not None and layer is not None:
        raise ValueError(f"class {class_!r} and layer {layer.name!r}: ask for one of the two")
    if class_ is not None:
        found = target.of_class(network, weights, str(class_))
    elif layer is not None:
        found = target.of_layer(network, weights, layer, image)
    else:
        found = target.of_photo(network, weights, image)
    return target.of_neuron(found) if neuron else found


def explain(
    loaded: LoadedNetwork, photo: np.ndarray, asked: Target, method: str, samples: int = 1,
    watch: Callable[[int], None] | None = None,
) -> Explained:  # fmt: skip
    """``photo``: float32. ``samples``: the mean signal of so many noisy copies is what counts (SmoothGrad: Smilkov et
    al. 2017, arXiv:1706.03825); 1 for the plain signal. ``watch`` is told of each."""
    network, weights = loaded
    if samples < 1:
        raise ValueError(f"{samples} samples are none; give 1 for the plain signal, or more")
    weights = needed(network, weights, (asked.layer,))
    image, total = jnp.asarray(photo, jnp.float32), np.zeros(photo.shape, np.float32)
    plain = backward.send_back(network, weights, image, asked, method)
    for number in range(samples):
        sent = plain
        if samples > 1:
            noise = jax.random.normal(jax.random.key(number), image.shape, jnp.float32)
            sent = backward.send_back(network, weights, image + NOISE * noise, asked, method)
        total += np.asarray(sent.signal) / samples
        if watch is not None:
            watch(number + 1)
    return Explained(np.asarray(photo), total, method, asked, plain.answer, network.name)


def _explained(
    method: str, image: Any, network: str, weights: Any, class_: str | int | None, layer: str | None, neuron: bool,
    samples: int, registry: Registry | None,
) -> Explained:  # fmt: skip
    loaded, photo = open_network(network, weights, registry), images.as_float(image)
    asked = target_of(loaded, photo, class_, None if layer is None else parse_layer(layer), neuron)
    return explain(loaded, photo, asked, method, samples)


def open_network(network: str, weights: Any = None, registry: Registry | None = None) -> LoadedNetwork:
    """A network by its name, with the weights of a file or its own. Raises ``UnknownName``, ``WeightsError``."""
    built, arrays, _ = resolve((registry or load()).networks[network], weights)
    return LoadedNetwork(built, arrays)


def saliency(
    image: Any, *, network: str = DEFAULT_NETWORK, weights: Any = None, class_: str | int | None = None,
    layer: str | None = None, neuron: bool = False, samples: int = SAMPLES, registry: Registry | None = None,
) -> Explained:  # fmt: skip
    """Which pixels count (Simonyan et al. 2013, arXiv:1312.6034): the gradient of a class's score, or of half the
    squared answers of ``layer`` (``LAYER`` or ``LAYER:CHANNEL``). Without either: of what the network takes the image
    for, or its channel that answers most. ``neuron``: of the strongest place only. ``samples``: as for
    :func:`explain`."""
    return _explained("saliency", image, network, weights, class_, layer, neuron, samples, registry)


def guided(
    image: Any, *, network: str = DEFAULT_NETWORK, weights: Any = None, class_: str | int | None = None,
    layer: str | None = None, neuron: bool = False, samples: int = 1, registry: Registry | None = None,
) -> Explained:  # fmt: skip
    """Guided backpropagation (Springenberg et al. 2014, arXiv:1412.6806); asked as :func:`saliency`."""
    return _explained("guided", image, network, weights, class_, layer, neuron, samples, registry)


def deconv(
    image: Any, *, network: str = DEFAULT_NETWORK, weights: Any = None, class_: str | int | None = None,
    layer: str | None = None, neuron: bool = False, samples: int = 1, registry: Registry | None = None,
) -> Explained:  # fmt: skip
    """What a deconvnet reconstructs (Zeiler and Fergus 2013, arXiv:1311.2901); asked as :func:`saliency`."""
    return _explained("deconv", image, network, weights, class_, layer, neuron, samples, registry)


@dataclass(frozen=True)
class GrowJob:
    """A class image (``asked``), or the inversion of ``photo`` (float32, display pixels) from a layer. ``look``: the
    machine whose pictures it is to be among, if any; ``size``: (height, width) in display pixels."""

    loaded: LoadedNetwork
    asked: Target
    settings: GrowSettings
    size: tuple[int, int]
    photo: np.ndarray | None = None
    look: Look | None = None
    schedule: Schedule = Schedule(DEFAULT_SCHEDULE)  # noqa: RUF009 - a frozen value

    def run(self) -> Iterator[Progress]:
        """The steps, lazily: whoever runs it may stop between two."""
        network, layer = self.loaded.network, self.asked.layer
        weights = needed(network, self.loaded.weights, (layer,))
        canvas: dict[str, Any] = {}
        if self.look is not None:
            mode = self.look.mode
            canvas = {
                "canvas": self.look.canvas(self.schedule), "view": view(mode), "shrink": shrink(mode)
            }  # fmt: skip
        if self.photo is not None:
            return paint.inverted(network, weights, layer, self.photo, self.settings, **canvas)
        return paint.answered(network, weights, self.asked, self.size, self.settings, **canvas)

    def result(self) -> np.ndarray | Picture:
        """Runs it to its end: an image float32, or a legal picture where there is a machine."""
        *_, last = self.run()
        return finish(last)


def finish(progress: Progress) -> np.ndarray | Picture:
    """What a run has come to."""
    found = progress.finish()
    return found if isinstance(found, Picture) else np.asarray(found)


def class_image(
    class_: str | int | None = None, mode: str | None = None, *, layer: str | None = None,
    network: str = CLASS_NETWORK, weights: Any = None, size: tuple[int, int] | None = None,
    settings: GrowSettings | None = None, schedule: str = DEFAULT_SCHEDULE, registry: Registry | None = None,
    **options: Any,
) -> np.ndarray | Picture:  # fmt: skip
    """The picture that a network takes most for a class (Simonyan et al. 2013), or that a channel of ``layer`` answers
    most to: float32 of ``size`` (height, width; the classifier's own if left out), or a legal picture of ``mode``,
    made within its rules. ``options`` as for :func:`pixeldream.look.look`. Raises ``UnknownName``, ``ValueError``."""
    registry = registry or load()
    machine = None if mode is None else look(registry, mode, **options)
    loaded = open_network(network, weights, registry)
    if class_ is None and layer is None:
        raise ValueError("no class: name one, or a layer and a channel")
    asked = target_of(loaded, None, class_, None if layer is None else parse_layer(layer))
    settings = settings or usual(asked.score, machine is not None)
    return GrowJob(
        loaded, asked, settings, size_of(loaded, machine, size), look=machine, schedule=Schedule.parse(schedule)
    ).result()


def size_of(loaded: LoadedNetwork, machine: Look | None, size: tuple[int, int] | None = None) -> tuple[int, int]:
    """(height, width) of a picture that nobody gave a size: the machine's, or that of the network's classifier."""
    if machine is not None:
        width, height = display_size(machine.mode)
        return height, width
    side = loaded.network.side or max(128, loaded.network.minimum_side)
    return size or (side, side)


def invert(
    image: Any, layer: str | None = None, mode: str | None = None, *, network: str = DEFAULT_NETWORK,
    weights: Any = None, settings: GrowSettings = INVERSION, schedule: str = DEFAULT_SCHEDULE, fit: str = "cover",
    registry: Registry | None = None, **options: Any,
) -> np.ndarray | Picture:  # fmt: skip
    """The picture that a layer can't tell from ``image`` (Mahendran and Vedaldi 2014, arXiv:1412.0035), found from its
    features alone; the network's content layer if left out. Returns and raises as :func:`class_image`."""
    registry = registry or load()
    machine = None if mode is None else look(registry, mode, **options)
    loaded = open_network(network, weights, registry)
    photo = images.as_float(image)
    photo = photo if machine is None else images.fit(photo, machine.mode, fit)
    asked = target_of(loaded, None, None, parse_layer(layer or loaded.network.content_layers[0]))
    return GrowJob(
        loaded, asked, settings, photo.shape[:2], photo, machine, Schedule.parse(schedule)
    ).result()  # fmt: skip


def channels(
    layer: str, numbers: Sequence[int] | None = None, *, network: str = DEFAULT_NETWORK, weights: Any = None,
    side: int = 64, settings: GrowSettings = CHANNELS, registry: Registry | None = None,
) -> dict[int, np.ndarray]:  # fmt: skip
    """For each channel of a layer (the first 24 if left out) the square picture, float32 ``[side, side, 3]``, that its
    mean is largest for. Raises ``UnknownName``, ``ValueError``."""
    loaded = open_network(network, weights, registry)
    asked = targets_of(loaded, parse_layer(layer), numbers)
    *_, last = grow_sheet(loaded, asked, side, settings)
    return {int(each.channel or 0): np.asarray(image) for each, image in zip(asked, last.images, strict=True)}


def targets_of(
    loaded: LoadedNetwork, layer: Layer, numbers: Sequence[int] | None = None, most: int = 24
) -> list[Target]:
    """The channels of a layer that a sheet shows. Raises ``ValueError`` for one that is not there."""
    found = target_of(loaded, None, None, layer)
    if numbers is None:
        count = target.channels_of(*loaded, found.layer)
        numbers = range(min(most, count)) if layer.channel is None else (layer.channel,)
    return [target_of(loaded, None, None, Layer(layer.name, number)) for number in numbers]


def grow_sheet(
    loaded: LoadedNetwork, asked: Sequence[Target], side: int, settings: GrowSettings
) -> Iterator[paint.Grown]:
    """The channels' pictures after each step."""
    weights = needed(loaded.network, loaded.weights, (asked[0].layer,))
    return paint.sheet(loaded.network, weights, asked, max(side, loaded.network.minimum_side), settings)


def compare(
    loaded: LoadedNetwork, photo: np.ndarray, asked: Target, steps: int, seed: int = 0
) -> Iterator[tuple[float, str, np.ndarray]]:
    """All methods on one photo, float32: what part is done, what each is called, and its picture of the same size.
    ``steps``: of what takes many; 0 to leave that out."""
    yield 0.0, "photo", photo
    parts = 4 if not steps else 6
    for number, (method, samples) in enumerate((("saliency", SAMPLES), ("guided", 1), ("deconv", 1)), 1):
        found = explain(loaded, photo, asked, method, samples)
        if method == "saliency":
            yield number / parts, "saliency: heat", found.map("heat").image
            yield number / parts, "saliency: overlay", found.map("overlay").image
            yield number / parts, "saliency: signed", found.map("signed").image
        else:
            yield number / parts, method, found.map("colour").image
    if steps:
        size, layer = (photo.shape[0], photo.shape[1]), loaded.network.content_layers[0]
        whole = target_of(loaded, None, None, Layer(layer))
        job = GrowJob(loaded, whole, replace(INVERSION, steps=steps, seed=seed), size, photo)
        yield 4 / parts, f"inverted from {layer}", np.asarray(job.result())
        grown = GrowJob(loaded, asked, replace(CLASS if asked.score else CHANNELS, steps=steps, seed=seed), size)
        yield 5 / parts, "what it answers most to", np.asarray(grown.result())


__all__ = [
    "METHODS", "Explained", "GrowJob", "channels", "class_image", "compare", "deconv", "explain", "guided",
    "invert", "saliency",
]  # fmt: skip
