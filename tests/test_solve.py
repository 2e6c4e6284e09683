"""The solver: exact where it says so, within every limit, the same whatever the route."""

from __future__ import annotations

import dataclasses
from itertools import combinations, product

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixeldream.plugin import testing
from pixeldream.retro import solve as solver
from pixeldream.retro.colour import srgb_to_oklab
from pixeldream.retro.dither import NONE, Diffusion, Ordered
from pixeldream.retro.mode import Mode, Picture, Slot
from pixeldream.retro.palette import Gamut, Palette

SIX = Palette("six", ((0, 0, 0), (255, 255, 255), (200, 40, 40), (40, 160, 60), (50, 60, 190), (230, 210, 80)))
TWO_CELLS = Mode("pair", "toy", (8, 4), (Slot("paper", (4, 4)), Slot("ink", (4, 4))), "six", colours=6)
SHARED = Mode("shared", "toy", (8, 4), (Slot("background"), Slot("a", (4, 4)), Slot("b", (4, 4))), "six", colours=6)
STRIPS = Mode(
    "strips",
    "toy",
    (8, 4),
    (Slot("background"), Slot("a", (4, 4)), Slot("x", (4, 1)), Slot("y", (4, 1))),
    "six",
    colours=6,
)
LIMITED = Mode(
    "limited",
    "toy",
    (8, 4),
    (Slot("background"), Slot("a", (4, 4), (0, 1)), Slot("b", (4, 4), (1, 2, 3))),
    "six",
    colours=6,
)
FREE = Mode("free", "toy", (8, 8), tuple(Slot(f"c{n}") for n in range(4)), gamut=Gamut("nine", (3, 3, 3)))
BLOCKED = Mode(
    "blocked", "toy", (8, 4), (Slot("a", (4, 2)), Slot("b", (4, 2))), "six", colours=6, blocked=4, blocked_colour=5
)
BRIGHTNESSES = ((0, 1, 2), (0, 3, 4, 5))
GROUPED = Mode(
    "grouped", "toy", (8, 4), (Slot("paper", (4, 2)), Slot("ink", (4, 2))), "six", colours=6, colour_groups=BRIGHTNESSES
)
NESTED = Mode(
    "nested", "toy", (8, 4), (Slot("background"), Slot("a", (4, 4)), Slot("b", (4, 1))), "six", colours=6,
    colour_groups=((0, 1, 2), (0, 2, 3, 4, 5)),
)  # fmt: skip
TOYS = [TWO_CELLS, SHARED, STRIPS, LIMITED, GROUPED, NESTED]


def distances(image: np.ndarray) -> np.ndarray:
    lab = np.asarray(srgb_to_oklab(jnp.asarray(image)))
    colours = np.asarray(srgb_to_oklab(jnp.asarray(SIX.values())))
    return np.square(lab[:, :, None] - colours).sum(-1)


def brute_force(mode: Mode, image: np.ndarray) -> float:
    """The least error by trying every colour in every slot, area within area."""
    table = distances(image)

    def best(depth: int, rows: slice, columns: slice, held: tuple[int, ...]) -> float:
        if depth == len(mode.levels):
            if mode.colour_groups and not any(set(held) <= set(group) for group in mode.colour_groups):
                return float("inf")
            return float(table[rows, columns][:, :, list(held)].min(-1).sum())
        level = mode.levels[depth]
        width, height = level.area
        total = 0.0
        limits = [mode.slots[slot].allowed or range(6) for slot in level.slots]
        for top, left in product(range(rows.start, rows.stop, height), range(columns.start, columns.stop, width)):
            inner = slice(top, top + height), slice(left, left + width)
            total += min(best(depth + 1, *inner, held + choice) for choice in product(*limits))
        return total

    return best(0, slice(0, mode.size[1]), slice(0, mode.size[0]), ())


def solve(mode: Mode, image: np.ndarray, locks: dict[str, int] | None = None, dither: object = NONE) -> Picture:
    palette = mode.gamut or SIX
    array = jnp.asarray(solver.lock_array(mode, locks or {}))
    solution = solver.solve(mode, jnp.asarray(image), jnp.asarray(palette.values()), array, dither)
    return solver.to_picture(mode, palette, solution)


