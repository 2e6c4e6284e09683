"""Hold-and-modify and halfbrite: the shortest path against brute force, base colours that are found, what is drawn."""

from __future__ import annotations

from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pictures import pattern
from pixeldream_plugins import amiga_beam, amiga_halfbrite, amiga_ham, amiga_path
from pixeldream_plugins.amiga_modes import KINDS, Screen, mode

import pixeldream as pd
from pixeldream.plugin import testing
from pixeldream.retro import solve as solver
from pixeldream.retro.constrain import constrain
from pixeldream.retro.schedule import Schedule

NOTHING = jnp.zeros((0, 3), jnp.float32)
FLOYD_STEINBERG = pd.Diffusion("fs", ((1, 0, 7), (-1, 1, 3), (0, 1, 5), (1, 1, 1)), 16)
SMALL = {name: mode(KINDS[name], Screen(), (48, 32)) for name in ("ehb", "ham6", "ham8")}


def shown_by_hand(pixels: list[int], base: list[int], bits: int = 4) -> list[tuple[int, ...]]:
    """One row, pixel after pixel, as the Hardware Reference Manual tells it: steps of each component."""
    mask = (1 << bits) - 1
    colour = [base[0] >> 2 * bits, base[0] >> bits & mask, base[0] & mask]
    row = []
    for value in pixels:
        control, data = value >> bits, value & mask
        if control == 0:
            colour = [base[data] >> 2 * bits, base[data] >> bits & mask, base[data] & mask]
        else:
            colour[{1: 2, 2: 0, 3: 1}[control]] = data
        row.append(tuple(colour))
    return row


@pytest.mark.parametrize(("name", "bits"), [("ham6", 4), ("ham8", 6)])
def test_every_pixel_shows_what_the_hardware_would(name: str, bits: int) -> None:
    picture = testing.random_picture(SMALL[name], KINDS[name].gamut, 3)
    base = [int(slot[0, 0]) for slot in picture.colours]
    scale = {4: lambda v: v * 17, 6: lambda v: v << 2 | v >> 4}[bits]
    expected = [[[scale(v) for v in c] for c in shown_by_hand(row, base, bits)] for row in picture.pixels.tolist()]
    np.testing.assert_array_equal(picture.image(), expected)
    solution = pd.Solution(jnp.asarray(picture.pixels), tuple(jnp.asarray(slot) for slot in picture.colours))
    np.testing.assert_allclose(solver.render(SMALL[name], solution, NOTHING), picture.image() / 255.0, atol=1e-6)


def error_of(target: np.ndarray, pixels: list[int], base: list[int]) -> float:
    states = [r << 8 | g << 4 | b for r, g, b in shown_by_hand(pixels, base)]
    return float(np.square(np.asarray(amiga_beam.colours(4).lab)[states] - target).sum())


@pytest.mark.parametrize("seed", range(6))
def test_no_row_of_three_pixels_beats_the_path(seed: int) -> None:
    random = np.random.default_rng(seed)
    base = random.integers(0, 4096, 4)
    image = random.uniform(0, 1, (1, 3, 3)).astype(np.float32)
    target = np.asarray(pd.srgb_to_oklab(jnp.asarray(image)))[0]
    found = amiga_path.shortest(jnp.asarray(image), jnp.asarray(base, jnp.int32))[0].tolist()
    # A row starts with a base colour; the others do whatever they like.
    actions = [*range(4), *range(16, 64)]
    best = min(error_of(target, list(row), base.tolist()) for row in product(range(4), actions, actions))
    assert error_of(target, found, base.tolist()) == pytest.approx(best, rel=1e-5)


def test_the_path_is_never_longer_than_the_beams() -> None:
    image = jnp.asarray(testing.random_image(SMALL["ham6"], 2))
    base = jnp.asarray(np.random.default_rng(0).integers(0, 4096, 16), jnp.int32)
    target = np.asarray(pd.srgb_to_oklab(image))
    ways = [amiga_path.shortest(image, base)]
    ways += [amiga_beam.search(image, base, 4, how=amiga_beam.Search(beam, 4)) for beam in (16, 4, 1)]
    errors = [
        sum(error_of(target[y], row, base.tolist()) for y, row in enumerate(np.asarray(way).tolist())) for way in ways
    ]
    assert errors == sorted(errors)


SHORTEST = jax.jit(amiga_path.shortest)
SEARCH = jax.jit(lambda image, base: amiga_beam.search(image, base, 4, FLOYD_STEINBERG))


@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 2, 16]))
def test_rows_start_with_a_base_colour(seed: int, count: int) -> None:
    """Viewers disagree about the colour to the left of the picture."""
    random = np.random.default_rng(seed)
    image = jnp.asarray(random.uniform(0, 1, (4, 6, 3)), jnp.float32)
    base = jnp.asarray(random.choice(random.integers(0, 4096, count), 16), jnp.int32)
    for search in (SHORTEST, SEARCH):
        assert (np.asarray(search(image, base))[:, 0] < 16).all()


def greedy_by_hand(image: np.ndarray, base: list[int]) -> np.ndarray:
    """Floyd and Steinberg in linear light over rows from left to right, each pixel the nearest in OKLab."""
    tables = amiga_beam.colours(4)
    rest = np.asarray(pd.srgb_to_linear(jnp.asarray(image)), np.float64)
    height, width, _ = image.shape
    result = np.zeros((height, width), int)
    for y in range(height):
        state = base[0]
        for x in range(width):
            wanted = np.clip(rest[y, x], 0, 1)
            lab = np.asarray(pd.linear_to_oklab(jnp.asarray(wanted, jnp.float32)))
            ways = {value: base[value] for value in range(len(base))}
            if x:
                ways |= {16 | v: state & 0xFF0 | v for v in range(16)}
                ways |= {32 | v: state & 0x0FF | v << 8 for v in range(16)}
                ways |= {48 | v: state & 0xF0F | v << 4 for v in range(16)}
            value = min(ways, key=lambda v: float(np.square(np.asarray(tables.lab)[ways[v]] - lab).sum()))
            result[y, x], state = value, ways[value]
            error = wanted - np.asarray(tables.linear)[state]
            for right, down, weight in FLOYD_STEINBERG.taps:
                if 0 <= x + right < width and y + down < height:
                    rest[y + down, x + right] += error * weight / 16
    return result


