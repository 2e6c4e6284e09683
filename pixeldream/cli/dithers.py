"""``pixeldream dithers``."""

from __future__ import annotations

from collections.abc import Sequence

from pixeldream.cli.lists import Entry, list_command
from pixeldream.plugin.registry import Registry
from pixeldream.retro.dither import kind


def describe(registry: Registry, name: str) -> Entry:
    """A dither for machines."""
    dither = registry.dithers[name]
    return {
        "name": name,
        "kind": kind(dither),
        "plugin": registry.dithers.origins[name],
        "description": dither.description,
    }


def column(entry: Entry) -> Sequence[str]:
    """The words of a dither's line."""
    return entry["kind"], entry["description"]


dithers = list_command("dithers", describe, column, "List the dithers, or show one.")
