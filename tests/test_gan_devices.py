"""Training on several devices and in several processes: what one device learns, within rounding."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from command import call
from PIL import Image

from pixeldream.cli.gan_run import Folder
from pixeldream.cli.main import run as run_command
from pixeldream.neural.gan.devices import Devices, join, share
from pixeldream.neural.gan.loader import Batches, Pictures
from pixeldream.neural.gan.settings import GanError
from pixeldream.neural.gan.toys import toys
from pixeldream.neural.gan.train import trained

PROGRAM = [sys.executable, "-m", "pixeldream", "gan", "train"]
OPTIONS = [
    "--preset", "dcgan", "--projected", "--size", "16", "--width", "16", "--batch", "8", "--steps", "4",
    "--figures", "0",
]  # fmt: skip


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    for number, image in enumerate(toys(12)[0]):
        Image.fromarray(image).save(folder / f"{number:02}.png")
    return folder


@pytest.fixture(scope="module")
def alone(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on one device."""
    out = tmp_path_factory.mktemp("runs") / "alone"
    assert run_command(["gan", "train", str(pictures), "-o", str(out), *OPTIONS]) == 0
    return out


def begin(words: list[object], devices: int) -> subprocess.Popen[str]:
    """A command in a process of its own that has so many devices."""
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count={devices}"
    environment = {**os.environ, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
    pipe = subprocess.PIPE
    return subprocess.Popen(list(map(str, words)), stdout=pipe, stderr=pipe, text=True, env=environment)


def check_same(first: Path, second: Path) -> None:
    """That both runs have learnt the same, within rounding: batch statistics included."""
    found = [trained(about.plan, about.training, Folder(out).checkpoints) for out in (first, second)
             for about in (Folder(out).about(),)]  # fmt: skip
    assert found[0].steps == found[1].steps == 4
    ours, theirs = (jax.tree.leaves(each.average) for each in found)
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=2e-4)


@pytest.mark.slow
def test_two_devices_learn_what_one_does(pictures: Path, alone: Path, tmp_path: Path) -> None:
    child = begin([*PROGRAM, pictures, "-o", tmp_path / "run", *OPTIONS, "--devices", 2], 2)
    out, err = child.communicate()
    assert (child.returncode, out.strip()) == (0, str(tmp_path / "run")), err
    check_same(alone, tmp_path / "run")


@pytest.mark.slow
def test_two_processes_learn_what_one_does_and_the_first_alone_writes(
    pictures: Path, alone: Path, tmp_path: Path
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    together = ["--coordinator", f"127.0.0.1:{port}", "--process-count", 2, "--process-id"]
    words = [*PROGRAM, pictures, "-o", tmp_path / "run", *OPTIONS, *together]
    children = [begin([*words, number], 1) for number in range(2)]
    said = [child.communicate() for child in children]
    assert [child.returncode for child in children] == [0, 0], said
    # Gloo, by which CPUs talk to each other, has a line of its own.
    assert said[0][0].splitlines()[-1] == str(tmp_path / "run")
    assert str(tmp_path) not in said[1][0]
    assert "pixeldream:" not in said[1][1]
    check_same(alone, tmp_path / "run")


def test_parts_of_a_batch_are_the_batch() -> None:
    images, kinds = toys(12)
    whole = Batches(Pictures(images, kinds), 4, seed=1)
    parts = [Batches(Pictures(images, kinds), 4, seed=1, part=(number, 2)) for number in range(2)]
    for _ in range(4):
        np.testing.assert_array_equal(next(whole)[0], np.concatenate([next(part)[0] for part in parts]))


def test_one_device_moves_nothing() -> None:
    assert share(8) == Devices()
    tree = {"a": np.zeros(3)}
    assert Devices().replicate(tree) is tree
    assert Devices().local(tree) is tree
    assert Devices().agree(True, 1)


@pytest.mark.parametrize(
    ("wrong", "quoted"),
    [
        (lambda: share(8, 99), "--devices 99: there "),
        (lambda: join("host", 2, 0), "'host' is not HOST:PORT"),
        (lambda: join("host:80", 2, 2), "process 2 of 2"),
    ],
)
def test_what_can_not_be_shared_is_refused(wrong: object, quoted: str) -> None:
    with pytest.raises(GanError, match=quoted):
        wrong()  # type: ignore[operator]


def test_options_of_several_processes_need_a_coordinator(
    capsys: pytest.CaptureFixture[str], pictures: Path, tmp_path: Path
) -> None:
    said = call(capsys, "gan", "train", pictures, "-o", tmp_path / "run", "--process-count", 2).error
    assert "--coordinator HOST:PORT" in said
    assert not (tmp_path / "run").exists()
