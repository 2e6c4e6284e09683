"""``pixeldream plugin check``: the shipped laws on all that a plugin brings, in words."""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pixeldream.cli.common import left_out, module_in, plugin_files, tell
from pixeldream.cli.options import Json, OptionError, PluginFiles, Quiet, option
from pixeldream.cli.progress import Bar
from pixeldream.plugin.registry import KINDS, Registry, UnknownName, load, suggestion

if TYPE_CHECKING:
    from pixeldream.plugin.checking import Broken, Check, Weights

Target = Annotated[str, typer.Argument(metavar="FILE|NAME", help="A plugin's file or folder, or an installed plugin.")]
Only = Annotated[
    list[str] | None,
    option("--only", metavar="NAME", help="Only this mode, palette, format, dither ...; may be repeated."),
]
Thorough = Annotated[bool, option("--thorough", help="Also what takes minutes; modes at their full size.")]
ShowTraceback = Annotated[bool, option("--traceback", help="Show where each error was raised.")]


def check(
    target: Target,
    only: Only = None,
    thorough: Thorough = False,
    as_json: Json = False,
    show_traceback: ShowTraceback = False,
    plugin: PluginFiles = None,
    quiet: Quiet = False,
) -> None:
    """Run the shipped laws on all that a plugin brings, and say what it breaks.

    Exit code 0: all laws are kept; 1: one is broken.
    """
    registry, name = _load(target, plugin_files(plugin))
    _check_only(registry, name, only or [])
    from pixeldream.plugin.checking import checks

    weights, unreadable = _weights(registry, name)
    wanted = [
        each
        for each in [*checks(registry, name, weights, thorough=thorough), *unreadable]
        if not only or each.kind == "plugin" or each.name in only
    ]
    results = _run(wanted, quiet or as_json)
    broken = [found for _, found in results if found is not None]
    if as_json:
        tell(json.dumps(_report(registry, name, results), indent=1))
    else:
        for line in _lines(registry, name, results):
            tell(line)
    if show_traceback:
        for found in broken:
            for error in found.errors:
                print("".join(traceback.format_exception(error)), file=sys.stderr)
    if broken:
        raise typer.Exit(1)


def _load(target: str, others: Sequence[Path]) -> tuple[Registry, str]:
    """The registry, and the plugin's name in it. Raises ``UnknownName`` or ``OptionError``."""
    path = module_in(Path(target))
    plain = load(others, left_out())
    is_path = path.suffix == ".py" or os.sep in target
    if not is_path and target in (*plain.plugins, *(failure.plugin for failure in plain.failures)):
        return plain, target
    if path.suffix != ".py" and path.is_dir():
        raise OptionError(f"folder {target!r} holds no plugin: neither __init__.py nor pixeldream_*/__init__.py")
    if path.suffix != ".py":
        raise UnknownName(f"unknown plugin {target!r}{suggestion(target, plain.plugins)}")
    if not path.is_file():
        raise OptionError(f"there is no file {target!r}; check the name")
    registry = load([*others, path], left_out())
    name = next(name for name, file in registry.files.items() if file == path)
    if name in registry.left_out:
        raise OptionError(f"plugin {name!r} is left out by --no-plugin or the environment; it can't be checked")
    return registry, name


def _check_only(registry: Registry, plugin: str, only: Iterable[str]) -> None:
    known = [name for kind in KINDS for name, origin in getattr(registry, kind).origins.items() if origin == plugin]
    failed = any(failure.plugin == plugin for failure in registry.failures)  # that is what there is to say then
    for name in only:
        if name not in known and not failed:
            raise UnknownName(f"plugin {plugin!r} brings no {name!r}{suggestion(name, known)}")


def _weights(registry: Registry, plugin: str) -> tuple[Weights, list[Check]]:
    """The weights of the plugin's networks that have some, and a broken law for each whose file does not serve."""
    from pixeldream.neural.weights import resolve
    from pixeldream.plugin.checking import Check

    arrays: dict[str, Any] = {}
    unreadable = []
    for name, network in registry.networks.values.items():
        if registry.networks.origins[name] == plugin and network.weights is not None:
            try:
                arrays[name] = resolve(network, None)[1]
            except Exception as error:
                unreadable.append(Check("network", name, network_has_its_weights, (error,), "has its weights"))
    return arrays, unreadable


def network_has_its_weights(error: Exception) -> None:
    """The file of weights that the network names is there, and the network can be built of it."""
    raise error


def _run(wanted: Sequence[Check], quiet: bool) -> list[tuple[Check, Broken | None]]:
    results = []
    with Bar("checking", quiet) as bar:
        for number, each in enumerate(wanted):
            bar.move(number / len(wanted), str(each))
            results.append((each, each.broken()))
    return results


def _lines(registry: Registry, name: str, results: Sequence[tuple[Check, Broken | None]]) -> Iterable[str]:
    groups: dict[tuple[str, str], list[tuple[Check, Broken | None]]] = {}
    for result in results:
        groups.setdefault((result[0].kind, result[0].name), []).append(result)
    for (kind, thing), found in groups.items():
        kept = sum(broken is None for _, broken in found)
        yield f"{kind} {thing}: {kept} of {len(found)} laws kept"
        said: set[str] = set()
        for each, broken in found:
            if broken is not None and broken.message in said:
                yield f"  broken    {each.title}: in the same way"
            elif broken is not None:
                said.add(broken.message)
                yield f"  broken    {each.title}: {broken.message}"
                yield f"  expected  {each.expected}"
                yield f"  to do     {broken.advice}"
    for network in _without_weights(registry, name):
        yield f"network {network}: what it sees is not checked; it comes without weights"
    broken_laws = sum(broken is not None for _, broken in results)
    yield f"plugin {name}: {'all laws kept' if not broken_laws else f'{broken_laws} broken'}"


def _without_weights(registry: Registry, plugin: str) -> list[str]:
    names = registry.networks
    return [name for name, value in names.values.items() if names.origins[name] == plugin and value.weights is None]


def _report(registry: Registry, name: str, results: Sequence[tuple[Check, Broken | None]]) -> dict[str, Any]:
    laws = [
        {
            "kind": each.kind,
            "name": each.name,
            "law": each.title,
            "kept": broken is None,
            "message": broken.message if broken else "",
            "expected": each.expected,
            "advice": broken.advice if broken else "",
        }
        for each, broken in results
    ]
    return {
        "plugin": name,
        "from": registry.plugins.get(name, ""),
        "kept": all(law["kept"] for law in laws),
        "not_checked": _without_weights(registry, name),
        "laws": laws,
    }
