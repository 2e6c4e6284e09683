"""Every kind of dither in pictures: light is kept, cells are obeyed, and the amount means what it says."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from command import call
from pixeldream_plugins import dithers

import pixeldream as pd
from pixeldream.plugin.registry import Registry
from pixeldream.retro import curve, dithering, mixing
from pixeldream.retro import solve as solver
from pixeldream.retro.candidates import Candidates
from pixeldream.retro.colour import linear_to_oklab
from pixeldream.retro.constrain import Schedule, constrain

ALL = {dither.name: dither for dither in dithers.register_dithers()}
NOT_ORDERED = ["floyd-steinberg", "ostromoukhov", "riemersma", "knoll", "yliluoma1", "yliluoma2"]

CELLS = pd.Mode(
    "cells", "toy", (16, 16), (pd.Slot("paper", (8, 8)), pd.Slot("ink", (8, 8))), "six", colours=6, pixel_aspect=(2, 1)
)
SIX = pd.Palette("six", ((0, 0, 0), (255, 255, 255), (200, 40, 40), (40, 160, 60), (60, 60, 220), (230, 210, 80)))
VALUES = jnp.asarray(SIX.values())
FREE = jnp.full(2, -1, jnp.int32)


def picture(name: str, amount: float = 1.0, seed: int = 0) -> solver.Solution:
    return solver.solve(CELLS, drawing(seed), VALUES, FREE, ALL[name], jnp.asarray(amount, jnp.float32))


def drawing(seed: int) -> jax.Array:
    y, x = np.mgrid[0:16, 0:16] / 16
    smooth = np.stack([x, y, 1 - x], -1) + np.random.default_rng(seed).normal(0, 0.05, (16, 16, 3))
    return jnp.asarray(np.clip(smooth, 0, 1), jnp.float32)


def grey_candidates(*light: float) -> Candidates:
    linear = jnp.asarray(light, jnp.float32)[:, None] * jnp.ones((1, 3), jnp.float32)
    return Candidates(linear_to_oklab(linear)[None, None], linear[None, None])


def in_grey(light: np.ndarray) -> jax.Array:
    return jnp.asarray(np.repeat(light[..., None], 3, -1), jnp.float32)


GREYS = np.asarray([0.0, 0.05, 0.2, 0.5, 1.0])
LEVELS = np.asarray([0.1, 0.3, 0.5, 0.7, 0.9], np.float32)
RAMP = in_grey(np.tile(np.repeat(LEVELS, 32), (32, 1)))


@cache
def painter(name: str) -> Callable:
    """One compilation a dither, as long as it is called with images like ``RAMP`` and as many colours as ``GREYS``."""
    return jax.jit(partial(dithering.choose, dither=ALL[name]))


@pytest.mark.parametrize("name", NOT_ORDERED)
def test_a_ramp_of_greys_keeps_its_light(name: str) -> None:
    shown = GREYS[np.asarray(painter(name)(RAMP, grey_candidates(*GREYS)))].reshape(32, 5, 32).mean((0, 2))
    # A few dark dots in white would be seen more than the white that is missing: this plan leaves them out.
    kept = (0.8 if name == "yliluoma1" else 1.0) > LEVELS
    np.testing.assert_allclose(shown[kept], LEVELS[kept], atol=0.04)


@pytest.mark.parametrize("name", ["bayer4", "ostromoukhov", "riemersma", "yliluoma1"])
def test_cells_are_obeyed_by_every_kind(name: str) -> None:
    found = picture(name)
    shown = solver.to_picture(CELLS, SIX, found).image()
    for cell in shown.reshape(2, 8, 2, 8, 3).transpose(0, 2, 1, 3, 4).reshape(4, 64, 3):
        assert len(np.unique(cell, axis=0)) <= 2
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(picture(name)), strict=True):
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other))


@pytest.mark.parametrize("name", ["ostromoukhov", "knoll"])
def test_jit_changes_nothing(name: str) -> None:
    reach = grey_candidates(*GREYS)
    plain = dithering.choose(RAMP, reach, ALL[name])
    np.testing.assert_array_equal(np.asarray(plain), np.asarray(painter(name)(RAMP, reach)))


@pytest.mark.parametrize("name", ["bayer4", "ostromoukhov", "riemersma", "yliluoma1"])
def test_an_amount_of_nothing_is_no_dither_and_another_amount_compiles_nothing(name: str) -> None:
    none, full = picture("none"), picture(name)
    before = solver.solve._cache_size()
    for one, other in zip(jax.tree.leaves(picture(name, 0.0)), jax.tree.leaves(none), strict=True):
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other))
    assert solver.solve._cache_size() == before
    assert (np.asarray(full.pixels) != np.asarray(none.pixels)).any()


def test_an_ordered_dither_is_as_strong_as_the_colours_of_a_cell_are_far_apart() -> None:
    """Half light between black and white in one cell, between two near greys in the other: both are mixed."""
    palette = jnp.asarray([[0, 0, 0], [1, 1, 1], [0.45, 0.45, 0.45], [0.55, 0.55, 0.55]], jnp.float32)
    cells = jnp.repeat(jnp.asarray([[0, 1], [2, 3]]), 8, 0)[None]
    image = jnp.full((8, 16, 3), 0.5, jnp.float32).at[:, :8].set(0.36)  # between them in OKLab
    pixels = np.asarray(solver.paint(image, palette[cells], palette, ALL["bayer4"], 1.0))
    for half in (pixels[:, :8], pixels[:, 8:]):
        assert 0.3 < half.mean() < 0.7
    # As strong as the whole palette's spacing, the black and white half would hardly be dithered.
    weak = solver.biased(image, palette, ALL["bayer4"], 1.0)
    assert float(jnp.ptp(weak)) < 0.7


# ---- each by its definition ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (5, 3), (20, 13)])
def test_the_hilbert_curve_visits_every_pixel_once_and_jumps_only_outside(size: tuple[int, int]) -> None:
    path = curve.hilbert(*size)
    assert len({tuple(step) for step in path}) == size[0] * size[1]
    assert (path >= 0).all()
    assert (path < np.asarray(size[::-1])).all()
    if size == (8, 8):
        assert all(np.abs(one - other).sum() == 1 for one, other in pairwise(path))


def by_eye(value: float, levels: np.ndarray) -> int:
    """The nearest of grey levels in OKLab, whose lightness of a grey is the cube root of its light."""
    return int(np.abs(np.cbrt(np.clip(value, 0, 1)) - np.cbrt(levels)).argmin())


def test_riemersma_by_its_definition() -> None:
    dither = pd.CurveDiffusion("short", 3, 0.25)
    np.testing.assert_allclose(dither.weights(), np.asarray([4, 2, 1]) / 7, rtol=1e-6)
    image = np.random.default_rng(2).uniform(0, 1, (6, 9)).astype(np.float32)
    found = np.asarray(dithering.choose(in_grey(image), grey_candidates(*GREYS), dither, 1.0))
    queue = [0.0] * 3
    for y, x in curve.hilbert(9, 6):
        value = image[y, x] + np.dot(dither.weights(), queue)
        assert found[y, x] == by_eye(value, GREYS)
        queue = [np.clip(value, 0, 1) - GREYS[found[y, x]], *queue[:2]]


def test_ostromoukhov_by_its_definition() -> None:
    """Pixel after pixel. The level is the part of the way of the wanted grey from the nearest colour to the other."""
    dither, ends = ALL["ostromoukhov"], np.asarray([0.0, 1.0])
    image = np.random.default_rng(3).uniform(0, 1, (6, 9)).astype(np.float32)
    found = np.asarray(dithering.choose(in_grey(image), grey_candidates(*ends), dither, 1.0))
    value, table = image.copy(), dither.table()
    for y, x in np.ndindex(6, 9):
        assert found[y, x] == by_eye(value[y, x], ends)
        part = abs(image[y, x] - ends[by_eye(image[y, x], ends)])
        error = np.clip(value[y, x], 0, 1) - ends[found[y, x]]
        for (right, down), share in zip(dither.places, table[int(min(np.rint(part * 255), 127))], strict=True):
            if 0 <= x + right < 9 and y + down < 6:
                value[y + down, x + right] += error * share


@pytest.mark.parametrize("name", ["knoll", "yliluoma1", "yliluoma2"])
def test_a_mixture_of_one_place_is_the_same_everywhere_and_goes_from_dark_to_light(name: str) -> None:
    """Equal pixels hold equal mixtures, whatever is beside them; a higher rank never takes a darker colour."""
    ranks, reach = ALL[name].matrix.matrix(), grey_candidates(*GREYS)
    across = ranks.shape[1]
    alone = np.asarray(painter(name)(jnp.full_like(RAMP, 0.3), reach))
    light = GREYS[alone[: len(ranks), :across]].ravel()[ranks.ravel().argsort()]
    assert (np.diff(light) >= 0).all()
    assert light.mean() == pytest.approx(0.3, abs=0.04)
    np.testing.assert_array_equal(alone[:, :across], alone[:, across : 2 * across])
    beside = np.asarray(painter(name)(jnp.full_like(RAMP, 0.3).at[:, across:].set(0.9), reach))
    np.testing.assert_array_equal(beside[:, :across], alone[:, :across])


@pytest.mark.parametrize("name", NOT_ORDERED)
def test_a_barred_colour_is_never_taken(name: str) -> None:
    reach = grey_candidates(*GREYS)
    barred = reach._replace(lab=reach.lab.at[:, :, 3].set(1e3))
    assert (np.asarray(painter(name)(RAMP, reach)) == 3).any()
    assert not (np.asarray(painter(name)(RAMP, barred)) == 3).any()


def test_of_many_colours_the_nearest_are_mixed() -> None:
    light = np.linspace(0, 1, 40)
    picked = np.asarray(painter("yliluoma1")(jnp.full((8, 8, 3), 0.513, jnp.float32), grey_candidates(*light)))
    assert set(np.unique(picked)) <= set(range(20 - mixing.MIXED, 20 + mixing.MIXED))
    assert light[picked].mean() == pytest.approx(0.513, abs=0.01)


# ---- where a kind does not fit ---------------------------------------------------------------------------------------


def test_a_dither_that_is_too_slow_for_a_loop_is_refused_before_it(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(pd.UnsuitableDither, match=r"'riemersma'.*straight-through.*ordered, error diffusion"):
        constrain(CELLS, SIX, Schedule.parse("straight-through"), dither=ALL["riemersma"])
    with pytest.raises(pd.UnsuitableDither, match="every:8"):
        constrain(CELLS, SIX, Schedule.parse("every:8"), dither=ALL["riemersma"])
    assert constrain(CELLS, SIX, Schedule.parse("end"), dither=ALL["riemersma"])
    assert "take schedule end" in call(capsys, "stylize", "--dither", "riemersma").error


def test_the_loop_takes_the_other_kinds() -> None:
    canvas = constrain(CELLS, SIX, Schedule.parse("straight-through"), dither=ALL["knoll"])
    parameters, state = canvas.init(drawing(0))
    gradient = jax.grad(lambda values: canvas.show(values, state).sum())(parameters)
    np.testing.assert_allclose(np.asarray(gradient), 1.0)


def test_hold_and_modify_names_what_it_takes(registry: Registry) -> None:
    mode = registry.modes["amiga-ham6"]
    image = jnp.zeros((16, 16, 3), jnp.float32)
    with pytest.raises(pd.UnsuitableDither, match=r"'knoll'.*such as bayer4 or floyd-steinberg"):
        mode.follow(image, None, tuple(jnp.zeros((1, 1), jnp.int32) for _ in mode.slots), ALL["knoll"], 1.0)
