"""The folder of a run of one of the GAN's siblings, and what their commands have in common."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from pixeldream.cli import gan_data, gan_together
from pixeldream.cli.common import say, tell
from pixeldream.cli.gan_follow import follow, goal_of
from pixeldream.cli.gan_run import Folder, Rules, npy
from pixeldream.cli.interrupt import INTERRUPTED, Interrupt
from pixeldream.cli.options import OptionError, integer, option, real
from pixeldream.cli.output import make_folder, write_files
from pixeldream.cli.recipe import versions
from pixeldream.images import FITS
from pixeldream.neural.gan.settings import as_facts
from pixeldream.neural.gan.sibling_settings import KINDS, SIDES, Enlarging, Translating, settings_of

if TYPE_CHECKING:
    from pixeldream.neural.gan.devices import Devices
    from pixeldream.neural.gan.loader import Pictures
    from pixeldream.neural.gan.loop import Loop

MARK = "pixeldream gan {} 1"
"""What the description of a run says of its kind."""

MINUTES = 30.0
"""How long a training takes where nothing else is said."""

Size = Annotated[int | None, integer("--size", help=f"Side of what is learnt from: {', '.join(map(str, SIDES))}.")]
Width = Annotated[int | None, integer("--width", help="Channels of the generator's largest pictures.")]
Blocks = Annotated[int | None, integer("--blocks", help="Residual blocks of the generator.")]
Rate = Annotated[float | None, real("--rate", help="Adam's rate.")]
RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run.", show_default=False)]
Picture = Annotated[str, typer.Argument(metavar="PICTURE", help="An image or a native file.", show_default=False)]
Fit = Annotated[str, option("--fit", metavar="|".join(FITS), help="How it comes onto the screen of a mode.")]
ModeName = Annotated[str | None, option("--mode", "-m", metavar="MODE", help="A legal picture of this mode.")]


@dataclass(frozen=True)
class SiblingRun:
    """What a run is. ``kind``: of :data:`KINDS`. ``sources``: where its pictures are from, with how many there are.
    ``skipped``: files that could not be read. ``shorter``: the shorter side of large pictures."""

    kind: str
    settings: Enlarging | Translating
    sources: dict[str, int]
    shorter: int
    skipped: tuple[str, ...] = ()
    rules: Rules | None = None
    versions: dict[str, str] = field(default_factory=versions)

    def facts(self) -> dict[str, Any]:
        """As JSON holds them."""
        return {
            "kind": MARK.format(self.kind), "settings": as_facts(self.settings), "sources": self.sources,
            "shorter": self.shorter, "skipped": self.skipped,
            "rules": None if self.rules is None else vars(self.rules), "versions": self.versions,
        }  # fmt: skip


def kind_of(folder: Folder) -> str | None:
    """Which sibling's run is in a folder, if any."""
    try:
        mark = json.loads(folder.about_file.read_text("utf-8"))["kind"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return next((kind for kind in KINDS if mark == MARK.format(kind)), None)


def begin(folder: Folder, run: SiblingRun, pictures: Mapping[str, np.ndarray]) -> SiblingRun:
    """Makes the folder of a new run. Raises ``OutputError``; :class:`OptionError` for one that holds anything."""
    make_folder(folder.path)
    if any(folder.path.iterdir()):
        way = "go on with --resume, or name" if folder.exists() else "name"
        raise OptionError(f"folder {str(folder.path)!r} is not empty; {way} another")
    write_files({folder.path / f"{name}.npy": npy(images) for name, images in pictures.items()})
    # Last: without it there is no run.
    write_files({folder.about_file: (json.dumps(run.facts(), indent=1) + "\n").encode()})
    return run


def about(folder: Folder, kind: str) -> SiblingRun:
    """What a run is. Raises :class:`OptionError` where there is none of that kind or its description is damaged."""
    if not folder.exists():
        raise OptionError(f"folder {str(folder.path)!r} holds no run; 'pixeldream gan train-{kind} -o RUN' makes one")
    try:
        facts = json.loads(folder.about_file.read_text("utf-8"))
        found = str(facts["kind"])
        if found != MARK.format(kind):
            raise OptionError(f"run {str(folder.path)!r} is none of 'gan train-{kind}': it says {found!r:.40}")
        rules = None if facts["rules"] is None else Rules(**facts["rules"])
        settings, sources = settings_of(kind, facts["settings"]), dict(facts["sources"])
        skipped = tuple(facts["skipped"])
        return SiblingRun(kind, settings, sources, int(facts["shorter"]), skipped, rules, facts["versions"])
    except OptionError:
        raise
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise OptionError(f"{str(folder.about_file)!r} is damaged ({reason:.80}); begin anew") from None


def pictures(folder: Folder, name: str) -> Pictures:
    """Those of a run, mapped from the file. Raises :class:`OptionError`."""
    from pixeldream.neural.gan.loader import Pictures

    path = folder.path / f"{name}.npy"
    try:
        images = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        raise OptionError(f"run {str(folder.path)!r} has lost its {path.name}; begin anew") from None
    return Pictures(images, np.zeros(len(images), np.int32))


def chosen(kind: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The options that were given, which are checked. Raises ``GanError``."""
    changes = {name: value for name, value in given.items() if value is not None}
    KINDS[kind](**changes)
    return changes


def check_same(run: SiblingRun, changes: Mapping[str, Any], others: Mapping[str, tuple[Any, Any]]) -> None:
    """Raises :class:`OptionError` for an option that would make it another run. ``others``: what was given of other
    options, and what the run has."""
    known = {
        f.name: (changes[f.name], getattr(run.settings, f.name)) for f in fields(run.settings) if f.name in changes
    }
    for name, (now, was) in {**known, **others}.items():
        if now is not None and now != was:
            flag = {"side": "--size", "DIR": name}.get(name, "--" + name.replace("_", "-"))
            raise OptionError(f"the run was begun with {flag} {was}, not {now}; leave it out, or begin another run")


def introduce(run: SiblingRun, quiet: bool) -> None:
    """Says what a new run learns from."""
    if quiet:
        return
    side = run.settings.side
    parts = " and ".join(f"{count} of {source}" for source, count in run.sources.items())
    say(f"squares of {side}x{side} pixels: {parts}")
    if run.skipped:
        more = len(run.skipped) - gan_data.NAMED
        tail = f" and {more} more" if more > 0 else ""
        say(f"skipped {len(run.skipped)} that can't be read: {'; '.join(run.skipped[: gan_data.NAMED])}{tail}")


@dataclass(frozen=True)
class Manner:
    """How long to train and on what: the options that every training has."""

    steps: int = 0
    epochs: float = 0.0
    minutes: float = 0.0
    keep: int = 3
    devices: int = 0
    quiet: bool = False

    def __post_init__(self) -> None:
        for name in ("steps", "epochs", "minutes"):
            if getattr(self, name) < 0:
                raise OptionError(f"--{name} {getattr(self, name):g} is less than none")
        if self.keep < 1:
            raise OptionError(f"--keep {self.keep}: one checkpoint at least")


def learn(
    folder: Folder, run: SiblingRun, manner: Manner, open_: Callable[[Devices], Loop], sheet: Callable[[Loop], bytes]
) -> bool:
    """Trains a run to its goal; whether this process is the one that speaks. Exits after Ctrl-C."""
    goal = goal_of(manner.steps, manner.epochs, manner.minutes, MINUTES)
    devices = gan_together.share(run.settings.batch, manner.devices)
    with Interrupt() as interrupt:
        loop = open_(devices)
        try:
            follow(loop, goal, folder, interrupt, manner.quiet, lambda: sheet(loop))
        finally:
            loop.close()
    if devices.first:
        tell(str(folder.path))
    if interrupt.asked:
        raise typer.Exit(INTERRUPTED)
    return devices.first


def chance(run: SiblingRun) -> np.random.Generator:
    """What picks the pictures of a run that are measured."""
    return np.random.default_rng(run.settings.seed)


def rules_of(mode: str | None, palette: str | None) -> Rules | None:
    """Those of options. Raises :class:`OptionError`."""
    if mode is None and palette is not None:
        raise OptionError("--palette is for a mode: name it as well, --mode MODE")
    return None if mode is None else Rules(mode, palette)
