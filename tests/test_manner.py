"""How styles are used: one dial, weights of layers, scale, whose colours, whose palette; and all of it from a shell."""

from __future__ import annotations

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from command import call, make_image, make_weights
from PIL import Image
from test_stylize import SMALL, picture, ramp, tiny

import pixeldream as pd
from pixeldream import api, recolour
from pixeldream.api import StylizeJob
from pixeldream.cli.inputs import style_file
from pixeldream.cli.options import OptionError
from pixeldream.look import Look, look
from pixeldream.manner import Manner
from pixeldream.neural import greys
from pixeldream.neural.losses import tones
from pixeldream.neural.optimise import evaluate
from pixeldream.neural.settings import Settings, layer_weights, weights_at
from pixeldream.neural.stylize import Style, make_targets
from pixeldream.plugin.registry import Registry
from pixeldream.retro.colour import srgb_to_oklab
from pixeldream.retro.display import view
from pixeldream.retro.palette import built_in
from pixeldream.retro.schedule import Schedule

Capsys = pytest.CaptureFixture[str]

STYLIZE = ["stylize", "photo.png", "-n", "vgg19=tiny.safetensors", "--steps", "3", "--mode", "pico-8"]


def losses_of(settings: Settings, networks: int = 1) -> dict[str, float]:
    styles = [Style(jnp.asarray(picture(2)))]
    objective, arrays = make_targets(jnp.asarray(picture(1)), styles, [tiny()] * networks, settings)
    return {name: float(value) for name, value in evaluate(objective, arrays, jnp.asarray(picture(5))).items()}


# ---- weights ---------------------------------------------------------------------------------------------------------


def test_the_dial_leads_from_the_content_to_the_style() -> None:
    assert weights_at(0.5) == (Settings.content_weight, Settings.style_weight)
    ratios = [style / content for content, style in map(weights_at, (0.0, 0.25, 0.5, 0.75, 1.0))]
    np.testing.assert_allclose(np.diff(np.log(ratios)), np.log(ratios[1] / ratios[0]))
    assert ratios[0] < 1 < 1000 < ratios[-1]
    with pytest.raises(ValueError, match=r"strength of 1\.5 is out of range"):
        weights_at(1.5)


@pytest.mark.parametrize("networks", [1, 2])
def test_layers_count_by_their_weights(networks: int) -> None:
    one, two = (losses_of(Settings(style_layers=(layer,), content_layers=(layer,))) for layer in ("one", "two"))
    both = losses_of(Settings(style_layers=("one:3", "two"), content_layers=("one", "two:0.5")), networks)
    assert both["style"] == pytest.approx(0.75 * one["style"] + 0.25 * two["style"], rel=1e-4)
    assert both["content"] == pytest.approx(2 / 3 * one["content"] + 1 / 3 * two["content"], rel=1e-4)


@pytest.mark.parametrize("layers", [("one:0",), ("one:x",), ("one:",), (":2",), ("one:nan",), ("one", "one:2")])
def test_weights_of_layers_that_cannot_be_are_refused(layers: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"one|':2'"):
        Settings(style_layers=layers)
    assert layer_weights(("a:2", "b")) == {"a": 2.0, "b": 1.0}


def test_styles_blend_by_weight() -> None:
    def grams(*styles: Style) -> list:
        return list(make_targets(jnp.asarray(picture(1)), styles, [tiny()], Settings())[1].style[0].values())

    first, second = (Style(jnp.asarray(picture(seed))) for seed in (2, 3))
    blended = grams(first._replace(weight=3.0), second)
    for both, one, other in zip(blended, grams(first), grams(second), strict=True):
        np.testing.assert_allclose(both, 0.75 * one + 0.25 * other, rtol=1e-4)


def test_a_style_is_seen_as_large_as_asked() -> None:
    large, little = np.zeros((100, 320, 3), np.float32), np.zeros((5, 16, 3), np.float32)
    assert Manner().sized(large, SMALL).shape == (10, 32, 3)  # the painting is 32 x 16
    assert Manner(scale=2.0).sized(large, SMALL).shape == (20, 64, 3)
    assert Manner().sized(little, SMALL) is little
    assert Manner(scale=2.0).sized(little, SMALL).shape == (10, 32, 3)


# ---- colours ---------------------------------------------------------------------------------------------------------


def test_a_recoloured_style_has_the_contents_colours_and_its_own_strokes() -> None:
    style, content = picture(2) * 0.4 + 0.2, (ramp() * 0.3 + 0.35).astype(np.float32)
    found = recolour.recoloured(style, content)
    ours, theirs = (np.asarray(srgb_to_oklab(jnp.asarray(each))).reshape(-1, 3) for each in (found, content))
    np.testing.assert_allclose(ours.mean(0), theirs.mean(0), atol=0.01)
    np.testing.assert_allclose(np.cov(ours.T), np.cov(theirs.T), atol=0.001)
    before = np.asarray(srgb_to_oklab(jnp.asarray(style)))[..., 0].ravel()
    assert np.corrcoef(before, ours[:, 0])[0, 1] > 0.5


