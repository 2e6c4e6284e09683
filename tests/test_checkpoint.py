"""A run that was stopped, killed or that met a full disk goes on to the very bytes of one that never stopped."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command import call, make_image, make_weights

from pixeldream.api import StylizeJob
from pixeldream.cli import checkpoint as keeping
from pixeldream.cli import output
from pixeldream.cli.interrupt import Interrupt
from pixeldream.look import look
from pixeldream.neural.checkpoint import Checkpoint, CheckpointError, parse
from pixeldream.neural.networks import vgg
from pixeldream.neural.optimise import Progress
from pixeldream.neural.settings import Settings
from pixeldream.neural.stylize import LoadedNetwork, Style
from pixeldream.neural.weights import load_weights
from pixeldream.plugin.registry import Registry
from pixeldream.retro.display import display_size
from pixeldream.retro.schedule import Schedule

Capsys = pytest.CaptureFixture[str]

STEPS = 5
RUN = ["stylize", "photo.png", "-s", "art.png", "-n", "vgg19=tiny.safetensors", "--steps", STEPS, "--sketch", 0]
RUN += ["--mode", "c64-hires"]
KEPT = [*RUN, "-o", "b.png", "-o", "b.art", "--checkpoint", "run.safetensors", "--checkpoint-every", 0]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a content picture, a style picture and weights."""
    monkeypatch.chdir(tmp_path)
    make_image(tmp_path / "photo.png")
    make_image(tmp_path / "art.png", seed=1)
    make_weights(tmp_path / "tiny.safetensors")
    return tmp_path


def job_of(registry: Registry, folder: Path, mode: str, **settings: Any) -> StylizeJob:
    """A run in a corner of the mode's screen."""
    arrays = load_weights(folder / "tiny.safetensors")
    chosen = look(registry, mode)
    chosen = replace(chosen, mode=replace(chosen.mode, size=(32, 24)))
    width, height = display_size(chosen.mode)
    random = np.random.default_rng(3)
    content, style = (random.uniform(0, 1, (height, width, 3)).astype(np.float32) for _ in range(2))
    return StylizeJob(
        content, [Style(style)], [LoadedNetwork(vgg.build(arrays), arrays)], chosen, Schedule.parse("straight-through"),
        Settings(**settings),
    )  # fmt: skip


def numbers(progress: Progress) -> dict[str, float]:
    return {name: float(value) for name, value in progress.losses.items()}


def check_every(job: StylizeJob, steps: tuple[int, ...]) -> None:
    """Abandoned after any of ``steps``, resumed from the file's bytes: the same picture, the same last checkpoint."""
    kept, history = [], []
    for progress in job.run():
        history.append([progress.step, *(float(progress.losses[name]) for name in ("content", "style", "total"))])
        kept.append(Checkpoint.of(progress, numbers(progress), history, {}).to_bytes())
    whole = progress.finish()
    for step in steps:
        again = list(job.run(parse(kept[step - 1])))
        assert [progress.step for progress in again] == list(range(step, job.settings.steps + 1))
        picture = again[-1].finish()
        assert picture.pixels.tobytes() == whole.pixels.tobytes()
        assert all((a == b).all() for a, b in zip(picture.colours, whole.colours, strict=True))
        assert Checkpoint.of(again[-1], numbers(again[-1]), history, {}).to_bytes() == kept[-1]


@pytest.mark.slow
def test_a_run_killed_in_any_stage_ends_in_the_same_bytes(registry: Registry, folder: Path) -> None:
    # Three stages to compile: five steps at the coarse scale, two of sketch, four legal ones.
    job = job_of(registry, folder, "c64-multicolor", steps=11, scales=2, sketch=0.3)
    check_every(job, (2, 5, 6, 7, 9, 11))


@pytest.mark.parametrize("mode", ["amiga-32", pytest.param("amiga-ham6", marks=pytest.mark.slow), "zx-spectrum"])
def test_what_a_canvas_keeps_survives(registry: Registry, folder: Path, mode: str) -> None:
    # The ninth step comes after a choice of colours.
    check_every(job_of(registry, folder, mode, steps=10, sketch=0.0), (3, 9))


