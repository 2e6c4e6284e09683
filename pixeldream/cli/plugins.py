"""``pixeldream plugins``."""

from __future__ import annotations

import json
from typing import Any

from pixeldream.cli.common import open_registry, tell
from pixeldream.cli.lists import Entry, Name, details, table
from pixeldream.cli.options import Json, PluginFiles
from pixeldream.plugin.registry import CORE, KINDS, Names, Registry, UnknownName, suggestion


def describe(registry: Registry, name: str) -> Entry:
    """A plugin for machines: where it came from, what it brought, what went wrong."""
    brings: dict[str, list[str]] = {}
    for kind in KINDS:
        names: Names[Any] = getattr(registry, kind)
        if own := [each for each, origin in names.origins.items() if origin == name]:
            brings[kind] = own
    failures = [failure.message for failure in registry.failures if failure.plugin == name]
    return {
        "name": name,
        "version": registry.versions.get(name, ""),
        "from": registry.plugins.get(name) or registry.left_out.get(name, ""),
        "left_out": name in registry.left_out,
        "brings": brings,
        "failures": failures,
    }


def plugins(name: Name = None, as_json: Json = False, plugin: PluginFiles = None) -> None:
    """List the plugins and what they bring, or show one."""
    registry = open_registry(plugin)
    known = dict.fromkeys([*registry.plugins, *(failure.plugin for failure in registry.failures), *registry.left_out])
    if name is not None and name not in known:
        raise UnknownName(f"unknown plugin {name!r}{suggestion(name, known)}")
    entries = [describe(registry, each) for each in ([name] if name is not None else known) if each != CORE]
    if as_json:
        tell(json.dumps(entries, indent=1))
    elif name is not None:
        tell(details(_flat(entries[0])))
    else:
        tell(table([[entry["name"], _origin(entry), _summary(entry)] for entry in entries]))


def _origin(entry: Entry) -> str:
    """Where a plugin comes from, with its version: a distribution's is said already."""
    said = entry["from"].endswith(f" {entry['version']}")
    return entry["from"] if said else f"{entry['from']} {entry['version']}".strip()


def _flat(entry: Entry) -> Entry:
    return {
        **{key: entry[key] for key in entry if key not in ("brings", "failures")},
        **entry["brings"],
        "failures": entry["failures"],
    }


def _summary(entry: Entry) -> str:
    if entry["left_out"]:
        return "left out"
    counts = [f"{len(names)} {kind}" for kind, names in entry["brings"].items()]
    return ", ".join(counts + ["fails: " + "; ".join(entry["failures"])] * bool(entry["failures"])) or "nothing"
