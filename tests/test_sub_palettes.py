"""Areas that choose one of a few sub-palettes: legal, near the best there is, with tiles as the hardware has them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixeldream.plugin import testing
from pixeldream.retro import solve as solver
from pixeldream.retro.colour import srgb_to_oklab
from pixeldream.retro.dither import NONE, Diffusion
from pixeldream.retro.mode import Mode, Picture, Slot, SubPalettes, Tiles
from pixeldream.retro.palette import Gamut, Palette

SIX = Palette("six", ((0, 0, 0), (255, 255, 255), (200, 40, 40), (40, 160, 60), (50, 60, 190), (230, 210, 80)))
CONSOLE = Mode(
    "console", "toy", (16, 8), (Slot("backdrop"), Slot("a"), Slot("b")), "six", colours=6,
    sub_palettes=SubPalettes((4, 4), ((0, 1), (0, 2))),
)  # fmt: skip
HANDHELD = Mode(
    "handheld", "toy", (32, 16), tuple(Slot(f"{p}-{c}") for p in range(2) for c in range(4)),
    gamut=Gamut("five bits", (32, 32, 32)), sub_palettes=SubPalettes((8, 8), ((0, 1, 2, 3), (4, 5, 6, 7))),
    tiles=Tiles((8, 8), 6), exact=False,
)  # fmt: skip
DIFFUSION = Diffusion("diffusion", ((1, 0, 7), (-1, 1, 3), (0, 1, 5), (1, 1, 1)), 16)


def solve(mode: Mode, image: np.ndarray, locks: dict[str, int] | None = None, dither: object = NONE) -> Picture:
    palette = mode.gamut or SIX
    array = jnp.asarray(solver.lock_array(mode, locks or {}))
    solution = solver.solve(mode, jnp.asarray(image), jnp.asarray(palette.values()), array, dither)
    return solver.to_picture(mode, palette, solution)


def noise(seed: int, mode: Mode = CONSOLE) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0, 1, (mode.size[1], mode.size[0], 3)).astype(np.float32)


def error(image: np.ndarray, shown: np.ndarray) -> float:
    ours, theirs = (np.asarray(srgb_to_oklab(jnp.asarray(part, jnp.float32))) for part in (image, shown / 255))
    return float(np.square(ours - theirs).sum())


def brute_force(image: np.ndarray) -> float:
    """The least error of CONSOLE by trying all colours."""
    lab, colours = (np.asarray(srgb_to_oklab(jnp.asarray(part))) for part in (image, SIX.values()))
    table = (
        np.square(lab[:, :, None] - colours).sum(-1).reshape(2, 4, 4, 4, 6).transpose(0, 2, 1, 3, 4).reshape(8, 16, 6)
    )
    return min(
        sum(min(area[:, [back, one]].min(1).sum(), area[:, [back, two]].min(1).sum()) for area in table)
        for back, one, two in product(range(6), repeat=3)
    )


@pytest.mark.parametrize("seed", range(4))
def test_the_choice_is_about_the_best_there_is(seed: int) -> None:
    image = noise(seed)
    assert error(image, solve(CONSOLE, image).image()) <= 1.02 * brute_force(image)


@given(st.integers(0, 10_000))
def test_a_legal_picture_of_noise_is_kept_to_the_pixel(seed: int) -> None:
    picture = testing.random_picture(CONSOLE, SIX, seed)
    np.testing.assert_array_equal(solve(CONSOLE, picture.image().astype(np.float32) / 255).image(), picture.image())


@given(st.integers(0, 10_000), st.integers(0, 5), st.integers(0, 5), st.sampled_from([NONE, DIFFUSION]))
def test_locks_hold_the_same_colour_in_two_sub_palettes_too(seed: int, one: int, two: int, dither: object) -> None:
    picture = solve(CONSOLE, noise(seed), {"a": one, "b": two}, dither)
    assert [int(held[0, 0]) for held in picture.colours[1:]] == [one, two]


@pytest.mark.parametrize("law", testing.MODE_LAWS, ids=lambda law: law.__name__)
def test_a_console_keeps_the_laws(law: Callable) -> None:
    law(CONSOLE, SIX)


def test_a_handheld_that_mixes_its_colours_is_solved_legally() -> None:
    assert HANDHELD.gamut is not None
    testing.mode_solves_legally(HANDHELD, HANDHELD.gamut)


def test_locks_hold_in_a_gamut() -> None:
    picture = solve(HANDHELD, noise(5, HANDHELD), {"0-2": 1234, "1-0": 31})
    assert (int(picture.colours[2][0, 0]), int(picture.colours[4][0, 0])) == (1234, 31)


def test_a_batch_is_solved_as_each_picture_alone() -> None:
    images = jnp.stack([jnp.asarray(noise(seed)) for seed in (6, 7)])
    locks, values = jnp.asarray(solver.lock_array(CONSOLE, {})), jnp.asarray(SIX.values())
    batch = jax.vmap(lambda image: solver.render(CONSOLE, solver.solve(CONSOLE, image, values, locks), values))(images)
    for image, shown in zip(images, batch, strict=True):
        alone = error(np.asarray(image), solve(CONSOLE, np.asarray(image)).image())
        assert error(np.asarray(image), np.asarray(shown) * 255) == pytest.approx(alone, rel=1e-3)


def test_one_tile_serves_areas_of_different_colours() -> None:
    mode = dataclasses.replace(CONSOLE, tiles=Tiles((4, 4), 1))
    pixels = np.kron(np.asarray([[1, 2, 1, 2], [2, 2, 1, 1]]), np.tri(4, dtype=int)).astype(np.uint8)
    picture = Picture(mode, SIX, pixels, tuple(np.full((1, 1), colour) for colour in (0, 2, 4)))
    assert picture.distinct_tiles() == 1
    assert picture.sub_palettes().tolist() == [[0, 1, 0, 1], [1, 1, 0, 0]]
    np.testing.assert_array_equal(solve(mode, picture.image().astype(np.float32) / 255).image(), picture.image())


def test_what_the_hardware_cannot_show_is_refused_in_words() -> None:
    pixels = np.zeros((8, 16), np.uint8)
    pixels[4, 8:10] = 1, 2
    colours = tuple(np.full((1, 1), colour) for colour in (0, 2, 4))
    with pytest.raises(ValueError, match="row 1, column 2 uses backdrop, a, b, which no sub-palette has together"):
        Picture(CONSOLE, SIX, pixels, colours)
    with pytest.raises(ValueError, match="do not tile"):
        dataclasses.replace(CONSOLE, sub_palettes=SubPalettes((5, 4), ((0, 1), (0, 2))))
    for slots in (((0, 1), (0,)), ((0, 1), (0, 1)), ((0, 1), (2, 0))):
        with pytest.raises(ValueError, match="not equally long, leave out a slot"):
            dataclasses.replace(CONSOLE, sub_palettes=SubPalettes((4, 4), slots))
    with pytest.raises(ValueError, match="span the screen"):
        dataclasses.replace(CONSOLE, slots=(Slot("backdrop"), Slot("a"), Slot("b", (4, 4))))
