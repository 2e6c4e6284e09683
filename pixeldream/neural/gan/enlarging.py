"""Learning to enlarge pixel art: from pictures that are made small and given few colours, and the pictures themselves
(Ledig et al., arXiv 1609.04802)."""

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
from pixeldream.neural.gan.sibling_settings import Enlarging
from pixeldream.neural.gan.step import moved, running_average
from pixeldream.neural.losses import content_loss
from pixeldream.neural.networks.base import FeatureNetwork

FIGURES = ("critic", "generator", "pixels", "features", "real", "fake")
"""What a step says: the losses of both networks, two parts of the generator's, the mean scores of real and of enlarged
pictures."""

LEAST = 4
"""Colours that a small picture has at least."""

_LLOYD = 4
"""Steps of the search for a small picture's colours."""


class Eyes(NamedTuple):
    """The feature network that compares pictures, and its weights."""

    network: FeatureNetwork
    weights: Any


class State(NamedTuple):
    """All that changes from step to step; arrays only."""

    generator: Arrays
    critic: Arrays
    directions: spectral.Directions
    generator_moments: Any
    critic_moments: Any
    average: Arrays
    step: jax.Array
    key: jax.Array


def lesson(plan: Enlarging, eyes: Eyes) -> Lesson:
    """What a loop repeats, with batches of images, uint8 ``[n, side, side, 3]``, and of classes, which don't count."""
    seedless = replace(plan, seed=0)  # another seed compiles nothing anew

    def step(number: int, state: State, images: jax.Array, classes: jax.Array) -> tuple[State, Mapping[str, jax.Array]]:
        return train_step(seedless, eyes.network, eyes.weights, state, images)

    return Lesson(partial(begin, plan), step, FIGURES)


def _optimiser(plan: Enlarging) -> optax.GradientTransformation:
    return optax.adam(plan.rate, *plan.betas)


def begin(plan: Enlarging) -> State:
    """The state before the first step."""
    keys = jax.random.split(jax.random.key(plan.seed))
    generator, critic = nets.begin(nets.Enlarger, plan, 0), nets.begin(nets.PatchCritic, plan, 1)
    optimiser = _optimiser(plan)
    return State(
        generator, critic, spectral.begin(critic, keys[0]), optimiser.init(generator), optimiser.init(critic),
        generator, jnp.zeros((), jnp.int32), jax.random.key_data(keys[1]),
    )  # fmt: skip


@partial(jax.jit, static_argnames=("plan", "network"))
def train_step(
    plan: Enlarging, network: FeatureNetwork, weights: Any, state: State, images: jax.Array
) -> tuple[State, dict[str, jax.Array]]:
    """One step on pictures, uint8 ``[n, side, side, 3]``; its figures. The critic learns first, as in the GAN."""
    keys = jax.random.split(jax.random.fold_in(jax.random.wrap_key_data(state.key), state.step), 2)
    large = images.astype(jnp.float32) / 255.0
    if plan.mirror:
        large = augment.mirror(large, keys[0])
    small = pixelated(large, plan.times, plan.most, keys[1])
    made, pull = jax.vjp(lambda arrays: nets.apply(nets.Enlarger, plan, arrays, small), state.generator)
    directions = spectral.advance(state.critic, state.directions)

    def scores(critic: Arrays, seen: jax.Array) -> jax.Array:
        return nets.apply(nets.PatchCritic, plan, spectral.normalised(critic, directions), seen)

    def critics(critic: Arrays) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
        real, fake = scores(critic, large), scores(critic, made)
        return losses.critic_loss(plan.loss, real, fake), (real.mean(), fake.mean())

    optimiser = _optimiser(plan)
    (critic_loss, means), gradient = jax.value_and_grad(critics, has_aux=True)(state.critic)
    critic, critic_moments = moved(optimiser, gradient, state.critic_moments, state.critic)

    def wanted(seen: jax.Array) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
        pixels = jnp.abs(seen - large).mean()
        features = seen_apart(network, weights, plan.layers, seen, large)
        opinion = losses.generator_loss(plan.loss, scores(critic, large), scores(critic, seen))
        warmth = jnp.minimum(1.0, state.step.astype(jnp.float32) / max(plan.warm, 1))
        total = plan.pixel_weight * pixels + plan.feature_weight * features + plan.critic_weight * warmth * opinion
        return total, (pixels, features)

    (generator_loss, parts), towards = jax.value_and_grad(wanted, has_aux=True)(made)
    generator, moments = moved(optimiser, pull(towards)[0], state.generator_moments, state.generator)
    after = State(
        generator, critic, directions, moments, critic_moments,
        running_average(plan.average, state.step, state.average, generator), state.step + 1, state.key,
    )  # fmt: skip
    return after, dict(zip(FIGURES, (critic_loss, generator_loss, *parts, *means), strict=True))


