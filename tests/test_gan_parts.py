"""The parts of a GAN: layers, presets, losses, augmentation, figures; what a wrong one would do to a run."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pixeldream.neural.gan import augment, figures, losses, spectral
from pixeldream.neural.gan import networks as nets
from pixeldream.neural.gan.layers import enlarge, halve
from pixeldream.neural.gan.loop import Goal
from pixeldream.neural.gan.settings import (
    AUGMENTATIONS,
    LOSSES,
    PRESETS,
    SIZES,
    GanError,
    Training,
    as_facts,
    plan_of,
    preset,
    training_of,
)
from pixeldream.neural.gan.sight import Mixtures, features
from pixeldream.neural.gan.toys import KINDS, toys
from pixeldream.neural.gan.watch import Watch
from pixeldream.neural.settings import DEFAULT_NETWORK
from pixeldream.neural.weights import resolve
from pixeldream.plugin.registry import Registry


@pytest.mark.parametrize("outside", [7, 1])
def test_the_quick_transposed_convolution_is_the_slow_one(outside: int) -> None:
    random = np.random.default_rng(0)
    x, kernel = (jnp.asarray(random.normal(size=s), jnp.float32) for s in ((2, 5, 6, 4), (4, 4, 4, outside)))
    slow = jax.lax.conv_transpose(x, kernel, (2, 2), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
    np.testing.assert_allclose(enlarge(x, kernel), slow, atol=1e-5)


@pytest.mark.parametrize(("side", "inside"), [(32, 12), (8, 3)])
def test_the_quick_convolution_and_its_gradients_are_those_of_the_slow_one(side: int, inside: int) -> None:
    random = np.random.default_rng(0)
    shapes = (2, side, side, inside), (4, 4, inside, 5), (2, side // 2, side // 2, 5)
    x, kernel, gradient = (jnp.asarray(random.normal(size=shape), jnp.float32) for shape in shapes)

    def slow(x: jax.Array, kernel: jax.Array) -> jax.Array:
        return jax.lax.conv_general_dilated(x, kernel, (2, 2), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))

    for ours, theirs in zip(*(_with_gradients(each, x, kernel, gradient) for each in (halve, slow)), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-3)


def test_the_quick_convolution_can_be_derived_twice_as_the_penalty_does() -> None:
    random = np.random.default_rng(0)
    x, kernel = (jnp.asarray(random.normal(size=shape), jnp.float32) for shape in ((1, 32, 32, 9), (4, 4, 9, 2)))

    def squared(kernel: jax.Array, scale: jax.Array) -> jax.Array:
        gradient = jax.grad(lambda x: jnp.tanh(halve(x, scale * kernel)).sum())(x)
        return jnp.square(gradient).sum()

    # Along the kernel itself: against a difference.
    along = jax.jit(jax.grad(squared, 1))(kernel, jnp.float32(0.1))
    ways = [float(squared(kernel, jnp.float32(0.1 + step))) for step in (0.002, -0.002)]
    assert along == pytest.approx((ways[0] - ways[1]) / 0.004, rel=0.01)


def _with_gradients(way: Callable[..., jax.Array], *arrays: jax.Array) -> tuple[jax.Array, ...]:
    def both(x: jax.Array, kernel: jax.Array, gradient: jax.Array) -> tuple[jax.Array, ...]:
        made, pull = jax.vjp(way, x, kernel)
        return made, *pull(gradient)

    return jax.jit(both)(*arrays)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_has_networks_of_every_size(name: str, size: int) -> None:
    plan, _ = preset(name, size)
    assert (plan.size, plan.base << len(plan.generator)) == (size, size)


@pytest.mark.parametrize(
    ("name", "size"),
    [("projected", 16), ("projected", 128), ("steady", 32), ("dcgan", 16), ("thesis", 128), ("thesis", 16)],
)
def test_presets_draw_and_score(registry: Registry, name: str, size: int) -> None:
    plan, _ = preset(name, size, classes=3)
    network, weights, _ = resolve(registry.networks[DEFAULT_NETWORK], None)
    shapes = jax.eval_shape(lambda: {name: jnp.asarray(value) for name, value in weights.items()})
    inside = 16, 32, 64, 160
    mixtures = Mixtures(
        shapes, tuple(jnp.ones(pair) for pair in zip(inside, plan.tap_widths, strict=False)),
        tuple(jnp.ones(pair[::-1]) for pair in pairwise(plan.tap_widths)),
    )  # fmt: skip

    def run() -> tuple[jax.Array, jax.Array]:
        latent, classes, key = jnp.zeros((2, plan.latent)), jnp.zeros(2, jnp.int32), jax.random.key(0)
        images = nets.draw(plan, *nets.begin_generator(plan, key), latent, classes, train=True)[0]
        seen = nets.Seen(images, features(plan, network, mixtures, images))
        return images, nets.score(plan, *nets.begin_critic(plan, key), seen, classes, key)[0]

    images, scores = jax.eval_shape(run)
    assert images.shape == (2, size, size, 3)
    assert scores.shape == ((2, 5, 16) if plan.taps else (2,))


def test_the_presets_are_those_of_the_paper_and_of_the_thesis() -> None:
    paper, training = preset("dcgan", 64)
    assert (paper.base, paper.first, paper.generator, paper.latent) == (4, 1024, (512, 256, 128, 3), 100)
    assert (training.batch, training.betas, training.generator_rate) == (128, (0.5, 0.999), 2e-4)
    thesis, training = preset("thesis", 128)
    assert (thesis.base, thesis.first, thesis.generator) == (8, 128, (1024, 512, 256, 128))
    assert (thesis.critic, thesis.dropout, thesis.slope) == ((64, 128, 256, 512), 0.2, 0.2)
    assert (training.loss, training.batch, training.critic_rate) == ("bce", 16, 1e-4)


def test_plans_and_trainings_survive_json() -> None:
    plan, training = preset("projected", 32, classes=3)
    training = replace(training, augment=("cutout",))
    assert (plan_of(as_facts(plan)), training_of(as_facts(training))) == (plan, training)


@pytest.mark.parametrize(
    ("wrong", "quoted"),
    [
        (lambda: preset("biggan", 32), "'biggan'"),
        (lambda: preset("dcgan", 48), "48"),
        (lambda: preset("dcgan", 32, width=3), "3"),
        (lambda: Training(loss="wasserstein"), "'wasserstein'"),
        (lambda: Training(augment=("flip",)), "'flip'"),
        (lambda: Training(batch=1), "1"),
        (lambda: Training(critic_rate=math.nan), "nan"),
        (lambda: Goal(), "--steps"),
    ],
)
def test_what_can_not_be_is_refused_in_words(wrong: object, quoted: str) -> None:
    with pytest.raises(GanError, match=quoted):
        wrong()  # type: ignore[operator]


@pytest.mark.parametrize(
    ("wrong", "quoted"),
    [
        (lambda: replace(preset("thesis", 16)[0], grows=True), "can't grow together"),
        (lambda: replace(preset("steady", 32)[0], level=2), "level 2"),
        (lambda: Training(growth=-1), "growth -1"),
        (lambda: replace(preset("projected", 16)[0], grows=True), "sees through a network can't grow"),
    ],
)
def test_networks_that_can_not_grow_are_refused(wrong: Callable[[], object], quoted: str) -> None:
    with pytest.raises(GanError, match=quoted):
        wrong()


def test_spectral_norm_finds_the_largest_singular_value() -> None:
    random = np.random.default_rng(0)
    learnt = {"conv": random.normal(size=(4, 4, 3, 8)), "dense": random.normal(size=(20, 1)), "bias": np.ones(8)}
    learnt = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), learnt)
    directions = spectral.begin(learnt, jax.random.key(1))
    advance = jax.jit(spectral.advance)
    for _ in range(60):
        directions = advance(learnt, directions)
    normalised = spectral.normalised(learnt, directions)
    for name in ("conv", "dense"):
        leaf = np.asarray(normalised[name])
        assert np.linalg.norm(leaf.reshape(-1, leaf.shape[-1]), 2) == pytest.approx(1.0, abs=0.02)
    np.testing.assert_array_equal(normalised["bias"], learnt["bias"])


@pytest.mark.parametrize("name", LOSSES)
def test_losses_fall_when_the_networks_get_what_they_want(name: str) -> None:
    low, high = jnp.full(4, -2.0), jnp.full(4, 2.0)
    assert losses.critic_loss(name, high, low) < losses.critic_loss(name, low, high)
    assert losses.generator_loss(name, low, high) < losses.generator_loss(name, high, low)


def test_the_penalty_is_half_the_squared_slope() -> None:
    images = jnp.ones((2, 4, 4, 3))
    assert losses.r1(lambda x: 3.0 * x.sum((1, 2, 3)), images) == pytest.approx(0.5 * 9 * 48)


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_augmentation_alters_each_picture_its_own_way_and_lets_gradients_through(name: str) -> None:
    image = jnp.asarray(np.random.default_rng(0).random((1, 16, 16, 3)), jnp.float32)
    images = jnp.repeat(image, 6, 0)
    altered = np.asarray(augment.augment((name,), images, jax.random.key(3)))
    assert altered.shape == images.shape
    assert len(np.unique(altered.reshape(6, -1), axis=0)) > 3
    gradient = jax.grad(lambda x: augment.augment((name,), x, jax.random.key(3)).sum())(images)
    assert np.abs(np.asarray(gradient)).sum((1, 2, 3)).min() > 0


def test_collapse_and_a_dominating_critic_are_said_and_not_too_often() -> None:
    fine = {"critic": 1.0, "right": 0.8, "variety": 0.9}
    watch = Watch()
    assert not [text for _ in range(1000) for text in watch.see(fine)]
    found = [text for _ in range(1000) for text in watch.see({**fine, "right": 1.0})]
    assert 1 <= len(found) <= 4
    assert "critic dominates" in found[0]
    found = [text for _ in range(1000) for text in watch.see({**fine, "variety": 0.05})]
    assert "mode collapse" in found[-1]
    assert "no numbers" in watch.see({**fine, "critic": math.nan})[0]


def test_the_toy_set_is_varied_and_the_same_each_time() -> None:
    images, kinds = toys(64)
    assert set(kinds) == set(range(len(KINDS)))
    assert len(np.unique(images.reshape(64, -1), axis=0)) == 64
    np.testing.assert_array_equal(toys(8)[0], images[:8])


def test_frechet_distance_of_normal_distributions_is_the_known_one() -> None:
    random = np.random.default_rng(0)
    first = random.normal(0, 1, (20_000, 3))
    second = random.normal((3, 0, 0), 2, (20_000, 3))
    assert figures.frechet(first, second) == pytest.approx(9 + 3 * (1 + 4 - 2 * 2), rel=0.05)
    assert figures.frechet(first, first) == pytest.approx(0, abs=1e-6)


def test_precision_and_recall_tell_poor_drawings_from_few_kinds() -> None:
    random = np.random.default_rng(0)
    real = np.concatenate([random.normal(0, 0.1, (200, 4)), random.normal(5, 0.1, (200, 4))])
    collapsed = figures.compare(real, random.normal(0, 0.1, (400, 4)))
    poor = figures.compare(real, random.normal(20, 0.1, (400, 4)))
    alike = figures.halves(real)
    assert collapsed.precision > 0.8 > 0.6 > collapsed.recall
    assert (poor.precision, poor.recall) == (0, 0)
    assert min(alike.precision, alike.recall) > 0.8
    assert abs(alike.kernel) < 0.05 * collapsed.kernel
    assert alike.frechet < collapsed.frechet < poor.frechet
