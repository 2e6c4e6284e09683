"""Everything that plugins bring, by name.

Plugins come from the entry-point group ``pixeldream`` (the built-in ones too) and from single files. Whatever goes
wrong in one is recorded as a :class:`Failure` that names it, and the rest goes on working.
"""

from __future__ import annotations

import difflib
import importlib.util
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Generic, TypeVar

import pluggy

from pixeldream.plugin import hookspecs
from pixeldream.retro import palette as palettes
from pixeldream.retro.dither import Diffusion, Ordered
from pixeldream.retro.format import Format
from pixeldream.retro.mode import Mode
from pixeldream.retro.palette import Palette

GROUP = "pixeldream"
"""The entry-point group of plugins."""

CORE = "pixeldream"
"""Named as the origin of what the core itself brings: the embedded palettes."""

LISTED = 20
"""Names that an error message lists; the lists have commands of their own."""

Named = TypeVar("Named")


class UnknownName(LookupError):
    """A name that nothing has; the message suggests the nearest that exist."""

    def __str__(self) -> str:
        return str(self.args[0])


def suggestion(name: str, known: Iterable[str]) -> str:
    """``; did you mean ...?`` or ``; there are ...``, to be put behind an error message."""
    names = sorted(known)
    near = difflib.get_close_matches(name.lower(), names, 3, 0.5)
    if near:
        return f"; did you mean {' or '.join(near)}?"
    more = [f"and {len(names) - LISTED} more"] if len(names) > LISTED else []
    return f"; there are {', '.join(names[:LISTED] + more) or 'none'}"


@dataclass(frozen=True)
class Failure:
    """What is wrong with a plugin, in one line that says what to do."""

    plugin: str
    message: str

    def __str__(self) -> str:
        return f"plugin {self.plugin!r}: {self.message}"


@dataclass
class Names(Generic[Named]):
    """Values of one kind by name, with the plugin that brought each."""

    kind: str
    values: dict[str, Named] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)

    def __iter__(self) -> Iterator[str]:
        return iter(self.values)

    def __getitem__(self, name: str) -> Named:
        """The value called ``name``. Raises :class:`UnknownName` with the nearest names."""
        if name not in self.values:
            raise UnknownName(f"unknown {self.kind} {name!r}{suggestion(name, self.values)}")
        return self.values[name]

    def claim(self, value: Any, plugin: str) -> str | None:
        """Adds a value; returns what is wrong when its name is taken: the first keeps it."""
        if value.name in self.values:
            return f"{self.kind} {value.name!r} is already brought by plugin {self.origins[value.name]!r}; rename it"
        self.values[value.name], self.origins[value.name] = value, plugin
        return None


def _is_network(value: Any) -> bool:
    # By shape, not by class: the neural room is not imported here.
    return isinstance(getattr(value, "name", None), str) and callable(getattr(value, "build", None))


def _is(*classes: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, classes)


@dataclass
class Registry:
    """All modes, palettes, formats, dithers and networks, the plugins that brought them, and what failed."""

    modes: Names[Mode] = field(default_factory=lambda: Names("mode"))
    palettes: Names[Palette] = field(default_factory=lambda: Names("palette"))
    formats: Names[Format] = field(default_factory=lambda: Names("format"))
    dithers: Names[Ordered | Diffusion] = field(default_factory=lambda: Names("dither"))
    networks: Names[Any] = field(default_factory=lambda: Names("network"))
    plugins: dict[str, str] = field(default_factory=dict)
    """Plugin names, each with where it came from: a distribution and its version, or a file."""
    failures: list[Failure] = field(default_factory=list)

    def writers(self, mode: str) -> dict[str, Format]:
        """The formats that can write the mode called ``mode``, by extension; the first that claims one keeps it."""
        result: dict[str, Format] = {}
        for form in self.formats.values.values():
            if form.write is not None and form.holds(mode):
                for extension in form.extensions:
                    result.setdefault(extension, form)
        return result

    def readers(self, extension: str) -> list[Format]:
        """The formats that read files with this extension (lower case, with the dot)."""
        return [f for f in self.formats.values.values() if f.read is not None and extension in f.extensions]

    def _take(self, manager: pluggy.PluginManager, plugin: str) -> None:
        kinds = (
            ("register_modes", self.modes, _is(Mode)),
            ("register_palettes", self.palettes, _is(Palette)),
            ("register_formats", self.formats, _is(Format)),
            ("register_dithers", self.dithers, _is(Ordered, Diffusion)),
            ("register_networks", self.networks, _is_network),
        )
        for hook, names, fits in kinds:
            for found in getattr(manager.hook, hook).get_hookimpls():
                if found.plugin_name == plugin:
                    self._call(found.function, hook, names, fits, plugin)

    def _call(self, function: Callable, hook: str, names: Names, fits: Callable[[Any], bool], plugin: str) -> None:
        try:
            values = list(function())
        except Exception as error:
            self._fail(plugin, f"{hook} raised {type(error).__name__}: {error}; mend or uninstall it")
            return
        for value in values:
            if not fits(value):
                self._fail(plugin, f"{hook} returned {value!r:.60}, which is no {names.kind}")
            elif clash := names.claim(value, plugin):
                self._fail(plugin, clash)

    def _fail(self, plugin: str, message: str) -> None:
        self.failures.append(Failure(plugin, " ".join(message.split())))


def _misspelt(plugin: Any, manager: pluggy.PluginManager) -> Iterator[str]:
    """What ``check_pending`` would raise for the first of: marked functions that are no hook of ours."""
    hooks = [name for name in vars(hookspecs) if name.startswith("register_")]
    for name in dir(plugin):
        if name not in hooks and manager.parse_hookimpl_opts(plugin, name) is not None:
            yield f"there is no hook {name!r}{suggestion(name, hooks)}"


def _import_file(path: Path) -> Any:
    if path.suffix != ".py" or not path.is_file():
        raise ImportError(f"{str(path)!r} is no Python file")
    name = f"pixeldream_plugin_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _installed() -> Iterator[tuple[str, str, Callable[[], Any]]]:
    """(name, where from, import it) of each installed plugin; ours first, so that a clash blames the newcomer."""
    found = list(entry_points(group=GROUP))
    found.sort(key=lambda point: (point.dist is None or point.dist.name != "pixeldream", point.name))
    for point in found:
        where = f"{point.dist.name} {point.dist.version}" if point.dist else "unknown"
        yield point.name, where, point.load


def load(files: Sequence[Path] = ()) -> Registry:
    """The registry of all installed plugins and of the plugin ``files``. Never raises: see ``Registry.failures``."""
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    registry = Registry()
    for name in palettes.built_in_names():
        registry.palettes.claim(palettes.built_in(name), CORE)
    single = [(path.stem, str(path), lambda path=path: _import_file(path)) for path in files]
    for name, where, bring in [*_installed(), *single]:
        if name in registry.plugins:
            registry._fail(name, f"{where} has the name of a plugin from {registry.plugins[name]}; rename one")
            continue
        try:
            plugin = bring()
            manager.register(plugin, name)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a plugin may even call sys.exit while it is imported
            registry._fail(name, f"{where} can't be loaded: {type(error).__name__}: {error}; mend or uninstall it")
            continue
        registry.plugins[name] = where
        for message in _misspelt(plugin, manager):
            registry._fail(name, message)
        registry._take(manager, name)
    return registry
