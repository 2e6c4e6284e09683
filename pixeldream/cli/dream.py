"""``pixeldream dream``: what a network sees in a picture, painted into it, legal on the machine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pixeldream.cli import animation, output
from pixeldream.cli.checkpoint import identity_of
from pixeldream.cli.common import blame, open_registry, plugin_files, say, tell
from pixeldream.cli.dream_frames import FrameFolder
from pixeldream.cli.dream_job import Dreamt, Prepared, load, prepare, still
from pixeldream.cli.dream_options import DreamOptions
from pixeldream.cli.encode import encode
from pixeldream.cli.interrupt import INTERRUPTED, Interrupt
from pixeldream.cli.options import (
    NoMetadata,
    Offline,
    OptionError,
    OutputFiles,
    PluginFiles,
    Quiet,
    Report,
    command_of,
    option,
    real,
)
from pixeldream.cli.progress import Bar
from pixeldream.cli.stylize import is_legal
from pixeldream.cli.weights import stay_offline
from pixeldream.plugin.registry import Registry
from pixeldream.retro.animation import RATE, Animation, check_rate
from pixeldream.retro.format import WriteOptions

if TYPE_CHECKING:
    from pixeldream.api import Stopwatch
    from pixeldream.cli.recipe import Recipe
    from pixeldream.dreams import DreamJob
    from pixeldream.neural.zoom import Frame

KeepFolder = Annotated[
    Path | None,
    option("--keep", metavar="DIR", help="The folder that holds an endless zoom frame by frame; FIRST-OUTPUT-frames."),
]
Rate = Annotated[float, real("--rate", help="Frames a second of a moving picture.")]
Resume = Annotated[bool, option("--resume", help="Go on from the frames that the folder holds.")]


@command_of(DreamOptions)
def dream(
    options: DreamOptions,
    output_: OutputFiles = None,
    keep: KeepFolder = None,
    resume: Resume = False,
    rate: Rate = RATE,
    report: Report = None,
    no_metadata: NoMetadata = False,
    plugin: PluginFiles = None,
    offline: Offline = False,
    quiet: Quiet = False,
) -> None:
    """Paint into a picture what a network sees in it, legal on the machine.

    Without IMAGE it dreams on the embedded sample, or from grey of a --class. With --frames it zooms without end: name
    a moving picture (.gif, .anim, .prg), or numbered ones ('zoom-%04d.png'). Ctrl-C stops after the step and keeps
    the picture, or the frames so far; --resume goes on from those.
    """
    stay_offline(offline)
    registry = open_registry(plugin)
    prepared = prepare(registry, options, plugin_files(plugin))
    targets = _plan(registry, prepared, output_ or [], keep, resume)
    check_rate(rate)
    targets.check(options.frames, [report] if report else [], prepared.files)
    from pixeldream.api import Stopwatch

    watch = Stopwatch()
    with Interrupt() as interrupt, ExitStack() as stack:
        job, weights = load(prepared, quiet)
        watch.lap("load")
        stack.enter_context(blame(registry, *prepared.used))
        run = _Run(registry, prepared, job, weights, watch, interrupt, None if no_metadata else prepared.recipe)
        with Bar("dreaming", quiet) as bar:
            dreamt = run.zoom(targets, resume, bar) if targets.folder else run.still(bar)
        contents = targets.contents(registry, options, dreamt, rate, run.recipe_of, quiet)
        if report is not None:
            contents[report] = _report(run, dreamt, list(contents))
        output.write_files(contents)
    for path in contents:
        tell(str(path))
    if not quiet:
        say(f"{len(dreamt.history)} steps in {watch.seconds()['total']:.1f} s")
    if dreamt.stopped:
        raise typer.Exit(INTERRUPTED)


# ---- where it goes --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Targets:
    """Files to write: ``stills`` of one picture, or ``moving`` of all frames, which are kept in ``folder``."""

    stills: tuple[Path, ...]
    moving: tuple[animation.Target, ...] = ()
    folder: FrameFolder | None = None

    def check(self, frames: int, others: list[Path], inputs: list[str]) -> None:
        """Tries all files before the run, and makes folders. Raises ``OutputError``."""
        animation.check(self.moving, frames, inputs)
        output.check([*self.stills, *others], inputs)

    def contents(
        self, registry: Registry, options: DreamOptions, dreamt: Dreamt, rate: float, recipe: Any, quiet: bool
    ) -> dict[Path, bytes]:
        """The bytes of every file."""
        if self.folder is None:
            picture = dreamt.pictures[-1]
            outputs = output.plan(registry, picture.mode, self.stills)
            return encode(registry, outputs, picture, options, recipe(1, dreamt.stopped))
        recipes = [recipe(number, dreamt.stopped) for number in range(1, len(dreamt.pictures) + 1)]
        return animation.encode(
            registry, self.moving, Animation.at(dreamt.pictures, rate),
            WriteOptions(raw=options.raw, aspect=options.aspect), [each for each in recipes if each], quiet,
        )  # fmt: skip


def _plan(registry: Registry, prepared: Prepared, paths: list[Path], keep: Path | None, resume: bool) -> _Targets:
    """Raises ``OutputError`` for names that make no sense."""
    mode, options = prepared.look.mode, prepared.options
    if options.frames == 1:
        if keep is not None or resume:
            raise OptionError("--keep and --resume are for --frames of more than 1")
        still = paths or output.usual(registry, mode, prepared.stem)
        return _Targets(tuple(each.path for each in output.plan(registry, mode, still)))
    paths = paths or [Path(f"{prepared.stem}-{mode.name}.gif")]
    stem = animation.NUMBER.sub("", paths[0].stem).rstrip("-_.") or "dream"
    folder = FrameFolder(keep or paths[0].with_name(f"{stem}-frames"), prepared.look, {})
    return _Targets((), tuple(animation.plan(registry, mode, paths)), folder)


# ---- the run --------------------------------------------------------------------------------------------------------


@dataclass
class _Run:
    registry: Registry
    prepared: Prepared
    job: DreamJob
    weights: Mapping[str, str]
    watch: Stopwatch
    interrupt: Interrupt
    metadata: Any

    def recipe_of(self, number: int, stopped: int) -> Recipe | None:
        """The recipe of a picture, or of frame ``number``: that of the last frame of a zoom as long."""
        if self.metadata is None:
            return None
        made: Recipe = self.metadata(self.weights, 0 if self.job.zoom.frames > 1 else stopped)
        if self.job.zoom.frames == 1:
            return made
        options = replace(self.prepared.options, frames=number, **({} if number > 1 else _STILL))
        return replace(self.prepared, options=options).recipe(self.weights)

    def still(self, bar: Bar) -> Dreamt:
        """One picture."""
        return still(self.job, self.interrupt, bar, self._lap)

    def _lap(self) -> None:
        self.watch.lap("steps" if "compile" in self.watch.parts else "compile")

    def zoom(self, targets: _Targets, resume: bool, bar: Bar) -> Dreamt:
        """The frames, kept one by one."""
        from pixeldream.neural.zoom import Frame  # jax by now

        assert targets.folder is not None
        folder, dreamt, frames = self._folder(targets.folder), Dreamt(), self.job.zoom.frames
        if not resume:
            folder.begin()
        number, onward, dreamt.pictures = folder.resume(frames) if resume else (0, None, [])
        dreamt.flicker = [self.job.flicker(*pair) for pair in pairwise(dreamt.pictures)]
        for each in self.job.frames(number, onward):
            if isinstance(each, Frame):
                number = each.number
                self._keep(folder, each, dreamt)
            else:
                words = dreamt.note(each)
                self._lap()
                self.interrupt.keep()
                bar.move((number + each.step / each.steps) / frames, f"frame {number + 1}/{frames}  {words}")
            if self.interrupt.asked and number < frames:
                dreamt.stopped = max(number, 1)
                break
        if not dreamt.pictures and not isinstance(each, Frame):
            dreamt.pictures.append(each.finish())
        return dreamt

    def _keep(self, folder: FrameFolder, frame: Frame, dreamt: Dreamt) -> None:
        path = Path("frame.png")
        outputs = output.plan(self.registry, frame.result.mode, [path])
        recipe = self.recipe_of(frame.number, 0)
        folder.keep(frame, encode(self.registry, outputs, frame.result, self.prepared.options, recipe)[path])
        if dreamt.pictures:
            dreamt.flicker.append(self.job.flicker(dreamt.pictures[-1], frame.result))
        dreamt.pictures.append(frame.result)

    def _folder(self, folder: FrameFolder) -> FrameFolder:
        """Frames do not depend on how many there will be."""
        recipe = replace(self.prepared, options=replace(self.prepared.options, frames=2)).recipe(self.weights)
        return replace(folder, identity=identity_of(recipe))


_STILL: dict[str, Any] = {
    name: DreamOptions.__dataclass_fields__[name].default for name in ("zoom", "turn", "frame_steps", "steady")
}


def _report(run: _Run, dreamt: Dreamt, outputs: list[Path]) -> bytes:
    """What happened, as JSON. ``gained``: how much of what was dreamt of is in the start and in the last picture as
    written."""
    recipe = run.prepared.recipe(run.weights, dreamt.stopped)
    judge = run.job.dreamer.gained()
    gained = run.job.gained(dreamt.pictures[-1], judge)
    run.watch.lap("report")
    values = {
        "mode": run.prepared.look.mode.name,
        "network": run.job.network.network.name,
        "layers": [form.layer for form in judge.objective.forms],
        "schedule": str(run.job.schedule),
        "seed": run.job.settings.seed,
        "interrupted": bool(dreamt.stopped),
        "gained": gained,
        "frames": len(dreamt.pictures),
        "flicker": dreamt.flicker,
        "history": dreamt.history,
        "seconds": run.watch.seconds(),
        "outputs": [str(path) for path in outputs],
        "legal": all(map(is_legal, dreamt.pictures)),
        "recipe": json.loads(recipe.json()),
    }
    return (json.dumps(values, indent=1) + "\n").encode("utf-8")
