"""Options of ``pixeldream dream``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from pixeldream.cli.option_types import OptionError, Several, integer, named, option, real
from pixeldream.cli.options import AdjustOptions
from pixeldream.neural.dream_settings import OBJECTIVES, OPTIMISERS, STARTS, DreamSettings, Zoom
from pixeldream.neural.networks.base import POOLINGS
from pixeldream.neural.settings import DEFAULT_NETWORK
from pixeldream.retro.schedule import DEFAULT_SCHEDULE, SCHEDULES

DREAM = DreamSettings()
ZOOM = Zoom()


@dataclass(frozen=True, kw_only=True)
class ZoomOptions:
    """Of an endless zoom."""

    frames: Annotated[int, integer("--frames", help="An endless zoom of so many pictures.")] = ZOOM.frames
    zoom: Annotated[float, real("--zoom", help="By how much each frame is enlarged to the next.")] = ZOOM.zoom
    turn: Annotated[float, real("--turn", help="By how many degrees it is turned, clockwise.")] = ZOOM.turn
    frame_steps: Annotated[int, integer("--frame-steps", help="Steps on each frame after the first.")] = ZOOM.steps
    steady: Annotated[
        float, real("--steady", help="How much frames keep the colours that were shown, 0 to 1: more flickers less.")
    ] = ZOOM.steady

    def motion(self) -> Zoom:
        """Those five. Raises ``ValueError`` that names the value."""
        zoom = Zoom(self.frames, self.zoom, self.turn, self.frame_steps, self.steady)
        if self.frames == 1 and zoom != ZOOM:
            raise OptionError("--zoom, --turn, --frame-steps and --steady are for --frames of more than 1")
        return zoom


@dataclass(frozen=True, kw_only=True)
class DreamOptions(AdjustOptions, ZoomOptions):
    """What ``dream`` makes its picture from."""

    image: Annotated[
        str | None, typer.Argument(metavar="IMAGE", help="Picture to dream on; ours if left out.", show_default=False)
    ] = None
    network: Annotated[
        str,
        option(
            "--network",
            "-n",
            metavar="NAME[=FILE]",
            autocompletion=named("networks"),
            help="Feature network, with a file of weights.",
        ),
    ] = DEFAULT_NETWORK
    pooling: Annotated[
        str, option("--pooling", metavar="|".join(POOLINGS), help="How the network makes features smaller.")
    ] = POOLINGS[0]
    layer: Annotated[
        Several,
        option(
            "--layer",
            "-l",
            metavar="LAYER[:CHANNEL][@X,Y][:WEIGHT]",
            help="What to dream of; may be repeated. A whole number is a channel, one with a point a weight; X,Y a "
            "place in display pixels.",
        ),
    ] = ()
    class_name: Annotated[
        str,
        option(
            "--class",
            "--class-name",
            metavar="NAME|N|random",
            help="A class to dream of; random: another in each step.",
        ),
    ] = DREAM.class_name
    guide: Annotated[str | None, option("--guide", metavar="FILE", help="A picture whose features lead the dream.")] = (
        None
    )
    objective: Annotated[
        str, option("--objective", metavar="|".join(OBJECTIVES), help="Maximise the features' mean square or mean.")
    ] = DREAM.objective
    strength: Annotated[
        float, real("--strength", help="How far the dream goes, .05 to 20; 1 leaves a photo to be recognised.")
    ] = DREAM.strength
    init: Annotated[
        str,
        option("--init", metavar="|".join(STARTS), help="What to start from; without IMAGE and with a class: grey."),
    ] = ""
    steps: Annotated[int, integer("--steps", help="How many steps at each octave.")] = DREAM.steps
    octaves: Annotated[int, integer("--octaves", help="Sizes to dream at; 0: as many as fit, up to 4.")] = DREAM.octaves
    octave_scale: Annotated[float, real("--octave-scale", help="From each octave to the next.")] = DREAM.octave_scale
    seed: Annotated[int, integer("--seed", help="Of all that is random.")] = DREAM.seed
    schedule: Annotated[
        str, option("--schedule", metavar="|".join(SCHEDULES), help="When the picture is made legal.")
    ] = DEFAULT_SCHEDULE
    finish_steps: Annotated[int, integer("--finish-steps", help="Steps after those, within the machine's rules.")] = (
        DREAM.finish_steps
    )
    tone_weight: Annotated[
        float, real("--tone-weight", help="How much the legal picture keeps the free dream's tones.")
    ] = DREAM.tone_weight
    jitter: Annotated[int, integer("--jitter", help="Pixels by which the picture is shifted at most.")] = DREAM.jitter
    random_scale: Annotated[
        float, real("--random-scale", help="Share by which the picture is resized at most, from step to step.")
    ] = DREAM.random_scale
    random_rotation: Annotated[
        float, real("--random-rotation", help="Degrees by which it is turned at most, from step to step.")
    ] = DREAM.random_rotation
    smooth: Annotated[float, real("--smooth", help="Sigma of a blur after each step, in pixels.")] = DREAM.smooth
    decay: Annotated[
        float | None,
        real("--decay", help="How strongly the picture is drawn to grey (L2); of a class alone 20, else 0."),
    ] = DREAM.decay
    tv_weight: Annotated[float, real("--tv-weight", help="How smooth the picture is to be.")] = DREAM.tv_weight
    tile: Annotated[
        int, integer("--tile", help="Look at the picture in tiles of this side, to save memory; 0: at once.")
    ] = DREAM.tile
    fourier: Annotated[
        bool, option("--fourier", help="Dream in Fourier coefficients with decorrelated colours: clean forms.")
    ] = False
    optimiser: Annotated[
        str, option("--optimiser", metavar="|".join(OPTIMISERS), help="Everywhere at one pace, or along the gradient.")
    ] = DREAM.optimiser

    def settings(self) -> DreamSettings:
        """The numbers, checked. Raises ``ValueError`` that names the value."""
        return DreamSettings(
            layers=self.layer, class_name=self.class_name, strength=self.strength, objective=self.objective,
            steps=self.steps, octaves=self.octaves, octave_scale=self.octave_scale, seed=self.seed, jitter=self.jitter,
            random_scale=self.random_scale, random_rotation=self.random_rotation, smooth=self.smooth, decay=self.decay,
            tv_weight=self.tv_weight, tone_weight=self.tone_weight, finish_steps=self.finish_steps, tile=self.tile,
            parameters="fourier" if self.fourier else "pixels", optimiser=self.optimiser,
        )  # fmt: skip

    def beginning(self) -> str:
        """Of ``STARTS``. Raises :class:`OptionError` for one that does not go with IMAGE."""
        if self.init and self.init not in STARTS:
            raise OptionError(f"init {self.init!r} is none of {', '.join(STARTS)}")
        if self.image is not None and self.init not in ("", "photo"):
            raise OptionError(f"--init {self.init} is in place of a picture; leave out {self.image!r} or --init")
        from_zero = self.class_name and self.class_name != "random" and not self.layer and self.image is None
        return self.init or ("grey" if from_zero else "photo")
