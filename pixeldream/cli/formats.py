"""``pixeldream formats``."""

from __future__ import annotations

from collections.abc import Sequence

from pixeldream.cli.lists import Entry, list_command
from pixeldream.plugin.registry import Registry


def describe(registry: Registry, name: str) -> Entry:
    """A format for machines."""
    form = registry.formats[name]
    return {
        "name": name,
        "extensions": list(form.extensions),
        "modes": [mode for mode in registry.modes if form.holds(mode)],
        "reads": form.read is not None,
        "writes": form.write is not None,
        "moving": {"reads": form.read_frames is not None, "writes": form.write_frames is not None},
        "plugin": registry.formats.origins[name],
        "description": form.description,
    }


def column(entry: Entry) -> Sequence[str]:
    """The words of a format's line."""
    able = [key for key in ("reads", "writes") if entry[key] or entry["moving"][key]]
    able += ["moves"] if any(entry["moving"].values()) else []
    return " ".join(entry["extensions"]), ", ".join(able), entry["description"]


formats = list_command("formats", describe, column, "List the file formats, or show one.")
