"""Masks and maps: which colours are regions, and that each is painted in its own style and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image, ImageDraw
from test_stylize import picture, tiny

from pixeldream import scenes
from pixeldream.api import StylizeJob
from pixeldream.canvas import RGB
from pixeldream.look import Look
from pixeldream.manner import Manner, Style
from pixeldream.neural import losses, regions
from pixeldream.neural import optimise as loop
from pixeldream.neural import stylize as neural
from pixeldream.neural.optimise import evaluate, optimise
from pixeldream.neural.regions import Guide
from pixeldream.neural.settings import Settings
from pixeldream.retro.mode import Mode, Slot
from pixeldream.retro.palette import built_in
from pixeldream.retro.schedule import Schedule

WIDE = Mode("wide", "toy", (32, 16), (Slot("background"), Slot("ink", (8, 8))), "c64-colodore")

RED, GREEN, BLUE = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)


@dataclass(frozen=True)
class Pointwise:
    """Features of each pixel alone: no region sees another."""

    def __call__(self, weights: dict, image: jax.Array, wanted: tuple[str, ...]) -> dict[str, jax.Array]:
        return {"one": jax.nn.relu(image @ weights["one"])}


def pointwise() -> neural.LoadedNetwork:
    network = replace(
        tiny().network, apply=Pointwise(), layers=("one",), content_layers=("one",), style_layers=("one",)
    )
    return neural.LoadedNetwork(network, {"one": jax.random.normal(jax.random.key(3), (3, 8), jnp.float32)})


def halves(left: Any, right: Any, height: int = 16, width: int = 32) -> np.ndarray:
    """A picture of two colours, or of two pictures."""
    result = np.empty((height, width, 3), np.float32)
    result[:, : width // 2], result[:, width // 2 :] = left, right
    return result


def guide(styles: list[Style], mask: np.ndarray | None = None, map_: np.ndarray | None = None, **more: Any) -> Guide:
    found = Manner(**more).guide(styles, np.zeros((16, 32, 3), np.float32), WIDE, "cover", mask, map_)
    assert found is not None
    return found


def style_of(image: np.ndarray, styles: list[Style], found: Guide | None, network: Any = None) -> float:
    painted = [neural.Style(jnp.asarray(each.image), each.weight) for each in styles]
    content = jnp.asarray(picture(1))
    objective, arrays = neural.make_targets(content, painted, [network or pointwise()], Settings(), (), found)
    return float(evaluate(objective, arrays, jnp.asarray(image))["style"])


# ---- colours ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["red", " Red", "#ff0000", "ff0000", "#f00"])
def test_a_colour_has_many_spellings(text: str) -> None:
    assert regions.colour_of(text) == (255, 0, 0)


@pytest.mark.parametrize("text", ["", "reddish", "#12", "2"])
def test_what_is_no_colour_is_quoted(text: str) -> None:
    with pytest.raises(ValueError, match="is no colour; give a name such as red, or #rrggbb"):
        regions.colour_of(text)


def test_blurred_edges_and_compression_make_no_regions() -> None:
    drawn = Image.new("RGB", (640, 400), "red")
    ImageDraw.Draw(drawn).ellipse((100, 100, 400, 300), fill="blue")
    soft = np.asarray(drawn.resize((321, 201), Image.Resampling.LANCZOS), np.float32) / 255
    noisy = np.clip(soft + np.random.default_rng(0).normal(0, 0.02, soft.shape), 0, 1).astype(np.float32)
    for image in (soft, noisy):
        found = regions.colours_of(image, "the mask")
        assert np.abs(found - np.asarray([RED, BLUE])).max() < 0.1


def test_a_picture_that_is_no_mask_is_refused() -> None:
    with pytest.raises(ValueError, match="the mask has one colour only, #ff0000; paint each region in another"):
        regions.colours_of(halves(RED, RED), "the mask")
    for image in (picture(1, 200, 320), scenes.sample_style(320, 200), scenes.sample_content(320, 200)):
        with pytest.raises(ValueError, match="the mask is not painted in 2 to 16 flat colours"):
            regions.colours_of(image, "the mask")


def test_a_style_without_a_colour_serves_the_regions_that_nobody_named() -> None:
    colours = np.asarray([RED, GREEN, BLUE], np.float32)
    found = regions.named_weights(colours, [(250, 10, 10), (255, 0, 0), None], [1.0, 3.0, 1.0])
    np.testing.assert_allclose(found, [[0.25, 0.75, 0], [0, 0, 1], [0, 0, 1]])
    assert regions.named_weights(colours, [(255, 0, 0)], [1.0]).sum() == 1
    assert regions.named_weights(colours, [regions.colour_of("green")], [1.0])[1, 0] == 1


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ([None], "no style names a region of it.*#ff0000, #0000ff"),
        ([(0, 255, 0)], "the mask has no colour #00ff00; it has #ff0000, #0000ff"),
        ([(255, 0, 0), (0, 0, 255), None], "each region of the mask has a style already; leave it out"),
    ],
)
def test_regions_that_cannot_be_served_are_refused(wanted: list, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        regions.named_weights(np.asarray([RED, BLUE], np.float32), wanted, [1.0] * len(wanted))


# ---- where -----------------------------------------------------------------------------------------------------------


def test_a_mask_is_averaged_to_the_size_of_any_layer() -> None:
    places = regions.label(halves(RED, BLUE), np.asarray([RED, BLUE], np.float32))
    for height, width in ((16, 32), (4, 8), (5, 7), (1, 1), (40, 50)):
        small = regions.shrunk(places, height, width)
        assert small.shape == (2, height, width)
        np.testing.assert_allclose(small.sum((1, 2)), 1, rtol=1e-5)
    np.testing.assert_allclose(regions.shrunk(places, 1, 4), [[[0.5, 0.5, 0, 0]], [[0, 0, 0.5, 0.5]]])
    np.testing.assert_allclose(regions.shrunk(places, 1, 3)[0, 0], [2 / 3, 1 / 3, 0], rtol=1e-5)


def test_the_gram_matrix_of_a_region_is_that_of_its_pixels() -> None:
    features = jax.random.normal(jax.random.key(0), (16, 32, 5), jnp.float32)
    places = regions.shrunk(regions.label(halves(RED, BLUE), np.asarray([RED, BLUE], np.float32)), 16, 32)
    left, right = regions.gram_matrices(features, jnp.asarray(places))
    np.testing.assert_allclose(left, losses.gram_matrix(features[:, :16]), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(right, losses.gram_matrix(features[:, 16:]), rtol=1e-4, atol=1e-5)


def test_a_mask_follows_the_fit_of_the_content() -> None:
    styles = [Style(picture(2), region="red")]
    tall, mask = np.zeros((64, 32, 3), np.float32), halves(RED, BLUE, 64, 32)
    barred = Manner().guide(styles, tall, WIDE, "contain", mask)
    assert barred is not None
    assert barred.content[0, :, :11].max() == 0  # a black bar is no region
    np.testing.assert_allclose(barred.content[0, 4:12, 13:15], 1, atol=0.05)
    mask = np.full((64, 32, 3), BLUE, np.float32)
    mask[:8] = RED
    with pytest.raises(ValueError, match="fit 'cover' cuts off all of the mask's #ff0000"):
        Manner().guide(styles, tall, WIDE, "cover", mask)


def test_a_mask_may_have_the_shape_of_the_screen() -> None:
    content, mask = np.zeros((60, 50, 3), np.float32), halves(RED, BLUE, 160, 320)
    found = Manner().guide([Style(picture(2), region="red")], content, WIDE, "cover", mask)
    assert found is not None
    np.testing.assert_allclose(found.content[0], halves(1, 0)[..., 0], atol=0.1)


def test_what_does_not_go_together_is_said() -> None:
    image, mask = picture(2), halves(RED, BLUE)
    named, plain, mapped = Style(image, region="red"), Style(image), Style(image, map=mask)
    for styles, mask_, map_, message in (
        ([named], None, None, "names the region red, but there is no mask"),
        ([plain], mask, mask, "a mask and maps exclude each other"),
        ([plain], None, mask, "a content-map and 0 style-maps for 1 styles"),
        ([mapped, plain], None, mask, "a content-map and 1 style-maps for 2 styles"),
        ([mapped], None, None, "no content-map and 1 style-maps"),
        ([mapped._replace(map=halves(RED, BLUE, 30, 30))], None, mask, "the style-map is 30x30, its style 32x16"),
        ([mapped], None, halves(RED, GREEN), "content-map's colour #00ff00 is not in the style-map, which has"),
        ([named], halves(RED, BLUE, 30, 30), None, "the mask is 30x30, the content 32x16"),
    ):
        with pytest.raises(ValueError, match=message):
            guide(styles, mask_, map_)


# ---- what is painted -------------------------------------------------------------------------------------------------


def test_each_region_is_painted_in_its_own_style() -> None:
    first, second = picture(2) * 0.3, 1 - picture(3) * 0.3
    styles = [Style(first, region="red"), Style(second, region="blue")]
    found = guide(styles, halves(RED, BLUE))
    right = style_of(halves(first[:, :16], second[:, :16]), styles, found)
    assert right < 0.01 < style_of(halves(second[:, :16], first[:, :16]), styles, found)


def test_a_region_without_a_style_is_left_alone() -> None:
    styles = [Style(picture(2), region="red")]
    painted = [neural.Style(jnp.asarray(each.image), each.weight) for each in styles]
    settings, content = Settings(content_weight=0.0), jnp.asarray(picture(1))
    found = guide(styles, halves(RED, BLUE))
    objective, arrays = neural.make_targets(content, painted, [pointwise()], settings, (), found)
    *_, last = optimise(RGB, content, objective, arrays, steps=3)
    moved = np.abs(np.asarray(last.params) - np.asarray(content)).max((0, 2))
    assert (moved[:16] > 0.01).all()
    assert (moved[16:] == 0).all()


def test_what_has_no_style_is_the_contents_again_after_the_sketch() -> None:
    content, styles = picture(1), [Style(picture(2), region="red")]
    job = StylizeJob(
        content, [neural.Style(picture(2))], [tiny()], Look(WIDE, built_in("c64-pepto")),
        Schedule.parse("straight-through"), Settings(steps=4, sketch=0.5), start=picture(3),
        guide=guide(styles, halves(RED, BLUE)),
    )  # fmt: skip
    first, *_, last = job.run()
    for begin in (first.begin, last.begin):
        moved = np.abs(np.asarray(begin) - content).max((0, 2))
        assert (moved[:16] > 0.01).all()
        assert (moved[16:] == 0).all()


def test_maps_bring_the_strokes_of_each_colour_to_the_same_colour() -> None:
    dark, light = picture(2) * 0.3, 1 - picture(3) * 0.3
    style = Style(halves(dark[:, :16], light[:, :16]), map=halves(RED, BLUE))
    swapped = halves(light[:, :16], dark[:, :16])
    same, other = guide([style], map_=halves(RED, BLUE)), guide([style], map_=halves(BLUE, RED))
    assert style_of(style.image, [style], same) < 1e-4 < style_of(swapped, [style], same)
    assert style_of(swapped, [style], other) < 1e-4 < style_of(style.image, [style], other)


def test_the_map_weight_leads_from_no_regions_to_nothing_else() -> None:
    style, image = Style(picture(2), map=halves(RED, BLUE)), picture(5) * 0.5
    weights = [0.0, 0.5, 1.0]
    found = [style_of(image, [style], guide([style], map_=halves(RED, BLUE), map_weight=each)) for each in weights]
    assert found[0] == pytest.approx(style_of(image, [style], None), rel=1e-4)
    assert found[1] == pytest.approx((found[0] + found[2]) / 2, rel=1e-4)
    with pytest.raises(ValueError, match="map-weight of 2 is out of range"):
        Manner(map_weight=2.0)


def test_another_mask_causes_no_retrace() -> None:
    def run(mask: np.ndarray) -> None:
        styles = [Style(picture(2), region="red"), Style(picture(3), region="blue")]
        painted = [neural.Style(jnp.asarray(each.image), each.weight) for each in styles]
        content = jnp.asarray(picture(1))
        targets = neural.make_targets(content, painted, [tiny()], Settings(), (), guide(styles, mask))
        list(optimise(RGB, content, *targets, steps=2))

    run(halves(RED, BLUE))
    before = loop._step._cache_size()
    run(halves(BLUE, RED))
    assert loop._step._cache_size() == before