def seen_apart(
    network: FeatureNetwork, weights: Any, layers: tuple[str, ...], images: jax.Array, others: jax.Array
) -> jax.Array:
    """How far pictures are from others as a network sees them: the mean of :func:`content_loss` over layers and
    pictures."""

    def one(image: jax.Array, other: jax.Array) -> jax.Array:
        seen, wanted = (network.apply(weights, each, layers) for each in (image, other))
        return jnp.stack([content_loss(seen[name], jax.lax.stop_gradient(wanted[name])) for name in layers]).mean()

    return jax.vmap(one)(images, others).mean()


def pixelated(images: jax.Array, times: int, most: int, key: jax.Array) -> jax.Array:
    """Pictures ``[n, h, w, 3]`` as pixel art ``times`` times smaller: each pixel the mean of what it covers, or what is
    in its middle, by chance; each picture in :data:`LEAST` to ``most`` colours of its own."""
    n, height, width = images.shape[:3]
    blocks = images.reshape(n, height // times, times, width // times, times, 3)
    keys = jax.random.split(key, 3)
    chosen = jax.random.bernoulli(keys[0], 0.5, (n, 1, 1, 1))
    small = jnp.where(chosen, blocks.mean((2, 4)), blocks[:, :, times // 2, :, times // 2])
    counts = jax.random.randint(keys[1], (n,), LEAST, most + 1)
    return jax.vmap(partial(_few_colours, most=most))(small, counts, jax.random.split(keys[2], n))


def _few_colours(image: jax.Array, count: jax.Array, key: jax.Array, *, most: int) -> jax.Array:
    """``image`` in ``count`` colours of ``most``: the means of what is nearest to each, begun at random pixels."""
    pixels = image.reshape(-1, 3)
    begun = pixels[jax.random.randint(key, (most,), 0, len(pixels))]
    barred = jnp.where(jnp.arange(most) < count, 0.0, jnp.inf).reshape(1, -1)

    def nearest(colours: jax.Array) -> jax.Array:
        apart = jnp.square(pixels[:, None] - colours[None]).sum(-1)
        return jax.nn.one_hot((apart + barred).argmin(1), most)

    def better(_: int, colours: jax.Array) -> jax.Array:
        held = nearest(colours)
        number = held.sum(0)[:, None]
        return jnp.where(number > 0, held.T @ pixels / jnp.maximum(number, 1.0), colours)

    colours = jax.lax.fori_loop(0, _LLOYD, better, begun)
    return (nearest(colours) @ colours).reshape(image.shape)


def pixelated_alike(plan: Enlarging, images: np.ndarray) -> np.ndarray:
    """float32 pictures ``[n, h, w, 3]`` as pixel art, the same each time."""
    return np.asarray(_pixelated_alike(replace(plan, seed=0), jnp.asarray(images), jax.random.key(plan.seed)))


@partial(jax.jit, static_argnames="plan")
def _pixelated_alike(plan: Enlarging, images: jax.Array, key: jax.Array) -> jax.Array:
    return pixelated(images, plan.times, plan.most, key)


@partial(jax.jit, static_argnames="plan")
def _enlarged(plan: Enlarging, average: Arrays, images: jax.Array) -> jax.Array:
    return jnp.clip(nets.apply(nets.Enlarger, plan, average, images), 0.0, 1.0)


def enlarged(plan: Enlarging, average: Arrays, images: np.ndarray) -> np.ndarray:
    """float32 ``[n, times h, times w, 3]`` of pixel art ``[n, h, w, 3]``, float32 in [0, 1]: tile by tile, with as much
    around each as its pixels depend on, so that it comes out as at once."""
    times, (n, height, width, _) = plan.times, images.shape
    made = np.empty((n, times * height, times * width, 3), np.float32)
    margin = reach(plan)
    for top, bottom, first, last in _spans(height, margin):
        for left, right, begin, end in _spans(width, margin):
            part = np.asarray(_enlarged(plan, average, jnp.asarray(images[:, top:bottom, left:right])))
            rows = slice(times * (first - top), times * (last - top))
            columns = slice(times * (begin - left), times * (end - left))
            made[:, times * first : times * last, times * begin : times * end] = part[:, rows, columns]
    return made


TILE = 96
"""Pixels of a tile that no other tile makes, each way."""


def reach(plan: Enlarging) -> int:
    """How many pixels away a small picture's pixel still counts, rounded up: the sum of half of all kernels."""
    return 4 + 2 * plan.blocks + 1 + 3 + 4


def _spans(length: int, margin: int) -> list[tuple[int, int, int, int]]:
    """What is looked at, begin and end, and what is kept of it; all of one length where there are several."""
    whole = TILE + 2 * margin
    if length <= whole:
        return [(0, length, 0, length)]
    spans, done = [], 0
    while done < length:
        begin = min(max(done - margin, 0), length - whole)
        last = length if begin + whole == length else begin + whole - margin
        spans.append((begin, begin + whole, done, last))
        done = last
    return spans
