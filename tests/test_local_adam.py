"""The optimiser's promises: what fills a picture with grain, it does not do."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pixeldream.neural.local_adam import SIDE, scale_by_local_adam


def first_update(gradient: np.ndarray) -> np.ndarray:
    optimiser = scale_by_local_adam()
    value = jnp.asarray(gradient, jnp.float32)
    update, _ = optimiser.update(value, optimiser.init(value))
    return np.asarray(update)


def test_a_pixel_moves_along_its_gradient_and_in_proportion_to_its_neighbours() -> None:
    """Adam would move each of these numbers by 1."""
    gradient = np.zeros((32, 32, 3))
    gradient[16, 16], gradient[16, 17] = (3, 0.5, 0), (0, -0.25, 0.5)
    update = first_update(gradient)
    np.testing.assert_allclose(update[16, 16] / update[16, 16, 0], gradient[16, 16] / 3, rtol=1e-5)
    assert update[16, 17, 2] / update[16, 16, 0] == pytest.approx(0.5 / 3, rel=0.5)


def test_quiet_and_busy_parts_move_at_the_same_pace() -> None:
    gradient = np.random.default_rng(0).normal(0, 1, (64, 64, 3))
    gradient[:, 32:] *= 1e-3
    update = np.square(first_update(gradient))
    assert update[:, :24].mean() == pytest.approx(1, rel=0.1)
    assert update[:, 40:].mean() == pytest.approx(1, rel=0.1)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_updates_do_not_know_the_scale_of_the_losses(scale: float) -> None:
    gradient = np.random.default_rng(1).normal(0, 1, (16, 24, 3))
    np.testing.assert_allclose(first_update(scale * gradient), first_update(gradient), rtol=1e-3)


def test_no_gradient_is_no_move_and_no_error() -> None:
    assert not first_update(np.zeros((8, 8, 3))).any()


def test_pictures_smaller_than_a_neighbourhood_and_other_arrays_are_served() -> None:
    assert np.isfinite(first_update(np.ones((SIDE // 2, 1, 3)))).all()
    np.testing.assert_allclose(first_update(np.full((16, 3), 2.0)), 1, rtol=1e-5)


def test_a_quadratic_is_minimised() -> None:
    optimiser, value = scale_by_local_adam(), jnp.ones((12, 12, 3))
    moments = optimiser.init(value)
    for _ in range(100):
        update, moments = optimiser.update(jax.grad(lambda v: jnp.square(v - 0.3).sum())(value), moments)
        value = value - 0.03 * update
    np.testing.assert_allclose(value, 0.3, atol=0.02)
