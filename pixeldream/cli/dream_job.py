"""A dream from options to a job: prepared without jax, so that all that is wrong shows early; then loaded."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pixeldream import images
from pixeldream.cli.dream_options import DreamOptions
from pixeldream.cli.inputs import Inputs, named_network, sample
from pixeldream.cli.options import OptionError
from pixeldream.cli.recipe import Recipe, make, sha256
from pixeldream.cli.weights import ready
from pixeldream.look import Look
from pixeldream.neural.dream_settings import DreamSettings, Zoom
from pixeldream.neural.networks.base import POOLINGS, checked
from pixeldream.plugin.registry import Registry
from pixeldream.retro.schedule import Schedule

if TYPE_CHECKING:
    from pixeldream.cli.interrupt import Interrupt
    from pixeldream.cli.progress import Bar
    from pixeldream.dreams import DreamJob
    from pixeldream.neural.optimise import Progress
    from pixeldream.retro.mode import Picture


@dataclass(frozen=True)
class Prepared:
    """A dream whose names are resolved and whose pictures are read. ``start``: float32 ``[height, width, 3]`` in
    display pixels, None for one that ``options`` say; ``inputs``, ``plugins``: SHA-256 by file name."""

    options: DreamOptions
    look: Look
    schedule: Schedule
    settings: DreamSettings
    zoom: Zoom
    network: tuple[Any, str | None]
    start: np.ndarray | None
    guide: np.ndarray | None
    inputs: Mapping[str, str]
    plugins: Mapping[str, str]

    @property
    def files(self) -> list[str]:
        """Every file that the run reads."""
        return [*self.inputs, *self.plugins, *([self.network[1]] if self.network[1] else [])]

    @property
    def used(self) -> list[tuple[str, str]]:
        """What plugins bring that the run uses: (kind, name)."""
        return [("modes", self.look.mode.name), ("networks", self.network[0].name)]

    @property
    def stem(self) -> str:
        """What outputs are called that nobody named."""
        return f"{Path(self.options.image).stem}-dream" if self.options.image else "dream"

    def recipe(self, weights: Mapping[str, str], stopped: int = 0) -> Recipe:
        """How the picture came about."""
        return make("dream", self.options, self.inputs, weights=weights, plugins=self.plugins, stopped=stopped)


def prepare(registry: Registry, options: DreamOptions, plugins: Iterable[Path] = ()) -> Prepared:
    """Everything that can be wrong without jax is found here: ``ValueError`` or ``UnknownName``, in one line."""
    inputs = Inputs(options.large)
    look = inputs.look(registry, options)
    schedule, settings, zoom = Schedule.parse(options.schedule), options.settings(), options.motion()
    schedule.check(look.dither)
    adjustments, beginning = options.adjustments(), options.beginning()
    network = named_network(registry, options.network)
    checked("pooling", options.pooling, POOLINGS)
    if options.guide is not None and options.class_name and not options.layer:
        raise OptionError("--guide leads layers, and --class asks for none; name a --layer as well")
    start = None
    if beginning == "photo":
        photo = None if options.image is None else inputs.image(registry, options.image)
        fitted = sample(look.mode) if photo is None else images.fit(photo, look.mode, options.fit)
        start = adjustments.apply(fitted)
    guide = None if options.guide is None else inputs.image(registry, options.guide)
    hashes = {str(path): sha256(path) for path in plugins}
    return Prepared(options, look, schedule, settings, zoom, network, start, guide, inputs.hashes, hashes)


def load(prepared: Prepared, quiet: bool = False) -> tuple[DreamJob, dict[str, str]]:
    """The job with its network, and the SHA-256 of its weights. Raises ``ValueError`` for weights that are broken, do
    not fit or can't be fetched, and for what the network does not have."""
    network, file = prepared.network
    ready([network] if file is None else [], quiet)
    from pixeldream import dreams
    from pixeldream.neural import dream as neural
    from pixeldream.neural.weights import resolve
    from pixeldream.retro.display import display_size

    built, arrays, digest = resolve(network, Path(file) if file else None)
    if prepared.options.pooling != POOLINGS[0]:
        built = built.using(pooling=prepared.options.pooling)
    loaded = neural.load(built, arrays, prepared.settings)
    start, guide = prepared.start, prepared.guide
    if start is None:
        size = display_size(prepared.look.mode)
        start = dreams.beginning(prepared.options.beginning(), size, prepared.settings.seed)
    job = dreams.DreamJob(
        start, loaded, prepared.look, prepared.schedule, prepared.settings,
        None if guide is None else images.limit(guide, dreams.LONGEST), prepared.zoom,
    )  # fmt: skip
    _ = job.dreamer  # raises for what the network does not have, before anything is written
    return job, {f"{network.name}={file}" if file else network.name: digest}


@dataclass
class Dreamt:
    """What a run leaves. ``history``: (step, how much there was of what is dreamt of); ``flicker``: of each frame to
    the next; ``stopped``: the step, or with frames the frame, after which it was interrupted, 0 for none."""

    pictures: list[Picture] = field(default_factory=list)
    history: list[tuple[int, float]] = field(default_factory=list)
    flicker: list[float] = field(default_factory=list)
    stopped: int = 0

    def note(self, progress: Progress) -> str:
        """Adds a step, and says how it went. Waits for it, so that an interruption is seen no later than one step
        after it. Raises :class:`OptionError` when the losses are no numbers."""
        total, gained = float(progress.losses["total"]), -float(progress.losses["dream"])
        if not math.isfinite(total):
            raise OptionError(f"the loss is {total} at step {progress.step}; check the network's file")
        self.history.append((len(self.history) + 1, gained))
        return f"dream {gained:.3f}"


def still(
    job: DreamJob, interrupt: Interrupt, bar: Bar, watch: Callable[[], None] = lambda: None, stop: int = 0
) -> Dreamt:
    """One picture: to the end, to step ``stop`` or to an interruption. ``watch`` is called after each step."""
    dreamt = Dreamt()
    for progress in job.run():
        words = dreamt.note(progress)
        watch()
        interrupt.keep()
        bar.move(progress.step / progress.steps, f"{progress.step}/{progress.steps}  {words}")
        if interrupt.asked or progress.step == stop:
            break
    dreamt.stopped = progress.step if progress.step < progress.steps else 0
    dreamt.pictures.append(progress.finish())
    return dreamt


def follow(job: DreamJob, interrupt: Interrupt, bar: Bar, stop: int) -> Dreamt:
    """One picture again, or the last frame of an endless zoom."""
    if job.zoom.frames == 1:
        return still(job, interrupt, bar, stop=stop)
    from pixeldream.neural.zoom import Frame

    dreamt, number = Dreamt(), 0
    for each in job.frames():
        if isinstance(each, Frame):
            dreamt.pictures, number = [each.result], each.number
        else:
            words = dreamt.note(each)
            bar.move((number + each.step / each.steps) / job.zoom.frames, f"frame {number + 1}  {words}")
    return dreamt
