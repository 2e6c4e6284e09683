"""Training as an iterator: whoever runs it may stop between two steps, and what is needed to go on is kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from pixeldream.neural.gan import step as steps
from pixeldream.neural.gan.checkpoints import Checkpoints, Kept
from pixeldream.neural.gan.loader import Batches, Pictures
from pixeldream.neural.gan.settings import GanError, Plan, Training, grown
from pixeldream.neural.gan.watch import Watch

Row = tuple[float, ...]
"""Of the curve: the step, then the mean of each of ``steps.FIGURES`` since the row before."""

ROW_EVERY = 50
"""Steps between two rows of the curve."""


class Constraint(NamedTuple):
    """What all drawings pass through: see :data:`pixeldream.neural.gan.step.Rule`."""

    rule: steps.Rule | None = None
    arrays: Any = ()


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

    def part(self, run: Run) -> float:
        """How much of the run is done, 0 to 1."""
        done = (run.steps, self.steps), (run.seconds / 60, self.minutes), (run.epochs, self.epochs)
        return min(1.0, max(value / limit for value, limit in done if limit))


class Run:
    """Training under way. ``folder``: where checkpoints are, if any are kept; the newest one is gone on from.

    ``state``: what a new run begins with, such as :func:`learnt_before`. ``say`` is told in words when something goes
    wrong. Raises :class:`GanError`.
    """

    def __init__(
        self,
        plan: Plan,
        training: Training,
        pictures: Pictures,
        constraint: Constraint = Constraint(),  # noqa: B008 - a frozen value
        folder: Path | None = None,
        keep: int = 3,
        say: Callable[[str], None] = lambda text: None,
        state: steps.State | None = None,
    ) -> None:
        if pictures.images.shape[1:] != (plan.size, plan.size, 3):
            found = list(pictures.images.shape[1:])
            raise GanError(f"pictures of shape {found} are none of {plan.size}x{plan.size} pixels")
        self.plan, self.training, self.constraint, self._say = plan, training, constraint, say
        self.pictures = pictures
        self._batches = Batches(pictures, training.batch, training.seed)
        self.state: steps.State
        self.steps, self.seconds = 0, 0.0
        self.curve: list[Row] = []
        self._watch, self._pending = Watch(), []  # type: ignore[var-annotated]
        self._checkpoints = None if folder is None else Checkpoints(folder, keep)
        self._saved = -1
        self._restore(state)

    @property
    def epochs(self) -> float:
        """How often each picture was seen."""
        return self._batches.epochs(self.steps)

    def go(self, goal: Goal) -> Iterator[Run]:
        """Trains; yields itself after every step. Nothing comes where the goal is reached already."""
        while goal.part(self) < 1:
            self.step()
            yield self

    def step(self) -> None:
        """One step. The first compiles, which does not count as time."""
        begun = time.monotonic()
        images, classes = next(self._batches)
        plan, part = grown(self.plan, self.training, self.steps)
        self.state, figures = steps.train_step(
            plan, self.training, self.state, jnp.asarray(images), jnp.asarray(classes), *self.constraint, _array(part)
        )
        self.steps += 1
        self._pending.append(figures)
        # Waits for the step before this one, so that the device is never idle and never far behind.
        if len(self._pending) > 1:
            jax.block_until_ready(self._pending[-2])
        if self.steps % ROW_EVERY == 0:
            self._look()
        self.seconds += time.monotonic() - begun if self.steps > 1 else 0.0

    def _look(self) -> None:
        """A row of the curve, and a word where something is wrong."""
        found = [{name: float(value) for name, value in each.items()} for each in self._pending]
        self._pending = []
        for each in found:
            for text in self._watch.see(each):
                self._say(f"step {self.steps}: {text}")
        means = (float(np.mean([each[name] for each in found])) for name in steps.FIGURES)
        self.curve.append((float(self.steps), *means))

    def sample(self, latent: Any, classes: Any) -> np.ndarray:
        """Pictures of latent vectors and classes; see ``step.sample``."""
        plan, part = grown(self.plan, self.training, self.steps)
        arrays = jnp.asarray(latent), jnp.asarray(classes)
        return np.asarray(steps.sample(plan, self.state.average, *arrays, *self.constraint, _array(part)))

    def save(self) -> None:
        """Writes a checkpoint, unless this step's is there. Raises :class:`GanError`."""
        if self._checkpoints is None or self._saved == self.steps:
            return
        pending = [{name: float(value) for name, value in each.items()} for each in self._pending]
        facts = {
            "position": self._batches.position(), "seconds": self.seconds, "curve": self.curve,
            "watch": self._watch.facts(), "pending": pending,
        }  # fmt: skip
        self._checkpoints.save(self.steps, self.state, facts)
        self._saved = self.steps

    def _restore(self, state: steps.State | None) -> None:
        kept = None if self._checkpoints is None else self._checkpoints.load(_form(self.plan, self.training))
        if kept is None:
            self.state = steps.begin(self.plan, self.training) if state is None else state
            return
        self.steps, self.state, facts = kept
        self._saved = self.steps
        self._batches.move(facts["position"])
        self.seconds = float(facts["seconds"])
        self.curve = [tuple(row) for row in facts["curve"]]
        self._watch.restore(facts["watch"])
        self._pending = list(facts["pending"])

    def close(self) -> None:
        """Lets go of the folder."""
        if self._checkpoints is not None:
            self._checkpoints.close()


