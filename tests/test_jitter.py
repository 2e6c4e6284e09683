"""Jitter: what the networks see is the picture itself, moved; and the targets move with it."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from pixeldream.neural.jitter import COUNT, shifted, shifts
from pixeldream.neural.settings import MAXIMUM_JITTER


@pytest.mark.parametrize("most", [0, 1, 3, MAXIMUM_JITTER])
def test_shifts_begin_at_none_and_stay_within_bounds(most: int) -> None:
    found = shifts(most)
    assert not found[0].any()
    assert len(found) == (COUNT if most else 1)
    assert found.min() >= 0
    assert found.max() <= most


def test_shifts_fall_on_every_phase_of_a_pool() -> None:
    """A picture that is painted for three of the four phases is still painted for a grid."""
    assert len({tuple(shift % 2) for shift in shifts(3)}) == 4


def test_a_picture_is_moved_and_its_border_repeats() -> None:
    image = jnp.asarray(np.random.default_rng(0).uniform(0, 1, (9, 11, 3)), jnp.float32)
    moved = shifted(image, jnp.asarray([2, 3], jnp.int32))
    np.testing.assert_array_equal(moved[2:, 3:], image[:-2, :-3])
    np.testing.assert_array_equal(moved[:2, 3:], jnp.broadcast_to(image[:1, :-3], (2, 8, 3)))
    np.testing.assert_array_equal(shifted(image, jnp.zeros(2, jnp.int32)), image)
