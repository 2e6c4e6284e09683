"""The Commodore 64 modes that no slots alone can say: two frames in turn, and character sets."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from pixeldream_plugins.c64_charset import HIRES_CHARSET, MULTICOLOR_CHARSET, to_text
from pixeldream_plugins.c64_frames import shown_by
from pixeldream_plugins.c64_interlace import DRAZLACE, IFLI, MCI
from pixeldream_plugins.c64_interlace_solve import LUMA
from pixeldream_plugins.c64_screen import MULTICOLOR

import pixeldream as pd
from pixeldream.plugin import testing
from pixeldream.retro import solve as solver

pytestmark = pytest.mark.slow

VALUES = pd.palette("c64-colodore").values()
DIFFUSION = pd.Diffusion("diffusion", ((1, 0, 7), (-1, 1, 3), (0, 1, 5), (1, 1, 1)), 16)


def solve(
    mode: pd.Mode, image: np.ndarray, locks: dict[str, int] | None = None, dither: object = pd.NONE
) -> pd.Picture:
    array = jnp.asarray(solver.lock_array(mode, locks or {}))
    solution = solver.solve(mode, jnp.asarray(image), jnp.asarray(VALUES), array, dither)
    return solver.to_picture(mode, pd.palette("c64-colodore"), solution)


def error(image: np.ndarray, shown: np.ndarray) -> float:
    ours, theirs = (pd.srgb_to_oklab(jnp.asarray(part, jnp.float32)) for part in (image, shown / 255))
    return float(jnp.square(ours - theirs).sum(-1).mean())


@pytest.mark.parametrize("dither", [pd.NONE, DIFFUSION], ids=lambda dither: dither.name)
@pytest.mark.parametrize("bound", [0.1, 0.35])
def test_partners_flicker_no_more_than_the_bound(bound: float, dither: object) -> None:
    picture = solve(dataclasses.replace(MCI, flicker=bound), testing.random_image(MCI, 3), dither=dither)
    first, second = shown_by(MCI.solve.args[0], jnp.asarray(picture.pixels), picture.colours)
    luma = VALUES @ LUMA
    difference = np.abs(luma[np.asarray(first)] - luma[np.asarray(second)])
    # Place 2x + 1 is where pixel x of both frames is seen.
    assert difference[:, 1::2].max() <= bound + 1e-5
    assert difference[:, ::2].mean() <= bound


@pytest.mark.parametrize("mode", [MCI, DRAZLACE], ids=lambda mode: mode.name)
def test_two_frames_leave_less_error_than_one(mode: pd.Mode) -> None:
    image = testing.random_image(mode, 4)
    one = solve(MULTICOLOR, image.reshape(200, 160, 2, 3).mean(2)).image().repeat(2, 1)
    assert error(image, solve(mode, image).image()) < 0.8 * error(image, one)


def test_locks_hold_in_both_frames() -> None:
    picture = solve(MCI, testing.random_image(MCI, 5), {"background": 6, "colour-ram": 2, "screen-low-2": 1})
    for slot, colour in ((0, 6), (5, 2), (4, 1)):
        assert (picture.colours[slot] == colour).all()


FEW_TILES = dataclasses.replace(
    MULTICOLOR_CHARSET, size=(80, 96), tiles=dataclasses.replace(MULTICOLOR_CHARSET.tiles, count=64)
)
"""A quarter of the screen, and of the tiles."""


@pytest.mark.parametrize("mode", [IFLI, FEW_TILES], ids=lambda mode: mode.name)
def test_a_batch_is_solved_as_each_picture_alone(mode: pd.Mode) -> None:
    images = jnp.stack([jnp.asarray(testing.random_image(mode, seed)) for seed in (6, 7)])
    locks = jnp.asarray(solver.lock_array(mode, {}))

    def shown_for(image: jax.Array) -> jax.Array:
        return solver.render(mode, solver.solve(mode, image, jnp.asarray(VALUES), locks), jnp.asarray(VALUES))

    batch = jax.vmap(shown_for)(images)
    for image, shown in zip(images, batch, strict=True):
        alone, together = error(image, solve(mode, np.asarray(image)).image()), error(image, np.asarray(shown) * 255)
        assert together == pytest.approx(alone, rel=0.02)


@pytest.mark.parametrize("mode", [HIRES_CHARSET, MULTICOLOR_CHARSET], ids=lambda mode: mode.name)
def test_tiles_are_merged_within_the_budget_and_better_than_by_chance(mode: pd.Mode) -> None:
    image = testing.random_image(mode, 8)
    picture = solve(mode, image)
    assert picture.distinct_tiles() <= 256
    assert len(to_text(picture).characters) <= 256 * 8
    free = solve(dataclasses.replace(mode, tiles=None), image)
    assert error(image, free.image()) <= error(image, picture.image()) <= 2.5 * error(image, free.image())


def test_too_many_tiles_are_refused_in_words() -> None:
    random = np.random.default_rng(1)
    colours = (np.zeros((1, 1), int), np.ones((25, 40), int))
    with pytest.raises(ValueError, match="1000 different tiles; 256 are possible"):
        pd.Picture(
            HIRES_CHARSET, pd.palette("c64-colodore"), random.integers(0, 2, (200, 320)).astype(np.uint8), colours
        )