def _form(plan: Plan, training: Training) -> steps.State:
    """The shapes of a state."""
    return jax.eval_shape(lambda: steps.begin(plan, training))


def _array(part: float | None) -> jax.Array | None:
    return None if part is None else jnp.float32(part)


class Trained(NamedTuple):
    """A generator as a run's newest checkpoint holds it, and how long it has learnt. ``part``: how far the plan's level
    has grown."""

    plan: Plan
    average: Any
    steps: int
    minutes: float
    curve: list[Row]
    part: float | None = None

    def sample(self, latent: Any, classes: Any, constraint: Constraint = Constraint()) -> np.ndarray:  # noqa: B008
        """float32 ``[n, size, size, 3]`` of latent vectors and classes; ``BATCH`` at a time."""
        found = []
        for start in range(0, len(latent), BATCH):
            part = slice(start, start + BATCH)
            missing = ((0, BATCH - len(latent[part])), (0, 0))
            arrays = np.pad(latent[part], missing), np.pad(classes[part], missing[0])
            drawn = steps.sample(self.plan, self.average, *map(jnp.asarray, arrays), *constraint, _array(self.part))
            found.append(np.asarray(drawn)[: len(latent[part])])
        return np.concatenate(found)


BATCH = 64
"""Drawings that are made at once."""


def learnt_before(plan: Plan, training: Training, folder: Path) -> steps.State:
    """The state of another run of the same networks as a new one begins with it: at step 0, with a chance of its own.
    Raises :class:`GanError`."""
    state = _newest(plan, training, folder).state
    new = steps.begin(plan, training)
    return state._replace(step=new.step, key=new.key)


def _newest(plan: Plan, training: Training, folder: Path) -> Kept:
    checkpoints = Checkpoints(folder)
    try:
        kept = checkpoints.load(_form(plan, training))
    finally:
        checkpoints.close()
    if kept is None:
        raise GanError(f"{str(folder)!r} holds no checkpoint yet; let 'pixeldream gan train' run to its first one")
    return kept


def trained(plan: Plan, training: Training, folder: Path) -> Trained:
    """What a run has learnt so far. Raises :class:`GanError`."""
    kept = _newest(plan, training, folder)
    curve = [tuple(row) for row in kept.facts["curve"]]
    plan, part = grown(plan, training, kept.step)
    return Trained(plan, kept.state.average, kept.step, float(kept.facts["seconds"]) / 60, curve, part)


def latents(plan: Plan, seed: int, count: int, truncation: float = 0.0) -> np.ndarray:
    """float32 ``[count, latent]``: the vectors of a seed; the first ones of more are the same.

    ``truncation``: no number is farther from 0 than that (arXiv 1809.11096): fewer kinds, and better ones; 0 for no
    such limit. Raises :class:`GanError`.
    """
    if not (truncation >= 0 and count >= 0):
        raise GanError(f"truncation {truncation:g} of {count} vectors; both are 0 or more")

    def one(number: jax.Array) -> jax.Array:
        key = jax.random.fold_in(jax.random.key(seed), number)
        if truncation:
            return jax.random.truncated_normal(key, -truncation, truncation, (plan.latent,))
        return jax.random.normal(key, (plan.latent,))

    return np.asarray(jax.vmap(one)(jnp.arange(count)))


def walk(begin: np.ndarray, end: np.ndarray, count: int) -> np.ndarray:
    """float32 ``[count, latent]``: from one vector to another along the sphere, on which most of a normal distribution
    lies (White, arXiv 1609.04468)."""
    first, last = (vector / np.linalg.norm(vector) for vector in (begin, end))
    angle = np.arccos(np.clip(first @ last, -1.0, 1.0))
    part = np.linspace(0.0, 1.0, count)[:, None]
    if angle < 1e-4:
        return (begin + part * (end - begin)).astype(np.float32)
    along = (np.sin((1 - part) * angle) * first + np.sin(part * angle) * last) / np.sin(angle)
    length = (1 - part) * np.linalg.norm(begin) + part * np.linalg.norm(end)
    return (along * length).astype(np.float32)


def means(row: Row) -> Mapping[str, float]:
    """A row of the curve by names."""
    return dict(zip(("step", *steps.FIGURES), row, strict=True))
