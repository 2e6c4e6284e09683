"""One step of training, jitted: the critic's, then the generator's, on the same drawings.

As in the DCGAN of 2015 (and its public reimplementations) the generator learns from the critic that has just learnt,
and its drawings are made once a step.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from pixeldream.neural.gan import augment, losses, spectral
from pixeldream.neural.gan.networks import Arrays, Seen, begin_critic, begin_generator, draw, score, shrunk
from pixeldream.neural.gan.settings import Plan, Training
from pixeldream.neural.gan.sight import features
from pixeldream.neural.networks.base import FeatureNetwork

Rule = Callable[..., jax.Array]
"""``rule(images [n, side, side, 3], arrays, amount=1.0) -> images``: shows pictures as a machine can; differentiable,
and hashable by value. ``amount [n, 1, 1, 1]``: how far on the way there."""


class State(NamedTuple):
    """All that changes from step to step; arrays only."""

    generator: Arrays
    remembered: Arrays
    critic: Arrays
    critic_remembered: Arrays
    directions: spectral.Directions
    generator_moments: Any
    critic_moments: Any
    average: tuple[Arrays, Arrays]
    step: jax.Array
    key: jax.Array


FIGURES = ("critic", "generator", "real", "fake", "right", "variety")
"""What a step says: both losses, the mean scores of real and of generated pictures, the part of all that the critic
takes for what it is, and how much the generated pictures differ, as a part of what real ones do."""


@lru_cache
def _optimisers(training: Training) -> tuple[optax.GradientTransformation, optax.GradientTransformation]:
    first, second = training.betas
    rates = training.generator_rate, training.critic_rate
    generator, critic = (optax.adam(rate, first, second) for rate in rates)
    return generator, critic


def moved(optimiser: optax.GradientTransformation, gradient: Any, moments: Any, arrays: Any) -> tuple[Any, Any]:
    """The arrays after a step of an optimiser, and its moments."""
    # optax raises floats to an int32, which strict promotion refuses.
    with jax.numpy_dtype_promotion("standard"):
        updates, moments = optimiser.update(gradient, moments, arrays)
    return optax.apply_updates(arrays, updates), moments


def begin(plan: Plan, training: Training) -> State:
    """The state before the first step."""
    keys = jax.random.split(jax.random.key(training.seed), 4)
    generator, remembered = begin_generator(plan, keys[0])
    critic, critic_remembered = begin_critic(plan, keys[1])
    directions = spectral.begin(critic, keys[2]) if plan.spectral else {}
    optimisers = _optimisers(training)
    return State(
        generator, remembered, critic, critic_remembered, directions, _moments(optimisers[0], generator),
        _moments(optimisers[1], critic), (generator, remembered), jnp.zeros((), jnp.int32),
        jax.random.key_data(keys[3]),
    )  # fmt: skip


_moments = jax.jit(lambda optimiser, arrays: optimiser.init(arrays), static_argnums=0)


@partial(jax.jit, static_argnames=("plan", "training", "rule", "network"))
def train_step(
    plan: Plan,
    training: Training,
    state: State,
    images: jax.Array,
    classes: jax.Array,
    rule: Rule | None = None,
    rules: Any = (),
    grown: jax.Array | None = None,
    network: FeatureNetwork | None = None,
    mixtures: Any = (),
) -> tuple[State, dict[str, jax.Array]]:
    """One step on real pictures, uint8 ``[batch, size, size, 3]``, and their classes, int32 ``[batch]``; its figures.

    ``rule``: what all pictures pass through before the critic sees them; ``rules``: its arrays. ``grown``: how far the
    plan's level has grown, 0 to 1, where networks grow. ``network`` and ``mixtures``: a :class:`Sight`, where the plan
    has taps.
    """
    keys = jax.random.split(jax.random.fold_in(jax.random.wrap_key_data(state.key), state.step), 5)
    real = images.astype(jnp.float32) / 255.0
    if training.mirror:
        real = augment.mirror(real, keys[0])
    shown = shown_to_critic(rule, rules, training.strict)
    critic = _Critic(plan, training, classes, keys[2:5], grown, network, mixtures)
    real = shown(real, keys[0])
    latent = jax.random.normal(keys[1], (images.shape[0], plan.latent))

    def drawn(generator: Arrays) -> tuple[Seen, tuple[jax.Array, Arrays]]:
        made, remembered = draw(plan, generator, state.remembered, latent, classes, True, grown)
        made = shown(made, keys[1])
        return critic.seen(made, 1), (made, remembered)

    seen, pull, (fake, remembered) = jax.vjp(drawn, state.generator, has_aux=True)
    reals = critic.seen(real, 0)
    state, scores, critic_loss = critic.learn(state, real, reals, seen)
    generator_loss, gradient = jax.value_and_grad(critic.opinion, 2)(state, reals, seen)
    generator, moments = moved(_optimisers(training)[0], pull(gradient)[0], state.generator_moments, state.generator)
    state = state._replace(
        generator=generator, remembered=remembered, generator_moments=moments, step=state.step + 1,
        average=running_average(training.average, state.step, state.average, (generator, remembered)),
    )  # fmt: skip
    values = critic_loss, generator_loss, *_figures(*scores, real, fake)
    return state, dict(zip(FIGURES, values, strict=True))


def shown_to_critic(rule: Rule | None, rules: Any, strict: float) -> Callable[[jax.Array, jax.Array], jax.Array]:
    """How the critic sees pictures ``[n, side, side, 3]``, by a key, real ones and drawings alike: about ``strict`` of
    them as the mode shows them, the others somewhere on the way there.

    Legal pictures alone tell a generator little. Drawings that come out the same learn the same, and stay the same; and
    a gradient that passes through as if nothing had been changed leads astray where much was. On the way there it is
    the truer the less was changed, and what it teaches is seen in the legal picture too.
    """
    if rule is None:
        return lambda images, key: images

    def shown(images: jax.Array, key: jax.Array) -> jax.Array:
        if strict == 1.0:
            return rule(images, rules)
        even = jax.random.uniform(jax.random.fold_in(key, 1), (images.shape[0], 1, 1, 1))
        return rule(images, rules, jnp.minimum(1.0, even / (1.0 - strict)))

    return shown


class _Critic(NamedTuple):
    """The critic in one step."""

    plan: Plan
    training: Training
    classes: jax.Array
    keys: jax.Array
    grown: jax.Array | None
    network: FeatureNetwork | None
    mixtures: Any

    def seen(self, images: jax.Array, use: int) -> Seen:
        """Pictures as the critic sees them. ``use``: real ones, 0, and drawings, 1, are altered each in their way, the
        same for both networks' sake: the features of each are computed once."""
        # In the pixels of the level: shifts by parts of them would blur what is to be judged.
        small = shrunk(images, self.plan.size // self.plan.side)
        altered = augment.augment(self.training.augment, small, self.keys[use])
        return Seen(altered, features(self.plan, self.network, self.mixtures, altered))

    def scores(self, arrays: Arrays, remembered: Arrays, seen: Seen, use: int) -> tuple[jax.Array, Arrays]:
        """Of what is seen, and what the critic remembers then."""
        return score(self.plan, arrays, remembered, seen, self.classes, self._chance(use), self.grown)

    def _chance(self, use: int) -> jax.Array:
        return jax.random.fold_in(self.keys[2], use)

    def learn(
        self, state: State, real: jax.Array, reals: Seen, fakes: Seen
    ) -> tuple[State, tuple[jax.Array, jax.Array], jax.Array]:
        """The state with a critic that has learnt, the scores before that, and the loss."""
        directions = spectral.advance(state.critic, state.directions) if self.plan.spectral else {}

        def loss(critic: Arrays) -> tuple[jax.Array, Any]:
            arrays = spectral.normalised(critic, directions)
            of_real, remembered = self.scores(arrays, state.critic_remembered, reals, 0)
            of_fake, remembered = self.scores(arrays, remembered, fakes, 1)
            found = losses.critic_loss(self.training.loss, of_real, of_fake)
            return found + self._penalty(arrays, state, real), (of_real, of_fake, found, remembered)

        gradient, (of_real, of_fake, found, remembered) = jax.grad(loss, has_aux=True)(state.critic)
        after, moments = moved(_optimisers(self.training)[1], gradient, state.critic_moments, state.critic)
        learnt = state._replace(
            critic=after, critic_remembered=remembered, directions=directions, critic_moments=moments
        )
        return learnt, (of_real, of_fake), found

    def _penalty(self, arrays: Arrays, state: State, real: jax.Array) -> jax.Array:
        if not self.training.r1:
            return jnp.zeros(())

        def whole(images: jax.Array) -> jax.Array:
            found = self.scores(arrays, state.critic_remembered, self.seen(images, 0), 0)[0]
            return found.reshape(len(images), -1).mean(1)

        # Seldom and strong instead of always: arXiv 1912.04958, appendix B.
        every = self.training.r1_every
        due = jax.lax.cond(
            state.step % every == 0, lambda images: losses.r1(whole, images), lambda images: jnp.zeros(()), real
        )
        return self.training.r1 * every * due

    def opinion(self, state: State, reals: Seen, fakes: Seen) -> jax.Array:
        """The generator's loss."""
        arrays = spectral.normalised(state.critic, state.directions)
        of_fake = self.scores(arrays, state.critic_remembered, fakes, 2)[0]
        of_real = of_fake
        if self.training.loss == "relativistic":
            of_real = self.scores(arrays, state.critic_remembered, reals, 3)[0]
        return losses.generator_loss(self.training.loss, of_real, of_fake)


def running_average(average: float, step: jax.Array, before: Any, now: Any) -> Any:
    """The running average of a generator's arrays, which forgets quickly at first; without one, they as they are."""
    if not average:
        return now
    done = step.astype(jnp.float32)
    kept = jnp.minimum(average, (1.0 + done) / (10.0 + done))
    return jax.tree.map(lambda old, new: kept * old + (1.0 - kept) * new, before, now)


def _figures(reals: jax.Array, fakes: jax.Array, real: jax.Array, fake: jax.Array) -> tuple[jax.Array, ...]:
    reals, fakes = (scores.reshape(len(scores), -1).mean(1) for scores in (reals, fakes))
    middle = 0.5 * (reals.mean() + fakes.mean())
    right = 0.5 * ((reals > middle).mean(dtype=jnp.float32) + (fakes < middle).mean(dtype=jnp.float32))
    return reals.mean(), fakes.mean(), right, _spread(fake) / (_spread(real) + 1e-6)


def _spread(images: jax.Array) -> jax.Array:
    """How much pictures differ from each other, whatever noise is in each: the mean deviation of eighths of a side."""
    count, side = images.shape[:2]
    part = side // 8
    small = images.reshape(count, 8, part, 8, part, 3).mean((2, 4))
    return small.std(0).mean()


@partial(jax.jit, static_argnames=("plan", "rule"))
def sample(
    plan: Plan,
    average: tuple[Arrays, Arrays],
    latent: jax.Array,
    classes: jax.Array,
    rule: Rule | None = None,
    rules: Any = (),
    grown: jax.Array | None = None,
) -> jax.Array:
    """Pictures float32 ``[n, size, size, 3]`` of latent vectors and classes, by the generator's running average."""
    made = draw(plan, *average, latent, classes, False, grown)[0]
    return made if rule is None else rule(made, rules)
