"""What the commands of ``visualise`` make their pictures from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

import typer

from pixeldream.cli.option_types import OptionError, integer, named, option, real
from pixeldream.cli.options import LookOptions
from pixeldream.look import CONVERT_DITHER, QUALITIES, quality_of
from pixeldream.maps import VIEWS
from pixeldream.neural.imagenet import class_number
from pixeldream.neural.settings import DEFAULT_NETWORK
from pixeldream.neural.visualise.names import Layer, parse_channels, parse_layer
from pixeldream.neural.visualise.settings import CHANNELS, CLASS, CLASS_IN_MODE, INVERSION, GrowSettings, usual
from pixeldream.retro.dither import NONE
from pixeldream.retro.schedule import DEFAULT_SCHEDULE, SCHEDULES

LARGEST = 4096

Image = Annotated[str, typer.Argument(metavar="IMAGE", help="Picture to look at.", show_default=False)]
LayerName = Annotated[
    str | None, option("--layer", "-l", metavar="LAYER[:CHANNEL]", help="Ask for what a layer or a channel sees.")
]
NetworkName = Annotated[
    str,
    option(
        "--network", "-n", metavar="NAME[=FILE]", autocompletion=named("networks"),
        help="Network to ask, with a file of weights.",
    ),
]  # fmt: skip
Steps = Annotated[int, integer("--steps", help="How many steps.")]
Seed = Annotated[int, integer("--seed", help="Of what the picture begins with.")]
Smooth = Annotated[float, real("--tv-weight", help="Smoothness: 0 for none, ten times as much for flat forms.")]
JitterBy = Annotated[int, integer("--jitter", help="Pixels by which the network sees the picture shifted.")]
When = Annotated[
    str, option("--schedule", metavar="|".join(SCHEDULES), help="In a mode: when the picture is made legal.")
]
Sketch = Annotated[float, real("--sketch", help="In a mode: share of the steps that paint without limits first.")]


@dataclass(frozen=True, kw_only=True)
class SeeOptions(LookOptions):
    """What all of them have. Without a mode the picture is an ordinary PNG."""

    mode: Annotated[
        str | None,
        option(
            "--mode", "-m", metavar="MODE", autocompletion=named("modes"),
            help="Graphics mode; an ordinary PNG if left out.",
        ),
    ] = None  # type: ignore[assignment]  # fmt: skip
    dither: Annotated[
        str | None,
        option("--dither", metavar="NAME[:AMOUNT]", help="Dither in a mode.", autocompletion=named("dithers")),
    ] = None  # type: ignore[assignment]
    network: NetworkName = DEFAULT_NETWORK
    layer: LayerName = None

    def __post_init__(self) -> None:
        super().__post_init__()
        _ = self.asked_layer
        if self.mode is None and (self.palette or self.dither or self.lock or self.only or self.border):
            raise OptionError("palette, dither, lock, only and border are a machine's: say which mode as well, with -m")

    @property
    def asked_layer(self) -> Layer | None:
        """The layer and its channel. Raises ``ValueError``."""
        return None if self.layer is None else parse_layer(self.layer)

    def in_a_loop(self) -> LookOptions:
        """As options of a canvas: no dither unless it was asked for."""
        return replace(self, dither=self.dither or NONE.name)

    def afterwards(self) -> LookOptions:
        """As options of a conversion."""
        return replace(self, dither=self.dither or CONVERT_DITHER)


@dataclass(frozen=True, kw_only=True)
class Sized(SeeOptions):
    """With a photo, which is shrunk where no mode says how large it is to be."""

    image: Image
    size: Annotated[int, integer("--size", help="Longest side of the picture, in pixels, without a mode.")] = 384

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 8 <= self.size <= LARGEST:
            raise OptionError(f"size {self.size} is out of range; give 8 to {LARGEST} pixels")


@dataclass(frozen=True, kw_only=True)
class Converted(SeeOptions):
    """Whose picture is made legal afterwards."""

    quality: Annotated[
        str | None,
        option("--quality", metavar="|".join(QUALITIES), help="In a mode: search what looks nearest, or dither."),
    ] = None

    def __post_init__(self) -> None:
        super().__post_init__()
        _ = self.how

    @property
    def how(self) -> str:
        """The quality, chosen. Raises ``ValueError``."""
        return quality_of(self.quality, self.dither)


@dataclass(frozen=True, kw_only=True)
class Classed(SeeOptions):
    """Who may ask for a class."""

    class_: Annotated[
        str | None, option("--class", "-c", metavar="NAME|NUMBER", help="Ask for a class of the classifier.")
    ] = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.class_ is not None and self.layer is not None:
            raise OptionError(f"--class {self.class_} and --layer {self.layer}: ask for one of the two")
        if self.class_ is not None and not self.class_.strip().isdecimal():
            class_number(self.class_)


@dataclass(frozen=True, kw_only=True)
class MapOptions(Sized, Converted, Classed):
    """Of ``saliency``, ``guided`` and ``deconv``."""

    neuron: Annotated[bool, option("--neuron", help="Of a layer: only the place that answers most.")] = False
    samples: Annotated[
        int | None, integer("--samples", help="Noisy copies to average over; 1 for the plain signal.")
    ] = None
    view: Annotated[
        str | None,
        option(
            "--view", metavar="|".join(VIEWS), help="How much each pixel counts; over the photo; up or down; colours."
        ),
    ] = None
    blur: Annotated[float | None, real("--blur", help="Pixels that are seen as one place; 0 for none.")] = None
    legend: Annotated[
        bool | None, option("--legend/--no-legend", help="What the colours mean; none in a mode unless asked for.")
    ] = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.view is not None and self.view not in VIEWS:
            raise OptionError(f"view {self.view!r} is none of {', '.join(VIEWS)}")
        if self.samples is not None and self.samples < 1:
            raise OptionError(f"{self.samples} samples are none; give 1 for the plain signal, or more")
        if self.blur is not None and not 0 <= self.blur <= 100:
            raise OptionError(f"blur {self.blur:g} is out of range; give 0 to 100 pixels")


@dataclass(frozen=True, kw_only=True)
class ClassOptions(Classed):
    """Of ``class``."""

    network: NetworkName = "squeezenet1.1"
    size: Annotated[
        int | None, integer("--size", help="Side in pixels without a mode; the classifier's own if left out.")
    ] = None
    steps: Steps = CLASS.steps
    seed: Seed = CLASS.seed
    decay: Annotated[
        float | None,
        real(
            "--decay",
            help=f"Lambda, of the squared norm; {CLASS.decay:g}, in a mode {CLASS_IN_MODE.decay:g}, for a layer "
            f"{CHANNELS.decay:g}.",
        ),
    ] = None
    tv_weight: Annotated[
        float | None,
        real(
            "--tv-weight",
            help=f"Smoothness; {CLASS.tv_weight:g}, in a mode {CLASS_IN_MODE.tv_weight:g}, for a layer "
            f"{CHANNELS.tv_weight:g}.",
        ),
    ] = None
    jitter: JitterBy = CLASS.jitter
    schedule: When = DEFAULT_SCHEDULE
    sketch: Sketch = CLASS.sketch

    def __post_init__(self) -> None:
        super().__post_init__()
        _ = self.settings
        if self.class_ is None and self.layer is None:
            raise OptionError("no class: name one with --class, or a layer and a channel with --layer")
        if self.size is not None and not 8 <= self.size <= LARGEST:
            raise OptionError(f"size {self.size} is out of range; give 8 to {LARGEST} pixels")

    @property
    def settings(self) -> GrowSettings:
        """The numbers, checked. Raises ``ValueError``."""
        own = usual(self.layer is None, self.mode is not None)
        return replace(
            own, steps=self.steps, seed=self.seed, jitter=self.jitter, sketch=self.sketch,
            decay=own.decay if self.decay is None else self.decay,
            tv_weight=own.tv_weight if self.tv_weight is None else self.tv_weight,
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class InvertOptions(Sized):
    """Of ``invert``."""

    steps: Steps = INVERSION.steps
    seed: Seed = INVERSION.seed
    tv_weight: Smooth = INVERSION.tv_weight
    schedule: When = DEFAULT_SCHEDULE
    sketch: Sketch = INVERSION.sketch

    def __post_init__(self) -> None:
        super().__post_init__()
        _ = self.settings
        if self.asked_layer is not None and self.asked_layer.channel is not None:
            raise OptionError(f"layer {self.layer!r}: an inversion is from a whole layer; leave the channel out")

    @property
    def settings(self) -> GrowSettings:
        """The numbers, checked. Raises ``ValueError``."""
        return replace(
            INVERSION, steps=self.steps, seed=self.seed, tv_weight=self.tv_weight, sketch=self.sketch
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ChannelOptions(Converted):
    """Of ``channels``."""

    channels: Annotated[
        str | None, option("--channels", metavar="0,5,10-15", help="Which of the layer; the first 24 if left out.")
    ] = None
    patch: Annotated[int, integer("--patch", help="Side of each picture, in pixels.")] = 96
    steps: Steps = CHANNELS.steps
    seed: Seed = CHANNELS.seed
    decay: Annotated[float, real("--decay", help="Weight of the pictures' squared norm.")] = CHANNELS.decay
    tv_weight: Smooth = CHANNELS.tv_weight
    jitter: JitterBy = CHANNELS.jitter

    def __post_init__(self) -> None:
        super().__post_init__()
        _ = self.settings, self.numbers
        if not 8 <= self.patch <= 1024:
            raise OptionError(f"patch {self.patch} is out of range; give 8 to 1024 pixels")

    @property
    def numbers(self) -> tuple[int, ...] | None:
        """The channels asked for. Raises ``ValueError``."""
        return None if self.channels is None else parse_channels(self.channels)

    @property
    def settings(self) -> GrowSettings:
        """The numbers, checked. Raises ``ValueError``."""
        return replace(
            CHANNELS, steps=self.steps, seed=self.seed, decay=self.decay, tv_weight=self.tv_weight, jitter=self.jitter
        )


@dataclass(frozen=True, kw_only=True)
class CompareOptions(Sized, Converted, Classed):
    """Of ``compare``."""

    steps: Annotated[int, integer("--steps", help="Of the inversion and of the class image; 0 to leave them out.")] = (
        100
    )
    seed: Seed = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.steps < 0:
            raise OptionError(f"steps of {self.steps} is too few; at least 0")
