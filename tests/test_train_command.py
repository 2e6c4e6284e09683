"""``pixeldream train features``: the command around the training."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from command import call, make_image, make_weights

from pixeldream.cli.interrupt import Interrupt
from pixeldream.cli.lessons import MachineVersions
from pixeldream.neural import distil
from pixeldream.neural.weights import read_facts

Capsys = pytest.CaptureFixture[str]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a picture and a teacher's weights."""
    monkeypatch.chdir(tmp_path)
    make_image(tmp_path / "photo.png")
    make_weights(tmp_path / "tiny.safetensors")
    return tmp_path


@pytest.fixture
def short_training(monkeypatch: pytest.MonkeyPatch, folder: Path) -> list[object]:
    """A training command whose lessons are over in no time."""

    def learn(
        settings: distil.Settings,
        teachers: object,
        pictures: distil.Pictures,
        checkpoint: object,
        start: object,
        workers: int,
    ) -> object:
        assert pictures(3).shape[2] == 3
        assert start is None or "conv1_1_w" in start
        for step in range(1, settings.steps + 1):
            export = lambda: {"conv1_1_w": np.zeros((3, 3, 3, 4), np.float16)}  # noqa: E731
            yield distil.Progress(step, 60.0, step / settings.steps, {"gram": 0.5}, export)

    monkeypatch.setattr(distil, "distil", learn)
    return ["train", "features", "--teacher", "vgg19=tiny.safetensors", "--steps", 3]


def test_training_writes_weights_that_say_where_they_come_from(
    capsys: Capsys, folder: Path, short_training: list[object]
) -> None:
    ran = call(
        capsys, *short_training, "--seed", 4, "--folder", ".", "--checkpoint", "notes", "--start", "tiny.safetensors"
    )
    assert (ran.code, ran.out) == (0, "features.safetensors\n")
    facts = read_facts(folder / "features.safetensors")
    assert (facts["steps"], facts["seed"], facts["minutes"]) == ("3", "4", "1.0")
    assert "vgg19 (SHA-256 " in facts["teachers"]
    assert "jax " in facts["versions"]


def test_new_heads_leave_the_kernels_as_they_are(
    capsys: Capsys, folder: Path, short_training: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    def found(
        settings: object, teachers: object, pictures: object, start: dict[str, np.ndarray], workers: int
    ) -> object:
        return start

    monkeypatch.setattr(distil, "new_heads", found)
    asked = [*short_training[:-2], "--heads-only"]
    assert call(capsys, *asked, "--start", "tiny.safetensors").code == 0
    assert read_facts(folder / "features.safetensors")["kernels"] == "tiny.safetensors as they were"
    assert "--heads-only takes --start" in call(capsys, *asked).error
    assert "neither --steps" in call(capsys, *short_training, "--heads-only", "--start", "tiny.safetensors").error


def test_interrupted_training_keeps_the_weights(
    capsys: Capsys, folder: Path, short_training: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Interrupt, "keep", lambda interrupt: setattr(interrupt, "asked", True))
    assert call(capsys, *short_training, "--out", "a.safetensors").code == 130
    assert read_facts(folder / "a.safetensors")["steps"] == "1"


def test_bad_training_is_one_line(capsys: Capsys, folder: Path, short_training: list[object]) -> None:
    (folder / "notes").mkdir()
    assert "--resume needs the folder" in call(capsys, *short_training, "--resume").error
    assert "holds no pictures" in call(capsys, *short_training, "--folder", "notes").error
    assert "'absent' is no folder" in call(capsys, *short_training, "--folder", "absent").error
    assert "written as .safetensors" in call(capsys, *short_training, "--out", "a.npz").error
    assert "absent.safetensors" in call(capsys, *short_training, "--start", "absent.safetensors").error
    assert "there is no folder" in call(capsys, *short_training, "--out", "absent/a.safetensors").error
    assert "steps 0 and minutes 0.0" in call(capsys, *short_training[:-1], 0).error
    assert "batch of 6 is not a multiple of 4" in call(capsys, *short_training, "--batch", 6).error
    assert "crop of 50 is not" in call(capsys, *short_training, "--crop", 50).error
    assert "--workers -1: give 0 or more" in call(capsys, *short_training, "--workers", -1).error
    assert "no teacher to learn from" in call(capsys, "train", "features").error
    (folder / "notes" / "old").touch()
    assert "is not empty; go on with --resume" in call(capsys, *short_training, "--checkpoint", "notes").error


def test_lessons_are_shown_as_our_machines_would() -> None:
    image = np.random.default_rng(0).random((256, 256, 3), np.float32)
    augment = MachineVersions()
    first, again = (augment(image, np.random.default_rng(1)) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert first.shape == image.shape
    assert pickle.loads(pickle.dumps(augment)) == augment, "it can be sent to workers"
    assert len(np.unique(first.reshape(-1, 3), axis=0)) <= 16
