"""The shipped laws on everything that a plugin brings: which there are, what each expects, and what broke it.

A plugin's own tests run them as well::

    @pytest.mark.parametrize("check", checking.checks_of(PLUGIN), ids=str)
    def test_law(check):
        check()
"""

from __future__ import annotations

import inspect
import re
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pixeldream.plugin import testing, testing_frames
from pixeldream.plugin.advice import ADVICE as ADVICE
from pixeldream.plugin.advice import MEND
from pixeldream.plugin.registry import KINDS, Failure, Names, Registry, load
from pixeldream.retro.format import Format
from pixeldream.retro.mode import Mode
from pixeldream.retro.palette import Gamut, Palette

SMALL = (96, 64)
"""The size at which modes are tried whose slots all span the screen: nothing but the time depends on it."""

SLOW = (testing.mode_jits_to_the_same,)
"""Laws that take minutes; of a mode without an own solve they try our solver rather than the mode."""

Weights = Mapping[str, Mapping[str, Any]]
"""The arrays of networks, by the network's name and their own."""


@dataclass(frozen=True)
class Check:
    """One law for one thing that a plugin brings; called, it raises what is wrong."""

    kind: str
    name: str
    law: Callable[..., None]
    arguments: tuple[Any, ...]
    title: str
    folder: Path | None = None

    def __str__(self) -> str:
        return f"{self.kind} {self.name}: {self.title}"

    def __call__(self) -> None:
        self.law(*self.arguments)

    @property
    def expected(self) -> str:
        """What the law says, in words."""
        return " ".join((inspect.getdoc(self.law) or "").replace("``", "").split())

    def broken(self) -> Broken | None:
        """Runs the law; ``None`` where it is kept."""
        try:
            self()
        except Exception as error:
            return Broken(self, self._message(error), error)
        return None

    def _message(self, error: Exception) -> str:
        text = " ".join(str(error).split())
        if isinstance(error, AssertionError) and text:
            return text.removeprefix(f"{self.name}: ").removeprefix(f"{self.kind} {self.name!r}").lstrip(": ")
        return f"{type(error).__name__}: {text}{self._line(error)}"

    def _line(self, error: BaseException) -> str:
        """Where in the plugin's own files an error passed last."""
        for frame in reversed(traceback.extract_tb(error.__traceback__)):
            if self.folder is not None and Path(frame.filename).resolve().is_relative_to(self.folder):
                return f" ({Path(frame.filename).name}, line {frame.lineno})"
        return ""


@dataclass(frozen=True)
class Broken:
    """A law that is not kept, and how."""

    check: Check
    message: str
    error: Exception

    @property
    def advice(self) -> str:
        """What to do."""
        says = isinstance(self.error, AssertionError | LookupError)  # else it is a mistake, not an answer
        return ADVICE.get(self.check.law.__name__, MEND) if says else MEND

    @property
    def errors(self) -> list[BaseException]:
        """What was raised; for a plugin that does not load, what was raised in it."""
        failures = self.check.arguments[0] if self.check.law is it_loads else []
        return [failure.error for failure in failures if failure.error is not None] or [self.error]


def checks(
    registry: Registry, plugin: str, weights: Weights | None = None, *, thorough: bool = False
) -> Iterator[Check]:
    """The laws for what ``plugin`` brings; a network's, where ``weights`` holds its arrays.

    ``thorough``: also those that take minutes, and every mode at its own size.
    """
    failures = [failure for failure in registry.failures if failure.plugin == plugin]
    yield Check("plugin", plugin, it_loads, (failures,), "loads")
    folder = registry.folder(plugin)
    for check in _all(registry, plugin, weights or {}, thorough):
        yield replace(check, folder=folder)


def checks_of(file: Path) -> list[Check]:
    """As :func:`checks`, of a plugin's file: a module, or the ``__init__.py`` of a package."""
    registry = load([file])
    return list(checks(registry, next(iter(registry.files))))


