"""Bad input: one line with the value and the way out, exit code 2, nothing half written."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command import call, make_bomb, make_image, make_weights
from PIL import Image
from safetensors.numpy import load_file, save_file

from pixeldream.cli import main, output
from pixeldream.cli.job import SAMPLE

Capsys = pytest.CaptureFixture[str]

STYLIZE = ["stylize", "photo.png", "-s", "art.png", "-n", "vgg19=tiny.safetensors", "--steps", "2"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with inputs of both kinds; afterwards it holds just what it held before."""
    monkeypatch.chdir(tmp_path)
    make_image(tmp_path / "photo.png")
    make_image(tmp_path / "art.png", seed=1)
    make_weights(tmp_path / "tiny.safetensors")
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "empty.png").touch()
    (tmp_path / "cut.png").write_bytes((tmp_path / "photo.png").read_bytes()[:500])
    (tmp_path / "drawer").mkdir()
    (tmp_path / "bad.gpl").write_text("no palette")
    (tmp_path / "two.gpl").write_text("GIMP Palette\n0 0 0\n255 255 255\n")
    before = set(tmp_path.rglob("*"))
    yield tmp_path
    assert set(tmp_path.rglob("*")) == before, "something was written"


def test_each_bad_option_is_one_line(capsys: Capsys, folder: Path) -> None:
    for options, message in BAD_OPTIONS:
        assert message in call(capsys, *STYLIZE, "-o", "out.png", *options).error, options


BAD_OPTIONS: list[tuple[list[str], str]] = [
    (["--mode", "c64-multicolr"], "unknown mode 'c64-multicolr'; did you mean c64-multicolor"),
    (["--palette", "c64-pept"], "unknown palette 'c64-pept'; did you mean c64-pepto"),
    (["--palette", "missing.gpl"], "missing.gpl"),
    (["--palette", "bad.gpl"], "line 1: 'no palette' is no colour"),
    (["--palette", "two.gpl"], "has 2 colours; mode 'c64-multicolor' shows 16"),
    (["--mode", "amiga-32", "--only", "pinkish"], "has no colour 'pinkish'; write it as RRGGBB"),
    (["--only", "black,pink"], "has no colour 'pink'"),
    (["--only", "black,white", "--lock", "background=red"], "is locked to colour 2, which is not among those"),
    (["--brightness", "2"], "brightness 2 is out of range; give -1 to 1"),
    (["--gamma", "0"], "gamma 0 is out of range"),
    (["--dither", "bayer3"], "unknown dither 'bayer3'; did you mean bayer"),
    (["--dither", "bayer4:2"], "'bayer4:2'"),
    (["--dither", "bayer4:nan"], "'bayer4:nan'"),
    (["--network", "vgg"], "unknown network 'vgg'; did you mean vgg19"),
    (["--network", "vgg19=missing.npz"], "there is no file 'missing.npz'"),
    (["--network", "vgg19="], "'vgg19=' is not NAME or NAME=FILE"),
    (["--schedule", "every:0"], "schedule 'every:0' is none of end, every:N, straight-through"),
    (["--schedule", "never"], "schedule 'never'"),
    (["--steps", "0"], "steps of 0 is too few"),
    (["--steps", "-3"], "steps of -3 is too few"),
    (["--steps", "many"], "'many' is no whole number"),
    (["--steps", "2.5"], "'2.5' is no whole number"),
    (["--scales", "0"], "scales of 0 is too few"),
    (["--scales", "99", "--steps", "100"], "scales of 99 is too many"),
    (["--scales", "7", "--steps", "9"], "use fewer scales"),
    (["--seed", "-1"], "seed of -1"),
    (["--seed", "99999999999"], "seed of 99999999999"),
    (["--content-weight", "-1"], "content-weight of -1.0"),
    (["--style-weight", "nan"], "style-weight of nan"),
    (["--tv-weight", "inf"], "tv-weight of inf"),
    (["--tv-weight", "much"], "'much' is no number"),
    (["--content-weight", "0", "--style-weight", "0"], "nothing to paint"),
    (["--content-layer", "relu9_1"], "has no layer 'relu9_1'; it has conv1_1, relu1_1"),
    (["--lock", "background"], "lock 'background' is not SLOT=COLOUR"),
    (["--lock", "foreground=red"], "has no slot 'foreground'; it has background"),
    (["--lock", "background=pink"], "has no colour 'pink'; it has black"),
    (["--lock", "background=red", "--lock", "background=blue"], "locked twice"),
    (["--border", "pink"], "has no colour 'pink'"),
    (["--fit", "crop"], "fit 'crop' is none of cover, contain, stretch"),
    (["--style", "missing.png"], "'missing.png' does not exist"),
    (["--style", "art.png:heavy"], "the weight 'heavy' is no number"),
    (["--style", "art.png:0"], "the weight is a number above 0, not 0"),
    (["--style", "art.png:-1"], "not -1"),
    (["--style", "art.png:nan"], "not nan"),
    (["--init", "missing.png"], "'missing.png' does not exist"),
    (["--plugin", "missing.py"], "'missing.py' is no Python file"),
    (["--stpes", "3"], "No such option: --stpes"),
    (["two", "contents"], "two"),
    (["--stages", "photo.png"], "'photo.png'"),
    (["--stages", "absent/stages"], "absent"),
]


