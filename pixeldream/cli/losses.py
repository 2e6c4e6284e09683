"""``pixeldream losses``."""

from __future__ import annotations

from collections.abc import Sequence

from pixeldream.cli.lists import Entry, list_command
from pixeldream.plugin.registry import Registry


def describe(registry: Registry, name: str) -> Entry:
    """A loss for machines."""
    loss = registry.losses[name]
    return {"name": name, "plugin": registry.losses.origins[name], "description": loss.description}


def column(entry: Entry) -> Sequence[str]:
    """The words of a loss's line."""
    return f"--loss {entry['name']}", entry["description"]


losses = list_command("losses", describe, column, "List the losses that plugins bring, or show one.")