def test_a_grey_drawing_takes_no_wild_colours() -> None:
    grey = np.repeat(picture(2)[..., :1], 3, -1)
    found = np.asarray(srgb_to_oklab(jnp.asarray(recolour.recoloured(grey, ramp()))))
    assert np.isfinite(found).all()
    assert np.abs(found[..., 1:]).max() < 0.4
    flat = recolour.recoloured(np.full((4, 4, 3), 0.5, np.float32), ramp())
    assert np.isfinite(flat).all()


def test_the_luma_of_a_painting_with_the_colours_of_a_photo() -> None:
    image, content = jnp.asarray(picture(3)), jnp.asarray(picture(1) * 0.2 + 0.4)
    found = greys.with_colours_of(image, content)
    np.testing.assert_allclose(greys.luma(found), greys.luma(image), atol=1e-5)
    ours, theirs = (np.asarray(each - greys.luma(each)) for each in (found, content))
    assert (ours * theirs).min() > -1e-5  # no hue turns
    np.testing.assert_allclose(greys.with_colours_of(content, content), content, atol=1e-5)
    for extreme in (0.0, 1.0):
        assert np.isfinite(greys.with_colours_of(jnp.full((4, 4, 3), extreme), content[:4, :4])).all()


def test_a_run_in_luma_keeps_the_contents_colours(registry: Registry) -> None:
    content, style = ramp() * 0.5 + 0.2, np.stack([picture(2)[..., 0]] * 3, -1) * np.asarray([1, 0.1, 0.1], np.float32)

    def drift(grey: bool) -> float:
        chosen = Look(SMALL, built_in("c64-colodore"))
        settings = Settings(steps=40, sketch=0.9)
        job = StylizeJob(
            content, [Style(style)], [tiny()], chosen, Schedule.parse("straight-through"), settings, grey=grey
        )
        sketch = [progress.params for progress in job.run() if progress.params.shape == content.shape][-1]
        moved = sketch - content
        return float(jnp.abs(moved - greys.luma(moved)).mean())

    assert drift(True) < 0.5 * drift(False)


def test_who_sees_no_colours_changes_none() -> None:
    eye = greys.in_grey(tiny().network).apply
    image = jnp.asarray(picture(4))

    def seen(image: jnp.ndarray) -> jnp.ndarray:
        return jnp.square(eye(tiny().weights, image, ("two",))["two"]).sum()

    step = np.asarray(jax.grad(seen)(image))
    assert np.abs(step).max() > 0
    np.testing.assert_allclose(step, np.repeat(step[..., :1], 3, -1))


def test_a_legal_picture_in_luma_keeps_the_photos_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    content, style = ramp() * 0.5 + 0.2, np.repeat(picture(2)[..., :1], 3, -1)

    def apart(weight: float) -> float:
        monkeypatch.setattr(api, "TONE_COLOUR", weight)
        settings = Settings(steps=40)
        job = StylizeJob(
            content, [Style(style)], [tiny()], Look(SMALL, built_in("c64-colodore")),
            Schedule.parse("straight-through"), settings, grey=True,
        )  # fmt: skip
        *_, last = job.run()
        shown = view(SMALL)(jnp.asarray(last.finish().image(), jnp.float32) / 255)
        moved = tones(shown) - tones(jnp.asarray(content))
        return float(jnp.abs(moved - greys.luma(moved)).mean())

    assert apart(greys.TONE_COLOUR) < 0.9 * apart(0.0)


# ---- palettes --------------------------------------------------------------------------------------------------------


def test_a_free_palette_may_be_chosen_for_the_style(registry: Registry) -> None:
    blue, red = np.zeros((40, 64, 3), np.float32), np.zeros((40, 64, 3), np.float32)
    blue[..., 2], red[..., 0] = np.linspace(0, 1, 64), 1.0
    chosen = look(registry, "amiga-8", locks={"colour-3": "white"})
    found = Manner(palette_from="style").look(chosen, red, [blue])
    colours = found.mode.gamut.rgb(list(found.locks.values()))
    assert len(found.locks) == 8
    assert found.locks["colour-3"] == chosen.locks["colour-3"]
    free = np.delete(colours, list(found.locks).index("colour-3"), 0)
    assert free[:, 0].max() == free[:, 1].max() == 0 < free[:, 2].max()
    assert Manner().look(chosen, red, [blue]).locks == chosen.locks


def test_of_a_fixed_palette_those_colours_stay_that_the_style_uses(registry: Registry) -> None:
    style = np.zeros((40, 64, 3), np.float32)
    style[:, 32:] = built_in("c64-colodore").values()[7]  # yellow
    chosen = look(registry, "c64-multicolor", palette="c64-colodore", locks={"background": "red"})
    assert set(Manner(palette_from="style").look(chosen, style, [style]).only) == {0, 2, 7}
    chosen = look(registry, "c64-multicolor", palette="c64-colodore", only=("blue", "yellow", "green"))
    assert set(Manner(palette_from="style").look(chosen, style, [style]).only) == {6, 7}


