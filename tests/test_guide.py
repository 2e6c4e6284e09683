"""plugins/README.md is true: its plugins are what a reader writes, page after page, and keep the laws."""

from __future__ import annotations

import json
import re
from pathlib import Path

import guide
import judges
import numpy as np
import pytest
from command import call, make_image, make_weights
from PIL import Image

from pixeldream.plugin.checking import checks_of

Capsys = pytest.CaptureFixture[str]

TIMEX = "timex/pixeldream_timex/__init__.py"

PLUGINS = [TIMEX, "cga.py", "console.py", "held.py", "dots.py", "outlines.py"]


TOY = """
import pixeldream as pd
@pd.hookimpl
def register_modes():
    return [pd.Mode("toy", "toy", (64, 40), (pd.Slot("paper", (8, 8)), pd.Slot("ink", (8, 8))), "c64-pepto")]
"""


def followed(path: str = "") -> None:
    """What a reader has after all edits to files whose path starts with ``path``."""
    for name, text in guide.files(path):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capsys) -> Path:
    """The current folder of somebody who has followed the whole guide."""
    monkeypatch.chdir(tmp_path)
    call(capsys, "plugin", "new", "timex", "--machine", "Timex TC2048")
    followed()
    return tmp_path


def test_the_guide_brings_every_file_that_is_tested_and_each_page(capsys: Capsys) -> None:
    assert {block.path for block in guide.blocks()} == {
        *PLUGINS,
        "mine.py",
        TIMEX.replace("__init__.py", "palettes/timex.gpl"),
    }
    assert guide.TEXT.count("\n```python") == sum(block.path.endswith(".py") for block in guide.blocks())
    for page in re.findall(r"^\| \[.*?\]\(#(.*?)\)", guide.TEXT, re.MULTILINE):
        heads = [
            re.sub(r"[^a-z0-9 -]", "", head.lower()).replace(" ", "-")
            for head in re.findall(r"^## (.*)$", guide.TEXT, re.MULTILINE)
        ]
        assert page in heads
    assert call(capsys, "plugin", "guide").out.strip() == guide.TEXT.strip()


def test_a_mode_from_slots_is_at_most_eleven_lines() -> None:
    first = next(text for path, text in guide.files(TIMEX))
    assert len([line for line in first.splitlines() if line.strip()]) <= 11


@pytest.mark.slow
@pytest.mark.parametrize("plugin", PLUGINS)
def test_the_guides_plugins_keep_the_laws(folder: Path, plugin: str) -> None:
    # Slow: the solver is compiled for each machine.
    if not (folder / plugin).exists():
        pytest.skip("what it needs is not there yet")
    checks = checks_of(folder / plugin)
    assert len(checks) > 2
    for check in checks:
        check()


def test_the_network_of_the_guide_keeps_the_laws(capsys: Capsys, folder: Path) -> None:
    make_weights(folder / "mine.safetensors")
    ran = call(capsys, "plugin", "check", "mine.py")
    assert (ran.code, "network mine: 4 of 4 laws kept" in ran.out) == (0, True)


def test_the_guides_format_is_what_another_decoder_reads(capsys: Capsys, folder: Path) -> None:
    make_image(folder / "photo.png", (256, 192))
    ran = call(
        capsys,
        "--plugin",
        "timex",
        "convert",
        "photo.png",
        "-m",
        "timex",
        "--dither",
        "none",
        "-o",
        "a.scr",
        "-o",
        "a.png",
    )
    assert ran.code == 0
    with Image.open("a.png") as image:
        ours = np.asarray(image.convert("RGB"))
    assert np.array_equal(judges.recoil((folder / "a.scr").read_bytes(), ".scr"), ours)


def test_the_guides_program_is_the_usual_one_and_its_code_is_as_listed(capsys: Capsys, folder: Path) -> None:
    make_image(folder / "photo.png")
    command = ["--plugin", "cga.py", "convert", "photo.png", "-m", "cga-4", "--dither", "none", "--raw"]
    ran = call(capsys, *command, "--lock", "background=4")
    assert ran.out.split() == ["photo-cga-4.com", "photo-cga-4.png"]
    data = (folder / "photo-cga-4.com").read_bytes()
    assert data.startswith(bytes.fromhex("B80400 CD10 BAD903 B034 EE"))
    with Image.open("photo-cga-4.png") as image:
        top = np.asarray(image)[0, :4]
    values = [data[64] >> shift & 3 for shift in (6, 4, 2, 0)]
    assert [(4, 11, 13, 15)[value] for value in values] == top.tolist()


def test_the_guides_loss_is_followed_and_reported(capsys: Capsys, folder: Path) -> None:
    (folder / "toy.py").write_text(TOY)
    make_image(folder / "photo.png")
    make_image(folder / "art.png", seed=1)
    make_weights(folder / "tiny.safetensors")
    command = ["--plugin", "outlines.py", "--plugin", "toy.py", "stylize", "photo.png", "-s", "art.png", "-m", "toy"]
    command += ["-n", "vgg19=tiny.safetensors", "--schedule", "end", "--steps", 12, "--sketch", 0, "--init", "art.png"]
    ran = call(capsys, *command, "--loss", "outlines:50", "-o", "a.png", "--report", "a.json")
    assert ran.code == 0, ran.err
    found = json.loads((folder / "a.json").read_text())
    assert found["unconstrained"]["outlines_loss"] < 0.5
    assert found["outlines_loss"] > 0
    assert found["total_loss"] > 50 * found["outlines_loss"]
    assert found["recipe"]["options"]["loss"] == ["outlines:50"]
    assert "outlines" in call(capsys, "losses", "--plugin", "outlines.py").out


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("outline", "unknown loss 'outline'; did you mean outlines"),
        ("outlines:much", "loss 'outlines:much': the weight behind the colon is a number above 0, not 'much'"),
        ("outlines:0", "a number above 0"),
        ("outlines", "loss 'outlines' is asked for twice"),
    ],
)
def test_a_loss_that_can_t_be_is_refused(capsys: Capsys, folder: Path, value: str, message: str) -> None:
    command = ["--plugin", "outlines.py", "stylize", "--loss", value]
    command += ["--loss", value] if "twice" in message else []
    assert message in call(capsys, *command).error