def _all(registry: Registry, plugin: str, weights: Weights, thorough: bool) -> Iterator[Check]:
    modes: list[Mode] = _own(registry.modes, plugin)
    for kind in KINDS:
        names = getattr(registry, kind)
        for thing in _own(names, plugin):
            yield Check(names.kind, thing.name, name_can_be_typed, (thing.name,), "has a name that can be typed")
    for mode in modes:
        yield Check("mode", mode.name, mode_has_its_palette, (mode, registry), "has its palette")
        if (palette := palette_of(mode, registry)) is not None:
            tried = mode if thorough else small(mode)
            chosen = [law for law in testing.MODE_LAWS if thorough or law not in SLOW]
            yield from (_law("mode", mode.name, law, (tried, palette)) for law in chosen)
    for palette in _own(registry.palettes, plugin):
        yield from (_law("palette", palette.name, law, (palette,)) for law in testing.PALETTE_LAWS)
    for form in _own(registry.formats, plugin):
        yield from _format_laws(registry, form, modes)
    for dither in _own(registry.dithers, plugin):
        yield from (_law("dither", dither.name, law, (dither,)) for law in testing.DITHER_LAWS)
    for loss in _own(registry.losses, plugin):
        yield from (_law("loss", loss.name, law, (loss,)) for law in testing.LOSS_LAWS)
    for network in _own(registry.networks, plugin):
        if network.name in weights:
            arguments = (network, weights[network.name])
            yield from (_law("network", network.name, law, arguments) for law in testing.NETWORK_LAWS)


def _own(names: Names[Any], plugin: str) -> list[Any]:
    return [value for name, value in names.values.items() if names.origins[name] == plugin]


def _law(kind: str, name: str, law: Callable[..., None], arguments: tuple[Any, ...], also: str = "") -> Check:
    title = law.__name__.removeprefix(f"{kind}_").replace("_", " ")
    return Check(kind, name, law, arguments, f"{title}{also}")


def small(mode: Mode) -> Mode:
    """The mode, of another size where nothing depends on it."""
    plain = mode.solve is None and mode.tiles is None and mode.frames == 1 and not mode.blocked
    if plain and all(slot.area is None for slot in mode.slots) and mode.size > SMALL:
        return replace(mode, size=SMALL)
    return mode


def palette_of(mode: Mode, registry: Registry) -> Palette | Gamut | None:
    """What the mode's colours are taken from, if it is there and fits."""
    if mode.gamut is not None:
        return mode.gamut
    palette = registry.palettes.values.get(mode.palette)
    return palette if palette is not None and palette.count == mode.colours else None


def _format_laws(registry: Registry, form: Format, own: list[Mode]) -> Iterator[Check]:
    held = [mode for mode in own if form.holds(mode.name)]
    if not held:
        # Of modes from elsewhere one a machine: the rest differ in size.
        others = [mode for mode in registry.modes.values.values() if form.holds(mode.name)]
        held = list({mode.machine: mode for mode in reversed(others)}.values())
    yield Check("format", form.name, format_has_a_mode, (form, registry), "has a mode")
    for mode in held:
        palette = palette_of(mode, registry)
        if palette is not None:
            also = f" ({mode.name})"
            still = testing.FORMAT_LAWS if form.write or form.read else ()
            moving = testing_frames.MOVING_LAWS if form.write_frames or form.read_frames else ()
            yield from (_law("format", form.name, law, (form, mode, palette), also) for law in (*still, *moving))


def it_loads(failures: list[Failure]) -> None:
    """It is imported, its hooks exist, return what they should, and its names are its own."""
    assert not failures, "; ".join(failure.message for failure in failures)


def name_can_be_typed(name: str) -> None:
    """A name is small letters, digits, hyphens and full stops: behind : and = options have other things to say."""
    assert re.fullmatch(r"[a-z0-9][a-z0-9.-]*", name), f"{name!r} is no such name"


def mode_has_its_palette(mode: Mode, registry: Registry) -> None:
    """The palette that the mode names is there, and has as many colours as the mode says."""
    if mode.gamut is None:
        palette = registry.palettes[mode.palette]
        assert palette.count == mode.colours, (
            f"palette {palette.name!r} has {palette.count} colours, and the mode says colours={mode.colours}"
        )


def format_has_a_mode(form: Format, registry: Registry) -> None:
    """Every mode that the format names is there."""
    missing = [name for name in form.modes if name not in registry.modes.values]
    assert not missing, f"there is no mode {missing[0]!r}"
