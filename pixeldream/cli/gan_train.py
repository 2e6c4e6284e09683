"""``pixeldream gan train``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from pixeldream.cli import gan_data, gan_sheet, gan_together
from pixeldream.cli.common import open_registry, say, tell
from pixeldream.cli.gan_figures import measure, report
from pixeldream.cli.gan_follow import follow, goal_of
from pixeldream.cli.gan_run import About, Folder, Rules
from pixeldream.cli.interrupt import INTERRUPTED, Interrupt
from pixeldream.cli.option_types import named
from pixeldream.cli.options import OptionError, PluginFiles, Quiet, integer, option, real
from pixeldream.cli.recipe import versions
from pixeldream.neural.gan.settings import AUGMENTATIONS, LOSSES, PRESETS, SIZES, Training
from pixeldream.neural.gan.settings import preset as preset_of
from pixeldream.neural.gan.settings import projected as seeing
from pixeldream.neural.settings import DEFAULT_NETWORK

if TYPE_CHECKING:
    from pixeldream.neural.gan.sight import Sight
    from pixeldream.neural.gan.step import State
    from pixeldream.neural.gan.train import Run
    from pixeldream.plugin.registry import Registry

SHEET = 64
"""Drawings on a sheet."""

SMALL = 10_000
"""Pictures: of fewer the critic would know each by heart."""

STEADIED = ("projected", "steady")
"""Presets that take the size of a set into account."""

DEMO = 2048
"""Pictures of the toy set."""

Source = Annotated[Path | None, typer.Argument(metavar="DIR", help="Pictures: a folder or a zip.", show_default=False)]
Out = Annotated[Path, option("--out", "-o", metavar="RUN", help="Folder of the run.")]
Demo = Annotated[bool, option("--demo", help="Learn from little sprites made by code, for two minutes.")]
Size = Annotated[int | None, integer("--size", help=f"Side of a drawing in pixels: {', '.join(map(str, SIZES))}.")]
Preset = Annotated[str | None, option("--preset", metavar="|".join(PRESETS), help="Networks and training.")]
Width = Annotated[int | None, integer("--width", help="Channels of the widest layer.")]
Steps = Annotated[int, integer("--steps", help="How many steps; 0: no such limit.")]
Epochs = Annotated[float, real("--epochs", help="How often to see each picture; 0: no such limit.")]
Minutes = Annotated[float, real("--minutes", help="How long; 0: no such limit. Ten where nothing else is said.")]
Batch = Annotated[int | None, integer("--batch", help="Pictures in a step.")]
Loss = Annotated[str | None, option("--loss", metavar="|".join(LOSSES), help="What both networks want.")]
GeneratorRate = Annotated[float | None, real("--generator-rate", help="Adam's rate for the generator.")]
CriticRate = Annotated[float | None, real("--critic-rate", help="Adam's rate for the critic.")]
Spectral = Annotated[
    bool | None, option("--spectral/--no-spectral", help="Normalise the critic's kernels.", show_default=False)
]
Projected = Annotated[
    bool | None,
    option(
        "--projected/--no-projected",
        help="The critic sees through the embedded network, or pixels alone.",
        show_default=False,
    ),
]
R1 = Annotated[float | None, real("--r1", help="Weight of the critic's gradient at real pictures.")]
Average = Annotated[
    float | None, real("--average", help="What the generator's running average keeps in a step; 0: none.")
]
Augment = Annotated[
    str | None,
    option(
        "--augment",
        metavar="NAME,NAME",
        help=f"How the critic's pictures are altered: {', '.join(AUGMENTATIONS)}, or none.",
    ),
]
Mirror = Annotated[bool | None, option("--mirror/--no-mirror", help="Mirror pictures by chance.", show_default=False)]
Growth = Annotated[
    int | None, integer("--growth", help="Steps at each size while the networks grow; 0: the whole size at once.")
]
Strict = Annotated[
    float | None,
    real("--strict", help="The part of the critic's pictures that are wholly legal; the others are on the way there."),
]
Before = Annotated[
    Path | None, option("--from", metavar="RUN", help="Begin with what another run of the same networks has learnt.")
]
ByFolder = Annotated[bool, option("--by-folder", help="Folders in DIR are classes that can be asked for.")]
Background = Annotated[
    str, option("--background", metavar="COLOUR", help="What stands behind transparent pixels, RRGGBB or a name.")
]
Fit = Annotated[str, option("--fit", metavar="|".join(gan_data.FITS), help="How pictures become squares.")]
ModeName = Annotated[
    str | None,
    option("--mode", "-m", metavar="MODE", help="Draw within the rules of a mode.", autocompletion=named("modes")),
]
PaletteName = Annotated[str | None, option("--palette", metavar="NAME|FILE", help="Another palette for the mode.")]
Seed = Annotated[int | None, integer("--seed", help="Of all that is left to chance.")]
Keep = Annotated[int, integer("--keep", help="Checkpoints to keep.")]
Resume = Annotated[bool, option("--resume", help="Go on with the run in the folder.")]
Measure = Annotated[int, integer("--figures", help="Drawings to measure at the end; 0: none.")]


def train(
    source: Source = None,
    out: Out = Path("gan"),
    demo: Demo = False,
    size: Size = None,
    preset: Preset = None,
    width: Width = None,
    steps: Steps = 0,
    epochs: Epochs = 0.0,
    minutes: Minutes = 0.0,
    batch: Batch = None,
    loss: Loss = None,
    generator_rate: GeneratorRate = None,
    critic_rate: CriticRate = None,
    projected: Projected = None,
    spectral: Spectral = None,
    r1: R1 = None,
    average: Average = None,
    augment: Augment = None,
    mirror: Mirror = None,
    growth: Growth = None,
    before: Before = None,
    by_folder: ByFolder = False,
    background: Background = "black",
    fit: Fit = "contain",
    mode: ModeName = None,
    palette: PaletteName = None,
    strict: Strict = None,
    seed: Seed = None,
    keep: Keep = 3,
    resume: Resume = False,
    figures: Measure = 1000,
    devices: gan_together.DeviceCount = 0,
    coordinator: gan_together.Coordinator = None,
    process_count: gan_together.ProcessCount = 1,
    process_id: gan_together.ProcessId = 0,
    plugin: PluginFiles = None,
    quiet: Quiet = False,
) -> None:
    """Train a GAN on the pictures of a folder or zip, freely or within the rules of a graphics mode.

    RUN holds sheets of drawings, the losses, and checkpoints from which --resume goes on after Ctrl-C or a loss of
    power, to the same end. Draw from it: gan sample RUN
    """
    given: dict[str, Any] = {
        "preset": preset, "size": size, "width": width, "batch": batch, "loss": loss, "generator_rate": generator_rate,
        "critic_rate": critic_rate, "projected": projected, "spectral": spectral, "r1": r1, "average": average,
        "augment": _names(augment), "mirror": mirror, "growth": growth, "strict": strict, "seed": seed, "mode": mode,
        "palette": palette,
    }  # fmt: skip
    given = {name: value for name, value in given.items() if value is not None}
    registry, folder = open_registry(plugin), Folder(out)
    _check_numbers({"steps": steps, "epochs": epochs, "minutes": minutes}, keep)
    for name, value in (("palette", palette), ("strict", strict)):
        if value is not None and mode is None and not resume:
            raise OptionError(f"--{name} is for a mode: name it as well, --mode MODE")
    first = gan_together.meet(coordinator, process_count, process_id)
    if resume:
        if before is not None:
            raise OptionError("--from is for a new run; leave out --resume, or --from")
        about = folder.about()
        _check_same(about, given, source)
    else:
        other = None if before is None else Folder(before)
        about = gan_together.one_after_another(
            coordinator,
            lambda: _begin(registry, folder, source, demo, given, by_folder, background, fit, quiet, other),
            folder.about,
        )
    goal = goal_of(steps, epochs, minutes, 2.0 if about.source == "demo" else 10.0)
    with Interrupt() as interrupt:
        run = _open(registry, folder, about, keep, devices)
        try:
            follow(run, goal, folder, interrupt, quiet, sheet(run, about))
        finally:
            run.close()
    if first and figures and not interrupt.asked:
        tell(report(measure(registry, folder, about, figures)))
    if first:
        tell(str(out))
    if interrupt.asked:
        raise typer.Exit(INTERRUPTED)


def _check_numbers(lengths: Mapping[str, float], keep: int) -> None:
    if keep < 1:
        raise OptionError(f"--keep {keep}: one checkpoint at least")
    for name, value in lengths.items():
        if value < 0:
            raise OptionError(f"--{name} {value:g} is less than none")


def _names(text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    return () if text == "none" else tuple(name.strip() for name in text.split(",") if name.strip())


def _check_same(about: About, given: Mapping[str, Any], source: Path | None) -> None:
    """Raises :class:`OptionError` for an option that would make it another run."""
    rules = about.rules
    known = {
        **{f.name: getattr(about.training, f.name) for f in fields(Training)}, "preset": about.preset,
        "size": about.plan.size, "projected": bool(about.plan.taps), "spectral": about.plan.spectral,
        "mode": rules and rules.mode, "palette": rules and rules.palette,
        "width": max(about.plan.first, *about.plan.generator),
    }  # fmt: skip
    for name, value in given.items():
        if known[name] != value:
            was, now = (", ".join(v) if isinstance(v, tuple) else v for v in (known[name], value))
            flag = "--" + name.replace("_", "-")
            raise OptionError(f"the run was begun with {flag} {was}, not {now}; leave it out, or begin another run")
    if source is not None and str(source.resolve()) != about.source:
        raise OptionError(f"the run learns from {about.source!r}, not from {str(source)!r}; leave it out")


def _settings(given: Mapping[str, Any], size: int, count: int, classes: int) -> tuple[Any, Training]:
    name = given.get("preset", PRESETS[0])
    plan, training = preset_of(name, size, width=given.get("width", 0), classes=classes)
    if name in STEADIED and count < SMALL:
        training = replace(training, augment=("translation",))
    changes = {f.name: given[f.name] for f in fields(Training) if f.name in given}
    plan = seeing(plan, given.get("projected", bool(plan.taps)))
    plan = replace(plan, spectral=given.get("spectral", plan.spectral), grows=bool(given.get("growth")))
    return plan, replace(training, **changes)


def _begin(
    registry: Registry, folder: Folder, source: Path | None, demo: bool, given: Mapping[str, Any], by_folder: bool,
    background: str, fit: str, quiet: bool, before: Folder | None,
) -> About:  # fmt: skip
    """A new run's folder. Everything that can be wrong is, before the pictures are read."""
    if (source is None) != demo:
        raise OptionError("there is nothing to learn from; name a folder or zip of pictures, or try --demo" if not demo
                          else "--demo brings its own pictures; leave the folder out")  # fmt: skip
    side = given.get("size", 16 if demo else 32)
    _settings(given, side, 0, 0)
    learnt = None if before is None else before.about()
    rules = None if "mode" not in given else Rules(given["mode"], given.get("palette"))
    if rules is not None:
        rules.look(registry)
    found = _toys(side) if source is None else gan_data.collect(
        source, side, background=background, fit=fit, by_folder=by_folder
    )  # fmt: skip
    plan, training = _settings(given, side, len(found.images), len(found.names))
    if demo and "augment" not in given:
        # There are as many as one likes.
        training = replace(training, augment=())
    if demo and "width" not in given:
        plan = _settings({**given, "width": 64}, side, 0, len(found.names))[0]
    if rules is not None:
        rules = _shared(registry, rules, side, found.images, training.seed)
    if learnt is not None and "growth" not in given:
        # It has grown already.
        plan = replace(plan, grows=learnt.plan.grows)
    where = "demo" if source is None else str(source.resolve())
    about = About(
        given.get("preset", PRESETS[0]), plan, training, where, len(found.images), found.names, found.skipped, rules,
        versions(), None if before is None else str(before.path.resolve()),
    )  # fmt: skip
    state = None if before is None or learnt is None else _learnt(before, learnt, about)
    folder.begin(about, found.images, found.classes, state)
    if not quiet:
        _introduce(about)
    return about


