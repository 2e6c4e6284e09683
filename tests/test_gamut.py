"""Palettes from gamuts of few colours and uneven shades: distinct, the best there are, and fit for a dither."""

from __future__ import annotations

from itertools import combinations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pixeldream.plugin.testing import random_image
from pixeldream.retro import gamut as gamuts
from pixeldream.retro.colour import srgb_to_oklab
from pixeldream.retro.mode import Mode, Slot
from pixeldream.retro.palette import Gamut, PaletteError

THREE = Gamut("three", (3, 3, 3), shades=(0, 96, 255))
FREE = -1
CHOOSE = jax.jit(gamuts.choose, static_argnums=(0, 2), static_argnames="mixing")


def image_of(width: int = 48, height: int = 40, seed: int = 1) -> np.ndarray:
    return random_image(Mode("any", "any", (width, height), (Slot("any"),), gamut=THREE), seed)


def choose(image: np.ndarray, locks: list[int], mixing: bool = False) -> list[int]:
    found = CHOOSE(THREE, jnp.asarray(image), len(locks), jnp.asarray(locks, jnp.int32), mixing=mixing)
    return [int(index) for index in found]


def errors(image: np.ndarray) -> np.ndarray:
    """``[pixels, 27]``: squared distances."""
    every = srgb_to_oklab(gamuts.decode(THREE, jnp.arange(27)))
    points = srgb_to_oklab(jnp.asarray(image.reshape(-1, 3)))
    return np.square(np.asarray(points)[:, None] - np.asarray(every)[None]).sum(-1)


def test_shades_are_shown_and_found_again() -> None:
    indices = np.arange(27)
    shown = THREE.rgb(indices)
    assert set(np.unique(shown)) == {0, 96, 255}
    np.testing.assert_array_equal(THREE.nearest(shown), indices)
    np.testing.assert_allclose(np.asarray(gamuts.decode(THREE, jnp.asarray(indices))) * 255, shown, atol=1e-4)
    np.testing.assert_array_equal(gamuts.snap(THREE, jnp.asarray(shown, jnp.float32) / 255), indices)
    # 50 is nearer to 96 than to 0, and 170 to 96 than to 255.
    assert THREE.index("3232aa") == 13


@pytest.mark.parametrize("shades", [(0, 255), (0, 0, 255), (0, 200, 100), (0, 128, 256)])
def test_shades_that_make_no_sense_are_refused(shades: tuple[int, ...]) -> None:
    with pytest.raises(PaletteError, match="rising"):
        Gamut("wrong", (3, 3, 3), shades=shades)


@pytest.mark.parametrize("seed", range(3))
def test_two_colours_are_the_best_two(seed: int) -> None:
    image = image_of(seed=seed)
    table = errors(image)
    best = min(combinations(range(27), 2), key=lambda pair: table[:, pair].min(1).sum())
    assert sorted(choose(image, [FREE, FREE])) == list(best)


@pytest.mark.parametrize("mixing", [False, True])
def test_colours_are_distinct_and_locks_are_kept(mixing: bool) -> None:
    # Three colours would do for this picture.
    image = np.zeros((40, 48, 3), np.float32)
    image[:, 16:32], image[:, 32:] = (0.4, 0.3, 0.2), (0.9, 0.9, 0.8)
    found = choose(image, [FREE, 5, *[FREE] * 14], mixing)
    assert found[1] == 5
    assert len(set(found)) == 16


def test_a_dither_gets_colours_that_span_the_tones() -> None:
    ramp = np.broadcast_to(np.linspace(0, 1, 48, dtype=np.float32)[None, :, None], (40, 48, 3))
    assert choose(ramp, [FREE, FREE], mixing=True) == [0, 26]
    assert choose(ramp, [FREE, FREE]) != [0, 26]


def test_a_picture_that_has_its_colours_keeps_them_under_a_dither() -> None:
    held = [3, 4, 13, 22]
    pixels = np.random.default_rng(2).choice(held, (40, 48))
    assert sorted(choose(THREE.rgb(pixels).astype(np.float32) / 255, [FREE] * 4, mixing=True)) == held
