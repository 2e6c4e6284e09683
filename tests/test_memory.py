"""A run says what memory it needs, and is refused before it begins when there is too little."""

from __future__ import annotations

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest
from command import call, make_image, make_weights

from pixeldream.cli import memory
from pixeldream.neural.footprint import footprint

Capsys = pytest.CaptureFixture[str]
MATRIX = jax.ShapeDtypeStruct((64, 64), jnp.float32)
BYTES = 64 * 64 * 4


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """A stylize command that takes next to no time."""
    monkeypatch.chdir(tmp_path)
    make_image(tmp_path / "photo.png")
    make_weights(tmp_path / "tiny.safetensors")
    return ["stylize", "photo.png", "-s", "photo.png", "-n", "vgg19=tiny.safetensors", "--steps", 2, "-o", "a.kla"]


def test_a_footprint_counts_what_lives_at_once() -> None:
    assert footprint(lambda a: a @ a, MATRIX) == 2 * BYTES
    assert footprint(lambda a: a + 1 - a * 2, MATRIX) <= 4 * BYTES
    assert footprint(lambda a: a @ a @ a @ a, MATRIX) == 3 * BYTES
    kept = footprint(jax.grad(lambda a: jnp.tanh(jnp.tanh(a @ a) @ a).sum()), MATRIX)
    assert 4 * BYTES <= kept <= 8 * BYTES


def test_a_loop_takes_what_one_turn_takes() -> None:
    def turns(count: int) -> int:
        return footprint(lambda a: jax.lax.fori_loop(0, count, lambda _, b: b @ a, a), MATRIX)

    assert turns(2) == turns(1000) <= 4 * BYTES


def test_too_little_memory_is_refused_in_one_line(capsys: Capsys, run: list[object]) -> None:
    error = call(capsys, *run, "--memory-limit", 10).error
    assert "the run needs about" in error
    assert "10 MB are free" in error
    assert "a smaller mode or another network" in error
    assert not Path("a.kla").exists()
    assert "--memory-limit 0" in call(capsys, *run, "--memory-limit", 0).error


def test_what_is_free_decides_and_is_reported(
    capsys: Capsys, run: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(memory, "free", lambda: 12)
        assert "12 MB are free" in call(capsys, *run).error
    with monkeypatch.context() as patch:
        patch.setattr(memory, "free", lambda: 1200)
        assert "MB of memory; 1200 MB are free" in call(capsys, *run).err
    assert "needs about" not in call(capsys, *run, "--report", "r.json").err
    found = json.loads(Path("r.json").read_text())["memory"]
    assert 0 < found["estimate_mb"] <= found["available_mb"]


def test_a_tile_that_fits_is_named(capsys: Capsys, run: list[object], monkeypatch: pytest.MonkeyPatch) -> None:
    from pixeldream.api import StylizeJob

    needs = {0: 900, 512: 800, 256: 400, 128: 200, 64: 100}
    monkeypatch.setattr(StylizeJob, "memory", lambda job: needs[job.settings.tile] << 20)
    assert "use --tile 256 (about 400 MB)" in call(capsys, *run, "--memory-limit", 500).error
    assert "use --tile 64 (about 100 MB)" in call(capsys, *run, "--tile", 128, "--memory-limit", 150).error
    assert "use a smaller mode" in call(capsys, *run, "--memory-limit", 50).error


def test_the_limit_of_a_container_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_of_machine", lambda: 900 << 20)
    monkeypatch.setattr(memory, "_held", lambda: 100 << 20)
    monkeypatch.setattr(memory, "_of_group", lambda: None)
    assert memory.free() == 1000
    monkeypatch.setattr(memory, "_of_group", lambda: 200 << 20)
    assert memory.free() == 300
