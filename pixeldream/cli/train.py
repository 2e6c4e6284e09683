"""``pixeldream train``: our own networks."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pixeldream.cli import output
from pixeldream.cli.common import left_out, open_registry, plugin_files, say, tell
from pixeldream.cli.inputs import named_network
from pixeldream.cli.interrupt import INTERRUPTED, Interrupt
from pixeldream.cli.lessons import Folder, MachineVersions
from pixeldream.cli.options import OptionError, PluginFiles, Quiet, integer, option, real
from pixeldream.cli.progress import Bar
from pixeldream.cli.recipe import versions
from pixeldream.cli.weights import ready

if TYPE_CHECKING:
    from pixeldream.neural.distil import Progress
    from pixeldream.neural.teachers import Teacher

REPORT_SECONDS = 60.0
"""Between two lines of talk where there is no terminal for a bar."""

HEADS_SHEETS = 256
"""Pictures that new heads are found on: fewer than training takes, as each is seen once or twice."""

Teachers = Annotated[
    list[str] | None, option("--teacher", metavar="NAME=FILE", help="Network to learn from; may be repeated.")
]
PictureFolder = Annotated[
    Path | None, option("--folder", metavar="DIR", help="Pictures to learn on, besides those made by code.")
]
Steps = Annotated[int, integer("--steps", help="How many steps; 0: as many as the minutes allow.")]
Minutes = Annotated[float, real("--minutes", help="How long at most; 0: as long as the steps take.")]
Batch = Annotated[int, integer("--batch", help="Crops in a step, a multiple of 4; a GPU is at its best with 128.")]
Crop = Annotated[int, integer("--crop", help="Side of all crops, a multiple of 8; 0: 64, and 96 in the last part.")]
Rate = Annotated[
    float | None, real("--rate", help="How far a step moves; as it is, 0.012, or a third of that after --start.")
]
Calm = Annotated[
    float, real("--calm", help="How much less of a dither's contrast is to be seen than there is, 0 to 1.")
]
Workers = Annotated[
    int | None,
    integer("--workers", help="Processes that make pictures ahead; as it is, none on a CPU, one a core beside a GPU."),
]
Seed = Annotated[int, integer("--seed", help="Of all that is left to chance.")]
Checkpoint = Annotated[
    Path | None, option("--checkpoint", metavar="DIR", help="Keep what is needed to go on in this folder.")
]
Start = Annotated[
    Path | None,
    option("--start", metavar="FILE", help="Weights of an earlier training to begin with, not random ones."),
]
HeadsOnly = Annotated[
    bool, option("--heads-only", help="Train nothing: find heads for the kernels of --start, on pictures as they are.")
]
Resume = Annotated[bool, option("--resume", help="Go on from the checkpoint.")]
Out = Annotated[Path, option("--out", "-o", metavar="FILE", help="The weights: a .safetensors file.")]


def features(
    teacher: Teachers = None,
    folder: PictureFolder = None,
    steps: Steps = 0,
    minutes: Minutes = 0.0,
    batch: Batch = 16,
    crop: Crop = 0,
    rate: Rate = None,
    calm: Calm = 0.0,
    seed: Seed = 0,
    checkpoint: Checkpoint = None,
    resume: Resume = False,
    start: Start = None,
    heads_only: HeadsOnly = False,
    workers: Workers = None,
    out: Out = Path("features.safetensors"),
    plugin: PluginFiles = None,
    quiet: Quiet = False,
) -> None:
    """Train a feature network, from images to weights.

    A thin VGG learns to see as its teachers do, on pictures made by code and on versions of them as our machines would
    show them. Each layer is learnt from the first teacher that has it; others are asked now and then. Ctrl-C stops
    after the step and keeps the weights so far. Use them: stylize --network vgg19=FILE
    """
    if heads_only and (start is None or steps or minutes or checkpoint):
        raise OptionError("--heads-only takes --start, and neither --steps, --minutes nor --checkpoint")
    registry = open_registry(plugin)
    named = [named_network(registry, text) for text in teacher or ()]
    if not named:
        raise OptionError("there is no teacher to learn from; name one: --teacher vgg19=FILE")
    pictures = Folder(folder) if folder is not None else ()
    check_places(out, checkpoint, resume)
    from pixeldream.neural import distil
    from pixeldream.neural.crops import Mixed
    from pixeldream.neural.weights import load_weights, save_weights

    if rate is None:
        rate = distil.Settings.rate if start is None else distil.GENTLE
    settings = distil.Settings(
        steps=1 if heads_only else steps, minutes=minutes, seed=seed, batch=batch, rate=rate, calm=calm,
        sheets=HEADS_SHEETS if heads_only else max(distil.Settings.sheets, 16 * batch),
    )  # fmt: skip
    if crop:
        settings = replace(settings, crop=crop, late_crop=crop, late_part=0.0)
    part = 1.0
    with Interrupt() as interrupt:
        ready([network for network, file in named if file is None], quiet)
        teachers, facts = _load(named)
        machines = None if heads_only else MachineVersions(tuple(plugin_files(plugin)), tuple(left_out()))
        lessons = Mixed(pictures, augment=machines)
        begun = None if start is None else load_weights(start)
        if heads_only and begun is not None:
            arrays = distil.new_heads(settings, teachers, lessons, begun, _workers(workers))
            done = {"kernels": f"{start} as they were"}
        else:
            run = distil.distil(settings, teachers, lessons, checkpoint, begun, _workers(workers))
            last = _follow(run, interrupt, quiet)
            arrays, part = last.export(), last.part
            done = {"steps": str(last.step), "minutes": f"{last.seconds / 60:.1f}"}
        save_weights(out, arrays, {**facts, "seed": str(seed), "batch": str(batch), "calm": str(calm), **done})
    tell(str(out))
    if part < 1:
        raise typer.Exit(INTERRUPTED)


def _workers(asked: int | None) -> int:
    """How many processes make pictures."""
    if asked is not None and asked < 0:
        raise OptionError(f"--workers {asked}: give 0 or more")
    import jax

    if asked is None:
        asked = 0 if jax.default_backend() == "cpu" else max(1, (os.cpu_count() or 1) - 1)
    return asked


def check_places(out: Path, checkpoint: Path | None, resume: bool) -> None:
    """Raises :class:`OptionError` for places that the weights and the checkpoint can't be written to."""
    if out.suffix.lower() != ".safetensors":
        raise OptionError(f"weights are written as .safetensors, not as {str(out)!r}; name it so")
    output.check([out])
    if checkpoint is None:
        if resume:
            raise OptionError("--resume needs the folder of the checkpoint: --checkpoint DIR")
        return
    output.make_folder(checkpoint)
    if not resume and any(checkpoint.iterdir()):
        raise OptionError(f"folder {str(checkpoint)!r} is not empty; go on with --resume, or name another")


