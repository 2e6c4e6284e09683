"""``pixeldream plugins``."""

from __future__ import annotations

import json
from typing import Any

from pixeldream.cli.common import open_registry, tell
from pixeldream.cli.lists import Entry, Name, details, table
from pixeldream.cli.options import Json, PluginFiles
from pixeldream.plugin.registry import CORE, Names, Registry, UnknownName, suggestion

KINDS = ("modes", "palettes", "formats", "dithers", "networks")


def describe(registry: Registry, name: str) -> Entry:
    """A plugin for machines: where it came from, what it brought, what went wrong."""
    brings: dict[str, list[str]] = {}
    for kind in KINDS:
        names: Names[Any] = getattr(registry, kind)
        if own := [each for each, origin in names.origins.items() if origin == name]:
            brings[kind] = own
    failures = [failure.message for failure in registry.failures if failure.plugin == name]
    return {"name": name, "from": registry.plugins.get(name, ""), "brings": brings, "failures": failures}


def plugins(name: Name = None, as_json: Json = False, plugin: PluginFiles = None) -> None:
    """List the plugins and what they bring, or show one."""
    registry = open_registry(plugin)
    known = dict.fromkeys([*registry.plugins, *(failure.plugin for failure in registry.failures)])
    if name is not None and name not in known:
        raise UnknownName(f"unknown plugin {name!r}{suggestion(name, known)}")
    entries = [describe(registry, each) for each in ([name] if name is not None else known) if each != CORE]
    if as_json:
        tell(json.dumps(entries, indent=1))
    elif name is not None:
        tell(details(_flat(entries[0])))
    else:
        tell(table([[entry["name"], entry["from"], _summary(entry)] for entry in entries]))


def _flat(entry: Entry) -> Entry:
    return {"name": entry["name"], "from": entry["from"], **entry["brings"], "failures": entry["failures"]}


def _summary(entry: Entry) -> str:
    counts = [f"{len(names)} {kind}" for kind, names in entry["brings"].items()]
    return ", ".join(counts + ["fails: " + "; ".join(entry["failures"])] * bool(entry["failures"])) or "nothing"
