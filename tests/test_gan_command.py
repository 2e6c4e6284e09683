"""``pixeldream gan``: a whole run within a mode, what is drawn from it, and what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from command import call, make_image
from PIL import Image

from pixeldream.cli import gan_follow, gan_sheet, gan_train
from pixeldream.cli.main import run as run_command
from pixeldream.neural.gan.toys import toys
from pixeldream.plugin.registry import Registry

MODE = "c64-sprites-multicolor"


def train(folder: Path, out: Path, *more: object) -> list[str]:
    words = ["gan", "train", folder, "-o", out, "--preset", "steady", "--r1", 0, "--size", 16, "--width", 8]
    return [str(word) for word in (*words, "--batch", 8, "--figures", 0, *more)]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty toys in two folders, and one file that is broken."""
    folder = tmp_path_factory.mktemp("pictures")
    for number, image in enumerate(toys(20)[0]):
        place = folder / ("creatures", "gems")[number % 2]
        place.mkdir(exist_ok=True)
        Image.fromarray(image).save(place / f"{number:02}.png")
    (folder / "gems" / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\n torn")
    return folder


@pytest.fixture(scope="module")
def run(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run within a mode, begun, and gone on with."""
    out = tmp_path_factory.mktemp("runs") / "sprites"
    begin = train(pictures, out, "--by-folder", "--mode", MODE, "--steps", 52)
    with pytest.MonkeyPatch.context() as patch:
        # However slow the machine is.
        patch.setattr(gan_follow, "SHEET_SECONDS", 1e9)
        patch.setattr(gan_follow, "CHECKPOINT_SECONDS", 1e9)
        assert run_command(begin) == 0
        assert run_command(["gan", "train", "-o", str(out), "--resume", "--steps", "54", "--figures", "0"]) == 0
    return out


def test_a_run_leaves_sheets_a_curve_and_checkpoints(run: Path) -> None:
    assert sorted(path.name for path in run.iterdir()) == [
        "checkpoints", "classes.npy", "images.npy", "losses.csv", "run.json", "samples",
    ]  # fmt: skip
    assert sorted(path.name for path in (run / "checkpoints").iterdir()) == ["52", "54"]
    assert [path.name for path in sorted((run / "samples").iterdir())] == [
        "epoch-0020-step-000052.png", "epoch-0021-step-000054.png",
    ]  # fmt: skip
    lines = (run / "losses.csv").read_text().splitlines()
    assert lines[0] == "step,critic,generator,real,fake,right,variety"
    assert lines[1].startswith("50,")
    about = json.loads((run / "run.json").read_text())
    assert (about["count"], about["classes"], len(about["skipped"])) == (20, ["creatures", "gems"], 1)


def test_drawings_become_sheets_files_and_a_file_of_the_machine(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], registry: Registry
) -> None:
    sheet, native, single = tmp_path / "a.png", tmp_path / "a.spd", tmp_path / "single"
    done = call(capsys, "gan", "sample", run, "-n", 70, "-o", sheet, "-o", single, "-o", native, "--truncation", 1)
    assert (done.code, done.err) == (0, "")
    # 70 do not fit on a screen of 64.
    files = [tmp_path / "a-1.spd", tmp_path / "a-2.spd"]
    shown = [registry.readers(".spd")[0].read(path.read_bytes()) for path in files]  # type: ignore[misc]
    first = np.asarray(Image.open(single / "0000.png"))
    assert first.shape == (16, 16, 3)
    assert len(list(single.iterdir())) == 70
    sprite = shown[0].image()[:21, :12]
    assert {tuple(c) for c in first.reshape(-1, 3)} <= {tuple(c) for c in sprite.reshape(-1, 3)}
    with Image.open(sheet) as image:
        assert image.size == (4 * (9 * 17 + 1), 4 * (8 * 17 + 1))


def test_the_same_seed_draws_the_same_and_walks_begin_and_end_at_seeds(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def drawn(*words: object) -> list[bytes]:
        folder = tmp_path / "-".join(map(str, words))
        assert call(capsys, "gan", "sample", run, "-o", folder, *words).code == 0
        return [path.read_bytes() for path in sorted(folder.iterdir())]

    three, again = (drawn("-n", 3, "--seed", 3, "--class", name) for name in ("gems", "creatures"))
    assert three != again
    way = drawn("--walk", "3:4", "-n", 3, "--class", "gems")
    assert way[0] == three[0]
    assert way[2] == drawn("-n", 1, "--seed", 4, "--class", "gems")[0]


def test_info_says_what_it_is_and_how_good(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(call(capsys, "gan", "info", run, "--json", "--figures", 10).out)
    assert (found["steps"], found["rules"]["mode"], found["plan"]["classes"]) == (54, MODE, 2)
    assert found["figures"]["drawn"]["frechet"] > found["figures"]["real"]["frechet"] >= 0
    words = call(capsys, "gan", "info", run, "--figures", 0).out
    assert f"within {MODE}" in words
    assert "54 steps" in words
    assert "skipped 1: gems/torn.png" in words


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--resume", "--size", 32], "--size 16, not 32"),
        (["--resume", "--loss", "bce"], "--loss relativistic, not bce"),
        (["--resume", "--projected"], "--projected False, not True"),
        (["--resume", "--from", "other"], "--from is for a new run"),
        (["--resume", "--steps", 10], "is at its end"),
        (["--steps", 10], "name a folder or zip"),
    ],
)
def test_what_does_not_fit_a_run_is_refused(
    run: Path, capsys: pytest.CaptureFixture[str], words: list[object], said: str
) -> None:
    assert said in call(capsys, "gan", "train", "-o", run, *words).error


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--class", "dogs"], "it has creatures, gems"),
        (["--walk", "3"], "'3' is not A:B"),
        (["-n", 0], "--number 0"),
        (["-o", "a.kla"], "can't be written as .kla"),
        (["--mode", "amiga-16"], f"{MODE!r} already"),
        (["--truncation", -1], "truncation -1"),
    ],
)
def test_drawings_that_can_not_be_are_refused(
    run: Path, capsys: pytest.CaptureFixture[str], words: list[object], said: str
) -> None:
    assert said in call(capsys, "gan", "sample", run, *words).error


def test_a_run_without_checkpoints_or_with_a_damaged_description_is_refused(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "holds no run" in call(capsys, "gan", "info", tmp_path).error
    young = tmp_path / "young"
    shutil.copytree(run, young, ignore=shutil.ignore_patterns("checkpoints"))
    assert "holds no checkpoint yet" in call(capsys, "gan", "sample", young).error
    (young / "run.json").write_text('{"kind": "pixeldream gan 1"}')
    assert "is damaged" in call(capsys, "gan", "info", young).error


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--mode", "c64-sprite-multicolor"], "did you mean"),
        (["--mode", "amiga-ham6"], "can't be cut into pieces"),
        (["--size", 48], "size 48"),
        (["--loss", "wgan"], "'wgan'"),
        (["--augment", "flip"], "'flip'"),
        (["--preset", "stylegan"], "'stylegan'"),
        (["--steps", -1], "steps -1"),
        (["--keep", 0], "--keep 0"),
        (["--demo"], "brings its own pictures"),
        (["--palette", "c64-pepto"], "--mode MODE"),
        (["--strict", 1], "--mode MODE"),
        (["--mode", MODE, "--strict", 2], "strict 2 is the part"),
        (["--from", "nowhere"], "'nowhere' holds no run"),
        (["--preset", "thesis", "--size", 16, "--growth", 9], "can't grow together"),
        (["--growth", 9], "can't grow; choose another preset"),
    ],
)
def test_wrong_options_are_refused_and_leave_no_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[object], said: str
) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for number in range(8):
        make_image(pictures / f"{number}.png", (16, 16), seed=number)
    assert said in call(capsys, "gan", "train", pictures, "-o", tmp_path / "run", *words).error
    assert not (tmp_path / "run").exists()


def test_a_run_of_other_networks_is_nothing_to_begin_with(
    run: Path, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = train(pictures, tmp_path / "other", "--width", 32, "--steps", 1, "--from", run)
    assert "has other networks (first, critic, classes)" in call(capsys, *words).error
    assert not (tmp_path / "other").exists()


def test_a_run_begins_with_what_another_has_learnt_and_says_so(
    run: Path, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "next"
    words = train(pictures, out, "--by-folder", "--mode", MODE, "--steps", 1, "--from", run)
    done = call(capsys, *words)
    assert (done.code, done.out) == (0, f"{out}\n")
    assert sorted(path.name for path in (out / "checkpoints").iterdir()) == ["0", "1"]
    assert json.loads((out / "run.json").read_text())["from"] == str(run.resolve())
    assert f"began with what {run.resolve()} had learnt" in call(capsys, "gan", "info", out, "--figures", 0).out


def test_a_folder_in_use_is_left_alone(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(8):
        make_image(tmp_path / f"{number}.png", (16, 16), seed=number)
    assert "go on with --resume" in call(capsys, "gan", "train", tmp_path, "-o", run, "--steps", 1).error
    assert "is not empty" in call(capsys, "gan", "train", tmp_path, "-o", tmp_path, "--steps", 1).error


def test_small_sets_are_augmented_and_the_demo_is_not() -> None:
    assert gan_train._settings({}, 32, 500, 0)[1].augment
    assert not gan_train._settings({}, 32, 50_000, 0)[1].augment
    assert not gan_train._settings({"preset": "dcgan"}, 64, 500, 0)[1].augment
    plan, training = gan_train._settings({"preset": "steady", "growth": 9}, 32, 500, 0)
    assert (plan.grows, training.growth) == (True, 9)
    plan, training = gan_train._settings({"spectral": False, "batch": 4, "r1": 2.0}, 32, 500, 0)
    assert (plan.spectral, training.batch, training.r1) == (False, 4, 2.0)


def test_a_critic_sees_through_the_network_or_not() -> None:
    for words, seen in (({}, True), ({"projected": False}, False), ({"preset": "dcgan", "projected": True}, True)):
        plan = gan_train._settings(words, 32, 500, 0)[0]
        assert bool(plan.taps) == bool(plan.tap_widths) == seen


def test_the_plot_survives_whatever_numbers_it_is_given() -> None:
    rows = np.random.default_rng(0).normal(size=(9, 7))
    rows[:, 0] = np.arange(9)
    rows[3, 1:] = np.nan
    rows[:, 5] = np.inf
    names = ("step", "critic", "generator", "real", "fake", "right", "variety")
    assert gan_sheet.plot(rows, names).startswith(b"\x89PNG")