def error(image: np.ndarray, picture: Picture) -> float:
    return float(np.take_along_axis(distances(image), picture.indices()[..., None], 2).sum())


@pytest.mark.parametrize("mode", TOYS, ids=lambda mode: mode.name)
@pytest.mark.parametrize("seed", [0, 1])
def test_the_choice_is_the_best_there_is(mode: Mode, seed: int) -> None:
    image = np.random.default_rng(seed).uniform(0, 1, (4, 8, 3)).astype(np.float32)
    assert error(image, solve(mode, image)) == pytest.approx(brute_force(mode, image), rel=1e-4)


@given(st.integers(0, 10_000), st.sampled_from([*TOYS, BLOCKED]))
def test_a_legal_picture_is_kept_to_the_pixel(seed: int, mode: Mode) -> None:
    picture = testing.random_picture(mode, SIX, seed)
    image = picture.image().astype(np.float32) / 255
    np.testing.assert_array_equal(solve(mode, image).image(), picture.image())


@given(st.integers(0, 10_000), st.booleans())
def test_blocked_columns_are_shown_as_the_machine_shows_them(seed: int, dithered: bool) -> None:
    image = np.random.default_rng(seed).uniform(0, 1, (4, 8, 3)).astype(np.float32)
    dither = Diffusion("f", ((1, 0, 1), (0, 1, 1)), 2) if dithered else NONE
    picture = solve(BLOCKED, image, dither=dither)
    assert (picture.image()[:, :4] == SIX.colours[5]).all()
    if not dithered:
        free = Mode("free", "toy", (4, 4), (Slot("a", (4, 2)), Slot("b", (4, 2))), "six", colours=6)
        np.testing.assert_array_equal(picture.image()[:, 4:], solve(free, image[:, 4:]).image())


@given(st.integers(0, 10_000), st.integers(0, 5), st.integers(0, 3))
def test_locked_slots_keep_their_colour(seed: int, background: int, own: int) -> None:
    image = np.random.default_rng(seed).uniform(0, 1, (4, 8, 3)).astype(np.float32)
    other = (background + 1 + own) % 6
    picture = solve(SHARED, image, {"background": background, "a": other})
    assert picture.colours[0].tolist() == [[background]]
    assert (picture.colours[1] == other).all()


@given(st.integers(0, 10_000), st.integers(0, 5))
def test_a_lock_decides_which_colours_stand_beside_it(seed: int, colour: int) -> None:
    image = np.random.default_rng(seed).uniform(0, 1, (4, 8, 3)).astype(np.float32)
    paper, ink = solve(GROUPED, image, {"ink": colour}).colours
    assert (ink == colour).all()
    assert set(paper.flat) <= {index for group in BRIGHTNESSES if colour in group for index in group}


def test_colours_that_cannot_stand_together_are_refused_in_words() -> None:
    one, other = np.zeros((2, 2), int), np.ones((2, 2), int)
    other[1, 0], one[1, 0] = 3, 1
    with pytest.raises(ValueError, match=r"colours \[1, 3\] in row 1, column 0 can't stand together"):
        Picture(GROUPED, SIX, np.zeros((4, 8), np.uint8), (one, other))
    with pytest.raises(ValueError, match=r"can't show the locked colours \[2, 4\] together"):
        solver.lock_array(GROUPED, {"paper": 2, "ink": 4})
    with pytest.raises(ValueError, match=r"colour group \(0,\) needs 2 different colours of 6"):
        dataclasses.replace(GROUPED, colour_groups=((0,),))
    with pytest.raises(ValueError, match="colour groups need a fixed palette"):
        dataclasses.replace(FREE, colour_groups=((0, 1, 2, 3),))


def test_a_lock_that_cannot_be_kept_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match=r"no slot 'paper'; it has background, a, b"):
        solver.lock_array(SHARED, {"paper": 1})
    with pytest.raises(ValueError, match="both locked to colour 3"):
        solver.lock_array(SHARED, {"background": 3, "a": 3})
    with pytest.raises(ValueError, match="can't hold colour 5"):
        solver.lock_array(LIMITED, {"a": 5})


