"""A picture's history: the same bytes again, and nothing that is nobody's business."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command import call, make_image, make_weights
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from pixeldream.cli import recipe
from pixeldream.cli.interrupt import Interrupt
from pixeldream.cli.options import StylizeOptions, restore, shell_line

Capsys = pytest.CaptureFixture[str]

STYLIZE = ["stylize", "photo.png", "-s", "art.png", "-n", "vgg19=tiny.safetensors", "--steps", "3"]
HIRES = [*STYLIZE, "--mode", "c64-hires"]
"""In a mode that is solved in a fifth of the time."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a content picture, a style picture and weights."""
    monkeypatch.chdir(tmp_path)
    make_image(tmp_path / "photo.png")
    make_image(tmp_path / "art.png", seed=1)
    make_weights(tmp_path / "tiny.safetensors")
    return tmp_path


def recipe_of(path: Path) -> dict[str, Any]:
    with Image.open(path) as image:
        assert set(image.text) == {"pixeldream"}
        return json.loads(image.text["pixeldream"])


def test_the_recipe_says_how_the_picture_came_about(capsys: Capsys, folder: Path) -> None:
    call(capsys, *STYLIZE, "-o", "a.png", "--report", "r.json", "--dither", "bayer4:0.5", "--lock", "background=black")
    found = recipe_of(folder / "a.png")
    assert found == json.loads((folder / "r.json").read_text())["recipe"]
    assert found["command"] == "stylize"
    assert found["line"] == (
        "pixeldream stylize photo.png --style art.png --network vgg19=tiny.safetensors --steps 3 --dither bayer4:0.5 "
        "--lock background=black"
    )
    assert set(found["inputs"]) == {"photo.png", "art.png"}
    assert found["inputs"]["photo.png"] == recipe.sha256(folder / "photo.png")
    assert found["weights"] == {"vgg19=tiny.safetensors": recipe.sha256(folder / "tiny.safetensors")}
    assert set(found["versions"]) >= {"pixeldream", "jax", "jaxlib", "numpy", "pillow", "python"}
    assert found["seed"] == 0
    assert "a.png" not in json.dumps(found)


def test_the_same_seed_makes_the_same_bytes(capsys: Capsys, folder: Path) -> None:
    names = ["a.art", "a.png", "b.art", "b.png", "c.art", "c.png"]
    for seed, first, second in ((7, *names[:2]), (7, *names[2:4]), (8, *names[4:])):
        call(capsys, *HIRES, "--init", "noise", "--seed", seed, "-o", first, "-o", second)
    data = [(folder / name).read_bytes() for name in names]
    assert data[:2] == data[2:4]
    assert data[0] != data[4]


def test_rerun_makes_the_same_bytes(capsys: Capsys, folder: Path) -> None:
    call(capsys, *HIRES, "-o", "a.png", "-o", "a.art", "--init", "noise", "--seed", 5, "--schedule", "every:2", "--raw")
    ran = call(capsys, "rerun", "a.png")
    assert (ran.code, ran.out) == (0, "a-again.png\n")
    assert "the same bytes" in ran.err
    assert (folder / "a.png").read_bytes() == (folder / "a-again.png").read_bytes()
    assert call(capsys, "rerun", "a.png", "-o", "b.art").code == 0
    assert (folder / "a.art").read_bytes() == (folder / "b.art").read_bytes()


def test_rerun_of_a_conversion_and_of_a_report(capsys: Capsys, folder: Path) -> None:
    call(capsys, "convert", "photo.png", "--quality", "fast", "-m", "c64-hires", "-o", "a.png", "--fit", "contain")
    assert "the same bytes" in call(capsys, "rerun", "a.png").err
    call(capsys, *HIRES, "-o", "b.art", "--report", "r.json")
    assert call(capsys, "rerun", "r.json", "-o", "c.art").code == 0
    assert (folder / "b.art").read_bytes() == (folder / "c.art").read_bytes()


def test_rerun_of_an_interrupted_run(capsys: Capsys, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Interrupt, "keep", lambda interrupt: setattr(interrupt, "asked", True))
        assert call(capsys, *HIRES, "-o", "a.png").code == 130
    assert recipe_of(folder / "a.png")["stopped"] == 1
    assert "the same bytes" in call(capsys, "rerun", "a.png").err


def test_an_input_that_changed_or_went_is_named(capsys: Capsys, folder: Path) -> None:
    call(capsys, *HIRES, "-o", "a.png")
    make_image(folder / "art.png", seed=2)
    assert "input 'art.png' is not the file that the picture was made with" in call(capsys, "rerun", "a.png").error
    (folder / "art.png").unlink()
    assert "'art.png'" in call(capsys, "rerun", "a.png").error
    make_image(folder / "art.png", seed=1)
    make_weights(folder / "tiny.safetensors", seed=3)
    assert "vgg19=tiny.safetensors" in call(capsys, "rerun", "a.png").error
    assert not (folder / "a-again.png").exists()


def test_other_pixels_are_told_with_exit_code_1(capsys: Capsys, folder: Path) -> None:
    call(capsys, "convert", "photo.png", "--quality", "fast", "-o", "a.png")
    found = recipe_of(folder / "a.png")
    found["options"]["dither"] = "atkinson"
    found["versions"]["numpy"] = "0.1"
    with_recipe(folder / "a.png", found)
    ran = call(capsys, "rerun", "a.png")
    assert ran.code == 1
    assert "other bytes, other pixels (versions changed: numpy 0.1 -> " in ran.err


