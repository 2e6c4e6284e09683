"""The command line called from tests, and small files to feed it."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save_file

from pixeldream.cli.main import run


class Ran(NamedTuple):
    """What a command returned and printed."""

    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The one line that a refused command says; anything else fails the test."""
        assert self.code == 2, f"exit code {self.code}: {self.err}"
        lines = [line for line in self.err.splitlines() if "warning:" not in line]
        assert len(lines) == 1, lines
        assert lines[0].startswith("pixeldream: ")
        assert self.out == ""
        return lines[0].removeprefix("pixeldream: ")


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> Ran:
    """Runs a command line in this process."""
    capsys.readouterr()
    code = run([str(argument) for argument in arguments])
    return Ran(code, *capsys.readouterr())


def make_image(path: Path, size: tuple[int, int] = (64, 40), seed: int = 0, **save: object) -> Path:
    """A small RGB picture in the format of the path's extension."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0 : size[1], 0 : size[0]]
    image = np.stack([x * 4 % 256, y * 6 % 256, (x + y) * 3 % 256], -1) + random.integers(0, 40, (*size[::-1], 3))
    Image.fromarray(np.clip(image, 0, 255).astype(np.uint8)).save(path, **save)
    return path


def make_bomb(width: int, height: int) -> bytes:
    """The head of a PNG that claims a size, with next to nothing behind it."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    )


def make_weights(path: Path, seed: int = 0) -> Path:
    """A VGG-shaped network of two thin blocks with random weights."""
    random = np.random.default_rng(seed)
    arrays: dict[str, np.ndarray] = {}
    for layer, inside, outside in (("1_1", 3, 4), ("2_1", 4, 6)):
        kernel = random.normal(0, (2 / 9 / inside) ** 0.5, (3, 3, inside, outside))
        arrays[f"conv{layer}_w"] = kernel.astype(np.float32)
        arrays[f"conv{layer}_b"] = np.zeros(outside, np.float32)
    save_file(arrays, path)
    return path