# ---- from Python and from a shell ------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with pictures, a mask over them and weights."""
    monkeypatch.chdir(tmp_path)
    for seed, name in enumerate(("photo.png", "art.png", "other.png")):
        make_image(tmp_path / name, seed=seed)
    mask = np.zeros((40, 64, 3), np.uint8)
    mask[:, :32, 0], mask[:, 32:, 2] = 255, 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    make_weights(tmp_path / "tiny.safetensors")
    return tmp_path


def test_python_has_what_the_shell_has(folder: Path, capsys: Capsys) -> None:
    photo, art, other, mask = (np.asarray(Image.open(f"{name}.png")) for name in ("photo", "art", "other", "mask"))
    picture_ = pd.stylize(
        photo, [pd.Style(art, 3.0, "red"), pd.Style(other, region=(0, 0, 255))], "pico-8", network="vgg19",
        weights=Path("tiny.safetensors"), settings=pd.Settings(steps=3), strength=0.7, mask=mask,
        manner=pd.Manner(scale=1.5),
    )  # fmt: skip
    options = ["--strength", 0.7, "--mask", "mask.png", "--style-scale", 1.5, "--raw"]
    assert call(capsys, *STYLIZE, "-s", "art.png:3@red", "-s", "other.png@#0000ff", *options, "-o", "a.png").code == 0
    with Image.open("a.png") as shown:
        assert np.array_equal(np.asarray(shown.convert("RGB")), picture_.image())
    for wrong in ([], [pd.Style(art, 0.0)]):
        with pytest.raises(ValueError, match="style"):
            pd.stylize(photo, wrong, "c64-multicolor")


@pytest.mark.parametrize(
    "options",
    [
        ["-s", "art.png@red", "--mask", "mask.png", "--colours", "content", "--strength", "0.25"],
        ["-s", "art.png", "--content-map", "mask.png", "--style-map", "mask.png", "--map-weight", "0.5"],
        [
            "-s",
            "art.png",
            "--colours",
            "luma",
            "--palette-from",
            "style",
            "--style-layer",
            "relu2_1:2",
            "--init",
            "noise",
        ],
    ],
)
def test_every_control_is_in_the_recipe(folder: Path, capsys: Capsys, options: list[str]) -> None:
    assert call(capsys, *STYLIZE, *options, "-o", "a.png", "--report", "r.json").code == 0
    found = json.loads((folder / "r.json").read_text())["recipe"]
    for name in options[2::2]:
        assert name in found["line"]
    assert "mask.png" in found["inputs"] or "mask.png" not in options
    assert "the same bytes" in call(capsys, "rerun", "a.png").err


def test_a_style_file_may_have_any_name(folder: Path) -> None:
    assert style_file("art.png:2@red") == ("art.png", 2.0, (255, 0, 0))
    assert style_file("art.png@#00F") == ("art.png", 1.0, (0, 0, 255))
    (folder / "art.png@red").touch()
    (folder / "me@home.png").touch()
    assert style_file("art.png@red") == ("art.png@red", 1.0, None)
    assert style_file("me@home.png:2") == ("me@home.png", 2.0, None)
    assert style_file("me@home.png@blue") == ("me@home.png", 1.0, (0, 0, 255))
    with pytest.raises(OptionError, match=r"'reddish' is no colour.*behind any weight: FILE:2@red"):
        style_file("art.png@reddish")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--strength", "2"], "strength of 2 is out of range; give 0 (the content) to 1 (the style)"),
        (["--strength", "nan"], "strength of nan"),
        (["--strength", "0.3", "--style-weight", "9"], "sets --content-weight and --style-weight; give it or them"),
        (["--style-scale", "9"], "style-scale of 9 is out of range; give 0.25 to 4"),
        (["--colours", "mine"], "colours 'mine' is none of style, content, luma"),
        (["--palette-from", "mine"], "palette-from 'mine' is none of content, style"),
        (["--style-layer", "relu2_1:x"], "layer 'relu2_1:x'"),
        (["--style-layer", "relu9_1:2"], "has no layer 'relu9_1'"),
        (["--map-weight", "0.5"], "--map-weight 0.5 is for --content-map"),
        (["-s", "art.png@red"], "names the region"),
        (["-s", "art.png@reddish", "--mask", "mask.png"], "'reddish' is no colour"),
        (["-s", "art.png@green", "--mask", "mask.png"], "the mask has no colour #008000; it has #0000ff, #ff0000"),
        (["-s", "art.png", "--mask", "mask.png"], "no style names a region"),
        (["-s", "art.png@red", "--mask", "photo.png"], "the mask is not painted in 2 to 16 flat colours"),
        (["-s", "art.png@red", "--mask", "none.png"], "'none.png' does not exist"),
        (["-s", "art.png@red", "--mask", "mask.png", "--content-map", "mask.png"], "exclude each other"),
        (["-s", "art.png", "--content-map", "mask.png"], "a content-map and 0 style-maps"),
        (["-s", "art.png", "--style-map", "mask.png"], "no content-map and 1 style-map"),
    ],
)
def test_every_bad_value_is_one_line(folder: Path, capsys: Capsys, options: list[str], message: str) -> None:
    assert message in call(capsys, *STYLIZE, *options, "-o", "a.png").error
    assert not (folder / "a.png").exists()
