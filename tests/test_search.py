"""The search of the least perceived error: what it promises for every mode that it can search."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pixeldream import images
from pixeldream.adjust import Adjustments
from pixeldream.plugin.registry import Registry
from pixeldream.retro import perceived, search
from pixeldream.retro.display import to_mode
from pixeldream.retro.limit import barred
from pixeldream.retro.locks import lock_array
from pixeldream.retro.mode import Mode
from pixeldream.retro.solve import Solution, options, render, solve, to_picture

SMALL = {
    "c64-multicolor": (32, 48), "c64-hires": (64, 48), "c64-fli": (40, 48), "amiga-8": (64, 48), "amiga-ehb": (64, 48),
    "amiga-ham6": (64, 48),
}  # fmt: skip
"""Modes of each kind, cut down: the search knows no size."""


def cut(registry: Registry, name: str) -> Mode:
    return replace(registry.modes[name], size=SMALL[name])


def setup(registry: Registry, name: str, photo: np.ndarray) -> tuple:
    """Mode, display image, palette values, free locks and a dither."""
    mode = cut(registry, name)
    palette = mode.gamut or registry.palettes[mode.palette]
    image = jnp.asarray(images.fit(photo, mode))
    return mode, image, palette, lock_array(mode, {}), registry.dithers["floyd-steinberg"]


def seen_error(mode: Mode, image: jax.Array, values: jax.Array, solution: Solution) -> float:
    return float(perceived.errors(perceived.target(mode, image), render(mode, solution, values))[0])


@pytest.mark.parametrize("name", SMALL)
def test_what_is_found_is_legal_and_seen_to_be_nearer(registry: Registry, name: str, photo: np.ndarray) -> None:
    mode, image, palette, locks, dither = setup(registry, name, photo)
    values = palette.values()
    fast = solve(mode, to_mode(image, mode), values, locks, dither)
    best = search.search(mode, image, values, locks, dither)
    to_picture(mode, palette, best)  # raises if it is not legal
    assert seen_error(mode, image, values, best) < 0.9 * seen_error(mode, image, values, fast)


def test_the_same_picture_twice(registry: Registry, photo: np.ndarray) -> None:
    mode, image, palette, locks, dither = setup(registry, "c64-multicolor", photo)
    one, two = (search.search(mode, image, palette.values(), locks, dither) for _ in range(2))
    assert jax.tree.all(jax.tree.map(lambda a, b: bool((a == b).all()), one, two))


def test_an_equal_mode_and_another_palette_compile_nothing(registry: Registry, photo: np.ndarray) -> None:
    mode, image, palette, locks, dither = setup(registry, "c64-multicolor", photo)
    search.search(mode, image, palette.values(), locks, dither)
    sizes = [jitted._cache_size() for jitted in (search.sweep_pixels, search.search_cells.replace, perceived.errors)]
    search.search(replace(mode), image[::-1], registry.palettes["c64-pepto"].values(), locks, dither)
    assert sizes == [
        jitted._cache_size() for jitted in (search.sweep_pixels, search.search_cells.replace, perceived.errors)
    ]


@pytest.mark.parametrize(("name", "slot"), [("c64-multicolor", 0), ("c64-hires", 1), ("amiga-8", 3)])
def test_locked_colours_stay(registry: Registry, name: str, slot: int, photo: np.ndarray) -> None:
    mode, image, palette, _, dither = setup(registry, name, photo)
    locks = lock_array(mode, {mode.slots[slot].name: 6})
    found = search.search(mode, image, palette.values(), locks, dither)
    assert (np.asarray(found.colours[slot]) == 6).all()


def test_more_calm_is_nearer_pixel_by_pixel_and_less_so_blurred(registry: Registry, photo: np.ndarray) -> None:
    mode, image, palette, locks, dither = setup(registry, "c64-multicolor", photo)
    values, goal = palette.values(), perceived.target(mode, image)
    rough, calm = (
        perceived.errors(goal, render(mode, search.search(mode, image, values, locks, dither, amount), values))
        for amount in (0.0, 4.0)
    )
    assert rough[0] < calm[0]
    assert rough[1] > calm[1]


def test_a_frame_that_hardly_moves_keeps_its_cells_and_a_cut_does_not(registry: Registry, photo: np.ndarray) -> None:
    mode, image, palette, locks, dither = setup(registry, "c64-multicolor", photo)
    values = palette.values()
    before = search.search(mode, image, values, locks, dither)
    noise = jnp.asarray(np.random.default_rng(3).normal(0, 0.01, image.shape), jnp.float32)
    noisy = jnp.clip(image + noise, 0.0, 1.0)
    after = search.follow(mode, noisy, values, locks, dither, before)
    assert after is not None
    fresh = search.search(mode, noisy, values, locks, dither)
    moved, anew = (
        float((render(mode, before, values) != render(mode, each, values)).any(-1).mean()) for each in (after, fresh)
    )
    assert moved < 0.15
    assert moved < anew
    black = Solution(jnp.zeros_like(before.pixels), tuple(jnp.zeros_like(colours) for colours in before.colours))
    locked = lock_array(mode, {"background": 0})
    assert search.follow(mode, jnp.ones_like(image), values, locked, dither, black) is not None


def test_a_blur_is_the_convolution_with_repeated_borders() -> None:
    values = np.random.default_rng(0).normal(size=20)
    taps = np.exp(-0.5 * (np.arange(-6, 7) / 1.5) ** 2)
    padded = np.pad(np.repeat(values, 2), 6, mode="edge")
    expected = np.convolve(padded, taps / taps.sum(), "valid")
    np.testing.assert_allclose(perceived.blur_matrix(20, 2, 1.5) @ values, expected, atol=1e-5)


def test_the_cost_of_a_change_is_what_the_error_gains(registry: Registry, photo: np.ndarray) -> None:
    """With the metric held, slope and bend tell the exact change of the blurred error for any change of one pixel."""
    mode, image, palette, locks, dither = setup(registry, "c64-multicolor", photo)
    values, goal = palette.values(), perceived.target(mode, image)
    held = solve(mode, to_mode(image, mode), values, locks, dither)
    picture = perceived.spaces(render(mode, held, values))
    shown = perceived.blur(goal.blurs, picture)
    weight = perceived.metric(goal, shown)
    slope = perceived.gather(goal.blurs.down, goal.blurs.across, perceived.pull(weight, shown - goal.seen))
    bend = perceived.curvature(goal, weight)
    change = perceived.spaces(values[7]) - picture[20, 11]
    told = 2 * (change * slope[20, 11]).sum() + jnp.einsum("sa,sab,sb->", change, bend[20, 11], change)

    def total(picture: jax.Array) -> jax.Array:
        residual = perceived.blur(goal.blurs, picture) - goal.seen
        return (residual * perceived.pull(weight, residual)).sum()

    gained = total(picture.at[20, 11].add(change)) - total(picture)
    np.testing.assert_allclose(told, gained, rtol=2e-3, atol=2e-4)


def test_the_metric_gives_the_oklab_distance(registry: Registry, photo: np.ndarray) -> None:
    """Without flare the quadratic form of the residual is the squared OKLab distance of what is shown."""
    from pixeldream.retro.colour import linear_to_oklab

    mode, image, palette, locks, dither = setup(registry, "c64-multicolor", photo)
    goal = perceived.target(mode, image)._replace(weight=jnp.ones(()).reshape(1, 1, 1, 1))
    held = solve(mode, to_mode(image, mode), palette.values(), locks, dither)
    shown = perceived.blur(goal.blurs, perceived.spaces(render(mode, held, palette.values())))
    residual = shown - goal.seen
    told = (residual * perceived.pull(perceived.metric(goal, shown), residual)).sum(2)[1, 0]
    light = [jnp.moveaxis(field[1, 0], 0, -1) for field in (shown, goal.seen)]
    true = jnp.square(linear_to_oklab(light[0]) - linear_to_oklab(light[1])).sum(-1)
    bright = np.asarray(light[1].min(-1) > 0.1)  # where flare is little
    np.testing.assert_allclose(np.asarray(told)[bright], np.asarray(true)[bright], rtol=0.03, atol=1e-5)


def test_options_are_what_render_shows(registry: Registry, photo: np.ndarray) -> None:
    for name in ("c64-fli", "amiga-ehb"):
        mode, image, palette, locks, dither = setup(registry, name, photo)
        held = solve(mode, to_mode(image, mode), palette.values(), locks, dither)
        reach = options(mode, held.colours, palette.values())
        index = jnp.broadcast_to(reach.places, (*held.pixels.shape, reach.places.shape[-1]))
        shown = reach.table[jnp.take_along_axis(index, held.pixels[..., None], 2)[..., 0]]
        np.testing.assert_allclose(shown, render(mode, held, palette.values()), atol=1e-6)


def test_adjustments() -> None:
    grey = np.full((4, 4, 3), 0.25, np.float32)
    assert Adjustments().apply(grey) is grey
    assert Adjustments(brightness=0.25).apply(grey)[0, 0, 0] == pytest.approx(0.5)
    assert Adjustments(contrast=2.0).apply(grey)[0, 0, 0] == pytest.approx(0.0)
    assert Adjustments(gamma=2.0).apply(grey)[0, 0, 0] == pytest.approx(0.5)
    red = np.zeros((4, 4, 3), np.float32) + np.asarray([0.8, 0.2, 0.2], np.float32)
    np.testing.assert_allclose(np.ptp(Adjustments(saturation=0.0).apply(red), -1), 0.0, atol=2e-3)
    np.testing.assert_allclose(Adjustments(hue=360.0).apply(red), red, atol=2e-3)
    assert Adjustments(hue=120.0).apply(red)[0, 0].argmax() == 1
    edge = np.repeat(np.asarray([0.3, 0.7], np.float32), 8)[None, :, None] * np.ones((8, 1, 3), np.float32)
    assert np.ptp(Adjustments(sharpen=1.0).apply(edge)) > np.ptp(edge)
    with pytest.raises(ValueError, match=r"gamma 0 is out of range; give 0\.1 to 10"):
        Adjustments(gamma=0.0)


def test_white_becomes_the_lightest_colour_that_may_be_seen(registry: Registry, photo: np.ndarray) -> None:
    """Colours that may not be seen are far away in every space, also where values beyond white are clipped."""
    mode, image, palette, locks, dither = setup(registry, "c64-multicolor", photo)
    values = jnp.asarray(barred(palette.values(), (0, 12)))
    white = jnp.ones_like(image)
    for found in (
        solve(mode, to_mode(white, mode), values, locks, dither),
        search.search(mode, white, values, locks, dither),
    ):
        assert (to_picture(mode, palette, found).indices() == 12).all()
