"""Learning to enlarge pixel art: from pictures that are made small and given few colours, and the pictures themselves
(Ledig et al., arXiv 1609.04802)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from itertools import permutations
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from pixeldream.neural.gan import losses, spectral
from pixeldream.neural.gan import pixel_networks as nets
from pixeldream.neural.gan.loop import Lesson
from pixeldream.neural.gan.networks import Arrays
from pixeldream.neural.gan.sibling_settings import Enlarging
from pixeldream.neural.gan.step import moved, running_average
from pixeldream.neural.losses import content_loss
from pixeldream.neural.networks.base import FeatureNetwork

FIGURES = ("critic", "generator", "pixels", "features", "real", "fake")
"""What a step says: the losses of both networks, two parts of the generator's, the mean scores of real and of enlarged
pictures. ``pixels`` is PSNR in bels, negative."""

LEAST = 4
"""Colours that a small picture has at least."""

SLOWER = 500
"""Steps after which the rate has fallen by the root of two."""

LENGTH = 0.5
"""Of the generator's gradient, at most."""

CRITIC_BETAS = (0.5, 0.999)

_EQUAL = 1e-4
"""How much farther one pixel of a block may be from its mean than another that counts as near."""

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
        return train_step(seedless, eyes.network, eyes.weights, state, images, number < plan.alone)

    return Lesson(partial(begin, plan), step, FIGURES)


def _optimiser(plan: Enlarging) -> optax.GradientTransformation:
    """The generator's. Its rate falls with the root of the steps: nobody knows how long a run will be. Gradients are
    cut to a length, so that no batch of odd pictures undoes what was learnt."""

    def rate(step: jax.Array) -> jax.Array:
        return plan.rate * jax.lax.rsqrt(1.0 + step.astype(jnp.float32) / SLOWER)

    return optax.chain(optax.clip_by_global_norm(LENGTH), optax.adam(rate, *plan.betas))


def _critics_optimiser(plan: Enlarging) -> optax.GradientTransformation:
    return optax.adam(plan.critic_rate, *CRITIC_BETAS)


def begin(plan: Enlarging) -> State:
    """The state before the first step."""
    keys = jax.random.split(jax.random.key(plan.seed))
    generator, critic = nets.begin(nets.Enlarger, plan, 0), nets.begin(nets.PatchCritic, plan, 1)
    return State(
        generator, critic, spectral.begin(critic, keys[0]),
        _optimiser(plan).init(generator), _critics_optimiser(plan).init(critic),
        generator, jnp.zeros((), jnp.int32), jax.random.key_data(keys[1]),
    )  # fmt: skip


@partial(jax.jit, static_argnames=("plan", "network", "alone"))
def train_step(
    plan: Enlarging, network: FeatureNetwork, weights: Any, state: State, images: jax.Array, alone: bool
) -> tuple[State, dict[str, jax.Array]]:
    """One step on pictures, uint8 ``[n, side, side, 3]``; its figures. The critic learns first, as in the GAN.
    ``alone``: only pixels count, and there is no critic; the figures of what doesn't count are 0."""
    keys = jax.random.split(jax.random.fold_in(jax.random.wrap_key_data(state.key), state.step), 3)
    large = windows(images, min(plan.window, plan.side), keys[2]).astype(jnp.float32) / 255.0
    if plan.mirror:
        large = turned(large, keys[0])
    small = pixelated(large, plan.times, plan.most, keys[1])
    made, pull = jax.vjp(lambda arrays: nets.apply(nets.Enlarger, plan, arrays, small), state.generator)
    critics = _Critics(state.critic, state.directions, state.critic_moments)
    critic_loss, means = jnp.zeros(()), jnp.zeros(2)
    if not alone:
        critics, critic_loss, means = _told(plan, critics, large, made)

    def wanted(seen: jax.Array) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
        pixels = decibels(seen, large) / 10.0
        if alone:
            return plan.pixel_weight * pixels, (pixels, jnp.zeros(()))
        features = seen_apart(network, weights, plan.layers, seen, large)
        opinion = losses.generator_loss(plan.loss, critics.scores(plan, large), critics.scores(plan, seen))
        share = jnp.clip((state.step - plan.alone + 1).astype(jnp.float32) / max(plan.warm, 1), 0.0, 1.0)
        more = plan.feature_weight * features + plan.critic_weight * opinion
        return plan.pixel_weight * pixels + share * more, (pixels, features)

    (generator_loss, parts), towards = jax.value_and_grad(wanted, has_aux=True)(made)
    generator, moments = moved(_optimiser(plan), pull(towards)[0], state.generator_moments, state.generator)
    after = State(
        generator, critics.arrays, critics.directions, moments, critics.moments,
        running_average(plan.average, state.step, state.average, generator), state.step + 1, state.key,
    )  # fmt: skip
    return after, dict(zip(FIGURES, (critic_loss, generator_loss, *parts, *means), strict=True))


class _Critics(NamedTuple):
    """The critic's part of a state."""

    arrays: Arrays
    directions: spectral.Directions
    moments: Any

    def scores(self, plan: Enlarging, images: jax.Array) -> jax.Array:
        """What it says of pictures."""
        return nets.apply(nets.PatchCritic, plan, spectral.normalised(self.arrays, self.directions), images)


