"""A picture's history: all that makes the same bytes again.

It holds no date, no output and nothing of an input's own text. In a PNG it stands in the text chunk ``pixeldream`` as
JSON; in a report under ``recipe``.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from pixeldream.cli.options import LookOptions, shell_line

KEYWORD = "pixeldream"
"""Of the PNG's text chunk."""

_PACKAGES = ("pixeldream", "jax", "jaxlib", "flax", "numpy", "optax", "pillow")


class RecipeError(ValueError):
    """A file without a recipe, or with one that can't be followed; one line."""


@dataclass(frozen=True)
class Recipe:
    """``inputs``, ``weights`` and ``plugins``: SHA-256 by file name as given, by network, by plugin file.

    ``options``: of the command, by field. ``stopped``: the step after which the run was interrupted, 0 for none.
    """

    command: str
    line: str
    options: Mapping[str, Any]
    seed: int
    versions: Mapping[str, str]
    inputs: Mapping[str, str]
    weights: Mapping[str, str] = field(default_factory=dict)
    plugins: Mapping[str, str] = field(default_factory=dict)
    stopped: int = 0

    def json(self) -> str:
        """ASCII, the same for equal recipes."""
        return json.dumps(asdict(self), sort_keys=True)


def make(
    command: str,
    options: LookOptions,
    inputs: Mapping[str, str],
    *,
    weights: Mapping[str, str] | None = None,
    plugins: Mapping[str, str] | None = None,
    stopped: int = 0,
) -> Recipe:
    """The recipe of a run of ``command``."""
    return Recipe(
        command, shell_line(command, options), asdict(options), getattr(options, "seed", 0), versions(), dict(inputs),
        dict(weights or {}), dict(plugins or {}), stopped,
    )  # fmt: skip


def versions() -> dict[str, str]:
    """Of Python and of the packages that a picture's pixels depend on."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "unknown"
    return found


def sha256(path: Path) -> str:
    """The hash of a file, in hexadecimal. Raises :class:`RecipeError` when it can't be read."""
    if path.exists() and not path.is_file():
        raise RecipeError(f"{str(path)!r} is no file; name one")  # a device may have no end
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise RecipeError(f"file {str(path)!r} can't be read: {error.strerror or error}; check the name") from None


def read(data: bytes, name: str) -> Recipe:
    """The recipe in the bytes of a PNG or of a report. Raises :class:`RecipeError`."""
    text = _text(data, name)
    try:
        values = json.loads(text)
        values = values.get("recipe", values)
        recipe = Recipe(**values)
        parts = (recipe.options, recipe.inputs, recipe.weights, recipe.plugins, recipe.versions)
        whole = all(isinstance(part, dict) for part in parts) and isinstance(recipe.stopped, int)
        whole = whole and isinstance(recipe.command, str)
    except (ValueError, TypeError, AttributeError, RecursionError):
        whole = False
    if not whole:
        raise RecipeError(f"{name!r} holds a recipe that is broken or of another version of pixeldream")
    return recipe


def _text(data: bytes, name: str) -> str:
    if data[:1] in (b"{", b" ", b"\n"):
        return data.decode("utf-8", "replace")
    try:
        with Image.open(BytesIO(data), formats=["PNG"]) as image:
            text = getattr(image, "text", {}).get(KEYWORD)
    except Exception:  # decoders raise anything for a broken file
        raise RecipeError(f"{name!r} is no PNG picture and no report; only those hold a recipe") from None
    if not text:
        raise RecipeError(f"{name!r} holds no recipe: it was not made by pixeldream, or with --no-metadata")
    return str(text)
