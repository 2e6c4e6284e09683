"""A GAN in training, and what it has learnt."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from pixeldream.neural.gan import step as steps
from pixeldream.neural.gan.devices import Devices
from pixeldream.neural.gan.loader import Batches, Pictures
from pixeldream.neural.gan.loop import Lesson, Loop, Row, kept
from pixeldream.neural.gan.settings import GanError, Plan, Training, grown
from pixeldream.neural.gan.sight import Sight


class Constraint(NamedTuple):
    """What all drawings pass through: see :data:`pixeldream.neural.gan.step.Rule`."""

    rule: steps.Rule | None = None
    arrays: Any = ()


class Run(Loop):
    """A GAN in training. ``folder``: where checkpoints are, if any are kept; the newest one is gone on from.

    ``state``: what a new run begins with, such as :func:`learnt_before`. ``sight``: what the critic sees through, where
    the plan has taps. ``say`` is told in words when something goes
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
        devices: Devices = Devices(),  # noqa: B008 - a frozen value
        state: steps.State | None = None,
        sight: Sight = Sight(),  # noqa: B008 - a frozen value
    ) -> None:
        if pictures.images.shape[1:] != (plan.size, plan.size, 3):
            found = list(pictures.images.shape[1:])
            raise GanError(f"pictures of shape {found} are none of {plan.size}x{plan.size} pixels")
        self.plan, self.training, self.constraint, self.pictures = plan, training, constraint, pictures
        batches = Batches(pictures, training.batch, training.seed, devices.part)
        shared = Constraint(constraint.rule, devices.replicate(constraint.arrays))
        through = Sight(sight.network, devices.replicate(sight.arrays))
        super().__init__(_lesson(plan, training, shared, through), batches, folder, keep, say, devices, state)

    def sample(self, latent: Any, classes: Any) -> np.ndarray:
        """Pictures of latent vectors and classes; see ``step.sample``."""
        plan, part = grown(self.plan, self.training, self.steps)
        average, arrays = self.devices.local(self.state.average), (jnp.asarray(latent), jnp.asarray(classes))
        return np.asarray(steps.sample(plan, average, *arrays, *self.constraint, _array(part)))


def _lesson(plan: Plan, training: Training, constraint: Constraint, sight: Sight) -> Lesson:
    seedless = replace(training, seed=0)  # another seed compiles nothing anew

    def step(
        number: int, state: steps.State, images: jax.Array, classes: jax.Array
    ) -> tuple[steps.State, dict[str, jax.Array]]:
        now, part = grown(plan, training, number)
        return steps.train_step(now, seedless, state, images, classes, *constraint, _array(part), *sight)

    return Lesson(partial(steps.begin, plan, training), step, steps.FIGURES, watched=True)


def _array(part: float | None) -> Any:
    # numpy's: it is on no device before a step puts it on all of them.
    return None if part is None else np.float32(part)


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
    state = kept(partial(steps.begin, plan, training), folder).state
    new = steps.begin(plan, training)
    return state._replace(step=new.step, key=new.key)


def trained(plan: Plan, training: Training, folder: Path) -> Trained:
    """What a run has learnt so far. Raises :class:`GanError`."""
    found = kept(partial(steps.begin, plan, training), folder)
    curve = [tuple(row) for row in found.facts["curve"]]
    plan, part = grown(plan, training, found.step)
    return Trained(plan, found.state.average, found.step, float(found.facts["seconds"]) / 60, curve, part)


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