@pytest.mark.parametrize("command", ["convert", "stylize", "show"])
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing.png", "'missing.png' does not exist; check the name"),
        ("empty.png", "'empty.png' is empty"),
        ("cut.png", "'cut.png' is broken or incomplete"),
        ("text.png", "'text.png' is in no format that Pillow reads"),
        ("drawer", "'drawer' is a folder"),
        ("bad\0name.png", "embedded null byte"),
    ],
)
def test_a_bad_picture_is_one_line(capsys: Capsys, folder: Path, command: str, name: str, message: str) -> None:
    more = ["-s", "art.png"] if command == "stylize" else []
    assert message in call(capsys, command, name, *more, "-o", "out.png").error


def test_a_bomb_is_refused_quickly_and_in_little_memory(capsys: Capsys, folder: Path) -> None:
    (folder / "photo.png").write_bytes(make_bomb(30_000, 30_000))
    command = ["convert", "photo.png", "--quality", "fast", "-o", "out.png"]
    call(capsys, *command)  # imports what there is to import
    begin = time.process_time()
    message = call(capsys, *command).error
    seconds = time.process_time() - begin
    tracemalloc.start()  # slows what it looks at, the more the longer this process has run
    call(capsys, *command)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert message.startswith("image 'photo.png' has 900,000,000 pixels, more than 33,554,432; shrink it, or")
    assert seconds < 1
    assert peak < 50e6


def test_a_native_file_that_is_broken(capsys: Capsys, folder: Path) -> None:
    path = folder / "photo.png"
    path.rename(folder / "photo.kla")
    try:
        message = call(capsys, "show", "photo.kla", "-o", "out.png").error
    finally:
        (folder / "photo.kla").rename(path)
    assert message.startswith("'photo.kla' is broken or of another kind (koala: ")