def test_ctrl_c_and_the_same_command_again(capsys: Capsys, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert call(capsys, *RUN, "-o", "a.png", "-o", "a.art", "--report", "a.json").code == 0
    with monkeypatch.context() as patch:
        patch.setattr(Interrupt, "keep", lambda interrupt: setattr(interrupt, "asked", True))
        for step in range(1, 4):
            ran = call(capsys, *KEPT)
            assert ran.code == 130
            assert (folder / "run.safetensors").exists()
            if step > 1:
                assert "goes on after step 1, from 'run.safetensors'" in ran.err
    assert call(capsys, *KEPT, "--report", "b.json").code == 0
    assert not (folder / "run.safetensors").exists()
    for kind in ("png", "art"):
        assert (folder / f"a.{kind}").read_bytes() == (folder / f"b.{kind}").read_bytes()
    first, second = (json.loads((folder / f"{name}.json").read_text()) for name in "ab")
    for name in ("history", "total_loss", "steps", "interrupted", "recipe"):
        assert first[name] == second[name]


def test_kill_9_and_the_same_command_again(capsys: Capsys, folder: Path) -> None:
    assert call(capsys, *RUN, "-o", "a.png", "-o", "a.art").code == 0
    command = [sys.executable, "-m", "pixeldream", *map(str, KEPT), "--preview"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 300
    while not (folder / "run.safetensors").exists() and process.poll() is None and time.monotonic() < until:
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (folder / "b.png").exists()
    (folder / "b-preview.png").write_bytes(b"left by the run that was killed")
    assert "goes on after step" in call(capsys, *KEPT, "--preview").err
    for kind in ("png", "art"):
        assert (folder / f"a.{kind}").read_bytes() == (folder / f"b.{kind}").read_bytes()
    assert not (folder / "b-preview.png").exists()


def stopped(capsys: Capsys, folder: Path, *more: object) -> Path:
    """A checkpoint after the first step."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Interrupt, "keep", lambda interrupt: setattr(interrupt, "asked", True))
        assert call(capsys, *KEPT, *more).code == 130
    return folder / "run.safetensors"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--style-weight", 3], "option style_weight was '60.0', now '3.0'"),
        (["--steps", 9], "option steps was '5', now '9'"),
        (["-m", "c64-fli", "-o", "c.png"], "option mode was 'c64-hires', now 'c64-fli'"),
    ],
)
def test_a_checkpoint_of_another_run_is_one_line(
    capsys: Capsys, folder: Path, change: list[object], message: str
) -> None:
    path = stopped(capsys, folder)
    before = path.read_bytes()
    command = [
        each for each in KEPT if "-m" not in change or each not in ("--mode", "c64-hires", "-o", "b.png", "b.art")
    ]
    error = call(capsys, *command, *change).error
    assert error.startswith(f"checkpoint 'run.safetensors': it is of another run: {message}; give the same command")
    assert path.read_bytes() == before


def test_inputs_weights_and_versions_are_part_of_the_run(
    capsys: Capsys, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped(capsys, folder)
    make_image(folder / "art.png", seed=2)
    assert "another run: input art.png was" in call(capsys, *KEPT).error
    make_image(folder / "art.png", seed=1)
    make_weights(folder / "tiny.safetensors", seed=4)
    assert "another run: weights of vgg19=tiny.safetensors was" in call(capsys, *KEPT).error
    make_weights(folder / "tiny.safetensors")
    monkeypatch.setattr(keeping, "device", lambda: "abacus")
    assert "another run: device was" in call(capsys, *KEPT).error


def test_how_the_picture_is_written_may_change(capsys: Capsys, folder: Path) -> None:
    stopped(capsys, folder)
    assert "goes on after step 1" in call(capsys, *KEPT, "--raw").err


def test_a_damaged_checkpoint_is_one_line(capsys: Capsys, folder: Path) -> None:
    path = stopped(capsys, folder)
    whole = path.read_bytes()
    random = np.random.default_rng(0)
    for length in (0, 7, 8, 100, len(whole) // 2, len(whole) - 1):
        with pytest.raises(CheckpointError):
            parse(whole[:length])
    for place in random.integers(0, len(whole), 60):
        harmed = bytearray(whole)
        harmed[place] ^= 0x40
        with pytest.raises(CheckpointError):
            parse(bytes(harmed))
    path.write_bytes(whole[:-5])
    assert call(capsys, *KEPT).error == (
        "checkpoint 'run.safetensors': it is damaged or no checkpoint; remove it to begin anew"
    )
    path.write_bytes((folder / "tiny.safetensors").read_bytes())
    assert "it is no checkpoint" in call(capsys, *KEPT).error


def test_arrays_that_do_not_fit_are_refused(registry: Registry, folder: Path) -> None:
    job = job_of(registry, folder, "zx-spectrum")
    first = next(job.run())
    found = Checkpoint.of(first, numbers(first), [], {})
    for wrong in (replace(found, begin=found.begin[1:]), replace(found, carried=found.carried[:-1])):
        with pytest.raises(CheckpointError, match="do not fit this run"):
            next(job.run(wrong))


def test_a_full_disk_keeps_the_old_checkpoint_and_the_run_goes_on(
    capsys: Capsys, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = stopped(capsys, folder)
    before, write = path.read_bytes(), os.write

    def full(descriptor: int, data: bytes) -> int:
        if path.name in str(current):
            write(descriptor, bytes(data)[:100])
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, data)

    current: list[str] = []
    stage = output._stage

    def watched(target: Path, data: bytes) -> Path:
        current[:] = [str(target)] if data else []
        return stage(target, data)

    monkeypatch.setattr(output, "_stage", watched)
    monkeypatch.setattr(os, "write", full)
    monkeypatch.setattr(keeping.Keeper, "done", lambda keeper: None)
    ran = call(capsys, *KEPT)
    assert ran.code == 0
    assert ran.err.count("No space left on device") == 1
    assert (folder / "b.art").exists()
    assert path.read_bytes() == before
    assert not list(folder.glob(".pixeldream*"))


def test_an_impossible_place_is_refused_before_the_run(capsys: Capsys, folder: Path) -> None:
    assert "there is no folder" in call(capsys, *RUN, "--checkpoint", "gone/run.safetensors").error
    assert "would overwrite" in call(capsys, *RUN, "--checkpoint", "photo.png").error
    assert "--checkpoint-every -1" in call(capsys, *KEPT[:-1], -1).error
