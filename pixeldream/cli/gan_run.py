"""The folder of a GAN's run: what it is, what it learns from, its checkpoints, sheets and curve."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass, field
from io import BytesIO, StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pixeldream.cli.common import PluginError
from pixeldream.cli.inputs import is_palette_file
from pixeldream.cli.options import OptionError
from pixeldream.cli.output import make_folder, write_files
from pixeldream.look import Look, look
from pixeldream.neural.gan.settings import GanError, Plan, Training, as_facts, plan_of, training_of
from pixeldream.plugin.registry import Registry
from pixeldream.retro.palette import Palette, read_palette

if TYPE_CHECKING:
    from pixeldream.neural.gan.loader import Pictures
    from pixeldream.neural.gan.loop import Loop
    from pixeldream.neural.gan.step import State
    from pixeldream.neural.gan.train import Constraint
    from pixeldream.pieces import Pieces

KIND = "pixeldream gan 1"


@dataclass(frozen=True)
class Rules:
    """A mode that all drawings obey. ``colours``: those that all pieces share, by slot; indices of the palette."""

    mode: str
    palette: str | None = None
    colours: dict[str, int] = field(default_factory=dict)

    def look(self, registry: Registry) -> Look:
        """The mode with its palette. Raises ``UnknownName``, ``ValueError``."""
        palette: str | Palette | None = self.palette
        if self.palette is not None and is_palette_file(registry, self.palette):
            palette = read_palette(Path(self.palette))
        return look(registry, self.mode, palette=palette)


@dataclass(frozen=True)
class About:
    """What a run is. ``source``: where its pictures are from. ``classes``: their names, none where they have none.
    ``skipped``: files that could not be read. ``before``: the run that this one began with."""

    preset: str
    plan: Plan
    training: Training
    source: str
    count: int
    classes: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    rules: Rules | None = None
    versions: dict[str, str] = field(default_factory=dict)
    before: str | None = None

    def json(self) -> bytes:
        """As a file."""
        rules = None if self.rules is None else vars(self.rules)
        facts = {
            "kind": KIND, "preset": self.preset, "plan": as_facts(self.plan), "training": as_facts(self.training),
            "source": self.source, "count": self.count, "classes": self.classes, "skipped": self.skipped,
            "rules": rules, "versions": self.versions, "from": self.before,
        }  # fmt: skip
        return (json.dumps(facts, indent=1) + "\n").encode()

    def class_number(self, name: str) -> int:
        """Of a class. Raises :class:`OptionError` that lists them."""
        if name in self.classes:
            return self.classes.index(name)
        known = f"it has {', '.join(self.classes)}" if self.classes else "this run has none"
        raise OptionError(f"class {name!r} is not known; {known}")


@dataclass(frozen=True)
class Folder:
    """The files of a run."""

    path: Path

    @property
    def about_file(self) -> Path:
        """What the run is."""
        return self.path / "run.json"

    @property
    def checkpoints(self) -> Path:
        """Those of Orbax."""
        return self.path / "checkpoints"

    def exists(self) -> bool:
        """Whether a run is in it."""
        return self.about_file.is_file()

    def begin(self, about: About, images: np.ndarray, classes: np.ndarray, state: State | None = None) -> None:
        """Makes the folder of a new run, which begins with ``state`` if there is one. Raises ``OutputError``,
        ``GanError``; :class:`OptionError` for one that holds anything."""
        make_folder(self.path)
        if any(self.path.iterdir()):
            way = "go on with --resume, or name" if self.exists() else "name"
            raise OptionError(f"folder {str(self.path)!r} is not empty; {way} another")
        write_files({self.path / "images.npy": npy(images), self.path / "classes.npy": npy(classes)})
        if state is not None:
            self._begin_with(about, state)
        # Last: without it there is no run.
        write_files({self.about_file: about.json()})

    def _begin_with(self, about: About, state: State) -> None:
        """Makes the first checkpoint of a run. Raises ``GanError``."""
        from pixeldream.neural.gan.train import Run

        run = Run(about.plan, about.training, self.pictures(), folder=self.checkpoints, state=state)
        try:
            run.save()
        finally:
            run.close()

    def about(self) -> About:
        """What the run is. Raises :class:`OptionError` where there is none or its description is damaged."""
        if not self.exists():
            raise OptionError(
                f"folder {str(self.path)!r} holds no run of a GAN; 'pixeldream gan train DIR -o RUN' makes one"
            )
        try:
            facts = json.loads(self.about_file.read_text("utf-8"))
            if facts["kind"] != KIND:
                raise OptionError(f"run {str(self.path)!r} is of another kind or version: {facts['kind']!r:.40}")
            return About(
                facts["preset"], plan_of(facts["plan"]), training_of(facts["training"]), facts["source"],
                facts["count"], tuple(facts["classes"]), tuple(facts["skipped"]),
                None if facts["rules"] is None else Rules(**facts["rules"]), facts["versions"], facts["from"],
            )  # fmt: skip
        except (OSError, json.JSONDecodeError, KeyError, TypeError, GanError) as error:
            reason = " ".join(str(error).split())
            raise OptionError(f"{str(self.about_file)!r} is damaged ({reason:.80}); begin anew") from None

    def pictures(self) -> Pictures:
        """What the run learns from; the images are mapped from the file. Raises :class:`OptionError`."""
        from pixeldream.neural.gan.loader import Pictures

        try:
            images = np.load(self.path / "images.npy", mmap_mode="r", allow_pickle=False)
            return Pictures(images, np.load(self.path / "classes.npy", allow_pickle=False))
        except (OSError, ValueError, EOFError):
            raise OptionError(f"run {str(self.path)!r} has lost its images.npy or classes.npy; begin anew") from None

    def pieces(self, registry: Registry, about: About) -> Pieces | None:
        """The rules that the run was trained under, if any. Raises :class:`PluginError`."""
        if about.rules is None:
            return None
        from pixeldream.pieces import locked

        if about.rules.mode not in registry.modes:
            raise PluginError(
                f"the run was trained in mode {about.rules.mode!r}, which no plugin here brings; --plugin"
            )
        return locked(about.rules.look(registry), about.rules.colours, about.plan.size)

    def constraint(self, registry: Registry, about: About) -> Constraint:
        """What all drawings of the run pass through."""
        from pixeldream.neural.gan.train import Constraint

        pieces = self.pieces(registry, about)
        return Constraint() if pieces is None else Constraint(pieces.rule, pieces.arrays())

    def write_curve(self, loop: Loop) -> None:
        """The losses as a table and as a picture."""
        from pixeldream.cli.gan_sheet import plot

        names = ("step", *loop.lesson.figures)
        text = StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(names)
        writer.writerows([int(row[0]), *(f"{value:.6g}" for value in row[1:])] for row in loop.curve)
        files = {self.path / "losses.csv": text.getvalue().encode()}
        if len(loop.curve) > 1:
            files[self.path / "losses.png"] = plot(np.asarray(loop.curve), names)
        write_files(files)

    def write_sheet(self, name: str, png: bytes) -> Path:
        """A sheet of samples."""
        make_folder(self.path / "samples")
        path = self.path / "samples" / f"{name}.png"
        write_files({path: png})
        return path


def npy(array: Any) -> bytes:
    """A file of numpy's."""
    file = BytesIO()
    np.save(file, array, allow_pickle=False)
    return file.getvalue()
