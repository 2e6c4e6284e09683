"""``pixeldream gan sample`` and ``pixeldream gan info``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from pixeldream.cli import gan_sheet, output
from pixeldream.cli.common import blame, open_registry, tell
from pixeldream.cli.gan_figures import as_facts, measure, report
from pixeldream.cli.gan_info import inform
from pixeldream.cli.gan_run import About, Folder
from pixeldream.cli.gan_sibling import kind_of
from pixeldream.cli.options import Json, OptionError, OutputFiles, PluginFiles, integer, option, real
from pixeldream.look import look
from pixeldream.neural.gan.settings import MAXIMUM_SEED
from pixeldream.plugin.registry import Registry
from pixeldream.retro.format import WriteOptions

if TYPE_CHECKING:
    from pixeldream.neural.gan.train import Trained
    from pixeldream.pieces import Pieces

MAXIMUM = 100_000
"""Drawings of one command."""

RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run.", show_default=False)]
Number = Annotated[int, integer("--number", "-n", help="How many drawings.")]
Seed = Annotated[int, integer("--seed", help="Another seed, other drawings.")]
Truncation = Annotated[
    float, real("--truncation", help="How far from the middle to go: less is more alike and better made; 0: no limit.")
]
Walk = Annotated[str | None, option("--walk", metavar="A:B", help="From the drawing of one seed to that of another.")]
ClassName = Annotated[str | None, option("--class", metavar="NAME", help="Drawings of one class only.")]
Columns = Annotated[int, integer("--columns", help="Drawings in a row; 0: a square.")]
Afterwards = Annotated[
    str | None, option("--mode", "-m", metavar="MODE", help="Convert drawings of a run without rules to this mode.")
]
Measure = Annotated[int, integer("--figures", help="Drawings to measure; 0: none.")]


def sample(
    run: RunFolder,
    number: Number = 64,
    seed: Seed = 0,
    truncation: Truncation = 0.0,
    walk: Walk = None,
    klass: ClassName = None,
    columns: Columns = 0,
    mode: Afterwards = None,
    output_files: OutputFiles = None,
    plugin: PluginFiles = None,
) -> None:
    """Draw with a trained generator: a sheet (.png), single files (a folder), or a file of the machine such as .spd.

    A run within a mode draws legal pictures only; they stand together on one screen, or on several where one is full.
    """
    if not 1 <= number <= MAXIMUM:
        raise OptionError(f"--number {number} is out of 1 to {MAXIMUM}")
    ends = _ends(walk)
    registry, folder = open_registry(plugin), Folder(run)
    about = folder.about()
    classes = _class_numbers(about, klass, number)
    for each in (seed, *ends):
        if not 0 <= each <= MAXIMUM_SEED:
            raise OptionError(f"seed {each} is out of 0 to {MAXIMUM_SEED}")
    paths = output_files or [Path(f"{run.name or 'gan'}-sheet.png")]
    pieces = _pieces(registry, folder, about, mode)
    _check(registry, paths, pieces)
    from pixeldream.neural.gan import train

    trained = train.trained(about.plan, about.training, folder.checkpoints)
    latent = train.latents(about.plan, seed, number, truncation)
    if ends:
        first, last = (train.latents(about.plan, end, 1, truncation)[0] for end in ends)
        latent = train.walk(first, last, number)
    images = _drawn(trained, latent, classes, registry, folder, about)
    for path in paths:
        _write(registry, path, images, columns, pieces)
        tell(str(path))


def _ends(walk: str | None) -> tuple[int, ...]:
    if walk is None:
        return ()
    first, colon, last = walk.partition(":")
    if not (colon and first.isdigit() and last.isdigit()):
        raise OptionError(f"walk {walk!r} is not A:B, two seeds such as 3:8")
    return int(first), int(last)


def _class_numbers(about: About, name: str | None, count: int) -> np.ndarray:
    """int32 ``[count]``: all of one class, or one of each in turn."""
    if name is not None:
        return np.full(count, about.class_number(name), np.int32)
    return np.arange(count, dtype=np.int32) % max(1, len(about.classes))


def _pieces(registry: Registry, folder: Folder, about: About, mode: str | None) -> Pieces | None:
    """The rules that drawings obey, or are converted to afterwards."""
    if mode is None:
        return folder.pieces(registry, about)
    if about.rules is not None:
        if about.rules.mode == mode:
            return folder.pieces(registry, about)
        raise OptionError(f"the run draws in mode {about.rules.mode!r} already; leave --mode {mode} out")
    chosen = look(registry, mode)
    from pixeldream.pieces import choose

    return choose(chosen, about.plan.size, np.asarray(folder.pictures().images))


def _check(registry: Registry, paths: Sequence[Path], pieces: Pieces | None) -> None:
    """Raises before anything is drawn for a file that can't be written."""
    native = [path for path in paths if path.suffix.lower() not in ("", ".png")]
    if native and pieces is None:
        raise OptionError(
            f"output {str(native[0])!r}: the run was trained without rules; convert its drawings with --mode MODE, or "
            "write .png"
        )
    if native and pieces is not None:
        output.plan(registry, pieces.look.mode, native)
    output.check([path for path in paths if path.suffix])
    for path in paths:
        if not path.suffix:
            output.make_folder(path)


