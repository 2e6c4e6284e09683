"""What is compiled stays in the user's cache folder, where that can be written and nobody decided otherwise."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pixeldream.cache import CACHE
from pixeldream.cli import compiled


@pytest.fixture(autouse=True)
def undone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (compiled.FOLDER, "JAX_COMPILATION_CACHE_MAX_SIZE", "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv(CACHE, str(tmp_path / "cache"))


def test_jax_is_told_where_to_keep_what_it_compiles(tmp_path: Path) -> None:
    compiled.keep()
    assert os.environ[compiled.FOLDER] == str(tmp_path / "cache" / "compiled")
    assert (tmp_path / "cache" / "compiled").is_dir()
    assert int(os.environ["JAX_COMPILATION_CACHE_MAX_SIZE"]) > 0


def test_a_folder_that_cannot_be_made_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    compiled.keep()
    assert compiled.FOLDER not in os.environ


@pytest.mark.parametrize("decided", ["", "elsewhere"])
def test_who_has_decided_is_left_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, decided: str) -> None:
    monkeypatch.setenv(compiled.FOLDER, decided)
    compiled.keep()
    assert os.environ[compiled.FOLDER] == decided
    assert not (tmp_path / "cache").exists()
