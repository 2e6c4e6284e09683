"""``pixeldream stylize``: paint a picture in the manner of another, legal on the machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pixeldream.cli import memory, output
from pixeldream.cli.checkpoint import EVERY_SECONDS, CheckpointEvery, CheckpointFile, Keeper, resume
from pixeldream.cli.common import blame, open_registry, plugin_files, say, tell
from pixeldream.cli.encode import encode
from pixeldream.cli.interrupt import INTERRUPTED, Interrupt
from pixeldream.cli.job import Painted, Watcher, load, paint, prepare, write_recipe
from pixeldream.cli.memory import MemoryLimit, Need
from pixeldream.cli.options import (
    NoMetadata,
    Offline,
    OutputFiles,
    PluginFiles,
    Quiet,
    Report,
    StylizeOptions,
    command_of,
    option,
)
from pixeldream.cli.output import Output
from pixeldream.cli.progress import Bar, Preview, Stages
from pixeldream.cli.recipe import Recipe
from pixeldream.cli.weights import stay_offline

if TYPE_CHECKING:
    from pixeldream.api import Stopwatch, StylizeJob
    from pixeldream.retro.mode import Picture

StagesFolder = Annotated[
    Path | None, option("--stages", metavar="DIR", help="Keep the working stages in this folder, as PNG.")
]
ShowPreview = Annotated[
    bool, option("--preview", help="While it runs, keep the picture so far in FIRST-OUTPUT-preview.png.")
]


@command_of(StylizeOptions)
def stylize(
    options: StylizeOptions,
    output_: OutputFiles = None,
    report: Report = None,
    stages: StagesFolder = None,
    preview: ShowPreview = False,
    checkpoint: CheckpointFile = None,
    checkpoint_every: CheckpointEvery = EVERY_SECONDS,
    memory_limit: MemoryLimit = None,
    no_metadata: NoMetadata = False,
    plugin: PluginFiles = None,
    offline: Offline = False,
    quiet: Quiet = False,
) -> None:
    """Paint a picture in the manner of another, legal on the machine.

    Without CONTENT and style it paints the embedded samples. Without --output it writes CONTENT-MODE in the mode's
    usual format, as a program and as PNG, into the current folder. Ctrl-C stops after the step and keeps the picture;
    with --checkpoint the same command goes on from there, also after a crash.
    """
    stay_offline(offline)
    registry = open_registry(plugin)
    prepared = prepare(registry, options, plugin_files(plugin))
    mode = prepared.look.mode
    outputs = output.plan(registry, mode, output_ or output.usual(registry, mode, prepared.stem))
    going_on = checkpoint is not None and checkpoint.exists()
    peek = _preview_path(outputs[0].path, going_on) if preview else None
    extra = [path for path in (report, peek, checkpoint) if path is not None]
    output.check([*(o.path for o in outputs), *extra], prepared.files)
    if stages is not None:
        output.make_folder(stages)
    from pixeldream.api import Stopwatch

    watch = Stopwatch()
    with Interrupt() as interrupt:
        job, weights = load(prepared, quiet)
        keeper = resume(checkpoint, write_recipe(prepared, weights, 0), checkpoint_every, quiet)
        with blame(registry, *prepared.used):
            need = memory.check(job, memory_limit)
        if need.tight and not quiet:
            say(f"needs about {need.estimate} MB of memory; {need.available} MB are free")
        watch.lap("load")
        kept = None if stages is None else Stages(stages, job)
        with _watchers(job, kept, peek, keeper, quiet) as watchers, blame(registry, *prepared.used):
            painted = paint(job, watch, interrupt, watchers, resume=keeper.resumed if keeper else None)
        if kept is not None:
            kept.end(painted.picture)
        recipe = write_recipe(prepared, weights, painted.stopped)
        contents = encode(registry, outputs, painted.picture, options, None if no_metadata else recipe)
        if report is not None:
            contents[report] = report_of(job, painted, watch, outputs, recipe, need)
        output.write_files(contents)
        if keeper is not None and not painted.stopped:
            keeper.done()
    for path in contents:
        tell(str(path))
    if not quiet:
        say(f"{painted.last.step} steps in {watch.seconds()['total']:.1f} s")
    if painted.stopped:
        raise typer.Exit(INTERRUPTED)


def _preview_path(path: Path, going_on: bool) -> Path:
    """Raises ``OutputError`` for a file that is there: it would be gone afterwards. A run that was killed has left
    one."""
    preview = path.with_name(f"{path.stem}-preview.png")
    if preview.exists() and not going_on:
        raise output.OutputError(f"preview {str(preview)!r} exists; remove it or choose another output")
    return preview


@contextmanager
def _watchers(
    job: StylizeJob, stages: Stages | None, preview: Path | None, keeper: Keeper | None, quiet: bool
) -> Iterator[list[Watcher]]:
    with ExitStack() as stack:
        watchers: list[Watcher] = [stack.enter_context(Bar("painting", quiet))]
        if preview is not None:
            watchers.append(stack.enter_context(Preview(preview, job.look.mode)))
        if stages is not None:
            watchers.append(stages)
        if keeper is not None:
            watchers.append(stack.enter_context(keeper))
        yield watchers


def is_legal(picture: Picture) -> bool:
    """Whether the picture keeps the rules of its mode: made once more from its parts, it is checked once more."""
    try:
        replace(picture)
    except ValueError:
        return False
    return True


def report_of(
    job: StylizeJob, painted: Painted, watch: Stopwatch, outputs: list[Output], recipe: Recipe, need: Need
) -> bytes:
    """What happened, as JSON. The losses are those of the picture as written."""
    legal, free = job.losses(painted.last, painted.picture)
    watch.lap("report")
    values = {
        "mode": job.look.mode.name,
        "network": "+".join(loaded.network.name for loaded in job.networks),
        "schedule": str(job.schedule),
        "seed": job.settings.seed,
        "steps": painted.last.step,
        "interrupted": bool(painted.stopped),
        **legal,
        "unconstrained": free,
        "history": painted.history,
        "seconds": watch.seconds(),
        "memory": need.report(),
        "outputs": [str(each.path) for each in outputs],
        "legal": is_legal(painted.picture),
        "recipe": json.loads(recipe.json()),
    }
    return (json.dumps(values, indent=1) + "\n").encode("utf-8")
