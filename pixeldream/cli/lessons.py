"""Pictures that a feature network learns on: a folder's, and versions of all as our machines would show them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import overload

import numpy as np
from PIL import Image

from pixeldream import images
from pixeldream.cli.options import OptionError
from pixeldream.look import Look, look
from pixeldream.plugin.registry import load
from pixeldream.retro.display import display_size

DITHERS = ("none", "bayer4", "floyd-steinberg")
"""What the machine versions are dithered with, as far as registered."""

LONGEST = 1024
"""The longest side, in pixels, that a picture of a folder is shrunk to."""

_KEPT = 64
"""Decoded pictures of a folder that are held in memory."""


class Folder(Sequence[np.ndarray]):
    """The pictures of a folder and of those in it, float32 ``[height, width, 3]``, decoded when they are asked for.

    Raises :class:`OptionError` for a folder without any; ``ImageError`` when a broken one is asked for.
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise OptionError(f"{str(folder)!r} is no folder; name one that holds pictures")
        known = Image.registered_extensions()
        self._paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in known and path.is_file())
        if not self._paths:
            raise OptionError(f"folder {str(folder)!r} holds no pictures; name another")

    def __len__(self) -> int:
        return len(self._paths)

    @overload
    def __getitem__(self, index: int) -> np.ndarray: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[np.ndarray]: ...
    def __getitem__(self, index: int | slice) -> np.ndarray | Sequence[np.ndarray]:
        if isinstance(index, slice):
            return [_read(path) for path in self._paths[index]]
        return _read(self._paths[index])


@lru_cache(_KEPT)
def _read(path: Path) -> np.ndarray:
    return images.limit(images.read_image(path), LONGEST)


@dataclass(frozen=True)
class MachineVersions:
    """A function that shows a picture as a random registered machine would: its cells, its palette, a dither.

    Modes with a palette of their own choice are left out: they change little. Shape and range stay as they are. A value
    that can be sent to other processes: they open the registry anew, with the same plugins.
    """

    files: tuple[Path, ...] = ()
    """Plugin files."""
    left_out: tuple[str, ...] = ()
    """Plugins that are not wanted."""

    def __call__(self, image: np.ndarray, random: np.random.Generator) -> np.ndarray:
        looks = _looks(self.files, self.left_out)
        return _shown(image, looks[int(random.integers(len(looks)))]) if looks else image


@lru_cache(1)
def _looks(files: tuple[Path, ...], left_out: tuple[str, ...]) -> list[Look]:
    registry = load(files, left_out)
    modes = [name for name, mode in registry.modes.values.items() if mode.gamut is None and mode.frames == 1]
    dithers = [name for name in DITHERS if name in registry.dithers.values]
    return [look(registry, mode, dither=dither) for mode, dither in product(modes, dithers)]


def _shown(image: np.ndarray, chosen: Look) -> np.ndarray:
    """``image`` as the machine shows it, pixel by pixel: mirrored outwards to fill its screen, and cut back."""
    from pixeldream.api import convert_look

    height, width = image.shape[:2]
    screen = display_size(chosen.mode)
    filled = _sized(image, screen[1], screen[0])
    picture = convert_look(filled, chosen)
    return _sized(images.repeat(picture.image().astype(np.float32) / 255.0, chosen.mode), height, width)


def _sized(image: np.ndarray, height: int, width: int) -> np.ndarray:
    missing = max(0, height - image.shape[0]), max(0, width - image.shape[1])
    return np.pad(image, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="symmetric")[:height, :width]
