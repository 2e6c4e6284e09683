"""What every command needs: the registry with its warnings, and words for the two streams."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer

from pixeldream.plugin.registry import Registry, load

_global_plugins: list[Path] = []


class PluginError(ValueError):
    """A plugin file that was asked for and can't be used."""


def use_plugins(files: Sequence[Path]) -> None:
    """Plugin files named before the command: they count for all of this process's run."""
    _global_plugins[:] = files


def plugin_files(files: Sequence[Path] | None) -> list[Path]:
    """All plugin files asked for, before and after the command."""
    return [*_global_plugins, *(files or [])]


def open_registry(files: Sequence[Path] | None = None) -> Registry:
    """Everything that plugins bring. A broken installed plugin is a warning; a broken file of one is an error.

    Raises :class:`PluginError`.
    """
    wanted = plugin_files(files)
    registry = load(wanted)
    asked_for = {path.stem for path in wanted}
    for failure in registry.failures:
        if failure.plugin in asked_for:
            raise PluginError(str(failure))
        say(f"warning: {failure}")
    return registry


def say(text: str) -> None:
    """A line of talk, on stderr."""
    typer.echo(f"pixeldream: {text}", err=True)


def tell(text: str) -> None:
    """A line of result, on stdout."""
    typer.echo(text)
