"""What artists ask of ``convert``: how good, how calm, which colours; and many pictures in one run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command import call, make_image
from PIL import Image
from scipy.ndimage import gaussian_filter

import pixeldream as pd
from pixeldream import images
from pixeldream.api import Frames, Way
from pixeldream.cli import batch
from pixeldream.cli.convert_options import ConvertOptions
from pixeldream.cli.options import restore
from pixeldream.look import look
from pixeldream.plugin.registry import Registry
from pixeldream.retro.limit import fewest

Capsys = pytest.CaptureFixture[str]

TINY = """
import pixeldream as pd

MODE = pd.Mode(
    name="tiny", machine="Tiny", size=(32, 24), palette="c64-colodore",
    slots=(pd.Slot("background"), pd.Slot("ink", (8, 8)), pd.Slot("paper", (8, 8))),
)
FREE = pd.Mode(
    name="tiny-free", machine="Tiny", size=(32, 24), gamut=pd.Gamut("tiny", (16, 16, 16)),
    slots=tuple(pd.Slot(f"colour-{number}") for number in range(6)),
)

@pd.hookimpl
def register_modes():
    return [MODE, FREE]
"""

RUN = ("--plugin", "tiny.py", "convert")
"""A mode so small that the search of the best takes next to no time."""

T = ("-m", "tiny")
FAST = ("--quality", "fast")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a photo and two small modes."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.py").write_text(TINY)
    make_image(tmp_path / "photo.png")
    return tmp_path


def rgb(name: str) -> np.ndarray:
    with Image.open(name) as image:
        return np.asarray(image.convert("RGB"))


def recipe_of(name: str) -> dict[str, Any]:
    with Image.open(name) as image:
        return json.loads(image.text["pixeldream"])  # type: ignore[attr-defined]


def shades(name: str) -> set[tuple[int, ...]]:
    return set(map(tuple, rgb(name).reshape(-1, 3)))


# ---- how good -------------------------------------------------------------------------------------------------------


def test_the_best_is_the_default_and_a_dither_means_fast(capsys: Capsys) -> None:
    runs = {
        "default": (), "best": ("--quality", "best"), "dither": ("--dither", "floyd-steinberg"), "fast": FAST,
        "both": ("--dither", "bayer4", "--quality", "best"),
    }  # fmt: skip
    for name, more in runs.items():
        assert call(capsys, *RUN, "photo.png", *T, *more, "-o", f"{name}.png").code == 0
    assert (rgb("default.png") == rgb("best.png")).all()
    assert (rgb("dither.png") == rgb("fast.png")).all()
    assert (rgb("best.png") != rgb("fast.png")).any()
    assert (rgb("both.png") != rgb("fast.png")).any()


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


def look_of(mode: str, **named: Any) -> Any:
    from pixeldream.plugin.registry import load

    return look(load([Path("tiny.py")]), mode, **named)


def test_python_has_the_same_defaults() -> None:
    from pixeldream.plugin.registry import load

    registry = load([Path("tiny.py")])
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
    for mode in ("pico-8", "c64-charset-multicolor"):
        chosen = look(registry, mode, only=["1", "7"])
        found = pd.convert(photo, mode, quality="fast", only=["1", "7"])
        assert set(np.unique(found.indices())) <= {1, 7}, mode
        assert chosen.only == (1, 7)
        if mode != "pico-8":  # each of its slots is a colour
            assert set(np.unique(np.concatenate([held.reshape(-1) for held in found.colours]))) <= {1, 7}


def test_a_drawing_in_other_colours_is_converted(capsys: Capsys) -> None:
    call(capsys, *RUN, "photo.png", *T, *FAST, "-o", "a.png")
    call(capsys, *RUN, "a.png", *T, *FAST, "--only", "black,white", "-o", "b.png")
    assert shades("b.png") == {(0, 0, 0), (255, 255, 255)}


def test_a_free_palette_of_few_colours_or_of_the_best_of_many(capsys: Capsys) -> None:
    free = ("-m", "tiny-free", *FAST)
    call(capsys, *RUN, "photo.png", *free, "--only", "000000,ff0000,white", "-o", "a.png")
    assert shades("a.png") <= {(0, 0, 0), (255, 0, 0), (255, 255, 255)}
    call(capsys, *RUN, "photo.png", "-m", "tiny-free", "--palette", "c64-colodore", "-o", "b.png")
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
    from pixeldream.plugin.registry import load

    registry = load([Path("tiny.py")])
    found = pd.convert(rgb("photo.png"), "tiny", registry=registry, locks={"background": "green"}, border="red")
    assert (found.colours[0] == 5).all()
    assert found.border == 2


# ---- many pictures --------------------------------------------------------------------------------------------------


def many(folder: Path) -> None:
    (folder / "in").mkdir()
    (folder / "out").mkdir()
    for seed, name in enumerate(("a1.png", "a10.jpg", "a2.png")):
        make_image(folder / "in" / name, seed=seed)
    (folder / "in" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nrubbish")
    (folder / "in" / "notes.txt").write_text("no picture")


def test_a_folder_a_pattern_and_a_file_in_one_run(capsys: Capsys, folder: Path) -> None:
    many(folder)
    out = ("-o", "out/*.png", "--sheet", "sheet.png")
    ran = call(capsys, *RUN, "photo.png", "in", "in/a*.png", *T, *FAST, *out)
    assert ran.code == 2
    assert ran.out.split() == ["out/photo.png", "out/a1.png", "out/a2.png", "out/a10.png", "sheet.png"]
    first, second = ran.err.splitlines()
    assert first.startswith("pixeldream: image 'in/broken.png' is")
    assert second == "pixeldream: 1 of 5 pictures were left out"
    call(capsys, *RUN, "in/a2.png", *T, *FAST, "-o", "alone.png")
    assert (folder / "alone.png").read_bytes() == (folder / "out" / "a2.png").read_bytes()
    assert rgb("sheet.png").shape[1] == 12 + 2 * 332
    with Image.open("sheet.png") as sheet:
        assert len(sheet.convert("RGB").getcolors(99999)) > 16


def test_names_that_clash_are_refused_before_the_work(capsys: Capsys, folder: Path) -> None:
    many(folder)
    (folder / "in" / "photo.jpg").write_bytes(b"never read")
    run = (*RUN, "in/photo.jpg", "photo.png", *T, *FAST)
    assert "'in/photo.jpg' and 'photo.png' would both be 'out/photo.png'" in call(capsys, *run, "-o", "out/*.png").error
    assert "would both be 'photo-tiny.png'" in call(capsys, *run).error
    assert "put a star where their names go: 'all-*.png'" in call(capsys, *run, "-o", "all.png").error
    assert "is a folder without a picture" in call(capsys, *RUN, "out", *T).error
    assert "no file matches 'x*.png'" in call(capsys, *RUN, "x*.png", *T).error
    assert "0 jobs are none" in call(capsys, *RUN, "photo.png", "--jobs", 0).error
    assert "'s.jpg' is a PNG" in call(capsys, *RUN, "photo.png", "--sheet", "s.jpg").error
    assert "would overwrite the input" in call(capsys, *RUN, "photo.png", *T, "-o", "*.png").error
    assert not list((folder / "out").iterdir())


def test_a_file_whose_name_looks_like_a_pattern(capsys: Capsys, folder: Path) -> None:
    make_image(folder / "a[1].png")
    assert call(capsys, *RUN, "a[1].png", *T, *FAST, "-o", "b.png").code == 0


def test_jobs_make_the_same_files(capsys: Capsys, folder: Path) -> None:
    many(folder)
    assert call(capsys, *RUN, "in", *T, *FAST, "-o", "out/*.png").code == 2
    ran = call(capsys, *RUN, "in", *T, *FAST, "-o", "out/j-*.png", "--jobs", 2, "--sheet", "sheet.png")
    assert ran.code == 2
    assert ran.out.split() == ["out/j-a1.png", "out/j-a2.png", "out/j-a10.png", "sheet.png"]
    assert "1 of 4 pictures were left out" in ran.err
    for name in ("a1", "a2", "a10"):
        assert (folder / f"out/{name}.png").read_bytes() == (folder / f"out/j-{name}.png").read_bytes()


@pytest.mark.skipif(os.name == "nt", reason="no SIGINT for one process")
def test_ctrl_c_keeps_what_is_done(folder: Path) -> None:
    for number in range(60):
        make_image(folder / f"p{number:02}.png", seed=number)
    command = [sys.executable, "-m", "pixeldream", *RUN, "p*.png", *T, *FAST, "-o", "o-*.png"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            end = time.monotonic() + 60
            while not (folder / "o-p01.png").exists() and time.monotonic() < end:
                time.sleep(0.002)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, "Traceback" in err) == (130, False), err
    done = out.split()
    assert 1 < len(done) < 60
    assert not list(folder.glob(".pixeldream-*"))
    for name in done:
        assert rgb(name).shape == (24, 32, 3)


def test_progress_on_a_terminal_only(capsys: Capsys, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    many(folder)
    run = (*RUN, "in/a*.png", *T, *FAST, "-o", "out/*.png")
    assert "\r" not in call(capsys, *run).err
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert "2/2  a2" in call(capsys, *run).err


# ---- moving pictures ------------------------------------------------------------------------------------------------


def film(count: int, noise: float = 5.0) -> list[Image.Image]:
    """A still sequence with grain."""
    y, x = np.mgrid[0:24, 0:32]
    still = np.stack([60 + x * 4, 40 + y * 6, 200 - x * 3 - y], -1)
    random = np.random.default_rng(1)
    frames = [still + random.normal(0, noise, still.shape) for _ in range(count)]
    return [Image.fromarray(np.clip(frame, 0, 255).astype(np.uint8)) for frame in frames]


def moved(names: list[str]) -> float:
    """The share of pixels that change from one picture to the next."""
    shown = [rgb(name) for name in names]
    return float(np.mean([(a != b).any(-1).mean() for a, b in pairwise(shown)]))


@pytest.mark.parametrize("mode", ["tiny", "tiny-free"])
def test_frames_of_a_still_scene_stand_still(capsys: Capsys, folder: Path, mode: str) -> None:
    for number, frame in enumerate(film(4), 9):
        frame.save(folder / f"shot_{number}.png")
    run = (*RUN, "shot_*.png", "-m", mode)
    steady = call(capsys, *run, "--frames", "-o", "*.png").out.split()
    alone = call(capsys, *run, "-o", "alone-*.png").out.split()
    assert steady == [f"shot-{number:04}.png" for number in (1, 2, 3, 4)]
    assert moved(steady) < 0.3 * moved(alone)
    assert recipe_of("shot-0003.png")["options"]["image"] == ["shot_9.png", "shot_10.png", "shot_11.png"]
    again = call(capsys, "--plugin", "tiny.py", "rerun", "shot-0003.png")
    assert "the same bytes" in again.err


def test_the_frames_of_an_animated_picture(capsys: Capsys, folder: Path) -> None:
    first, *others = film(3)
    first.save("walk.gif", save_all=True, append_images=others)
    run = (*RUN, "walk.gif", *T)
    assert call(capsys, *run, *FAST, "-o", "*.png").out.split() == ["walk.png"]
    assert call(capsys, *run, "--frames", "-o", "*.png").out.split() == [f"walk-000{n}.png" for n in (1, 2, 3)]
    assert call(capsys, *run, "--frames", "--frame", 2, "-o", "two.png").out.split() == ["two.png"]
    assert (folder / "two.png").read_bytes() == (folder / "walk-0002.png").read_bytes()
    assert "the same bytes" in call(capsys, "--plugin", "tiny.py", "rerun", "walk-0003.png").err
    assert "frame 4: 'walk' has 3" in call(capsys, *run, "--frames", "--frame", 4).error
    assert "it is for --frames" in call(capsys, *run, "--frame", 1).error


def test_a_broken_frame_is_left_out(capsys: Capsys, folder: Path) -> None:
    for number, frame in enumerate(film(3), 1):
        frame.save(folder / f"f{number}.png")
    (folder / "f2.png").write_bytes(b"rubbish")
    ran = call(capsys, *RUN, "f?.png", *T, "--frames", "-o", "*.png")
    assert (ran.code, ran.out.split()) == (2, ["f-0001.png", "f-0003.png"])
    assert "'f2.png'" in ran.err
    assert "the same bytes" in call(capsys, "--plugin", "tiny.py", "rerun", "f-0003.png").err


def test_after_a_cut_the_search_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = look_of("tiny", dither="floyd-steinberg")
    first, second = (np.asarray(frame, np.float32) / 255 for frame in film(2))
    frames = Frames(chosen, Way("best"))
    frames.next(first)
    monkeypatch.setattr("pixeldream.api.follow", lambda *arguments: None)  # what it says of a cut
    alone = Frames(chosen, Way("best")).next(second)
    assert (frames.next(second).image() == alone.image()).all()


# ---- the pieces -----------------------------------------------------------------------------------------------------


def test_a_recipe_of_a_single_image_is_still_understood() -> None:
    found = restore(ConvertOptions, {"image": "a.png", "dither": "floyd-steinberg"})
    assert (found.image, found.how) == (("a.png",), "fast")


@pytest.mark.parametrize(
    ("files", "name"),
    [(["x/shot_01.png", "x/shot_10.png"], "shot"), (["1.png", "2.png"], "frames"), (["one.png"], "one")],
)
def test_numbered_files_are_called_by_what_they_share(files: list[str], name: str) -> None:
    found = batch.reels(ConvertOptions(image=tuple(files), frames=True), files)
    assert [each[0] for each in found] == [name]


def test_long_names_fit_under_their_pictures(folder: Path) -> None:
    from PIL import ImageFont

    from pixeldream.cli.sheet import WIDTH, _fitting, contact_sheet

    font = ImageFont.load_default(13)
    name = "a-very-long-name-of-a-holiday-picture-" * 3 + "0042"
    assert font.getlength(_fitting(name, font, WIDTH)) <= WIDTH
    assert _fitting(name, font, WIDTH).endswith("42")
    assert contact_sheet([(name, np.zeros((10, WIDTH, 3), np.uint8))]).startswith(b"\x89PNG")