def test_lanes_give_what_row_after_row_gives() -> None:
    """A beam of one without a lag is the textbook's error diffusion, wherever the lanes stand."""
    image = testing.random_image(mode(KINDS["ham6"], Screen(), (24, 16)), 4)
    base = [0x000, 0xFFF, 0x48A, 0xC63]
    how = amiga_beam.Search(beam=1, lag=0)
    search = jax.jit(lambda image, base: amiga_beam.search(image, base, 4, FLOYD_STEINBERG, 1.0, how))
    found = np.asarray(search(jnp.asarray(image), jnp.asarray(base, jnp.int32)))
    expected = greedy_by_hand(image, base)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(("lag", "height"), [(0, 3), (3, 40), (6, 7)])
def test_timetables_visit_every_pixel_once_and_after_what_it_needs(lag: int, height: int) -> None:
    width, skew = 21, amiga_beam._skew(FLOYD_STEINBERG.taps, lag)
    plan = amiga_beam.timetable((width, height), skew, lag)
    places = [(y, x) for y, x in zip(plan.rows[plan.live], plan.columns[plan.live], strict=True)]
    assert sorted(places) == [(y, x) for y in range(height) for x in range(width)]
    settled = {(y, x): plan.out_step[y, x] for y in range(height) for x in range(width)}
    started = {(plan.rows[t, lane], plan.columns[t, lane]): t for t, lane in np.argwhere(plan.live)}
    for (y, x), step in started.items():
        for right, down, _ in FLOYD_STEINBERG.taps:
            source = y - down, x - right
            assert not down or source not in settled or settled[source] < step


@pytest.mark.parametrize("name", ["ehb", "ham6"])
def test_drawings_come_out_as_they_went_in(name: str) -> None:
    """Also where few pixels use a colour, and with every value a pixel can have."""
    kind = KINDS[name]
    drawing = pattern(SMALL[name])
    palette = kind.gamut
    image = jnp.asarray(drawing.image() / 255.0, jnp.float32)
    locks = jnp.full(kind.colours, -1, jnp.int32)
    picture = solver.to_picture(SMALL[name], palette, solver.solve(SMALL[name], image, NOTHING, locks))
    np.testing.assert_array_equal(picture.image(), drawing.image())


@pytest.mark.parametrize("name", ["ehb", "ham6", "ham8"])
def test_locked_colours_stay_where_they_are(name: str) -> None:
    kind = KINDS[name]
    locks = jnp.full(kind.colours, -1, jnp.int32).at[5].set(0x123).at[0].set(kind.gamut.count - 1)
    image = jnp.asarray(testing.random_image(SMALL[name], 6))
    colours = solver.solve(SMALL[name], image, NOTHING, locks, FLOYD_STEINBERG).colours
    assert (int(colours[5][0, 0]), int(colours[0][0, 0])) == (0x123, kind.gamut.count - 1)


@pytest.mark.parametrize("name", ["ehb", "ham6"])
def test_a_batch_of_pictures_is_solved_at_once(name: str) -> None:
    images = jnp.stack([jnp.asarray(testing.random_image(SMALL[name], seed)) for seed in (1, 2)])
    locks = jnp.full(KINDS[name].colours, -1, jnp.int32)

    def error(image: jax.Array) -> jax.Array:
        solution = solver.solve(SMALL[name], image, NOTHING, locks, FLOYD_STEINBERG)
        return jnp.square(solver.render(SMALL[name], solution, NOTHING) - image).mean()

    together = jax.vmap(error)(images)
    np.testing.assert_allclose(together, [error(image) for image in images], rtol=0.02)


@pytest.mark.parametrize("name", ["ehb", "ham6"])
def test_straight_through_canvases_follow_with_the_colours_as_they_are(name: str) -> None:
    target = SMALL[name]
    canvas = constrain(target, KINDS[name].gamut, Schedule.parse("straight-through"))
    params, state = canvas.init(testing.random_image(target, 7))
    shown = canvas.show(params, state)
    gradient = jax.grad(lambda image: jnp.square(canvas.show(image, state)).sum())(params)
    np.testing.assert_allclose(gradient, 2 * shown, atol=1e-5)
    later, after = canvas.settle(params * 0.9, gradient, state, 8)
    picture = canvas.finish(later, after)
    assert isinstance(picture, pd.Picture)
    error = np.abs(picture.image() / 255.0 - np.asarray(later)).mean()
    assert error < 0.1


def test_halves() -> None:
    registers = np.array([0x000, 0xFFF, 0x123, 0xABC])
    assert amiga_halfbrite.half(registers).tolist() == [0x000, 0x777, 0x011, 0x556]


def test_need_is_nothing_where_one_component_changes() -> None:
    picture = testing.random_picture(SMALL["ham6"], KINDS["ham6"].gamut, 9)
    need = np.asarray(amiga_ham._need(jnp.asarray(picture.image() / 255.0, jnp.float32)))
    assert (need[:, 1:][picture.pixels[:, 1:] >= 16] < 1e-6).all()
    assert (need[:, 1:] > 1e-6).mean() > 0.15
