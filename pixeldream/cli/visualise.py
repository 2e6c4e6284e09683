"""``pixeldream visualise``: what a network sees in a picture, and of its own; as a PNG, or legal on a machine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import typer

from pixeldream.cli.common import say
from pixeldream.cli.interrupt import INTERRUPTED, Interrupt
from pixeldream.cli.options import NoMetadata, Offline, OptionError, OutputFiles, PluginFiles, Quiet, command_of
from pixeldream.cli.progress import Bar
from pixeldream.cli.visualise_options import ChannelOptions, ClassOptions, CompareOptions, InvertOptions, MapOptions
from pixeldream.cli.visualise_run import Run
from pixeldream.cli.weights import stay_offline
from pixeldream.retro.display import display_size
from pixeldream.retro.schedule import Schedule

if TYPE_CHECKING:
    from pixeldream.neural.optimise import Progress
    from pixeldream.visualise import Explained, GrowJob


@command_of(MapOptions)
def saliency(
    options: MapOptions, output_: OutputFiles = None, no_metadata: NoMetadata = False, plugin: PluginFiles = None,
    offline: Offline = False, quiet: Quiet = False,
) -> None:  # fmt: skip
    """Which pixels count: the gradient of a class's score, or of a layer's answer, averaged over noisy copies.

    Without --class and --layer it asks for what the network takes the picture for; a network without a classifier, for
    the channel of its deepest layer that answers most. Without --output it writes IMAGE-saliency.png.
    """
    stay_offline(offline)
    _map("saliency", Run("saliency", options, False, output_, plugin, not no_metadata, quiet), options)


@command_of(MapOptions)
def guided(
    options: MapOptions, output_: OutputFiles = None, no_metadata: NoMetadata = False, plugin: PluginFiles = None,
    offline: Offline = False, quiet: Quiet = False,
) -> None:  # fmt: skip
    """Guided backpropagation: only what the picture made active, and only what adds to the answer.

    What is asked for, and where it goes, is as for saliency.
    """
    stay_offline(offline)
    _map("guided", Run("guided", options, False, output_, plugin, not no_metadata, quiet), options)


@command_of(MapOptions)
def deconv(
    options: MapOptions, output_: OutputFiles = None, no_metadata: NoMetadata = False, plugin: PluginFiles = None,
    offline: Offline = False, quiet: Quiet = False,
) -> None:  # fmt: skip
    """What a deconvnet reconstructs of the picture from a layer or a class.

    What is asked for, and where it goes, is as for saliency.
    """
    stay_offline(offline)
    _map("deconv", Run("deconv", options, False, output_, plugin, not no_metadata, quiet), options)


def _map(method: str, run: Run, options: MapOptions) -> None:
    with Interrupt():
        with Bar(method, run.quiet) as bar, run.blamed():
            loaded = run.load()
            from pixeldream import visualise

            asked = visualise.target_of(loaded, run.photo, options.class_, options.asked_layer, options.neuron)
            samples = options.samples or (visualise.SAMPLES if method == "saliency" else 1)
            assert run.photo is not None
            found = visualise.explain(
                loaded, run.photo, asked, method, samples, lambda done: bar.move(done / samples, f"{done}/{samples}")
            )
        run.write(_drawn(found, options))
    if not run.quiet:
        say(found.title)


def _drawn(found: Explained, options: MapOptions) -> np.ndarray:
    """The map, with its legend where there is room for one or it is asked for."""
    from pixeldream import maps

    drawn = found.map(options.view, options.blur)
    wanted = options.mode is None if options.legend is None else options.legend
    if not wanted:
        return drawn.image
    strip = maps.legend(drawn, found.title, drawn.image.shape[1])
    # A machine's screen is full already: there the legend covers the lowest lines.
    kept = drawn.image if options.mode is None else drawn.image[: max(0, len(drawn.image) - len(strip))]
    return np.concatenate([kept, strip])


@command_of(ClassOptions)
def class_(
    options: ClassOptions, output_: OutputFiles = None, no_metadata: NoMetadata = False, plugin: PluginFiles = None,
    offline: Offline = False, quiet: Quiet = False,
) -> None:  # fmt: skip
    """The picture that a network takes most for a class, or that a layer's channel answers most to.

    In a mode it is made within the machine's rules. Without --output it writes NETWORK-class-NAME.png. Ctrl-C stops
    after the step and keeps the picture.
    """
    stay_offline(offline)
    schedule = Schedule.parse(options.schedule)
    run = Run("class", options, True, output_, plugin, not no_metadata, quiet)
    with Interrupt() as interrupt:
        with run.blamed():
            loaded = run.load()
            from pixeldream import visualise

            asked = visualise.target_of(loaded, None, options.class_, options.asked_layer)
            square = None if options.size is None else (options.size, options.size)
            size = visualise.size_of(loaded, run.look, square)
            job = visualise.GrowJob(loaded, asked, options.settings, size, look=run.look, schedule=schedule)
        _grow(run, job, "answer", interrupt)


@command_of(InvertOptions)
def invert(
    options: InvertOptions, output_: OutputFiles = None, no_metadata: NoMetadata = False, plugin: PluginFiles = None,
    offline: Offline = False, quiet: Quiet = False,
) -> None:  # fmt: skip
    """The picture that a layer can't tell from IMAGE, found from its features alone: what the layer has kept of it.

    In a mode it is made within the machine's rules. Without --layer it is the network's content layer. Without --output
    it writes IMAGE-invert.png. Ctrl-C stops after the step and keeps the picture.
    """
    stay_offline(offline)
    schedule = Schedule.parse(options.schedule)
    run = Run("invert", options, True, output_, plugin, not no_metadata, quiet)
    with Interrupt() as interrupt:
        with run.blamed():
            loaded = run.load()
            from pixeldream import visualise
            from pixeldream.neural.visualise.names import Layer

            layer = options.asked_layer or Layer(loaded.network.content_layers[0])
            asked = visualise.target_of(loaded, None, None, layer)
            assert run.photo is not None
            size = run.photo.shape[0], run.photo.shape[1]
            job = visualise.GrowJob(loaded, asked, options.settings, size, run.photo, run.look, schedule)
        _grow(run, job, "distance", interrupt)


def _grow(run: Run, job: GrowJob, what: str, interrupt: Interrupt) -> None:
    """Runs a job to its end or to an interruption, and writes its picture. Raises ``OptionError`` where it is none."""
    from pixeldream.visualise import finish

    with Bar("growing", run.quiet) as bar, run.blamed():
        last = _watched(job.run(), what, bar, interrupt)
        picture = finish(last)
    stopped = last.step if last.step < last.steps else 0
    run.write(picture, stopped)
    if not run.quiet:
        say(f"{job.asked.name}: {what} {float(last.losses[what]):.4g} after {last.step} steps")
    if stopped:
        raise typer.Exit(INTERRUPTED)


def _watched(steps: Iterator[Progress], what: str, bar: Bar, interrupt: Interrupt) -> Progress:
    for progress in steps:
        # Waits for the step, so that an interruption is seen no later than one step after it.
        value = float(progress.losses[what])
        if not np.isfinite(value):
            raise OptionError(f"the {what} is {value} at step {progress.step}; check the network's file")
        bar.move(progress.step / progress.steps, f"{progress.step}/{progress.steps}  {what} {value:.4g}")
        interrupt.keep()
        if interrupt.asked:
            break
    return progress


@command_of(ChannelOptions)
def channels(
    options: ChannelOptions, output_: OutputFiles = None, no_metadata: NoMetadata = False, plugin: PluginFiles = None,
    offline: Offline = False, quiet: Quiet = False,
) -> None:  # fmt: skip
    """A sheet of a layer's channels: for each the picture that it answers most to.

    Without --layer it is the network's deepest. Without --output it writes NETWORK-channels-LAYER.png.
    """
    stay_offline(offline)
    run = Run("channels", options, False, output_, plugin, not no_metadata, quiet)
    with Interrupt() as interrupt:
        with Bar("growing", run.quiet) as bar, run.blamed():
            page, stopped = _sheet(run, options, bar, interrupt)
        run.write(page, stopped)
    if stopped:
        raise typer.Exit(INTERRUPTED)


def _sheet(run: Run, options: ChannelOptions, bar: Bar, interrupt: Interrupt) -> tuple[np.ndarray, int]:
    """The page, and the step after which it was interrupted, 0 for none."""
    loaded = run.load()
    from pixeldream import sheets, visualise
    from pixeldream.neural.visualise.names import Layer
    from pixeldream.neural.visualise.target import deepest

    layer = options.asked_layer or Layer(deepest(loaded.network))
    asked = visualise.targets_of(loaded, layer, options.numbers)
    screen = None if run.look is None else display_size(run.look.mode)
    side = options.patch if screen is None else sheets.side_within(len(asked), screen)
    steps = options.settings.steps
    for grown in visualise.grow_sheet(loaded, asked, side, options.settings):
        answers = np.asarray(grown.losses["answer"])
        bar.move(grown.step / steps, f"{grown.step}/{steps}")
        interrupt.keep()
        if interrupt.asked:
            break
    stopped = grown.step if grown.step < steps else 0
    pictures = np.asarray(grown.images)
    if screen is not None:
        return sheets.close(list(pictures), screen), stopped
    names = [f"{each.channel}" + " (silent)" * bool(answer <= 0) for each, answer in zip(asked, answers, strict=True)]
    tiles = list(zip(names, pictures, strict=True))
    return sheets.named(tiles, f"{loaded.network.name}, {layer.name}"), stopped


@command_of(CompareOptions)
def compare(
    options: CompareOptions, output_: OutputFiles = None, no_metadata: NoMetadata = False, plugin: PluginFiles = None,
    offline: Offline = False, quiet: Quiet = False,
) -> None:  # fmt: skip
    """All methods side by side on one sheet, each under its name.

    What is asked for is as for saliency. The inversion is from the network's content layer. Without --output it writes
    IMAGE-compare.png.
    """
    stay_offline(offline)
    run = Run("compare", options, False, output_, plugin, not no_metadata, quiet)
    with Interrupt():
        with Bar("comparing", run.quiet) as bar, run.blamed():
            loaded = run.load()
            from pixeldream import sheets, visualise

            assert run.photo is not None
            asked = visualise.target_of(loaded, run.photo, options.class_, options.asked_layer)
            tiles = []
            for part, name, picture in visualise.compare(loaded, run.photo, asked, options.steps, options.seed):
                bar.move(part, name)
                tiles.append((name, picture))
        run.write(sheets.named(tiles, f"{asked.name}, {loaded.network.name}"))
