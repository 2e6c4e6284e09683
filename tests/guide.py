"""The examples of plugins/README.md as files: what a reader has written after following it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pixeldream as pd

TEXT = (Path(__file__).parent.parent / "plugins" / "README.md").read_text("utf-8")

_BLOCK = re.compile(r"^<!-- file: ([^,\n]+?)(?:, (.*?))? -->\n```\w*\n(.*?)\n```$", re.DOTALL | re.MULTILINE)

FIELDS = {field.name for field in dataclasses.fields(pd.Mode)}


class Block(NamedTuple):
    """A piece of a file; ``note`` says whether it goes on with the file, or what it needs."""

    path: str
    note: str
    text: str


def blocks() -> list[Block]:
    """The guide's examples, in its order."""
    return [Block(*(part or "" for part in found)) for found in _BLOCK.findall(TEXT)]


def files(path: str = "") -> Iterator[tuple[str, str]]:
    """(path, text) of each file whose path starts with ``path``, as it stands after each edit."""
    written: dict[str, str] = {}
    for block in blocks():
        needs = block.note.removeprefix("needs: ")
        if not block.path.startswith(path) or (needs != block.note and needs not in FIELDS):
            continue
        before = written.get(block.path, "") + "\n\n" if block.note == "continued" else ""
        written[block.path] = before + block.text + "\n"
        yield block.path, written[block.path]
