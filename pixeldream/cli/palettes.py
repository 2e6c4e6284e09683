"""``pixeldream palettes``."""

from __future__ import annotations

from collections.abc import Sequence

from pixeldream.cli.lists import Entry, list_command
from pixeldream.plugin.registry import Registry


def describe(registry: Registry, name: str) -> Entry:
    """A palette for machines: colours as RRGGBB, in hardware order."""
    palette = registry.palettes[name]
    return {
        "name": name,
        "colours": ["{:02x}{:02x}{:02x}".format(*colour) for colour in palette.colours],
        "names": list(palette.names),
        "source": palette.source,
        "plugin": registry.palettes.origins[name],
    }


def column(entry: Entry) -> Sequence[str]:
    """The words of a palette's line."""
    return f"{len(entry['colours'])} colours", entry["source"]


palettes = list_command("palettes", describe, column, "List the palettes, or show one.")