def test_a_free_palette_finds_the_colours_of_a_picture_that_has_few() -> None:
    values = np.asarray([[0, 0, 0], [1, 0.5, 0], [0.5, 0.5, 1], [1, 1, 1]], np.float32)
    image = values[np.random.default_rng(3).integers(0, 4, (8, 8))]
    picture = solve(FREE, image)
    np.testing.assert_allclose(picture.image() / 255, image, atol=1 / 255)


def test_a_free_palette_keeps_locked_registers() -> None:
    image = np.random.default_rng(4).uniform(0, 1, (8, 8, 3)).astype(np.float32)
    picture = solve(FREE, image, {"c0": 0, "c3": 26})
    assert picture.colours[0].item() == 0
    assert picture.colours[3].item() == 26


@pytest.mark.parametrize("dither", [Ordered("b", ((0, 2), (3, 1))), Diffusion("f", ((1, 0, 1), (0, 1, 1)), 2)])
def test_a_dithered_grey_is_a_mixture(dither: Ordered | Diffusion) -> None:
    # Half of white's light: the nearest colour alone would be far off.
    mode = Mode("two", "toy", (32, 32), (Slot("paper"), Slot("ink")), "two", colours=2)
    palette = Palette("two", ((0, 0, 0), (255, 255, 255)))
    image = jnp.full((32, 32, 3), 0.6, jnp.float32)
    values = jnp.asarray(palette.values())
    solution = solver.solve(mode, image, values, jnp.asarray([-1, -1], jnp.int32), dither)
    share = float((np.asarray(solver.render(mode, solution, values)) > 0.5).mean())
    assert 0.2 < share < 0.8


def sequential(linear: np.ndarray, palette: np.ndarray, dither: Diffusion) -> np.ndarray:
    """Error diffusion by its definition: pixel after pixel, row after row."""
    from pixeldream.retro.colour import linear_to_oklab

    height, width, _ = linear.shape
    value, result = linear.astype(np.float32).copy(), np.zeros((height, width), int)
    lab = np.asarray(linear_to_oklab(jnp.asarray(palette)))
    for y, x in product(range(height), range(width)):
        seen = np.asarray(linear_to_oklab(jnp.clip(jnp.asarray(value[y, x]), 0, 1)))
        result[y, x] = np.square(seen - lab).sum(-1).argmin()
        left = np.clip(value[y, x], palette.min(0), palette.max(0)) - palette[result[y, x]]
        for right, down, weight in dither.taps:
            if 0 <= x + right < width and y + down < height:
                value[y + down, x + right] += left * weight / dither.divisor
    return result


@pytest.mark.parametrize(
    "dither",
    [
        Diffusion("floyd", ((1, 0, 7), (-1, 1, 3), (0, 1, 5), (1, 1, 1)), 16),
        Diffusion("wide", ((1, 0, 2), (2, 0, 1), (-2, 1, 1), (2, 1, 1), (0, 2, 1), (-2, 2, 2)), 8),
    ],
)
def test_rows_in_parallel_diffuse_as_the_definition_says(dither: Diffusion) -> None:
    from pixeldream.retro.colour import linear_to_oklab
    from pixeldream.retro.dithering import Candidates, diffuse

    image = np.random.default_rng(5).uniform(0, 1, (7, 9, 3)).astype(np.float32)
    palette = np.asarray([[0, 0, 0], [1, 1, 1], [0.6, 0.1, 0.1], [0.1, 0.3, 0.7]], np.float32)
    colours = jnp.asarray(palette)[None, None]
    found = diffuse(jnp.asarray(image), Candidates(linear_to_oklab(colours), colours), dither)
    np.testing.assert_array_equal(np.asarray(found), sequential(image, palette, dither))


def test_every_four_colour_set_serves_all_backgrounds() -> None:
    from pixeldream.retro.sets import _choices

    screen, cell = _choices((tuple(range(16)),), (1, 3))
    assert len(cell.sets) == 1820
    assert screen.supersets.shape == (1, 16)
    assert cell.supersets.shape == (16, 455)
    assert len(list(combinations(range(16), 2))) == len(_choices((tuple(range(16)),), (2,))[0].sets) == 120
