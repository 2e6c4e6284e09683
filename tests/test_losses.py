"""The losses against their definitions, written as loops, and the promises that let one weight serve every network."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pixeldream.neural.losses import content_loss, content_power, gram_matrix, style_loss, total_variation


def features(seed: int, scale: float = 1.0, size: tuple[int, int] = (5, 7), channels: int = 4) -> jax.Array:
    random = np.random.default_rng(seed)
    return jnp.asarray(scale * np.maximum(random.normal(0.3, 1, (*size, channels)), 0), jnp.float32)


def test_gram_is_the_mean_product_of_channels() -> None:
    found = np.asarray(features(0))
    expected = np.zeros((4, 4))
    for y in range(5):
        for x in range(7):
            for a in range(4):
                for b in range(4):
                    expected[a, b] += found[y, x, a] * found[y, x, b] / 35
    np.testing.assert_allclose(gram_matrix(jnp.asarray(found)), expected, rtol=1e-5)


def test_gram_knows_no_places_and_no_size() -> None:
    found = features(1, size=(4, 6))
    moved = jnp.roll(found, (1, 2), (0, 1))
    twice = jnp.tile(found, (2, 1, 1))
    np.testing.assert_allclose(gram_matrix(moved), gram_matrix(found), rtol=1e-5)
    np.testing.assert_allclose(gram_matrix(twice), gram_matrix(found), rtol=1e-5)


def test_losses_by_hand() -> None:
    target = np.asarray(features(2))
    found = np.asarray(features(3))
    variance = np.mean((target - target.mean((0, 1))) ** 2)
    assert float(content_loss(jnp.asarray(found), jnp.asarray(target))) == pytest.approx(
        np.mean((found - target) ** 2) / (variance + 0.01 * np.mean(target**2)), rel=1e-5
    )
    one, other = np.asarray(gram_matrix(jnp.asarray(found))), np.asarray(gram_matrix(jnp.asarray(target)))
    expected = ((one - other) ** 2).sum() / (other**2).sum()
    assert float(style_loss(jnp.asarray(one), jnp.asarray(other))) == pytest.approx(expected, rel=1e-5)


def test_losses_are_zero_at_the_target_and_flat_there() -> None:
    target = features(4)
    gram = gram_matrix(target)
    assert float(content_loss(target, target)) == 0
    assert float(style_loss(gram, gram)) == 0
    assert not np.asarray(jax.grad(content_loss)(target, target)).any()
    assert not np.asarray(jax.grad(lambda f: style_loss(gram_matrix(f), gram))(target)).any()


@pytest.mark.parametrize("scale", [1e-2, 1.0, 300.0])
def test_losses_do_not_know_the_scale_of_a_network(scale: float) -> None:
    """Else every network, and every layer, needed weights of its own."""
    found, target = features(5), features(6)
    plain = content_loss(found, target), style_loss(gram_matrix(found), gram_matrix(target))
    scaled = (
        content_loss(scale * found, scale * target),
        style_loss(gram_matrix(scale * found), gram_matrix(scale * target)),
    )
    np.testing.assert_allclose(scaled, plain, rtol=2e-2)


def test_losses_of_a_blank_target_are_finite() -> None:
    blank, found = jnp.zeros((4, 4, 3)), features(7, size=(4, 4), channels=3)
    for value in (content_loss(found, blank), style_loss(gram_matrix(found), gram_matrix(blank))):
        assert np.isfinite(float(value))
    assert np.isfinite(np.asarray(jax.grad(content_loss)(found, blank))).all()


def test_losses_stay_finite_for_features_of_a_real_vgg() -> None:
    """Unnormalised VGG features reach thousands: squares of squares must not overflow float32."""
    found, target = features(8, 2e4), features(9, 2e4)
    assert np.isfinite(float(style_loss(gram_matrix(found), gram_matrix(target))))


def test_total_variation_by_hand() -> None:
    image = jnp.asarray(np.arange(12, dtype=np.float32).reshape(2, 2, 3) ** 2 / 100)
    values = np.asarray(image)
    expected = np.mean((values[1] - values[0]) ** 2) + np.mean((values[:, 1] - values[:, 0]) ** 2)
    assert float(total_variation(image)) == pytest.approx(expected, rel=1e-5)
    assert float(total_variation(jnp.ones((4, 5, 3)))) == 0


def through_a_relu(seed: int) -> tuple[jax.Array, jax.Array]:
    """What goes into a ReLU, and what comes out of it."""
    before = jnp.asarray(np.random.default_rng(seed).normal(0.1, 1, (5, 7, 4)), jnp.float32)
    return before, jax.nn.relu(before)


def test_style_gradient_is_that_of_the_paper() -> None:
    """Gatys, Ecker and Bethge, arXiv 1508.06576, equation 6: the features times the difference of the Gram matrices,
    and nothing where the activation is not positive. Theirs is scaled by sizes, ours by the target's norm."""
    before, found = through_a_relu(10)
    target = gram_matrix(features(11))
    flat = np.asarray(found, np.float64).reshape(35, 4)
    apart = flat.T @ flat / 35 - np.asarray(target)
    expected = 4 / 35 * flat @ apart / np.square(np.asarray(target)).sum()
    expected[flat <= 0] = 0
    gradient = jax.grad(lambda value: style_loss(gram_matrix(jax.nn.relu(value)), target))(before)
    np.testing.assert_allclose(gradient, expected.reshape(5, 7, 4), rtol=1e-4, atol=1e-7)
    assert (np.asarray(gradient)[np.asarray(before) <= 0] == 0).all()


def test_content_gradient_is_that_of_the_paper() -> None:
    """The same, equation 2: the difference of the features where the activation is positive, else nothing."""
    before, found = through_a_relu(12)
    target = features(13)
    gradient = jax.grad(lambda value: content_loss(jax.nn.relu(value), target))(before)
    apart = np.where(np.asarray(found) > 0, np.asarray(found) - np.asarray(target), 0)
    scale = 2 / apart.size / float(content_power(target))
    np.testing.assert_allclose(gradient, scale * apart, rtol=1e-4, atol=1e-7)
