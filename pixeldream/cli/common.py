"""What every command needs: the registry with its warnings, and words for the two streams."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import typer

from pixeldream.cli import compiled
from pixeldream.plugin.registry import CORE, LEAVE_OUT, Registry, UnknownName, load, suggestion, unwanted

_global_plugins: list[Path] = []
_left_out: list[str] = []


class PluginError(ValueError):
    """A plugin that was asked for and can't be used."""


def use_plugins(files: Sequence[Path]) -> None:
    """Plugin files named before the command: they count for all of this process's run."""
    _global_plugins[:] = files


def leave_out(names: Sequence[str]) -> None:
    """Plugins named by ``--no-plugin`` before the command: they count for all of this process's run."""
    _left_out[:] = names


def leave_out_too(names: Sequence[str]) -> None:
    """Plugins named by ``--no-plugin`` after the command."""
    _left_out.extend(names)


def left_out() -> list[str]:
    """All plugins to leave out by ``--no-plugin``, before and after the command."""
    return list(_left_out)


def plugin_files(files: Sequence[Path] | None) -> list[Path]:
    """All plugin files asked for, before and after the command; a package's folder stands for its ``__init__.py``."""
    return [module_in(path) for path in [*_global_plugins, *(files or [])]]


def module_in(path: Path) -> Path:
    """The file of the plugin at ``path``: a file; a package's folder; a folder with one package ``pixeldream_*``."""
    if not path.is_dir():
        return path
    found = [path / "__init__.py", *sorted(path.glob("pixeldream_*/__init__.py"))]
    there = [each for each in found if each.is_file()]
    return there[0] if len(there) == 1 or found[0] in there else path


def open_registry(files: Sequence[Path] | None = None) -> Registry:
    """Everything that plugins bring. A broken installed plugin is a warning; a broken file of one is an error.

    Raises :class:`PluginError`, and ``UnknownName`` for a plugin to leave out that is not there.
    """
    compiled.keep()
    registry = load(plugin_files(files), _left_out)
    _check_left_out(registry)
    for failure in registry.failures:
        if failure.plugin in registry.files:
            raise PluginError(str(failure))
        say(f"warning: {failure}")
    return registry


def _check_left_out(registry: Registry) -> None:
    for name in _left_out:
        if name not in registry.left_out:
            raise UnknownName(f"--no-plugin: unknown plugin {name!r}{suggestion(name, registry.plugins)}")
    for name in unwanted():
        if name not in registry.left_out:
            say(f"warning: {LEAVE_OUT}: there is no plugin {name!r}{suggestion(name, registry.plugins)}")


@contextmanager
def blame(registry: Registry, *used: tuple[str, str]) -> Iterator[None]:
    """Whatever goes wrong in here, other than what we raise ourselves, is laid at the door of the plugins that take
    part: ``used`` holds pairs of a kind and a name, such as ``("modes", "c64-hires")``. Raises :class:`PluginError`."""
    try:
        yield
    except (OSError, MemoryError):
        raise
    except Exception as error:
        # Our own errors are subclasses that say what is wrong; XLA says in a RuntimeError that memory is out.
        if (isinstance(error, ValueError) and type(error) is not ValueError) or "RESOURCE_EXHAUSTED" in str(error):
            raise
        names, ways_out = _suspects(registry, used)
        kind = "" if type(error) is ValueError else f"{type(error).__name__}: "
        raise PluginError(f"{names} failed: {kind}{error}; {ways_out}") from error


def _suspects(registry: Registry, used: Iterable[tuple[str, str]]) -> tuple[str, str]:
    """What may be to blame, those of strangers or all where there are none; and what to do."""
    parts = [(getattr(registry, kind).kind, name, getattr(registry, kind).origins[name]) for kind, name in used]
    strangers = [part for part in parts if not registry.plugins.get(part[2], CORE).startswith(f"{CORE} ")]
    chosen = strangers or parts
    names = " or ".join(f"{kind} {name!r} of plugin {plugin!r}" for kind, name, plugin in chosen)
    kind, _, plugin = chosen[0]
    return names, f"'pixeldream plugin check {registry.files.get(plugin, plugin)}' says more; or use another {kind}"


def say(text: str) -> None:
    """A line of talk, on stderr."""
    typer.echo(f"pixeldream: {text}", err=True)


def tell(text: str) -> None:
    """A line of result, on stdout."""
    typer.echo(text)
