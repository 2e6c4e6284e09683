"""``--checkpoint FILE``: a run that was stopped, or killed, goes on with the same command."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Annotated

from pixeldream.cli.common import say
from pixeldream.cli.options import OptionError, option, real
from pixeldream.cli.output import OutputError, write_files
from pixeldream.cli.recipe import Recipe

if TYPE_CHECKING:
    from pixeldream.neural.checkpoint import Checkpoint
    from pixeldream.neural.optimise import Progress

EVERY_SECONDS = 30.0

CheckpointFile = Annotated[
    Path | None,
    option("--checkpoint", metavar="FILE", help="Keep the run in this file; the same command goes on from there."),
]
CheckpointEvery = Annotated[
    float, real("--checkpoint-every", help="Seconds between two writings of the checkpoint; 0 for each step.")
]

_OUTPUT_ONLY = ("raw", "aspect", "large")
"""Options that change how a picture is written, not what is painted."""


def identity_of(recipe: Recipe) -> dict[str, str]:
    """All that decides a run's bytes, by name: another value is another run."""
    options = {name: value for name, value in recipe.options.items() if name not in _OUTPUT_ONLY}
    found = {"command": recipe.command, "device": device()}
    parts = {"option": options, "input": recipe.inputs, "weights of": recipe.weights, "plugin": recipe.plugins}
    for kind, values in {**parts, "version of": recipe.versions}.items():
        found |= {f"{kind} {name}": _text(value) for name, value in values.items()}
    return found


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def device() -> str:
    """What computes: others round otherwise."""
    import jax

    return f"{platform.machine()} {jax.devices()[0].device_kind}"


def read(path: Path, recipe: Recipe) -> Checkpoint | None:
    """The checkpoint of this run in ``path``; None where there is no file. Raises ``OutputError`` for a file that is
    damaged or of another run."""
    from pixeldream.neural.checkpoint import CheckpointError, parse

    try:
        found = parse(path.read_bytes())
        found.check(identity_of(recipe))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise OutputError(f"checkpoint {str(path)!r} can't be read: {error.strerror or error}") from None
    except CheckpointError as error:
        raise OutputError(f"checkpoint {str(path)!r}: {error}") from None
    return found


def resume(path: Path | None, recipe: Recipe, every: float, quiet: bool) -> Keeper | None:
    """Who keeps the run in ``path``, from the checkpoint on that is there. Raises ``OutputError``, and ``OptionError``
    for seconds below 0."""
    if not 0 <= every < float("inf"):
        raise OptionError(f"--checkpoint-every {every:g}: seconds of at least 0")
    if path is None:
        return None
    resumed = read(path, recipe)
    if resumed is not None and not quiet:
        say(f"goes on after step {resumed.step}, from {str(path)!r}")
    return Keeper(path, recipe, every, resumed)


class Keeper:
    """Writes the checkpoint of a run every some seconds, and when the run stops for whatever reason.

    A full disk does not end the run: the old checkpoint stays whole, and that is said once.
    """

    def __init__(self, path: Path, recipe: Recipe, every: float, resumed: Checkpoint | None = None) -> None:
        self.resumed = resumed
        self._path, self._every, self._identity = path, every, identity_of(recipe)
        self._history = [] if resumed is None else [list(row) for row in resumed.history]
        self._last: tuple[Progress, Mapping[str, float]] | None = None
        self._written = time.monotonic()
        self._complained = False

    def __enter__(self) -> Keeper:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._write()

    def __call__(self, progress: Progress, losses: Mapping[str, float]) -> None:
        """Remembers the step, and writes it when it is time."""
        if self._history and self._history[-1][0] == progress.step:
            return  # the step that the run goes on from: the file holds it
        self._history.append([progress.step, losses["content"], losses["style"], losses["total"]])
        self._last = progress, losses
        if time.monotonic() - self._written >= self._every:
            self._write()

    def _write(self) -> None:
        from pixeldream.neural.checkpoint import Checkpoint

        if self._last is None:
            return
        progress, losses = self._last
        try:
            write_files({self._path: Checkpoint.of(progress, losses, self._history, self._identity).to_bytes()})
            self._last = None
        except OutputError as error:
            if not self._complained:
                say(f"warning: checkpoint: {error}; the run goes on")
            self._complained = True
        self._written = time.monotonic()

    def done(self) -> None:
        """The pictures are written: nothing is left to go on with."""
        self._path.unlink(missing_ok=True)
