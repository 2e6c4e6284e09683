"""Two modes so small that the search of the best takes next to no time, and a folder to try them in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command import make_image
from PIL import Image

from pixeldream.look import Look, look
from pixeldream.plugin.registry import Registry, load

TINY = """
import pixeldream as pd

MODE = pd.Mode(
    name="tiny", machine="Tiny", size=(32, 24), palette="c64-colodore",
    slots=(pd.Slot("background"), pd.Slot("ink", (8, 8)), pd.Slot("paper", (8, 8))),
)
FREE = pd.Mode(
    name="tiny-free", machine="Tiny", size=(32, 24), gamut=pd.Gamut("tiny", (16, 16, 16)),
    slots=tuple(pd.Slot(f"colour-{number}") for number in range(6)),
)

@pd.hookimpl
def register_modes():
    return [MODE, FREE]
"""

RUN = ("--plugin", "tiny.py", "convert")
"""A mode so small that the search of the best takes next to no time."""

T = ("-m", "tiny")
FAST = ("--quality", "fast")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a photo and two small modes."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.py").write_text(TINY)
    make_image(tmp_path / "photo.png")
    return tmp_path


def rgb(name: str) -> np.ndarray:
    """uint8 ``[height, width, 3]`` of a file."""
    with Image.open(name) as image:
        return np.asarray(image.convert("RGB"))


def recipe_of(name: str) -> dict[str, Any]:
    """The recipe in a PNG."""
    with Image.open(name) as image:
        return json.loads(image.text["pixeldream"])  # type: ignore[attr-defined]


def shades(name: str) -> set[tuple[int, ...]]:
    """The colours of a file."""
    return set(map(tuple, rgb(name).reshape(-1, 3)))


def registry_of_tiny() -> Registry:
    """All plugins and the two modes."""
    return load([Path("tiny.py")])


def look_of(mode: str, **named: Any) -> Look:
    """A look of one of the two."""
    return look(registry_of_tiny(), mode, **named)


def film(count: int, noise: float = 5.0) -> list[Image.Image]:
    """A still sequence with grain."""
    y, x = np.mgrid[0:24, 0:32]
    still = np.stack([60 + x * 4, 40 + y * 6, 200 - x * 3 - y], -1)
    random = np.random.default_rng(1)
    frames = [still + random.normal(0, noise, still.shape) for _ in range(count)]
    return [Image.fromarray(np.clip(frame, 0, 255).astype(np.uint8)) for frame in frames]
