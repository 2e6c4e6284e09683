"""What artists ask of ``convert``: how good, how calm, which colours."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from command import call, make_weights
from PIL import Image
from scipy.ndimage import gaussian_filter
from tiny import FAST, RUN, T, film, folder, look_of, recipe_of, registry_of_tiny, rgb, shades

import pixeldream as pd
from pixeldream import images
from pixeldream.api import Frames, Way
from pixeldream.cli.job import load as load_job
from pixeldream.cli.job import prepare as prepare_job
from pixeldream.cli.options import StylizeOptions
from pixeldream.look import look
from pixeldream.plugin.registry import Registry
from pixeldream.retro.limit import fewest
from pixeldream.retro.schedule import Schedule

Capsys = pytest.CaptureFixture[str]

__all__ = ["folder"]  # a fixture that every test here uses


# ---- how good -------------------------------------------------------------------------------------------------------


def test_the_best_is_the_default_and_a_dither_means_fast(capsys: Capsys) -> None:
    runs = {
        "default": (), "best": ("--quality", "best"), "dither": ("--dither", "floyd-steinberg"), "fast": FAST,
        "both": ("--dither", "floyd-steinberg", "--quality", "best"),
    }  # fmt: skip
    for name, more in runs.items():
        assert call(capsys, *RUN, "photo.png", *T, *more, "-o", f"{name}.png").code == 0
    assert (rgb("default.png") == rgb("best.png")).all()
    assert (rgb("dither.png") == rgb("fast.png")).all()
    assert (rgb("best.png") != rgb("fast.png")).any()
    assert (rgb("both.png") == rgb("best.png")).all()


def test_what_only_the_search_knows_is_recorded_repeated_and_refused_otherwise(capsys: Capsys, folder: Path) -> None:
    Image.fromarray(np.repeat([[0, 255]], 4, 0).astype(np.uint8)).resize((64, 40)).save("mask.png")
    wanted = ("--calm", 0.5, "--detail", "mask.png", "--gamma", 1.2, "--hue", 10, "--only", "black,white,red,blue")
    assert call(capsys, *RUN, "photo.png", *T, *wanted, "-o", "a.png").code == 0
    found = recipe_of("a.png")
    assert set(found["inputs"]) == {"photo.png", "mask.png"}
    assert found["line"] == (
        "pixeldream convert photo.png --calm 0.5 --detail mask.png --mode tiny --only black,white,red,blue "
        "--gamma 1.2 --hue 10.0"
    )
    again = call(capsys, "--plugin", "tiny.py", "rerun", "a.png")
    assert (again.code, "the same bytes" in again.err) == (0, True)
    for option in (("--calm", 2), ("--detail", "mask.png")):
        error = call(capsys, *RUN, "photo.png", *T, *FAST, *option).error
        assert error.startswith(f"{option[0][2:]} is for the search of the best: ask for quality best")
    assert "calm -1 is out of range" in call(capsys, *RUN, "photo.png", *T, "--calm", -1).error
    assert "quality 'good' is none of fast, best" in call(capsys, *RUN, "photo.png", *T, "--quality", "good").error


def test_detail_counts_where_the_mask_is_white() -> None:
    mode = look_of("tiny").mode
    mask = np.zeros((24, 32, 3), np.float32)
    mask[:, 16:] = 1.0
    drawing = np.zeros((48, 64, 3), np.uint8)
    where = images.fit_detail(mask, drawing, mode, [pd.palette("c64-colodore")], "stretch")
    assert where.shape == (24, 32)
    np.testing.assert_allclose(where[:, [2, 29]], [[0.1, 1.0]] * 24, atol=1e-3)


def test_the_search_takes_most_care_where_detail_counts() -> None:
    """Six colours for all: those of the half that counts come nearer to it."""
    chosen = look_of("tiny-free", dither="floyd-steinberg")
    scene = np.asarray(film(1)[0], np.float32) / 255
    scene[:, 16:] = scene[:, 16:, ::-1]
    left = np.full((24, 32), 0.1, np.float32)
    left[:, :16] = 1.0
    shown = [Frames(chosen, Way("best", 0.0, mask)).next(scene).image() / 255 for mask in (left, left[:, ::-1])]
    error = [np.square(gaussian_filter(image - scene, (1.5, 1.5, 0))).sum(-1) for image in shown]
    assert error[0][:, :14].mean() < 0.95 * error[1][:, :14].mean()
    assert error[1][:, 18:].mean() < 0.95 * error[0][:, 18:].mean()


def test_python_has_the_same_defaults() -> None:
    registry = registry_of_tiny()
    image = rgb("photo.png")
    shown = {
        name: pd.convert(image, "tiny", registry=registry, **options).image()
        for name, options in {
            "default": {}, "best": {"quality": "best"}, "fast": {"quality": "fast"}, "calm": {"calm": 5.0},
            "detail": {"detail": image}, "light": {"brightness": 0.4},
        }.items()
    }  # fmt: skip
    assert (shown["default"] == shown["best"]).all()
    for name in ("fast", "calm", "detail", "light"):
        assert (shown[name] != shown["best"]).any(), name
    assert shown["light"].mean() > shown["best"].mean() + 20
    drawing = shown["fast"]
    assert (pd.convert(drawing, "tiny", registry=registry).image() == drawing).all()
    assert (pd.convert(drawing, "tiny", registry=registry, contrast=0.5).image() != drawing).any()
    with pytest.raises(ValueError, match="calm is for the search of the best"):
        pd.convert(image, "tiny", registry=registry, dither="none", calm=2.0)


def test_an_adjusted_drawing_is_no_drawing_any_more(capsys: Capsys) -> None:
    call(capsys, *RUN, "photo.png", *T, *FAST, "-o", "a.png")
    assert "no pixel is changed" in call(capsys, *RUN, "a.png", *T, "-o", "b.png").err
    assert (rgb("a.png") == rgb("b.png")).all()
    assert "no pixel" not in call(capsys, *RUN, "a.png", *T, *FAST, "--saturation", 0, "-o", "c.png").err
    assert rgb("c.png").std(-1).mean() < rgb("a.png").std(-1).mean()


# ---- which colours --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [FAST, (), ("--dither", "bayer4")])
def test_only_the_colours_asked_for_are_seen(capsys: Capsys, how: tuple[str, ...]) -> None:
    palette = pd.palette("c64-colodore")
    wanted = ["black", "white", "light-blue"]
    assert call(capsys, *RUN, "photo.png", *T, *how, "--only", ",".join(wanted), "-o", "a.png").code == 0
    assert shades("a.png") == {palette.colours[palette.index(name)] for name in wanted}


def test_only_in_modes_whose_slots_are_colours_or_that_solve_for_themselves(registry: Registry) -> None:
    photo = rgb("photo.png")
    for mode in ("pico-8", "c64-charset-hires"):
        chosen = look(registry, mode, only=["1", "7"])
        found = pd.convert(photo, mode, quality="fast", only=["1", "7"])
        assert set(np.unique(found.indices())) <= {1, 7}, mode
        assert chosen.only == (1, 7)
        if mode != "pico-8":  # each of its slots is a colour
            assert set(np.unique(np.concatenate([held.reshape(-1) for held in found.colours]))) <= {1, 7}


def test_stylize_keeps_to_few_colours_and_adjusts_its_content(folder: Path) -> None:
    make_weights(folder / "tiny.safetensors")
    (folder / "duo.gpl").write_text("GIMP Palette\n0 0 0\n255 255 255\n")
    options = StylizeOptions(
        content="photo.png", network=("vgg19=tiny.safetensors",), mode="tiny-free", palette="duo.gpl", brightness=0.3
    )
    plain, _ = load_job(prepare_job(registry_of_tiny(), replace(options, brightness=0.0)))
    job, _ = load_job(prepare_job(registry_of_tiny(), options))
    assert set(job.look.locks.values()) == {0, 4095}
    assert len(job.look.locks) == 6
    assert job.content.mean() > plain.content.mean() + 0.15


@pytest.mark.parametrize("schedule", ["end", "straight-through"])
def test_a_canvas_keeps_to_few_colours(schedule: str) -> None:
    canvas = look_of("tiny", only=["black", "white"]).canvas(Schedule.parse(schedule))
    found = canvas.finish(*canvas.init(np.asarray(film(1)[0], np.float32) / 255))
    assert set(np.unique(np.concatenate([held.reshape(-1) for held in found.colours]))) == {0, 1}


def test_a_drawing_in_other_colours_is_converted(capsys: Capsys) -> None:
    call(capsys, *RUN, "photo.png", *T, *FAST, "-o", "a.png")
    call(capsys, *RUN, "a.png", *T, *FAST, "--only", "black,white", "-o", "b.png")
    assert shades("b.png") == {(0, 0, 0), (255, 255, 255)}


def test_a_free_palette_of_few_colours_or_of_the_best_of_many(capsys: Capsys) -> None:
    free = ("-m", "tiny-free", *FAST)
    call(capsys, *RUN, "photo.png", *free, "--only", "000000,ff0000,white", "-o", "a.png")
    assert shades("a.png") <= {(0, 0, 0), (255, 0, 0), (255, 255, 255)}
    call(capsys, *RUN, "photo.png", *free, "--palette", "c64-colodore", "-o", "b.png")
    near = {tuple(round(value / 17) * 17 for value in colour) for colour in pd.palette("c64-colodore").colours}
    assert shades("b.png") <= near
    assert 3 < len(shades("b.png")) <= 6
    found = call(capsys, "--plugin", "tiny.py", "rerun", "b.png")
    assert "the same bytes" in found.err


def test_the_fewest_colours_are_those_that_the_image_is_made_of() -> None:
    colours = np.asarray([[0, 0, 0], [255, 0, 0], [250, 5, 5], [0, 0, 255], [0, 255, 0]], np.uint8)
    image = np.zeros((9, 9, 3), np.float32)
    image[:4, :, 0], image[4:8, :, 2] = 1.0, 1.0
    assert fewest(colours, image, 3) == [0, 1, 3]
    assert fewest(colours, image, 9) == [0, 1, 2, 3, 4]


def test_locks_and_the_border_hold_in_the_best(capsys: Capsys) -> None:
    registry = registry_of_tiny()
    found = pd.convert(rgb("photo.png"), "tiny", registry=registry, locks={"background": "green"}, border="red")
    assert (found.colours[0] == 5).all()
    assert found.border == 2
