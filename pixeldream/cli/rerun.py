"""``pixeldream rerun``: follow the recipe in a picture, and say whether the same bytes come out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from pixeldream import images
from pixeldream.cli import batch, conversion, dream_job, job, output, recipe
from pixeldream.cli.common import blame, open_registry, plugin_files, say, tell
from pixeldream.cli.convert_options import ConvertOptions
from pixeldream.cli.dream_options import DreamOptions
from pixeldream.cli.encode import encode
from pixeldream.cli.interrupt import INTERRUPTED, Interrupt
from pixeldream.cli.options import OutputFiles, PluginFiles, Quiet, StylizeOptions, restore
from pixeldream.cli.progress import Bar
from pixeldream.cli.recipe import Recipe, RecipeError
from pixeldream.plugin.registry import Registry
from pixeldream.retro.mode import Picture

Options = StylizeOptions | ConvertOptions | DreamOptions

Source = Annotated[Path, typer.Argument(metavar="PICTURE", help="A PNG that pixeldream made, or a report of --report.")]

_KINDS: dict[str, type[Options]] = {"stylize": StylizeOptions, "convert": ConvertOptions, "dream": DreamOptions}


def rerun(source: Source, output_: OutputFiles = None, plugin: PluginFiles = None, quiet: Quiet = False) -> None:
    """Make a picture again by the recipe that it holds.

    It says whether the bytes are the same. Without --output it writes PICTURE-again.png beside the picture. The inputs
    have to lie where they lay. Exit code 1 if the bytes differ.
    """
    data = images.read_bytes(source)
    old = recipe.read(data, str(source))
    options = _options(old, str(source))
    plugins = plugin_files(plugin)
    registry = open_registry(plugin)
    _check(old.plugins, {str(path): recipe.sha256(path) for path in plugins}, "plugin", "give it with --plugin")
    _check(old.inputs, _hashes(old.inputs), "input", "put the same file back, in reach of this folder")
    mode = registry.modes[options.mode]
    paths = output_ or [source.with_name(f"{source.stem}-again.png")]
    outputs = output.plan(registry, mode, paths)
    output.check([each.path for each in outputs], [source, *old.inputs])
    with Interrupt() as interrupt:
        picture, new = _follow(registry, options, plugins, old, interrupt, quiet)
        contents = encode(registry, outputs, picture, options, new)
        output.write_files(contents)
        png = encode(registry, output.plan(registry, mode, [Path("again.png")]), picture, options, new)
    for path in contents:
        tell(str(path))
    if interrupt.asked and new.stopped != old.stopped:
        raise typer.Exit(INTERRUPTED)
    if data.startswith(b"\x89PNG"):
        _compare(data, png[Path("again.png")], old, new)


def _options(old: Recipe, name: str) -> Options:
    if old.command not in _KINDS:
        raise RecipeError(f"{name!r} was made by {old.command!r}, which can't be run again; {' and '.join(_KINDS)} can")
    return restore(_KINDS[old.command], old.options)


def _hashes(names: Mapping[str, str]) -> dict[str, str]:
    return {name: recipe.sha256(Path(name)) for name in names}


def _check(expected: Mapping[str, str], found: Mapping[str, str], kind: str, way_out: str) -> None:
    """Raises ``RecipeError`` when a file is not there or is another than that of the recipe."""
    for name, digest in expected.items():
        if name not in found:
            raise RecipeError(f"the picture was made with {kind} {name!r}; {way_out}")
        if found[name] != digest:
            raise RecipeError(f"{kind} {name!r} is not the file that the picture was made with; {way_out}")


def _follow(
    registry: Registry,
    options: Options,
    plugins: Sequence[Path],
    old: Recipe,
    interrupt: Interrupt,
    quiet: bool,
) -> tuple[Picture, Recipe]:
    if isinstance(options, ConvertOptions):
        made = conversion.last(conversion.prepare(registry, options, plugins), _places(registry, options))
        return made.picture, made.recipe
    if isinstance(options, DreamOptions):
        return _dream(registry, options, plugins, old, interrupt, quiet)
    prepared = job.prepare(registry, options, plugins)
    from pixeldream.api import Stopwatch

    loaded, weights = job.load(prepared, quiet)
    _check(old.weights, weights, "weights of network", "give the same weights")
    with Bar("painting again", quiet) as bar, blame(registry, *prepared.used):
        painted = job.paint(loaded, Stopwatch(), interrupt, [bar], old.stopped)
    return painted.picture, job.write_recipe(prepared, weights, painted.stopped)


def _dream(
    registry: Registry, options: DreamOptions, plugins: Sequence[Path], old: Recipe, interrupt: Interrupt, quiet: bool
) -> tuple[Picture, Recipe]:
    """The picture, or of an endless zoom the last frame."""
    prepared = dream_job.prepare(registry, options, plugins)
    loaded, weights = dream_job.load(prepared, quiet)
    _check(old.weights, weights, "weights of network", "give the same weights")
    with Bar("dreaming again", quiet) as bar, blame(registry, *prepared.used):
        dreamt = dream_job.follow(loaded, interrupt, bar, old.stopped)
    return dreamt.pictures[-1], prepared.recipe(weights, dreamt.stopped)


def _places(registry: Registry, options: ConvertOptions) -> tuple[conversion.Place, ...]:
    """Of the one picture, or of the frames up to the one that was made."""
    found = batch.reels(registry, options, options.image)
    if len(found) != 1 or (not options.frames and len(options.image) != 1) or options.frame > len(found[0][1]):
        raise RecipeError(f"the recipe is of more than one picture: {', '.join(options.image)}; the file was altered")
    places = found[0][1]
    return places[: options.frame or len(places)]


def _compare(before: bytes, after: bytes, old: Recipe, new: Recipe) -> None:
    if before == after:
        say("the same bytes")
        return
    pixels = (images.decode(data, name) for data, name in ((before, "the old picture"), (after, "the new picture")))
    first, second = pixels
    same = first.shape == second.shape and bool((first == second).all())
    changed = [
        f"{name} {old.versions.get(name, 'none')} -> {version}"
        for name, version in new.versions.items()
        if old.versions.get(name) != version
    ]
    why = f" (versions changed: {', '.join(changed)})" if changed else ""
    say(f"other bytes, {'the same pixels' if same else 'other pixels'}{why}")
    raise typer.Exit(1)