def _drawn(
    trained: Trained, latent: np.ndarray, classes: np.ndarray, registry: Registry, folder: Folder, about: About
) -> np.ndarray:
    """float32 ``[n, side, side, 3]``: legal where the run has rules."""
    return np.clip(trained.sample(latent, classes, folder.constraint(registry, about)), 0.0, 1.0)


def _write(registry: Registry, path: Path, images: np.ndarray, columns: int, pieces: Pieces | None) -> None:
    if path.suffix and path.suffix.lower() != ".png":
        assert pieces is not None
        return _write_native(registry, path, images, pieces)
    shown = np.rint(images * 255).astype(np.uint8)
    if pieces is not None:
        shown = pieces.pictures(shown)
    if path.suffix:
        return output.write_files({path: gan_sheet.png(gan_sheet.grid(shown, columns))})
    digits = max(4, len(str(len(shown) - 1)))
    files = {path / f"{number:0{digits}}.png": gan_sheet.png(image) for number, image in enumerate(shown)}
    return output.write_files(files)


def _write_native(registry: Registry, path: Path, images: np.ndarray, pieces: Pieces) -> None:
    """A screen a file: where there are several, ``name-1.spd`` and so on."""
    screens = pieces.screens(images)
    files = {}
    for number, picture in enumerate(screens, 1):
        place = path if len(screens) == 1 else path.with_stem(f"{path.stem}-{number}")
        for each in output.plan(registry, pieces.look.mode, [place]):
            with blame(registry, ("formats", each.format.name), ("modes", pieces.look.mode.name)):
                assert each.format.write is not None
                files[each.path] = each.format.write(picture, WriteOptions())
    output.write_files(files)


def info(
    run: RunFolder,
    figures: Measure = 1000,
    mode: Afterwards = None,
    json_: Json = False,
    plugin: PluginFiles = None,
) -> None:
    """Say what a GAN was trained on, how far it is, and how good its drawings are.

    Fréchet and kernel distance (lower is nearer), precision and recall are taken in the embedded network's features,
    beside those of real pictures against real ones.
    """
    registry, folder = open_registry(plugin), Folder(run)
    if figures < 0:
        raise OptionError(f"--figures {figures} is less than none")
    sibling = kind_of(folder)
    if sibling is not None:
        return inform(registry, folder, sibling, figures, json_)
    about = folder.about()
    afterwards = None if mode is None else _pieces(registry, folder, about, mode)
    from pixeldream.neural.gan.train import means, trained

    state = trained(about.plan, about.training, folder.checkpoints)
    found = measure(registry, folder, about, figures, afterwards) if figures else None
    facts = _facts(about, state)
    facts["curve"] = dict(means(state.curve[-1])) if state.curve else {}
    facts["figures"] = None if found is None else as_facts(found)
    if json_:
        return tell(json.dumps(facts, indent=1))
    for line in _lines(about, facts):
        tell(line)
    if found is not None:
        tell(report(found))
    return None


def _facts(about: About, state: Trained) -> dict[str, Any]:
    described = json.loads(about.json())
    epochs = state.steps * about.training.batch / about.count
    return {**described, "steps": state.steps, "epochs": round(epochs, 2), "minutes": round(state.minutes, 2)}


def _lines(about: About, facts: dict[str, Any]) -> list[str]:
    training, plan = about.training, about.plan
    kinds = f", classes {', '.join(about.classes)}" if about.classes else ""
    extras = [f"augment {', '.join(training.augment)}"] if training.augment else []
    extras += [f"r1 {training.r1:g}"] if training.r1 else []
    extras += [f"a critic of {', '.join(plan.taps)}"] if plan.taps else []
    extras += ["spectral norm"] if plan.spectral else []
    extras += [f"average {training.average:g}"] if training.average else []
    lines = [
        f"learnt from {about.source}: {about.count} pictures{kinds}",
        f"draws {plan.size}x{plan.size} pixels" + (f" within {about.rules.mode}" if about.rules else ""),
        f"preset {about.preset}, {training.loss} loss, batch {training.batch}, rates {training.generator_rate:g} and "
        f"{training.critic_rate:g}" + "".join(f", {extra}" for extra in extras),
        f"{facts['steps']} steps, {facts['epochs']} epochs, {facts['minutes']} minutes",
    ]
    if about.before is not None:
        lines.append(f"began with what {about.before} had learnt")
    if about.skipped:
        lines.append(f"skipped {len(about.skipped)}: {'; '.join(about.skipped[:5])}")
    if facts["curve"]:
        lines.append("last: " + ", ".join(f"{name} {value:.4g}" for name, value in facts["curve"].items()))
    return lines
