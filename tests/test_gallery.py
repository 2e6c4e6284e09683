"""``pixeldream dithers --gallery``: a sheet with every dither."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from command import call, make_image
from PIL import Image
from pixeldream_plugins import dithers

import pixeldream as pd
from pixeldream.cli import dithers as command
from pixeldream.plugin.registry import Names, load

ALL = {dither.name: dither for dither in dithers.register_dithers()}
CELLS = pd.Mode(
    "cells", "toy", (16, 16), (pd.Slot("paper", (8, 8)), pd.Slot("ink", (8, 8))), "six", colours=6, pixel_aspect=(2, 1)
)
SIX = pd.Palette("six", ((0, 0, 0), (255, 255, 255), (200, 40, 40), (40, 160, 60), (60, 60, 220), (230, 210, 80)))


def test_the_gallery_shows_every_dither(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    few = load()
    few.dithers = Names("dither", {name: ALL[name] for name in ("none", "checker", "knoll")}, {})
    few.modes.claim(CELLS, "test")
    few.palettes.claim(SIX, "test")
    monkeypatch.setattr(command, "open_registry", lambda files: few)
    target, photo = tmp_path / "all.png", make_image(tmp_path / "photo.png")
    assert call(capsys, "dithers", photo, "--gallery", target, "--mode", "cells").out == f"{target}\n"
    with Image.open(target) as image:
        sheet = np.asarray(image)
    assert sheet.shape == (2 * 40 + 8, 2 * 40 + 8, 3)  # four tiles of 32x16 with a name above and a gap
    pictures = [sheet[y : y + 16, x : x + 32] for y in (24, 64) for x in (8, 48)]
    colours = {SIX.rgb(np.arange(6)).tobytes()[i : i + 3] for i in range(0, 18, 3)}
    for shown in pictures[1:]:
        assert {pixel.tobytes() for pixel in shown.reshape(-1, 3)} <= colours
    assert len({shown.tobytes() for shown in pictures}) == 4
    assert (sheet[8:24, 8:40] > 100).any()  # a name is written


def test_the_gallery_of_the_sample_needs_no_picture(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    few = load()
    few.dithers = Names("dither", {"none": ALL["none"]}, {})
    monkeypatch.setattr(command, "open_registry", lambda files: few)
    assert call(capsys, "dithers", "--gallery", tmp_path / "all.png").code == 0
    with Image.open(tmp_path / "all.png") as image:
        assert image.size == (328 + 8, 2 * 224 + 8)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--mode", "c64-hires"], "--mode c64-hires goes with --gallery"),
        (["--gallery", "all.jpg"], "gallery 'all.jpg' is written as PNG; name it all.png"),
        (["--gallery", "all.png", "--json"], "leave one out"),
        (["--gallery", "all.png", "--mode", "c64-hire"], "did you mean c64-hires"),
        (["--gallery", "all.png", "bayer4"], "image 'bayer4' does not exist"),
        (["--gallery", "nowhere/all.png"], "there is no folder 'nowhere'"),
    ],
)
def test_a_gallery_that_can_not_be_is_refused(
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert message in call(capsys, "dithers", *arguments).error
    assert not list(tmp_path.iterdir())