def _told(
    plan: Enlarging, critics: _Critics, real: jax.Array, fake: jax.Array
) -> tuple[_Critics, jax.Array, jax.Array]:
    """A critic that has learnt from pictures, its loss, its mean scores of both."""
    begun = critics._replace(directions=spectral.advance(critics.arrays, critics.directions))

    def loss(arrays: Arrays) -> tuple[jax.Array, jax.Array]:
        scores = [begun._replace(arrays=arrays).scores(plan, images) for images in (real, fake)]
        return losses.critic_loss(plan.loss, *scores), jnp.stack([each.mean() for each in scores])

    (value, means), gradient = jax.value_and_grad(loss, has_aux=True)(critics.arrays)
    arrays, moments = moved(_critics_optimiser(plan), gradient, critics.moments, critics.arrays)
    return _Critics(arrays, begun.directions, moments), value, means


def decibels(images: jax.Array, others: jax.Array) -> jax.Array:
    """The mean, over pictures, of their PSNR, negative: a picture of a few clean lines counts as much as one of rough
    grain (Chen et al., arXiv 2105.06086). What differs by less than a hundredth is taken for alike."""
    return 10.0 * jnp.log10(jnp.square(images - others).mean((1, 2, 3)) + 1e-4).mean()


def windows(images: jax.Array, side: int, key: jax.Array) -> jax.Array:
    """A square of ``side`` pixels, anywhere, of each of ``[n, height, width, 3]``."""
    n, height, width = images.shape[:3]
    tops, lefts = (
        jax.random.randint(each, (n,), 0, length - side + 1)
        for each, length in zip(jax.random.split(key), (height, width), strict=True)
    )
    return jax.vmap(lambda image, top, left: jax.lax.dynamic_slice(image, (top, left, 0), (side, side, 3)))(
        images, tops, lefts
    )


_ORDERS = tuple(permutations(range(3)))


def turned(images: jax.Array, key: jax.Array) -> jax.Array:
    """Square pictures mirrored, turned by quarters, and with red, green and blue exchanged, each in its own way: what
    is learnt has no favourite direction and no favourite hue."""
    n = len(images)
    chosen = jax.random.bernoulli(key, 0.5, (3, n, 1, 1, 1))
    images = jnp.where(chosen[0], images[:, :, ::-1], images)
    images = jnp.where(chosen[1], images[:, ::-1], images)
    images = jnp.where(chosen[2], images.swapaxes(1, 2), images)
    orders = jnp.asarray(_ORDERS)[jax.random.randint(jax.random.fold_in(key, 1), (n,), 0, len(_ORDERS))]
    return jnp.take_along_axis(images, orders.reshape(n, 1, 1, 3), 3)


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
    """Pictures ``[n, h, w, 3]`` as pixel art ``times`` times smaller: each pixel the mean of what it covers, or that of
    it which is nearest to the mean, by chance; each picture in :data:`LEAST` to ``most`` colours of its own."""
    n, height, width = images.shape[:3]
    blocks = images.reshape(n, height // times, times, width // times, times, 3)
    keys = jax.random.split(key, 4)
    chosen = jax.random.bernoulli(keys[0], 0.5, (n, 1, 1, 1))
    small = jnp.where(chosen, blocks.mean((2, 4)), _middle(blocks, keys[3]))
    counts = jax.random.randint(keys[1], (n,), LEAST, most + 1)
    return jax.vmap(partial(_few_colours, most=most))(small, counts, jax.random.split(keys[2], n))


def _middle(blocks: jax.Array, key: jax.Array) -> jax.Array:
    """Of blocks of pixels ``[n, h, times, w, times, 3]`` those nearest to the means, ``[n, h, w, 3]``: outlines stay
    crisp and where they are. Of equals it is the same one in all of a picture."""
    n, height, times, width, _, _ = blocks.shape
    pixels = blocks.transpose(0, 1, 3, 2, 4, 5).reshape(n, height, width, times**2, 3)
    apart = jnp.square(pixels - pixels.mean(3, keepdims=True)).sum(-1)
    apart += _EQUAL * jax.random.uniform(key, (n, 1, 1, times**2))
    return jnp.take_along_axis(pixels, apart.argmin(-1)[..., None, None], 3)[..., 0, :]


def _few_colours(image: jax.Array, count: jax.Array, key: jax.Array, *, most: int) -> jax.Array:
    """``image`` in ``count`` colours of ``most``: the means of what is nearest to each, begun at a random pixel and
    then, each time, at the one farthest from all before (Gonzalez 1985). What has no more colours keeps them."""
    pixels = image.reshape(-1, 3)
    barred = jnp.where(jnp.arange(most) < count, 0.0, jnp.inf).reshape(1, -1)

    def farther(number: int, found: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        colours, apart = found
        chosen = pixels[apart.argmax()]
        return colours.at[number].set(chosen), jnp.minimum(apart, jnp.square(pixels - chosen[None]).sum(-1))

    first = pixels[jax.random.randint(key, (), 0, len(pixels))]
    begun, _ = jax.lax.fori_loop(
        1, most, farther, (jnp.tile(first, (most, 1)), jnp.square(pixels - first[None]).sum(-1))
    )

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
    return 4 + 2 * plan.blocks + 1 + 1


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