def _load(named: Iterable[tuple[Any, str | None]]) -> tuple[list[Teacher], dict[str, str]]:
    """The teachers, and what the file of weights is to say of them."""
    import jax

    from pixeldream.neural.teachers import Teacher
    from pixeldream.neural.weights import resolve

    teachers, hashes = [], []
    for network, file in named:
        built, arrays, digest = resolve(network, file)
        teachers.append(Teacher(built, jax.tree.map(jax.numpy.asarray, dict(arrays))))
        hashes.append(f"{network.name} (SHA-256 {digest})")
    known = ", ".join(f"{name} {version}" for name, version in versions().items())
    return teachers, {"teachers": ", ".join(hashes), "versions": known}


def _follow(run: Iterable[Progress], interrupt: Interrupt, quiet: bool) -> Progress:
    talk = not quiet and not sys.stderr.isatty()
    said = time.monotonic()
    last: Progress | None = None
    with Bar("training", quiet) as bar:
        for last in run:
            interrupt.keep()
            bar.move(last.part, f"step {last.step}")
            if talk and time.monotonic() - said > REPORT_SECONDS:
                say(_line(last))
                said = time.monotonic()
            if interrupt.asked:
                break
    if last is None:
        raise OptionError("the checkpoint is already at the end of the training; ask for more --steps or --minutes")
    return last


def _line(progress: Progress) -> str:
    figures = ", ".join(f"{name} {value:.3f}" for name, value in progress.figures.items())
    return f"step {progress.step}, {progress.part:.1%}: {figures}"