@pytest.mark.parametrize("command", [["convert", "photo.png", "--quality", "fast"], STYLIZE])
@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["out.kal"], "unknown extension '.kal'; did you mean .koa or .kla"),
        (["out.xyz"], "unknown extension '.xyz'; mode c64-multicolor is written as .kla"),
        (
            ["out.iff"],
            "mode c64-multicolor can't be written as .iff; mode c64-multicolor is written as .kla, .koa, ",
        ),
        (["out"], "'out' has no extension"),
        (["drawer.png/out.png"], "there is no folder 'drawer.png'; make it first"),
        (["photo.png/out.png"], "there is no folder 'photo.png'"),
        (["out.png", "./out.png"], "would overwrite another output of this run"),
        (["photo.png"], "would overwrite the input of that name; choose another name"),
    ],
)
def test_a_bad_output_is_found_before_the_run(
    capsys: Capsys, folder: Path, command: list[str], names: list[str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pixeldream.cli.batch.encode", None)
    monkeypatch.setattr("pixeldream.cli.stylize.paint", None)
    outputs = [word for name in names for word in ("-o", name)]
    assert message in call(capsys, *command, *outputs).error


def test_an_output_that_is_a_folder(capsys: Capsys, folder: Path) -> None:
    (folder / "drawer").rename(folder / "drawer.png")
    try:
        assert (
            "'drawer.png' is a folder"
            in call(capsys, "convert", "photo.png", "--quality", "fast", "-o", "drawer.png").error
        )
        assert "'drawer.png' is a folder" in call(capsys, *STYLIZE, "-o", "a.png", "--report", "drawer.png").error
    finally:
        (folder / "drawer.png").rename(folder / "drawer")


def test_the_report_is_an_output_like_others(capsys: Capsys, folder: Path) -> None:
    assert "would overwrite another" in call(capsys, *STYLIZE, "-o", "a.png", "--report", "a.png").error
    assert "there is no folder 'absent'" in call(capsys, *STYLIZE, "-o", "a.png", "--report", "absent/r.json").error


def test_a_folder_that_may_not_be_written_to(capsys: Capsys, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "open", failing(os.open, errno.EACCES, 0))
    monkeypatch.setattr("pixeldream.cli.stylize.paint", None)
    assert "'drawer/a.png' can't be written: Permission denied" in call(capsys, *STYLIZE, "-o", "drawer/a.png").error


# ---- a full disk ----------------------------------------------------------------------------------------------------


def failing(function: Callable[..., Any], number: int, after: int) -> Callable[..., Any]:
    """``function``, until it was called ``after`` times for one of our temporary files or their descriptors."""
    calls = 0

    def call(first: Any, *rest: Any, **named: Any) -> Any:
        nonlocal calls
        if (isinstance(first, int) and first > 2) or ".pixeldream-" in str(first):
            calls += 1
            if calls > after:
                raise OSError(number, os.strerror(number))
        return function(first, *rest, **named)

    return call


@pytest.mark.parametrize("command", [["convert", "photo.png", "--quality", "fast"], STYLIZE])
@pytest.mark.parametrize("name", ["open", "write", "fsync", "replace"])
def test_a_full_disk_leaves_the_old_files(
    capsys: Capsys, folder: Path, name: str, command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "drawer" / "a.art").write_bytes(b"old")
    # "open" and "fsync" are tried on both outputs before the run as well.
    for after in {"open": (0, 1, 2, 3), "write": (0, 1), "fsync": (0, 1, 2, 3), "replace": (0,)}[name]:
        with monkeypatch.context() as patch:
            patch.setattr(output.os, name, failing(getattr(os, name), errno.ENOSPC, after))
            message = call(capsys, *command, "-m", "c64-hires", "-o", "drawer/a.art", "-o", "drawer/a.png").error
        assert "can't be written: No space left on device; make room" in message
        assert [path.name for path in (folder / "drawer").iterdir()] == ["a.art"]
        assert (folder / "drawer" / "a.art").read_bytes() == b"old"
    (folder / "drawer" / "a.art").unlink()


def test_a_write_in_pieces_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(output.os, "write", lambda descriptor, data: write(descriptor, data[:7]))
    output.write_files({tmp_path / "a": bytes(range(100))})
    assert (tmp_path / "a").read_bytes() == bytes(range(100))


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "real")
    output.write_files({tmp_path / "link": b"new"})
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


# ---- weights --------------------------------------------------------------------------------------------------------


def spoiled(kind: str) -> bytes:
    arrays = load_file("tiny.safetensors")
    if kind == "NaN":
        arrays["conv1_1_b"][0] = np.nan
    if kind == "misshapen":
        arrays["conv2_1_w"] = arrays["conv2_1_w"][:, :, :3]
    if kind == "of another network":
        arrays = {"fire2_w": np.zeros((1, 1, 3, 3), np.float32)}
    save_file(arrays, "drawer/bad.safetensors")
    data = Path("drawer/bad.safetensors").read_bytes()
    return data[:-40] if kind == "truncated" else data


@pytest.mark.parametrize("kind", ["truncated", "NaN", "misshapen", "of another network"])
def test_weights_that_can_not_be_used(capsys: Capsys, folder: Path, kind: str) -> None:
    data = spoiled(kind)
    Path("drawer/bad.safetensors").write_bytes(data)
    message = call(capsys, *STYLIZE, "-n", "vgg19=drawer/bad.safetensors", "-o", "a.png").error
    assert "bad.safetensors" in message
    Path("drawer/bad.safetensors").unlink()


def test_losses_that_are_no_numbers_end_the_run(capsys: Capsys, folder: Path) -> None:
    heavy = ["--style-weight", "3e38", "--content-weight", "3e38"]
    assert "lower the weights" in call(capsys, *STYLIZE, *heavy, "-o", "a.png").error


# ---- the program itself ---------------------------------------------------------------------------------------------


def test_a_reader_that_had_enough_is_no_error() -> None:
    command = f"{sys.executable} -m pixeldream formats --json | head -c 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    assert done.stdout == "["
    assert "Error" not in done.stderr


def test_an_expected_error_shows_where_it_was_raised_if_asked(capsys: Capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(main.TRACEBACK, "1")
    with pytest.raises(LookupError, match="unknown mode"):
        call(capsys, "modes", "c64")


def test_out_of_memory_is_one_line(capsys: Capsys, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    def starve(*arguments: object, **named: object) -> None:
        raise MemoryError

    monkeypatch.setattr("pixeldream.images.fit", starve)
    assert call(capsys, "convert", "photo.png", "--quality", "fast").error.startswith("out of memory")
    assert SAMPLE not in {path.stem for path in folder.iterdir()}


def test_out_of_device_memory_is_one_line(capsys: Capsys, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    def starve(*arguments: object, **named: object) -> None:
        raise RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 9999999999 bytes.\nMore lines")

    monkeypatch.setattr("pixeldream.images.fit", starve)
    assert call(capsys, "convert", "photo.png", "--quality", "fast").error.startswith(
        "out of memory; choose a smaller mode"
    )


def test_a_preview_deletes_nobodys_file(capsys: Capsys, folder: Path) -> None:
    (folder / "drawer" / "a-preview.png").write_bytes(b"mine")
    assert "exists; remove it" in call(capsys, *STYLIZE, "-o", "drawer/a.kla", "--preview").error
    (folder / "drawer" / "a-preview.png").unlink()


def test_large_pictures_are_read_when_asked_for(capsys: Capsys, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pixeldream.images.MAXIMUM_PIXELS", 1000)
    assert "2,560 pixels, more than 1,000" in call(capsys, "convert", "photo.png", "--quality", "fast").error
    assert call(capsys, "convert", "photo.png", "--quality", "fast", "--large", "-o", "drawer/a.kla").code == 0
    (folder / "drawer" / "a.kla").unlink()


def test_pictures_of_every_kind_are_converted(capsys: Capsys, folder: Path) -> None:
    sixteen = Image.fromarray(np.linspace(0, 65535, 600).astype(np.uint16).reshape(20, 30))
    kinds = {
        "cmyk.tif": Image.new("CMYK", (20, 30), (9, 99, 0, 9)),
        "clear.png": Image.new("RGBA", (9, 9)),
        "deep.png": sixteen,
    }
    for name, image in kinds.items():
        path = folder / "drawer" / name
        image.save(path)
        assert call(capsys, "convert", path, "--quality", "fast", "-o", "drawer/a.kla").code == 0, name
        path.unlink()
    (folder / "drawer" / "a.kla").unlink()