def _learnt(before: Folder, learnt: About, about: About) -> State:
    """What a new run begins with. Raises :class:`OptionError`, ``GanError``."""
    from pixeldream.neural.gan.train import learnt_before

    ours, theirs = about.plan, learnt.plan
    different = [f.name for f in fields(ours) if getattr(ours, f.name) != getattr(theirs, f.name)]
    if different:
        raise OptionError(
            f"run {str(before.path)!r} has other networks ({', '.join(different)}); begin with the same options"
        )
    return learnt_before(ours, about.training, before.checkpoints)


def _toys(side: int) -> gan_data.Found:
    from pixeldream.neural.gan.toys import KINDS, SIDE, toys

    images, kinds = toys(DEMO)
    times = side // SIDE
    return gan_data.Found(images.repeat(times, 1).repeat(times, 2), kinds, KINDS)


def _shared(registry: Registry, rules: Rules, side: int, images: np.ndarray, seed: int) -> Rules:
    """The rules with the colours that all drawings share."""
    from pixeldream.pieces import choose

    return replace(rules, colours=dict(choose(rules.look(registry), side, images, seed).look.locks))


def _introduce(about: About) -> None:
    kinds = f" in {len(about.classes)} classes" if about.classes else ""
    say(f"{about.count} pictures{kinds} of {about.plan.size}x{about.plan.size} pixels, preset {about.preset}")
    if about.skipped:
        more = f" and {len(about.skipped) - gan_data.NAMED} more" if len(about.skipped) > gan_data.NAMED else ""
        say(f"skipped {len(about.skipped)} that can't be read: {'; '.join(about.skipped[: gan_data.NAMED])}{more}")
    if about.rules is not None:
        colours = ", ".join(f"{slot} {colour}" for slot, colour in about.rules.colours.items())
        say(f"within {about.rules.mode}" + (f"; shared by all: {colours}" if len(about.rules.colours) < 9 else ""))


