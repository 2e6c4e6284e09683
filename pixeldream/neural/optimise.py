"""The one loop: an objective seen through a view of a canvas, moved by an optimiser: ``local_adam``, unless told
otherwise. It knows no machine.

Each step is one jitted function; objective, canvas functions and view are static, everything else is traced, so steps
and runs of one shape share a compilation. The loop is a generator: whoever runs it may stop between two steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import optax

from pixeldream.canvas import Canvas, Parameters, State
from pixeldream.neural.checkpoint import Checkpoint
from pixeldream.neural.local_adam import scale_by_local_adam
from pixeldream.neural.settings import Rate as Rate

Losses = dict[str, jax.Array]
"""Scalars by name; ``total`` is what was minimised."""

ADAM = scale_by_local_adam()


class Objective(Protocol):
    """What a run minimises: hashable by value; ``arrays`` is whatever it needs, traced."""

    def __call__(self, arrays: Any, image: jax.Array) -> Losses:
        """Losses of ``image [h, w, 3]``; must hold ``total``."""


@dataclass(frozen=True)
class Progress:
    """A run after ``step`` of ``steps``. ``losses`` are those of the picture that the step started from."""

    step: int
    steps: int
    losses: Losses
    canvas: Canvas
    params: Parameters
    state: State
    begin: Any = None
    """The image ``[h, w, 3]`` that the stage of the run began with, in the pixels that the network sees."""

    carried: Any = ()
    """All that the loop takes from this step to the next: arrays, in a tree. With ``begin`` and the step, enough to go
    on (see ``pixeldream.neural.checkpoint``)."""

    def finish(self) -> Any:
        """What the canvas makes of it: a ``Picture`` or an image."""
        return self.canvas.finish(self.params, self.state)

    def image(self) -> jax.Array:
        """The image ``[h, w, 3]`` as the canvas shows it now."""
        return self.canvas.show(self.params, self.state)


def identity(image: jax.Array) -> jax.Array:
    """The view of a canvas that is looked at as it is."""
    return image


@partial(jax.jit, static_argnames=("objective", "show", "settle", "view", "optimiser"))
def _step(
    objective: Objective,
    show: Callable,
    settle: Callable,
    view: Callable,
    arrays: Any,
    params: Parameters,
    moments: Any,
    state: State,
    number: jax.Array,
    rate: jax.Array,
    optimiser: optax.GradientTransformation = ADAM,
) -> tuple[Parameters, Any, State, Losses]:
    def loss(params: Parameters) -> tuple[jax.Array, Losses]:
        losses = objective(arrays, view(show(params, state)))
        return losses["total"], losses

    gradients, losses = jax.grad(loss, has_aux=True)(params)
    updates, moments = optimiser.update(gradients, moments, params)
    params = jax.tree.map(lambda value, update: value - rate * update, params, updates)
    params, state = settle(params, gradients, state, number)
    return params, moments, state, losses


@partial(jax.jit, static_argnames=("objective",))
def evaluate(objective: Objective, arrays: Any, image: jax.Array) -> Losses:
    """The losses of an image, without a step."""
    return objective(arrays, image)


def optimise(
    canvas: Canvas,
    image: Any,
    objective: Objective,
    arrays: Any,
    *,
    steps: int,
    others: Sequence[Any] = (),
    until: float = 1.0,
    vary: Callable[[Any, int], Any] | None = None,
    optimiser: optax.GradientTransformation = ADAM,
    view: Callable[[jax.Array], jax.Array] = identity,
    rate: Rate = Rate(),  # noqa: B008 - a frozen value
    resume: Checkpoint | None = None,
) -> Iterator[Progress]:
    """``steps`` steps from ``image`` (of the canvas's own size); yields after each one, and computes no further than
    it is asked to.

    ``others``: more arrays of the same shapes, which take turns with ``arrays`` from step to step, in that share of the
    steps which ``until`` names. ``vary``: what becomes of the arrays in the step of that number, such as other random
    numbers. ``optimiser``: as optax has them; the same object for equal ones, or each run compiles anew. ``resume``:
    goes on from there, and yields that first. The steps that follow are those of a run that never stopped. ``view``
    turns what the canvas shows into what the objective sees.
    """
    params, state = canvas.init(image)
    moments, begin = optimiser.init(params), 1
    if resume is not None:
        params, moments, state = carried = resume.restore((params, moments, state))
        begin = resume.step + 1
        known = {name: jnp.asarray(value, jnp.float32) for name, value in resume.losses.items()}
        yield Progress(resume.step, steps, known, canvas, params, state, carried=carried)
    turns = (arrays, *others)
    for number in range(begin, steps + 1):
        seen = turns[number % len(turns)] if number <= until * steps else arrays
        seen = seen if vary is None else vary(seen, number)
        traced = jnp.asarray(number, jnp.int32), jnp.asarray(rate.at(number, steps), jnp.float32)
        params, moments, state, losses = _step(
            objective, canvas.show, canvas.settle, view, seen, params, moments, state, *traced, optimiser=optimiser
        )
        yield Progress(number, steps, losses, canvas, params, state, carried=(params, moments, state))
