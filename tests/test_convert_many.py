"""Many pictures in one run of ``convert``, and moving ones."""

from __future__ import annotations

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
from tiny import FAST, RUN, T, film, folder, look_of, recipe_of, rgb

from pixeldream.api import Frames, Way
from pixeldream.cli import batch
from pixeldream.cli.convert_options import ConvertOptions
from pixeldream.cli.options import restore
from pixeldream.plugin.registry import Registry

Capsys = pytest.CaptureFixture[str]

__all__ = ["folder"]  # a fixture that every test here uses


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
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_ctrl_c_keeps_what_is_done(folder: Path, jobs: str) -> None:
    for number in range(60):
        make_image(folder / f"p{number:02}.png", seed=number)
    command = [sys.executable, "-m", "pixeldream", *RUN, "p*.png", *T, *FAST, "-o", "o-*.png", "--jobs", jobs]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, start_new_session=True, **pipes) as process:
        try:
            end = time.monotonic() + 60
            while not (folder / "o-p01.png").exists() and time.monotonic() < end:
                time.sleep(0.002)
            os.killpg(process.pid, signal.SIGINT)  # as a terminal does
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
    found = batch.reels(Registry(), ConvertOptions(image=tuple(files), frames=True), files)
    assert [each[0] for each in found] == [name]


def test_long_names_fit_under_their_pictures(folder: Path) -> None:
    from PIL import ImageFont

    from pixeldream.cli.sheet import WIDTH, _fitting, contact_sheet

    font = ImageFont.load_default(13)
    name = "a-very-long-name-of-a-holiday-picture-" * 3 + "0042"
    assert font.getlength(_fitting(name, font, WIDTH)) <= WIDTH
    assert _fitting(name, font, WIDTH).endswith("42")
    assert contact_sheet([(name, np.zeros((10, WIDTH, 3), np.uint8))]).startswith(b"\x89PNG")