def _open(registry: Registry, folder: Folder, about: About, keep: int, count: int) -> Run:
    from pixeldream.neural.gan.train import Run

    devices = gan_together.share(about.training.batch, count)
    heard = say if devices.first else lambda text: None
    return Run(
        about.plan, about.training, folder.pictures(), folder.constraint(registry, about), folder.checkpoints, keep,
        heard, devices, sight=_sight(registry, about),
    )  # fmt: skip


def _sight(registry: Registry, about: About) -> Sight:
    """What the critic sees through: the embedded network, where it sees more than pixels."""
    from pixeldream.neural.gan.sight import Sight, sight

    if not about.plan.taps:
        return Sight()
    from pixeldream.neural.weights import resolve

    network, weights, _ = resolve(registry.networks[DEFAULT_NETWORK], None)
    return sight(about.plan, network, weights)


def sheet(run: Run, about: About) -> Callable[[], bytes]:
    """What draws the sheets of a run: of the same latent vectors from first to last, one class after the other."""
    from pixeldream.neural.gan.train import latents

    classes = np.arange(SHEET, dtype=np.int32) % max(1, len(about.classes))
    latent = latents(about.plan, about.training.seed, SHEET)

    def drawn() -> bytes:
        images = np.rint(np.clip(run.sample(latent, classes), 0, 1) * 255).astype(np.uint8)
        return gan_sheet.png(gan_sheet.grid(images))

    return drawn
