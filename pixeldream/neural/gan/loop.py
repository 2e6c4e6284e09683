"""Training as an iterator, whatever is learnt: whoever runs it may stop between two steps, and what is needed to go on
is kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol, Self

import jax
import numpy as np

from pixeldream.neural.gan.checkpoints import Checkpoints, Kept
from pixeldream.neural.gan.devices import Devices
from pixeldream.neural.gan.settings import GanError
from pixeldream.neural.gan.watch import Watch

Row = tuple[float, ...]
"""Of the curve: the step, then the mean of each of the lesson's figures since the row before."""

ROW_EVERY = 50
"""Steps between two rows of the curve."""


class Lesson(NamedTuple):
    """What is learnt: pure functions. ``begin() -> state``, arrays only; ``step(number, state, *batch) -> state,
    figures``, jitted, where ``number`` steps were done before; ``figures``: their names, scalars all; ``watched``:
    whether they are those that a :class:`Watch` follows."""

    begin: Callable[[], Any]
    step: Callable[..., tuple[Any, Mapping[str, jax.Array]]]
    figures: tuple[str, ...]
    watched: bool = False


class Source(Protocol):
    """Where batches come from, one tuple of arrays a step."""

    def __next__(self) -> tuple[np.ndarray, ...]:
        """The next batch: this process's part of it."""

    def position(self) -> dict[str, Any]:
        """Where it stands, as JSON holds it."""

    def move(self, position: dict[str, Any]) -> None:
        """Goes to a position."""

    def epochs(self, steps: int) -> float:
        """How often each picture was seen in so many steps."""


@dataclass(frozen=True)
class Goal:
    """When a run is over: at whichever comes first. 0: no such limit."""

    steps: int = 0
    minutes: float = 0.0
    epochs: float = 0.0

    def __post_init__(self) -> None:
        for name in ("steps", "minutes", "epochs"):
            if getattr(self, name) < 0:
                raise GanError(f"{name} {getattr(self, name):g} is less than none")
        if not (self.steps or self.minutes or self.epochs):
            raise GanError("nothing says when to stop: give --steps, --epochs or --minutes")

    def part(self, loop: Loop) -> float:
        """How much of the run is done, 0 to 1."""
        done = (loop.steps, self.steps), (loop.seconds / 60, self.minutes), (loop.epochs, self.epochs)
        return min(1.0, max(value / limit for value, limit in done if limit))

    def reached(self, loop: Loop) -> bool:
        """Whether as much is learnt as there was to be."""
        return any(limit and value >= limit for value, limit in ((loop.steps, self.steps), (loop.epochs, self.epochs)))

    def late(self, loop: Loop) -> bool:
        """Whether time is up: each process has a clock of its own."""
        return bool(self.minutes) and loop.seconds >= 60 * self.minutes


class Loop:
    """Training under way. ``folder``: where checkpoints are, if any are kept; the newest one is gone on from.

    ``state``: what a new one begins with, in place of the lesson's own. ``say`` is told in words when something goes
    wrong. Raises :class:`GanError`.
    """

    def __init__(
        self,
        lesson: Lesson,
        source: Source,
        folder: Path | None = None,
        keep: int = 3,
        say: Callable[[str], None] = lambda text: None,
        devices: Devices = Devices(),  # noqa: B008 - a frozen value
        state: Any = None,
    ) -> None:
        self.lesson, self.devices, self._source, self._say = lesson, devices, source, say
        self.state: Any
        self.steps, self.seconds = 0, 0.0
        self._compiled = False
        self.curve: list[Row] = []
        self._watch, self._pending = Watch(), []  # type: ignore[var-annotated]
        self._checkpoints = None if folder is None else Checkpoints(folder, keep)
        self._saved = -1
        self._restore(state)

    @property
    def epochs(self) -> float:
        """How often each picture was seen."""
        return self._source.epochs(self.steps)

    def go(self, goal: Goal) -> Iterator[Self]:
        """Trains; yields itself after every step. Nothing comes where the goal is reached already."""
        while not (goal.reached(self) or self.devices.agree(goal.late(self), self.steps)):
            self.step()
            yield self

    def step(self) -> None:
        """One step. The first here, be it of a run that goes on, compiles, which does not count as time."""
        begun = time.monotonic()
        batch = (self.devices.split(part) for part in next(self._source))
        self.state, figures = self.devices.settle(self.lesson.step(self.steps, self.state, *batch))
        self.steps += 1
        self._pending.append(self.devices.local(figures))
        # Waits for the step before this one, so that the device is never idle and never far behind.
        if len(self._pending) > 1:
            jax.block_until_ready(self._pending[-2])
        if self.steps % ROW_EVERY == 0:
            self._look()
        self.seconds += time.monotonic() - begun if self._compiled else 0.0
        self._compiled = True

    def _look(self) -> None:
        """A row of the curve, and a word where something is wrong."""
        found = [{name: float(value) for name, value in each.items()} for each in self._pending]
        self._pending = []
        for each in found if self.lesson.watched else ():
            for text in self._watch.see(each):
                self._say(f"step {self.steps}: {text}")
        means = (float(np.mean([each[name] for each in found])) for name in self.lesson.figures)
        self.curve.append((float(self.steps), *means))

    def save(self) -> None:
        """Writes a checkpoint, unless this step's is there, or another process does it. Raises :class:`GanError`."""
        if self._checkpoints is None or self._saved == self.steps or not self.devices.first:
            return
        pending = [{name: float(value) for name, value in each.items()} for each in self._pending]
        facts = {
            "position": self._source.position(), "seconds": self.seconds, "curve": self.curve,
            "watch": self._watch.facts(), "pending": pending,
        }  # fmt: skip
        self._checkpoints.save(self.steps, self.devices.local(self.state), facts)
        self._saved = self.steps

    def _restore(self, state: Any) -> None:
        kept = None if self._checkpoints is None else self._checkpoints.load(jax.eval_shape(self.lesson.begin))
        if kept is None:
            self.state = self.devices.replicate(self.lesson.begin() if state is None else state)
            return
        self.steps, found, facts = kept
        self.state = self.devices.replicate(found)
        self._saved = self.steps
        self._source.move(facts["position"])
        self.seconds = float(facts["seconds"])
        self.curve = [tuple(row) for row in facts["curve"]]
        self._watch.restore(facts["watch"])
        self._pending = list(facts["pending"])

    def close(self) -> None:
        """Lets go of the folder."""
        if self._checkpoints is not None:
            self._checkpoints.close()


def kept(begin: Callable[[], Any], folder: Path) -> Kept:
    """The newest checkpoint of a lesson that begins so. Raises :class:`GanError`."""
    checkpoints = Checkpoints(folder)
    try:
        found = checkpoints.load(jax.eval_shape(begin))
    finally:
        checkpoints.close()
    if found is None:
        raise GanError(f"{str(folder)!r} holds no checkpoint yet; let its training run to the first one")
    return found
