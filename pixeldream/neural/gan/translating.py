"""Learning to translate pictures of one language into another from two sets that no one has paired, there and back
(Zhu et al., arXiv 1703.10593).

The first language is called ``a`` (photos), the second ``b`` (pixel art). Where there is a rule, all that is written in
``b`` passes through it: its critic sees legal pictures only, and the way back begins at them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from pixeldream.neural.gan import augment, losses, spectral
from pixeldream.neural.gan import pixel_networks as nets
from pixeldream.neural.gan.loop import Lesson
from pixeldream.neural.gan.networks import Arrays
from pixeldream.neural.gan.sibling_settings import Translating
from pixeldream.neural.gan.step import Rule, moved, running_average

FIGURES = ("critics", "generators", "cycle", "same", "real", "fake")
"""What a step says: the losses of both critics and of both generators, two parts of the latter, the mean scores that
the second language's critic gives to real and to translated pictures."""

LOSS = "squares"


class Both(NamedTuple):
    """Something of each language: of a translator, the one that writes it."""

    a: Any
    b: Any


class State(NamedTuple):
    """All that changes from step to step; arrays only. ``pools``: uint8 ``[pool, side, side, 3]`` each."""

    generators: Both
    critics: Both
    directions: Both
    generator_moments: Any
    critic_moments: Any
    pools: Both
    average: Both
    step: jax.Array
    key: jax.Array


def lesson(plan: Translating, rule: Rule | None = None, rules: Any = ()) -> Lesson:
    """What a loop repeats, with batches of both languages, uint8 ``[n, side, side, 3]``."""
    seedless = replace(plan, seed=0)  # another seed compiles nothing anew

    def step(number: int, state: State, a: jax.Array, b: jax.Array) -> tuple[State, Mapping[str, jax.Array]]:
        return train_step(seedless, state, a, b, rule, rules)

    return Lesson(partial(begin, plan), step, FIGURES)


def _optimiser(plan: Translating) -> optax.GradientTransformation:
    """At a steady rate: the paper's falls in the second half, and here nobody knows how long a run will be. The running
    average does the like."""
    return optax.adam(plan.rate, *plan.betas)


def begin(plan: Translating) -> State:
    """The state before the first step."""
    keys = jax.random.split(jax.random.key(plan.seed), 3)
    generators = Both(*(nets.begin(nets.Translator, plan, number) for number in (0, 1)))
    critics = Both(*(nets.begin(nets.PatchCritic, plan, number) for number in (2, 3)))
    directions = Both(*(spectral.begin(each, key) for each, key in zip(critics, keys[:2], strict=True)))
    optimiser = _optimiser(plan)
    pool = jnp.zeros((plan.pool, plan.side, plan.side, 3), jnp.uint8)
    return State(
        generators, critics, directions, optimiser.init(generators), optimiser.init(critics), Both(pool, pool),
        generators, jnp.zeros((), jnp.int32), jax.random.key_data(keys[2]),
    )  # fmt: skip


def _write(plan: Translating, generator: Arrays, images: jax.Array) -> jax.Array:
    return nets.apply(nets.Translator, plan, generator, images)


