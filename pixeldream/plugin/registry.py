"""Everything that plugins bring, by name.

Plugins come from the entry-point group ``pixeldream`` (the built-in ones too) and from files: a module, or the
``__init__.py`` of a package. The ``.gpl`` files in a package's folder ``palettes`` are palettes of the plugin. Whatever
goes wrong in one is recorded as a :class:`Failure` that names it, and the rest goes on working.
"""

from __future__ import annotations

import difflib
import importlib.util
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

import pluggy

from pixeldream.plugin import hookspecs
from pixeldream.retro import palette as palettes
from pixeldream.retro.dither import KINDS as DITHERS
from pixeldream.retro.dither import Dither
from pixeldream.retro.format import Format
from pixeldream.retro.mode import Mode
from pixeldream.retro.palette import Palette

GROUP = "pixeldream"
"""The entry-point group of plugins."""

CORE = "pixeldream"
"""Named as the origin of what the core itself brings: the embedded palettes."""

LEAVE_OUT = "PIXELDREAM_NO_PLUGINS"
"""An environment variable: the names of plugins that are not to be loaded, with commas between."""

PACKAGE = "pixeldream_"
"""What the packages of plugins begin with: the plugin NAME is the package pixeldream_NAME."""

PALETTES = "palettes"
"""The folder in a plugin's package whose ``.gpl`` files are its palettes."""

KINDS = ("modes", "palettes", "formats", "dithers", "networks", "losses")
"""What plugins bring: the registry's fields, and its hooks after ``register_``."""

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
    error: BaseException | None = field(default=None, compare=False, repr=False)

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


def _has(method: str) -> Callable[[Any], bool]:
    # By shape, not by class: the neural room is not imported here.
    return lambda value: isinstance(getattr(value, "name", None), str) and callable(getattr(value, method, None))


def _is(*classes: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, classes)


_FITS: dict[str, Callable[[Any], bool]] = {
    "modes": _is(Mode), "palettes": _is(Palette), "formats": _is(Format), "dithers": _is(*DITHERS),
    "networks": _has("build"), "losses": _has("measure"),
}  # fmt: skip


@dataclass
class Registry:
    """All that plugins bring by name, the plugins themselves, and what failed."""

    modes: Names[Mode] = field(default_factory=lambda: Names("mode"))
    palettes: Names[Palette] = field(default_factory=lambda: Names("palette"))
    formats: Names[Format] = field(default_factory=lambda: Names("format"))
    dithers: Names[Dither] = field(default_factory=lambda: Names("dither"))
    networks: Names[Any] = field(default_factory=lambda: Names("network"))
    losses: Names[Any] = field(default_factory=lambda: Names("loss"))
    plugins: dict[str, str] = field(default_factory=dict)
    """Plugin names, each with where it came from: a distribution and its version, or a file."""
    versions: dict[str, str] = field(default_factory=dict)
    """Plugin names, each with the version of its distribution or of its module, empty where it has none."""
    modules: dict[str, Any] = field(default_factory=dict)
    """Plugin names, each with what was imported."""
    files: dict[str, Path] = field(default_factory=dict)
    """Plugin names, each with the file that was asked for."""
    left_out: dict[str, str] = field(default_factory=dict)
    """Plugins that were asked not to be loaded, each with where it would have come from."""
    failures: list[Failure] = field(default_factory=list)

    def writers(self, mode: str) -> dict[str, Format]:
        """The formats that can write the mode called ``mode``, by extension; the first that claims one keeps it."""
        result: dict[str, Format] = {}
        for form in self.formats.values.values():
            if form.write is not None and form.holds(mode):
                for extension in form.extensions:
                    result.setdefault(extension, form)
        return result

    def frame_writers(self, mode: str) -> dict[str, Format]:
        """As :meth:`writers`, the formats that write moving pictures."""
        result: dict[str, Format] = {}
        for form in self.formats.values.values():
            if form.write_frames is not None and form.holds(mode):
                for extension in form.extensions:
                    result.setdefault(extension, form)
        return result

    def frame_readers(self, extension: str) -> list[Format]:
        """The formats that read moving pictures from files with this extension (lower case, with the dot)."""
        return [f for f in self.formats.values.values() if f.read_frames is not None and extension in f.extensions]

    def readers(self, extension: str) -> list[Format]:
        """The formats that read files with this extension (lower case, with the dot)."""
        return [f for f in self.formats.values.values() if f.read is not None and extension in f.extensions]

    def folder(self, plugin: str) -> Path | None:
        """Where a plugin's own files lie: its package, or its only file."""
        file = getattr(self.modules.get(plugin), "__file__", None) or self.files.get(plugin)
        if file is None:
            return None
        path = Path(file).resolve()
        return path.parent if path.name == "__init__.py" else path

    def _take(self, manager: pluggy.PluginManager, module: Any, plugin: str) -> None:
        for value in self._palette_files(module, plugin):
            self._claim(self.palettes, value, plugin)
        for kind in KINDS:
            hook = f"register_{kind}"
            for found in getattr(manager.hook, hook).get_hookimpls():
                if found.plugin_name == plugin:
                    self._call(found.function, hook, getattr(self, kind), _FITS[kind], plugin)

    def _palette_files(self, module: Any, plugin: str) -> Iterator[Palette]:
        for folder in getattr(module, "__path__", ()):
            for path in sorted(Path(folder, PALETTES).glob("*.gpl")):
                try:
                    yield palettes.read_palette(path)
                except ValueError as error:
                    self._fail(plugin, f"{error}; mend or remove the file", error)

    def _call(self, function: Callable, hook: str, names: Names, fits: Callable[[Any], bool], plugin: str) -> None:
        try:
            values = list(function())
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a plugin may even call sys.exit
            self._fail(plugin, f"{hook} raised {type(error).__name__}: {error}; {_ways_out(plugin)}", error)
            return
        for value in values:
            if not fits(value) or not isinstance(value.name, str):
                self._fail(plugin, f"{hook} returned {value!r:.60}, which is no {names.kind}; {_ways_out(plugin)}")
            else:
                self._claim(names, value, plugin)

    def _claim(self, names: Names, value: Any, plugin: str) -> None:
        if clash := names.claim(value, plugin):
            self._fail(plugin, clash)

    def _fail(self, plugin: str, message: str, error: BaseException | None = None) -> None:
        self.failures.append(Failure(plugin, " ".join(message.split()), error))

    def _bring(self, manager: pluggy.PluginManager, found: _Found) -> None:
        """Imports a plugin and takes what it brings; whatever goes wrong is a failure."""
        name, where = found.name, found.where
        if name in self.plugins:
            self._fail(name, f"{where} has the name of a plugin from {self.plugins[name]}; rename one")
            return
        try:
            module = found.bring()
            manager.register(module, name)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # it may even call sys.exit
            message = f"{where} can't be loaded: {type(error).__name__}: {error}; {_ways_out(name)}"
            self._fail(name, message, error)
            return
        self.plugins[name], self.versions[name] = where, found.version or str(getattr(module, "__version__", ""))
        self.modules[name] = module
        for message in _misspelt(module, manager):
            self._fail(name, message)
        self._take(manager, module, name)


