"""The generator and the critic, built from a plan; and how they are run as pure functions of their arrays."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx

from pixeldream.neural.gan.heads import SIDE, Head
from pixeldream.neural.gan.layers import Enlarge, Halve, Norm, Refine, embedding, first_kernel
from pixeldream.neural.gan.settings import Plan

CRITIC_SLOPE = 0.2

EMBEDDING = 32
"""Numbers that tell the generator a class."""


class Seen(NamedTuple):
    """What a critic is shown. ``images``: ``[n, side, side, 3]`` in [0, 1], of the side of the plan's level;
    ``features``: of each of the plan's taps, ``[n, side', side', width]``."""

    images: jax.Array
    features: tuple[jax.Array, ...] = ()


class Generator(nnx.Module):
    """Draws pictures from latent vectors, and from classes where there are any."""

    def __init__(self, plan: Plan, rngs: nnx.Rngs) -> None:
        self.plan = plan
        begin = first_kernel(plan.deviation)
        inside = plan.latent + (EMBEDDING if plan.classes else 0)
        told = inside if plan.modulated else 0
        self.classes = embedding(plan.classes, EMBEDDING, rngs) if plan.classes else None
        self.dense = nnx.Linear(inside, plan.base**2 * plan.first, kernel_init=begin, rngs=rngs)
        self.first_norm = Norm(plan.first, told, rngs=rngs) if plan.generator_norm else None
        widths = (plan.first, *plan.generator)
        self.layers = nnx.List(
            Enlarge(before, after, plan.deviation, not self._normed(number), plan.even, rngs=rngs)
            for number, (before, after) in enumerate(pairwise(widths))
        )
        self.norms = nnx.List(
            Norm(width, told, rngs=rngs) for number, width in enumerate(plan.generator) if self._normed(number)
        )
        norms = [Norm(width, told, rngs=rngs) if plan.generator_norm else None for width in widths]
        able = widths if plan.closing else widths[:-1]
        self.refined = nnx.List(
            Refine(width, plan.deviation, norm, plan.slope, rngs=rngs)
            for number, (width, norm) in enumerate(zip(able, norms, strict=False))
            if plan.base << number <= plan.refined
        )
        # What draws the picture while the network has not grown to its size.
        exits = widths[:-2] if plan.grows else ()
        self.exits = nnx.List(Enlarge(width, 3, plan.deviation, True, plan.even, rngs=rngs) for width in exits)
        side = (plan.closing, plan.closing)
        self.last = nnx.Conv(widths[-1], 3, side, kernel_init=begin, rngs=rngs) if plan.closing else None

    def _normed(self, number: int) -> bool:
        return self.plan.generator_norm and (self.plan.closing > 0 or number < len(self.plan.generator) - 1)

    def __call__(self, latent: jax.Array, classes: jax.Array, train: bool, grown: jax.Array | None = None) -> jax.Array:
        """``latent [n, latent]``, ``classes`` int32 ``[n]`` -> pictures ``[n, size, size, 3]`` in [0, 1].

        ``train``: normalise by the batch and remember it; otherwise by what was remembered, so that a picture does not
        depend on those beside it. ``grown``: how far the plan's level has grown, 0 to 1; None for all the way.
        """
        plan = self.plan
        if self.classes is not None:
            latent = jnp.concatenate([latent, self.classes(classes)], -1)
        x = self.dense(latent).reshape(-1, plan.base, plan.base, plan.first)
        if self.first_norm is not None:
            x = self.first_norm(x, latent, train)
        x = self._refine(0, jax.nn.leaky_relu(x, plan.slope), latent, train)
        level = plan.levels
        for number in range(level - 1):
            before, x = x, self._double(number, x, latent, train)
        made = self._picture(level - 1, x, latent, train)
        if grown is not None and level > 1:
            coarse = repeated(self.exits[level - 2](before), 2)
            made = coarse + grown * (made - coarse)
        # (tanh + 1) / 2 of the paper, and the sigmoid of the thesis.
        made = jax.nn.sigmoid(2.0 * made) if plan.signed else jax.nn.sigmoid(made)
        return repeated(made, plan.size // made.shape[1])

    def _double(self, number: int, x: jax.Array, latent: jax.Array, train: bool) -> jax.Array:
        x = self.layers[number](x)
        if self._normed(number):
            x = self.norms[number](x, latent, train)
        return self._refine(number + 1, jax.nn.leaky_relu(x, self.plan.slope), latent, train)

    def _refine(self, number: int, x: jax.Array, latent: jax.Array, train: bool) -> jax.Array:
        return self.refined[number](x, latent, train) if number < len(self.refined) else x

    def _picture(self, number: int, x: jax.Array, latent: jax.Array, train: bool) -> jax.Array:
        """The last doubling, which ends with three channels."""
        if number < len(self.layers) - 1:
            return self.exits[number](x)
        if self.last is None:
            return self.layers[number](x)
        return self.last(self._double(number, x, latent, train))


class Critic(nnx.Module):
    """Scores pictures: high for what it takes for real."""

    def __init__(self, plan: Plan, rngs: nnx.Rngs) -> None:
        self.plan = plan
        widths = (3, *plan.critic)
        self.layers = nnx.List(
            Halve(before, after, plan.deviation, not (plan.critic_norm and number), rngs=rngs)
            for number, (before, after) in enumerate(pairwise(widths))
        )
        self.norms = nnx.List(Norm(width, 0, rngs=rngs) for width in plan.critic[1:] if plan.critic_norm)
        self.refined = nnx.Dict({
            str(number): Refine(width, plan.deviation, None, CRITIC_SLOPE, rngs=rngs)
            for number, width in enumerate(plan.critic)
            if plan.size >> number + 1 <= plan.critic_refined
        })  # fmt: skip
        self.heads = nnx.List(
            Head(plan.size >> number, width, plan.head, plan.classes, plan.deviation, rngs=rngs)
            for number, width in enumerate(plan.tap_widths)
        )
        # What sees the picture while the network has not grown to its size.
        self.entries = nnx.List(
            Halve(3, width, plan.deviation, True, rngs=rngs) for width in plan.critic[1:] if plan.grows
        )
        features = (plan.size >> len(plan.critic)) ** 2 * (plan.critic[-1] + plan.compares)
        self.dense = nnx.Linear(features, 1, kernel_init=first_kernel(plan.deviation), rngs=rngs)
        self.dropout = nnx.Dropout(plan.dropout, rng_collection="dropout") if plan.dropout else None
        # The projection of arXiv 1802.05637: how well the features suit the class is added to the score.
        self.classes = embedding(plan.classes, plan.critic[-1], rngs) if plan.classes else None

    def __call__(self, seen: Seen, classes: jax.Array, key: jax.Array, grown: jax.Array | None = None) -> jax.Array:
        """Scores ``[n, heads + 1, places]`` of pictures of ``classes``, int32 ``[n]``: each head has as many places,
        and the critic of pixels says the same of all. ``[n]`` where nothing but pixels is seen. ``key``: chance for the
        dropout; ``grown``: as for the generator."""
        of_pixels = self._of_pixels(seen.images, classes, key, grown)
        if not self.plan.taps:
            return of_pixels
        pairs = zip(self.heads, seen.features, strict=True)
        scores = [head(x, classes, CRITIC_SLOPE).reshape(-1, SIDE**2) for head, x in pairs]
        return jnp.stack([*scores, jnp.broadcast_to(of_pixels[:, None], scores[0].shape)], 1)

    def _of_pixels(self, images: jax.Array, classes: jax.Array, key: jax.Array, grown: jax.Array | None) -> jax.Array:
        picture = 2.0 * images - 1.0 if self.plan.signed else images
        # As many layers are not in use yet as the generator has.
        first = len(self.plan.generator) - self.plan.levels
        x = self._normalised(first, self._entry(first)(picture))
        for number in range(first + 1, len(self.layers)):
            x = self._refine(number - 1, jax.nn.leaky_relu(x, CRITIC_SLOPE))
            x = self._normalised(number, self.layers[number](x))
            if grown is not None and number == first + 1:
                coarse = self._entry(number)(shrunk(picture, 2))
                x = coarse + grown * (x - coarse)
        x = self._refine(len(self.layers) - 1, jax.nn.leaky_relu(x, CRITIC_SLOPE))
        told = jnp.concatenate([x, deviation(x)], -1) if self.plan.compares else x
        flat = told.reshape(x.shape[0], -1)
        if self.dropout is not None:
            flat = self.dropout(flat, deterministic=False, rngs=nnx.Rngs(dropout=key))
        score = self.dense(flat)[:, 0]
        if self.classes is not None:
            score = score + (x.mean((1, 2)) * self.classes(classes)).sum(-1)
        return score

    def _entry(self, number: int) -> Halve:
        """What sees a picture of the side that the layer of that number is for."""
        return self.entries[number - 1] if number else self.layers[0]

    def _normalised(self, number: int, x: jax.Array) -> jax.Array:
        return self.norms[number - 1](x, x, True) if self.plan.critic_norm and number else x

    def _refine(self, number: int, x: jax.Array) -> jax.Array:
        return self.refined[str(number)](x) if str(number) in self.refined else x


def repeated(x: jax.Array, times: int) -> jax.Array:
    """Each pixel of ``[n, h, w, c]`` so many times in both directions."""
    return x if times == 1 else x.repeat(times, 1).repeat(times, 2)


def shrunk(x: jax.Array, times: int) -> jax.Array:
    """The means of squares of so many pixels a side, ``[n, h, w, c] -> [n, h / times, w / times, c]``."""
    n, height, width, channels = x.shape
    return x if times == 1 else x.reshape(n, height // times, times, width // times, times, channels).mean((2, 4))


def deviation(x: jax.Array) -> jax.Array:
    """How much the features of a batch differ, as one more channel ``[n, h, w, 1]`` (Karras et al., arXiv 1710.10196,
    section 3; over the whole batch): a generator that draws one picture only is found out."""
    spread = jnp.sqrt(x.var(0) + 1e-8).mean()
    return jnp.broadcast_to(spread, (*x.shape[:3], 1))


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
    plan: Plan,
    learnt: Arrays,
    remembered: Arrays,
    latent: jax.Array,
    classes: jax.Array,
    train: bool = False,
    grown: jax.Array | None = None,
) -> tuple[jax.Array, Arrays]:
    """The generator's pictures, and what it remembers now."""
    model = nnx.merge(_generator_form(plan), learnt, remembered, copy=True)
    images = model(latent, classes, train, grown)
    return images, _arrays(model)[1]


def score(
    plan: Plan,
    learnt: Arrays,
    remembered: Arrays,
    seen: Seen,
    classes: jax.Array,
    key: jax.Array,
    grown: jax.Array | None = None,
) -> tuple[jax.Array, Arrays]:
    """The critic's scores, and what it remembers now."""
    model = nnx.merge(_critic_form(plan), learnt, remembered, copy=True)
    scores = model(seen, classes, key, grown)
    return scores, _arrays(model)[1]
