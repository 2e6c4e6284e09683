"""``pixeldream modes``."""

from __future__ import annotations

from collections.abc import Sequence

from pixeldream.cli.lists import Entry, list_command
from pixeldream.plugin.registry import Registry


def describe(registry: Registry, name: str) -> Entry:
    """A mode for machines. ``formats`` are those that can be written; an ``area`` of ``None`` is the whole screen."""
    mode = registry.modes[name]
    forms = dict.fromkeys(form.name for form in registry.writers(name).values())
    return {
        "name": name,
        "machine": mode.machine,
        "size": list(mode.size),
        "pixel_aspect": list(mode.pixel_aspect),
        "palette": mode.palette or (mode.gamut.name if mode.gamut else ""),
        "slots": [{"name": slot.name, "area": list(slot.area) if slot.area else None} for slot in mode.slots],
        "formats": list(forms),
        "plugin": registry.modes.origins[name],
        "description": mode.description,
    }


def column(entry: Entry) -> Sequence[str]:
    """The words of a mode's line."""
    return entry["machine"], "{}x{}".format(*entry["size"]), entry["description"]


modes = list_command("modes", describe, column, "List the graphics modes, or show one.")