def _ways_out(plugin: str) -> str:
    return f"mend or uninstall it, or leave it out with --no-plugin {plugin}"


def _misspelt(plugin: Any, manager: pluggy.PluginManager) -> Iterator[str]:
    """What ``check_pending`` would raise for the first of: marked functions that are no hook of ours."""
    hooks = [name for name in vars(hookspecs) if name.startswith("register_")]
    for name in dir(plugin):
        if name not in hooks and manager.parse_hookimpl_opts(plugin, name) is not None:
            yield f"there is no hook {name!r}{suggestion(name, hooks)}"


class _Found(NamedTuple):
    """A plugin that is not imported yet: ``module`` is what is imported, of a distribution or a ``file``."""

    name: str
    where: str
    version: str
    module: str
    bring: Callable[[], Any]
    file: Path | None = None


def _file_name(path: Path) -> str:
    """What the plugin in a file is called: a module by its name, a package pixeldream_NAME is the plugin NAME."""
    name = _module_of(path)
    return name.removeprefix(PACKAGE).replace("_", "-") if name.startswith(PACKAGE) else name


def _module_of(path: Path) -> str:
    return path.parent.resolve().name if path.name == "__init__.py" else path.stem


def _import_file(path: Path) -> Any:
    if path.suffix != ".py" or not path.is_file():
        raise ImportError(f"{str(path)!r} is no Python file")
    package = path.name == "__init__.py"
    name = _module_of(path) if package else f"pixeldream_plugin_{path.stem}"
    for stale in [other for other in sys.modules if name.startswith(PACKAGE) and other.startswith(f"{name}.")]:
        del sys.modules[stale]  # of another package of that name
    folders = [str(path.parent.resolve())] if package else None
    spec = importlib.util.spec_from_file_location(name, path, submodule_search_locations=folders)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _installed() -> Iterator[_Found]:
    """Each installed plugin; ours first, so that a clash blames the newcomer."""
    found = list(entry_points(group=GROUP))
    found.sort(key=lambda point: (point.dist is None or point.dist.name != CORE, point.name))
    for point in found:
        where = f"{point.dist.name} {point.dist.version}" if point.dist else "unknown"
        yield _Found(point.name, where, point.dist.version if point.dist else "", point.module, point.load)


def _all(files: Sequence[Path]) -> list[_Found]:
    """The installed plugins and those of ``files``; a file stands in, under its name, for its module installed."""
    installed = list(_installed())
    single = []
    for path in files:
        replaced = [found for found in installed if found.module == _module_of(path)]
        installed = [found for found in installed if found not in replaced]
        name = replaced[0].name if replaced else _file_name(path)
        single.append(_Found(name, str(path), "", "", partial(_import_file, path), path))
    return [*installed, *single]


def unwanted() -> list[str]:
    """The names in the environment variable :data:`LEAVE_OUT`."""
    return [name for text in os.environ.get(LEAVE_OUT, "").split(",") if (name := text.strip())]


def load(files: Sequence[Path] = (), without: Iterable[str] = ()) -> Registry:
    """The registry of all installed plugins and of the plugin ``files``, but for those called ``without`` and those
    that the environment variable :data:`LEAVE_OUT` names: they are not even imported.

    Never raises: see ``Registry.failures``.
    """
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    registry = Registry()
    for name in palettes.built_in_names():
        registry.palettes.claim(palettes.built_in(name), CORE)
    skipped = {*without, *unwanted()}
    for found in _all(files):
        if found.file:
            registry.files[found.name] = found.file
        if found.name in skipped:
            registry.left_out[found.name] = found.where
        else:
            registry._bring(manager, found)
    return registry