def with_recipe(path: Path, values: Any) -> None:
    info = PngInfo()
    info.add_text("pixeldream", values if isinstance(values, str) else json.dumps(values))
    with Image.open(path) as image:
        image.load()
        image.save(path, pnginfo=info)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"command": "gan"}, "was made by 'gan'"),
        ({"command": ["stylize"]}, "holds a recipe that is broken"),
        ({"inputs": 3}, "holds a recipe that is broken"),
        ({"inputs": {"photo.png": 3}}, "input 'photo.png' is not the file"),
        ({"inputs": {"/dev/zero": "00"}}, "/dev/zero"),
        ({"stopped": "x"}, "holds a recipe that is broken"),
        ({"more": 1}, "holds a recipe that is broken or of another version"),
        ({"options": {"steps": "3"}}, "option steps can't be '3'"),
        ({"options": {"evil": 1}}, "option 'evil'"),
        ({"options": {"style": [1]}}, "option style"),
        ({"options": {"steps": True}}, "option steps"),
        ({"options": {"mode": "c64"}}, "unknown mode 'c64'"),
        ({"options": {"steps": 10**30, "scales": 10**30}}, "too many"),
        ({"plugins": {"evil.py": "00"}}, "made with plugin 'evil.py'; give it with --plugin"),
    ],
)
def test_an_altered_recipe_is_one_line(capsys: Capsys, folder: Path, change: dict[str, Any], message: str) -> None:
    call(capsys, "convert", "photo.png", "--quality", "fast", "-o", "a.png")
    found = recipe_of(folder / "a.png")
    found |= {"command": "stylize", "options": {}} | change
    with_recipe(folder / "a.png", found)
    assert message in call(capsys, "rerun", "a.png").error


def test_a_recipe_runs_no_code(capsys: Capsys, folder: Path) -> None:
    (folder / "evil.py").write_text("raise SystemExit('it ran')")
    call(capsys, "convert", "photo.png", "--quality", "fast", "-o", "a.png")
    found = recipe_of(folder / "a.png") | {"plugins": {"evil.py": recipe.sha256(folder / "evil.py")}}
    with_recipe(folder / "a.png", found)
    assert "give it with --plugin" in call(capsys, "rerun", "a.png").error


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"recipe": 3}', "[" * 100_000])
def test_rubbish_for_a_recipe_is_one_line(capsys: Capsys, folder: Path, text: str) -> None:
    with_recipe(folder / "photo.png", text)
    assert "recipe" in call(capsys, "rerun", "photo.png").error
    (folder / "r.json").write_text(text or " ")
    assert "r.json" in call(capsys, "rerun", "r.json", "-o", "a.kla").error


def test_a_picture_without_a_recipe(capsys: Capsys, folder: Path) -> None:
    assert "holds no recipe" in call(capsys, "rerun", "photo.png").error
    make_image(folder / "a.jpg")
    assert "only those hold a recipe" in call(capsys, "rerun", "a.jpg").error


def test_no_metadata_leaves_the_recipe_out(capsys: Capsys, folder: Path) -> None:
    call(capsys, *HIRES, "-o", "a.png", "--no-metadata", "--report", "r.json")
    call(capsys, "convert", "photo.png", "--quality", "fast", "-o", "b.png", "--no-metadata")
    for name in ("a.png", "b.png"):
        with Image.open(name) as image:
            assert image.text == {}
    assert json.loads((folder / "r.json").read_text())["recipe"]["command"] == "stylize"


def test_nothing_of_an_inputs_metadata_is_copied(capsys: Capsys, folder: Path) -> None:
    exif = Image.Exif()
    exif[0x010E] = "a secret description"
    exif[0x8825] = {1: "N", 2: (52.0, 31.0, 12.0)}
    info = PngInfo()
    info.add_text("Comment", "a secret comment")
    make_image(folder / "photo.png", exif=exif, pnginfo=info, icc_profile=b"a secret profile")
    call(capsys, *STYLIZE, "-o", "a.png", "-o", "a.kla", "-o", "a.prg", "--report", "r.json", "--stages", "stages")
    call(capsys, "convert", "photo.png", "--quality", "fast", "-m", "amiga-32", "-o", "b.iff", "-o", "b.png")
    call(capsys, "show", "photo.png", "-o", "c.png")
    written = [*folder.glob("[abcr].*"), *(folder / "stages").iterdir()]
    assert len(written) > 8
    for path in written:
        assert b"secret" not in path.read_bytes()
        if path.suffix == ".png":
            with Image.open(path) as image:
                assert not image.getexif()
                assert set(image.text) <= {"pixeldream"}


def test_options_survive_the_recipe() -> None:
    options = StylizeOptions(content="a b.png", style=("x.png:2",), lock=("background=red",), tv_weight=1, seed=4)
    stored = json.loads(recipe.make("stylize", options, {}).json())["options"]
    assert restore(StylizeOptions, stored) == options
    assert shell_line("stylize", options) == (
        "pixeldream stylize 'a b.png' --style x.png:2 --seed 4 --tv-weight 1 --lock background=red"
    )


def test_the_recipe_is_the_same_text_for_the_same_run() -> None:
    options = StylizeOptions()
    first = recipe.make("stylize", options, {"b": "1", "a": "2"}).json()
    assert first == recipe.make("stylize", options, {"a": "2", "b": "1"}).json()
    assert first.isascii()
    assert np.array_equal(list(json.loads(first)), sorted(json.loads(first)))