@partial(jax.jit, static_argnames=("plan", "rule"))
def train_step(
    plan: Translating, state: State, a: jax.Array, b: jax.Array, rule: Rule | None = None, rules: Any = ()
) -> tuple[State, dict[str, jax.Array]]:
    """One step on pictures of both languages, uint8 ``[n, side, side, 3]``; its figures. The generators learn first, as
    in the paper's program. ``rule``: what all pictures of ``b`` pass through; ``rules``: its arrays."""
    keys = jax.random.split(jax.random.fold_in(jax.random.wrap_key_data(state.key), state.step), 4)
    legal = (lambda images: images) if rule is None else (lambda images: rule(images, rules))
    real = Both(*(_seen(plan, images, key) for images, key in zip((a, b), keys[:2], strict=True)))
    real = real._replace(b=legal(real.b))
    directions = Both(*map(spectral.advance, state.critics, state.directions))
    critics = _Critics(plan, directions)
    optimiser = _optimiser(plan)

    def wanted(generators: Both) -> tuple[jax.Array, Any]:
        fake = Both(_write(plan, generators.a, real.b), legal(_write(plan, generators.b, real.a)))
        back = Both(_write(plan, generators.a, fake.b), _write(plan, generators.b, fake.a))
        kept = Both(*(_write(plan, each, images) for each, images in zip(generators, real, strict=True)))
        cycle, same = (jnp.abs(made.a - real.a).mean() + jnp.abs(made.b - real.b).mean() for made in (back, kept))
        opinions = critics.scores(state.critics, fake)
        opinion = losses.generator_loss(LOSS, opinions.a, opinions.a) + losses.generator_loss(
            LOSS, opinions.b, opinions.b
        )
        total = opinion + plan.cycle_weight * (cycle + plan.same_weight * same)
        return total, (fake, cycle, same)

    (loss, (fake, cycle, same)), gradient = jax.value_and_grad(wanted, has_aux=True)(state.generators)
    generators, moments = moved(optimiser, gradient, state.generator_moments, state.generators)
    shown, pools = _from_pools(plan, state, fake, keys[2:])

    def told(learnt: Both) -> tuple[jax.Array, Both]:
        scores = Both(*zip(critics.scores(learnt, real), critics.scores(learnt, shown), strict=True))
        return 0.5 * (losses.critic_loss(LOSS, *scores.a) + losses.critic_loss(LOSS, *scores.b)), scores.b

    (critic_loss, scores), gradient = jax.value_and_grad(told, has_aux=True)(state.critics)
    learnt, critic_moments = moved(optimiser, gradient, state.critic_moments, state.critics)
    after = State(
        generators, learnt, directions, moments, critic_moments, pools,
        running_average(plan.average, state.step, state.average, generators), state.step + 1, state.key,
    )  # fmt: skip
    values = critic_loss, loss, cycle, same, *(each.mean() for each in scores)
    return after, dict(zip(FIGURES, values, strict=True))


def _seen(plan: Translating, images: jax.Array, key: jax.Array) -> jax.Array:
    values = images.astype(jnp.float32) / 255.0
    return augment.mirror(values, key) if plan.mirror else values


class _Critics(NamedTuple):
    plan: Translating
    directions: Both

    def scores(self, learnt: Both, images: Both) -> Both:
        """What each critic says of the pictures of its language."""
        return Both(*(
            nets.apply(nets.PatchCritic, self.plan, spectral.normalised(*each), seen)
            for *each, seen in zip(learnt, self.directions, images, strict=True)
        ))  # fmt: skip


def _from_pools(plan: Translating, state: State, fake: Both, keys: jax.Array) -> tuple[Both, Both]:
    """What the critics are shown, and the pools after it: about half of the translations stay in a pool, and an older
    one is shown for each (Shrivastava et al., arXiv 1612.07828); until a pool is full, all stay and are shown."""
    found = [
        _from_pool(pool, jax.lax.stop_gradient(made), state.step, key)
        for pool, made, key in zip(state.pools, fake, keys, strict=True)
    ]
    return Both(*(shown for shown, _ in found)), Both(*(pool for _, pool in found))


def _from_pool(pool: jax.Array, made: jax.Array, step: jax.Array, key: jax.Array) -> tuple[jax.Array, jax.Array]:
    size, count = len(pool), len(made)
    filling = step * count < size
    places, chance = jax.random.split(key)
    chosen = jax.random.permutation(places, size)[:count]
    slots = jnp.where(filling, (step * count + jnp.arange(count)) % size, chosen)
    exchanged = filling | jax.random.bernoulli(chance, 0.5, (count,))
    older, fresh = pool[slots], jnp.rint(jnp.clip(made, 0.0, 1.0) * 255.0).astype(jnp.uint8)
    kept = exchanged.reshape(-1, 1, 1, 1)
    shown = jnp.where(kept & ~filling, older.astype(jnp.float32) / 255.0, made)
    return shown, pool.at[slots].set(jnp.where(kept, fresh, older))


@partial(jax.jit, static_argnames=("plan", "rule"))
def _translated(plan: Translating, generator: Arrays, images: jax.Array, rule: Rule | None, rules: Any) -> jax.Array:
    made = _write(plan, generator, images)
    return made if rule is None else rule(made, rules)


def translated(
    plan: Translating, generator: Arrays, images: np.ndarray, rule: Rule | None = None, rules: Any = ()
) -> np.ndarray:
    """float32 ``[n, h, w, 3]`` of pictures of that shape, float32 in [0, 1], by one of the generators."""
    return np.asarray(_translated(plan, generator, jnp.asarray(images), rule, rules))
