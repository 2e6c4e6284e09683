"""``pixeldream networks``."""

from __future__ import annotations

from collections.abc import Sequence

from pixeldream.cli.lists import Entry, list_command
from pixeldream.plugin.registry import Registry


def describe(registry: Registry, name: str) -> Entry:
    """A feature network for machines. Without ``weights`` and ``url`` it wants a file: ``--network NAME=FILE``."""
    network = registry.networks[name]
    return {
        "name": name,
        "weights": network.weights,
        "source": network.source,
        "url": network.download and network.download.url,
        "plugin": registry.networks.origins[name],
        "description": network.description,
    }


def column(entry: Entry) -> Sequence[str]:
    """The words of a network's line."""
    way = "ready" if entry["weights"] else "fetched when used" if entry["url"] else f"--network {entry['name']}=FILE"
    return way, entry["description"]


networks = list_command("networks", describe, column, "List the feature networks, or show one.")
