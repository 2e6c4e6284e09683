"""Registered things as lists: lines of text for people, JSON for machines."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

from pixeldream.cli.common import open_registry, tell
from pixeldream.cli.options import Json, Markdown, PluginFiles
from pixeldream.plugin.registry import Names, Registry

Name = Annotated[str | None, typer.Argument(metavar="NAME", help="Only this one, with its details.")]

Entry = dict[str, Any]


def list_command(
    kind: str, describe: Callable[[Registry, str], Entry], column: Callable[[Entry], Sequence[str]], help: str
) -> Callable[..., None]:
    """A command that lists the registered things of a ``kind`` (the registry's own word for it).

    ``describe`` gives the JSON of one, ``column`` the words of its line after the name.
    """

    def command(
        name: Name = None, as_json: Json = False, as_markdown: Markdown = False, plugin: PluginFiles = None
    ) -> None:
        registry = open_registry(plugin)
        names: Names[Any] = getattr(registry, kind)
        if name is not None:
            names[name]  # an unknown name is an error that suggests the nearest
        entries = [describe(registry, each) for each in ([name] if name is not None else names)]
        if as_json:
            tell(json.dumps(entries, indent=1))
        elif as_markdown:
            tell(markdown(entries, column))
        elif name is not None:
            tell(details(entries[0]))
        else:
            tell(table([[entry["name"], *column(entry)] for entry in entries]))

    command.__name__, command.__doc__ = kind, help
    return command


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows of words as lines, the columns aligned."""
    if not rows:
        return "none"
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def markdown(entries: Sequence[Entry], column: Callable[[Entry], Sequence[str]]) -> str:
    """The lines of :func:`table` as a table for documents, without a head: names in the field's own type."""
    rows = [[f"`{entry['name']}`", *column(entry)] for entry in entries]
    width = max([len(row) for row in rows], default=1)
    return "\n".join(["|" + " |" * width, "|" + "---|" * width, *("| " + " | ".join(row) + " |" for row in rows)])


def details(entry: Entry) -> str:
    """One entry, a line a key."""
    width = max(len(key) for key in entry)
    return "\n".join(f"{key.replace('_', ' ').ljust(width)}  {_words(value)}".rstrip() for key, value in entry.items())


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return " ".join(_words(each) for each in value.values() if each is not None)
    if isinstance(value, list) and value and isinstance(value[0], int):
        return "x".join(map(str, value))
    if isinstance(value, list):
        return ", ".join(_words(each) for each in value) or "none"
    return "" if value is None else str(value)
