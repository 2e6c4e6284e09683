"""The generator and the critic, built from a plan; and how they are run as pure functions of their arrays."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from pixeldream.neural.gan.layers import Enlarge, batch_norm, first_kernel, halve
from pixeldream.neural.gan.settings import Plan

CRITIC_SLOPE = 0.2

EMBEDDING = 32
"""Numbers that tell the generator a class."""


class Generator(nnx.Module):
    """Draws pictures from latent vectors, and from classes where there are any."""

    def __init__(self, plan: Plan, rngs: nnx.Rngs) -> None:
        self.plan = plan
        begin = first_kernel(plan.deviation)
        inside = plan.latent + (EMBEDDING if plan.classes else 0)
        self.classes = nnx.Embed(plan.classes, EMBEDDING, rngs=rngs) if plan.classes else None
        self.dense = nnx.Linear(inside, plan.base**2 * plan.first, kernel_init=begin, rngs=rngs)
        self.first_norm = batch_norm(plan.first, rngs) if plan.generator_norm else None
        widths = (plan.first, *plan.generator)
        self.layers = nnx.List(
            Enlarge(before, after, plan.deviation, not self._normed(number), rngs=rngs)
            for number, (before, after) in enumerate(pairwise(widths))
        )
        self.norms = nnx.List(
            batch_norm(width, rngs) for number, width in enumerate(plan.generator) if self._normed(number)
        )
        side = (plan.closing, plan.closing)
        self.last = nnx.Conv(widths[-1], 3, side, kernel_init=begin, rngs=rngs) if plan.closing else None

    def _normed(self, number: int) -> bool:
        return self.plan.generator_norm and (self.plan.closing > 0 or number < len(self.plan.generator) - 1)

    def __call__(self, latent: jax.Array, classes: jax.Array, train: bool) -> jax.Array:
        """``latent [n, latent]``, ``classes`` int32 ``[n]`` -> pictures ``[n, size, size, 3]`` in [0, 1].

        ``train``: normalise by the batch and remember it; otherwise by what was remembered, so that a picture does not
        depend on those beside it.
        """
        plan = self.plan
        if self.classes is not None:
            latent = jnp.concatenate([latent, self.classes(classes)], -1)
        x = self.dense(latent).reshape(-1, plan.base, plan.base, plan.first)
        if self.first_norm is not None:
            x = self.first_norm(x, use_running_average=not train)
        x = jax.nn.leaky_relu(x, plan.slope)
        for number, layer in enumerate(self.layers):
            x = layer(x)
            if self._normed(number):
                x = self.norms[number](x, use_running_average=not train)
            if plan.closing or number < len(self.layers) - 1:
                x = jax.nn.leaky_relu(x, plan.slope)
        if self.last is not None:
            x = self.last(x)
        # (tanh + 1) / 2 of the paper, and the sigmoid of the thesis.
        return jax.nn.sigmoid(2.0 * x) if plan.signed else jax.nn.sigmoid(x)


class Critic(nnx.Module):
    """Scores pictures: high for what it takes for real."""

    def __init__(self, plan: Plan, rngs: nnx.Rngs) -> None:
        self.plan = plan
        widths = (3, *plan.critic)
        self.layers = nnx.List(
            halve(before, after, plan.deviation, not (plan.critic_norm and number), rngs)
            for number, (before, after) in enumerate(pairwise(widths))
        )
        self.norms = nnx.List(batch_norm(width, rngs) for width in plan.critic[1:] if plan.critic_norm)
        features = (plan.size >> len(plan.critic)) ** 2 * plan.critic[-1]
        self.dense = nnx.Linear(features, 1, kernel_init=first_kernel(plan.deviation), rngs=rngs)
        self.dropout = nnx.Dropout(plan.dropout, rng_collection="dropout") if plan.dropout else None
        # The projection of arXiv 1802.05637: how well the features suit the class is added to the score.
        self.classes = nnx.Embed(plan.classes, plan.critic[-1], rngs=rngs) if plan.classes else None

    def __call__(self, images: jax.Array, classes: jax.Array, key: jax.Array) -> jax.Array:
        """Scores ``[n]`` of pictures ``[n, size, size, 3]`` in [0, 1] of ``classes`` int32 ``[n]``. ``key``: chance for
        the dropout."""
        x = 2.0 * images - 1.0 if self.plan.signed else images
        for number, layer in enumerate(self.layers):
            x = layer(x)
            if self.plan.critic_norm and number:
                x = self.norms[number - 1](x, use_running_average=False)
            x = jax.nn.leaky_relu(x, CRITIC_SLOPE)
        flat = x.reshape(x.shape[0], -1)
        if self.dropout is not None:
            flat = self.dropout(flat, deterministic=False, rngs=nnx.Rngs(dropout=key))
        score = self.dense(flat)[:, 0]
        if self.classes is not None:
            score = score + (x.mean((1, 2)) * self.classes(classes)).sum(-1)
        return score


Arrays = nnx.State
"""Some of a network's arrays, a pytree."""


@lru_cache
def _generator_form(plan: Plan) -> Any:
    return nnx.graphdef(nnx.eval_shape(lambda: Generator(plan, nnx.Rngs(0))))


@lru_cache
def _critic_form(plan: Plan) -> Any:
    return nnx.graphdef(nnx.eval_shape(lambda: Critic(plan, nnx.Rngs(0))))


def _arrays(model: nnx.Module) -> tuple[Arrays, Arrays]:
    """What is learnt, and the rest."""
    split: Any = nnx.split(model, nnx.Param, ...)
    return split[1], split[2]


def begin_generator(plan: Plan, key: jax.Array) -> tuple[Arrays, Arrays]:
    """What is learnt, and what is remembered of batches."""
    return _arrays(Generator(plan, nnx.Rngs(params=key)))


def begin_critic(plan: Plan, key: jax.Array) -> tuple[Arrays, Arrays]:
    """As :func:`begin_generator`, of the critic."""
    return _arrays(Critic(plan, nnx.Rngs(params=key)))


def draw(
    plan: Plan, learnt: Arrays, remembered: Arrays, latent: jax.Array, classes: jax.Array, train: bool = False
) -> tuple[jax.Array, Arrays]:
    """The generator's pictures, and what it remembers now."""
    model = nnx.merge(_generator_form(plan), learnt, remembered, copy=True)
    images = model(latent, classes, train)
    return images, _arrays(model)[1]


def score(
    plan: Plan, learnt: Arrays, remembered: Arrays, images: jax.Array, classes: jax.Array, key: jax.Array
) -> tuple[jax.Array, Arrays]:
    """The critic's scores, and what it remembers now."""
    model = nnx.merge(_critic_form(plan), learnt, remembered, copy=True)
    scores = model(images, classes, key)
    return scores, _arrays(model)[1]
