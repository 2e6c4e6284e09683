"""A style transfer from options to a picture: prepared without jax, so that all that is wrong shows early; then run."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from pixeldream import images
from pixeldream.cli.inputs import Inputs, named_losses, named_network, style_file, unfitted_sample
from pixeldream.cli.interrupt import Interrupt
from pixeldream.cli.options import OptionError, StylizeOptions
from pixeldream.cli.recipe import Recipe, make, sha256
from pixeldream.cli.weights import ready
from pixeldream.look import Look
from pixeldream.manner import Manner, Style
from pixeldream.neural.loss import Weighted
from pixeldream.neural.networks.base import POOLINGS, checked
from pixeldream.neural.regions import Guide
from pixeldream.neural.settings import Settings
from pixeldream.plugin.registry import Registry
from pixeldream.retro.display import display_size
from pixeldream.retro.mode import Mode, Picture
from pixeldream.retro.schedule import Schedule

if TYPE_CHECKING:
    from pixeldream.api import Stopwatch, StylizeJob
    from pixeldream.neural.checkpoint import Checkpoint
    from pixeldream.neural.optimise import Progress

SAMPLE = "sample"
"""What the embedded content picture is called in file names."""


@dataclass(frozen=True)
class Prepared:
    """A style transfer whose names are resolved and whose pictures are read.

    ``content``, ``start``: float32 ``[height, width, 3]`` in display pixels; ``start`` is ``None`` for the content.
    ``networks``: each with a file of weights or ``None``. ``inputs``, ``plugins``: SHA-256 by file name.
    """

    options: StylizeOptions
    look: Look
    schedule: Schedule
    settings: Settings
    networks: list[tuple[Any, str | None]]
    losses: list[Weighted]
    content: np.ndarray
    styles: list[Style]
    manner: Manner
    guide: Guide | None
    start: np.ndarray | None
    inputs: Mapping[str, str]
    plugins: Mapping[str, str]

    @property
    def files(self) -> list[str]:
        """Every file that the run reads."""
        weights = [file for _, file in self.networks if file is not None]
        return [*self.inputs, *self.plugins, *weights]

    @property
    def used(self) -> list[tuple[str, str]]:
        """What plugins bring that the run uses: (kind, name)."""
        networks = [("networks", network.name) for network, _ in self.networks]
        return [("modes", self.look.mode.name), *networks, *(("losses", each.loss.name) for each in self.losses)]

    @property
    def stem(self) -> str:
        """What outputs are called that nobody named."""
        return Path(self.options.content).stem if self.options.content else SAMPLE


def prepare(registry: Registry, options: StylizeOptions, plugins: Iterable[Path] = ()) -> Prepared:
    """Everything that can be wrong without jax is found here: ``ValueError`` or ``UnknownName``, in one line."""
    inputs = Inputs(options.large)
    look = inputs.look(registry, options)
    schedule, settings = Schedule.parse(options.schedule), options.settings()
    schedule.check(look.dither)
    options.adjustments()  # raises for a value out of range, before jax is there
    networks = [named_network(registry, text) for text in options.network]
    checked("pooling", options.pooling, POOLINGS)
    losses = named_losses(registry, options.loss)
    if losses and settings.tile:
        raise OptionError("--loss looks at the whole picture and --tile at parts of it; leave one out")
    manner = options.manner()
    content = _content(registry, inputs, look.mode, options)
    styles = _styles(registry, inputs, look.mode, options)
    mask, map_ = (name and inputs.image(registry, name) for name in (options.mask, options.content_map))
    guide = manner.guide(styles, content, look.mode, options.fit, mask, map_)
    start = None
    if options.init not in ("content", "noise"):
        start = images.fit(inputs.image(registry, options.init), look.mode, options.fit)
    hashes = {str(path): sha256(path) for path in plugins}
    return Prepared(
        options, look, schedule, settings, networks, losses, images.fit(content, look.mode, options.fit),
        [each._replace(image=manner.sized(each.image, look.mode)) for each in styles], manner, guide, start,
        inputs.hashes, hashes,
    )  # fmt: skip


def _content(registry: Registry, inputs: Inputs, mode: Mode, options: StylizeOptions) -> np.ndarray:
    """As it is in its file."""
    return unfitted_sample(mode) if options.content is None else inputs.image(registry, options.content)


def _styles(registry: Registry, inputs: Inputs, mode: Mode, options: StylizeOptions) -> list[Style]:
    """As they are in their files."""
    from pixeldream import scenes

    files = [style_file(text) for text in options.style]
    styles = [Style(inputs.image(registry, each.name), each.weight, each.region) for each in files]
    styles = styles or [Style(scenes.sample_style(*display_size(mode)))]
    if len(options.style_map) not in (0, len(styles)):
        raise OptionError(
            f"{len(options.style_map)} of --style-map for {len(styles)} styles: give one for each, in their order"
        )
    maps = [inputs.image(registry, name) for name in options.style_map]
    return [each._replace(map=map_) for each, map_ in zip(styles, maps, strict=True)] if maps else styles


class Watcher(Protocol):
    """Something that looks at a run after each step."""

    def __call__(self, progress: Progress, losses: Mapping[str, float]) -> None:
        """``losses`` are those of the picture that the step started from."""


@dataclass(frozen=True)
class Painted:
    """What a run leaves. ``stopped``: the step after which it was interrupted, 0 for none."""

    picture: Picture
    last: Progress
    history: list[list[float]]
    stopped: int


def paint(
    job: StylizeJob,
    watch: Stopwatch,
    interrupt: Interrupt,
    watchers: Sequence[Watcher] = (),
    stop: int = 0,
    resume: Checkpoint | None = None,
) -> Painted:
    """Runs to the end, to step ``stop`` or to an interruption; from the beginning or from a checkpoint. Raises
    ``ValueError`` when the losses are no numbers."""
    history = [] if resume is None else [list(row) for row in resume.history]
    compiled = False
    for progress in job.run(resume):
        # Waits for the step, so that an interruption is seen no later than one step after it.
        losses = {name: float(value) for name, value in progress.losses.items()}
        watch.lap("steps" if compiled else "compile")
        interrupt.keep()
        _check(progress.step, losses)
        if not (history and history[-1][0] == progress.step):
            history.append([progress.step, losses["content"], losses["style"], losses["total"]])
            compiled = True
        for watcher in watchers:
            watcher(progress, losses)
        if interrupt.asked or progress.step == stop:
            break
    stopped = progress.step if progress.step < progress.steps else 0
    picture = progress.finish()
    watch.lap("finish")
    return Painted(picture, progress, history, stopped)


def write_recipe(prepared: Prepared, weights: Mapping[str, str], stopped: int) -> Recipe:
    """How the picture came about."""
    return make(
        "stylize", prepared.options, prepared.inputs, weights=weights, plugins=prepared.plugins, stopped=stopped
    )


def load(prepared: Prepared, quiet: bool = False) -> tuple[StylizeJob, dict[str, str]]:
    """The job with its networks, and the SHA-256 of each network's weights. Raises ``ValueError`` for weights that are
    broken, do not fit or can't be fetched."""
    ready([network for network, file in prepared.networks if file is None], quiet)
    from pixeldream import api
    from pixeldream.neural import stylize as neural
    from pixeldream.neural.weights import resolve

    networks, hashes = [], {}
    for network, file in prepared.networks:
        built, arrays, digest = resolve(network, Path(file) if file else None)
        if prepared.options.pooling != POOLINGS[0]:
            built = built.using(pooling=prepared.options.pooling)
        networks.append(neural.load(built, arrays, prepared.settings))
        hashes[f"{network.name}={file}" if file else network.name] = digest
    start = prepared.start
    if prepared.options.init == "noise":
        start = api.noise(prepared.settings.seed, prepared.look.mode)
    content = prepared.options.adjustments().apply(prepared.content)
    styles, manner = prepared.styles, prepared.manner
    pictures = [each.image for each in styles]
    painted = zip(manner.coloured(pictures, content), styles, strict=True)
    job = api.StylizeJob(
        content, [neural.Style(picture, each.weight) for picture, each in painted], networks,
        manner.look(prepared.look, content, pictures), prepared.schedule, prepared.settings, start, prepared.losses,
        prepared.guide, manner.colours == "luma",
    )  # fmt: skip
    return job, hashes


def _check(step: int, losses: Mapping[str, float]) -> None:
    if not math.isfinite(losses["total"]):
        raise OptionError(
            f"the loss is {losses['total']} at step {step}; lower the weights or check the network's file"
        )
