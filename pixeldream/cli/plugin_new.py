"""``pixeldream plugin new`` and ``guide``: the first files of a plugin, and what to write into them."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from importlib import resources
from pathlib import Path
from string import Template
from typing import Annotated

import typer

from pixeldream.cli.common import open_registry, say, tell
from pixeldream.cli.options import OptionError, Quiet, option
from pixeldream.cli.output import OutputError
from pixeldream.plugin.registry import PACKAGE, PALETTES, Registry

LONGEST = 40
"""Letters in a plugin's name; and in its machine's."""

TAKEN = ("plugins", "palettes")
"""Their packages, pixeldream_plugins and pixeldream_palettes, are our own."""

Name = Annotated[str, typer.Argument(metavar="NAME", help="Small letters, digits and hyphens, such as thomson-mo5.")]
Machine = Annotated[
    str | None, option("--machine", metavar="WORDS", help="What the machine is called; the name if left out.")
]


def new(name: Name, machine: Machine = None, quiet: Quiet = False) -> None:
    """Begin a plugin: a folder NAME with a palette, a mode, its tests, an entry point and a README.

    What it writes works and keeps all laws: change it bit by bit. 'pixeldream plugin guide' says how.
    """
    plain = name.replace("_", "-")
    words = machine if machine is not None else plain
    _check_name(open_registry(), plain, name)
    _check_machine(words)
    folder = Path(plain)
    if folder.exists() or folder.is_symlink():
        raise OutputError(f"{plain!r} exists already and is left as it is; choose another name, or another folder")
    files = _files(plain, words)
    _write(folder, files)
    for path in files:
        tell(str(folder / path))
    if not quiet:
        say(f"next: pixeldream plugin check {plain}, then pixeldream plugin guide")


def guide() -> None:
    """Print the guide: how to write a plugin, step by step."""
    tell((resources.files("pixeldream_plugins") / "README.md").read_text("utf-8"))


def _check_name(registry: Registry, plain: str, typed: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", plain) or len(plain) > LONGEST:
        better = re.sub(r"[^a-z0-9]+", "-", typed.lower()).lstrip("-0123456789")[:LONGEST].strip("-")
        hint = f", such as {better}" if better and better != plain else ""
        raise OptionError(
            f"plugin name {typed!r}: a name is small letters, digits and hyphens, begins with a letter and has at most "
            f"{LONGEST} of them{hint}"
        )
    if plain in registry.plugins or plain in TAKEN:
        raise OptionError(f"plugin name {typed!r} is taken by a plugin that is installed; choose another")
    for names in (registry.modes, registry.palettes):
        if plain in names.values:
            raise OptionError(f"plugin name {typed!r}: there is a {names.kind} of that name already; choose another")


def _check_machine(words: str) -> None:
    if not words.strip() or len(words) > LONGEST or not words.isprintable() or set(words) & set("\"'\\$"):
        raise OptionError(f"machine {words!r}: up to {LONGEST} letters on one line, without quotes, $ or backslashes")


def _files(name: str, machine: str) -> dict[str, str]:
    """The text of each file, by its path in the plugin's folder."""
    package = PACKAGE + name.replace("-", "_")
    paths = {
        "readme": "README.md",
        "pyproject": "pyproject.toml",
        "module": f"{package}/__init__.py",
        "palette": f"{package}/{PALETTES}/{name}.gpl",
        "test": f"tests/test_{package}.py",
    }
    templates = resources.files("pixeldream.cli") / "template"
    values = {"name": name, "machine": machine, "package": package}
    return {
        path: Template((templates / f"{kind}.txt").read_text("utf-8")).substitute(values)
        for kind, path in paths.items()
    }


def _write(folder: Path, files: dict[str, str]) -> None:
    """All files or none: a folder beside it first, which is renamed. Raises ``OutputError``."""
    temporary = None
    try:
        temporary = Path(tempfile.mkdtemp(prefix=".pixeldream-", suffix=".part", dir="."))
        for name, text in files.items():
            path = temporary / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8", newline="\n")
        temporary.chmod(0o777 & ~_mask())
        os.rename(temporary, folder)
    except OSError as error:
        raise OutputError(f"folder {str(folder)!r} can't be written: {error.strerror or error}") from None
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


def _mask() -> int:
    """The process's file mask; it can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
