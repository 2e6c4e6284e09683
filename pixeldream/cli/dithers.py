"""``pixeldream dithers``: a list, or a sheet of pictures."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

from pixeldream import images
from pixeldream.cli import output
from pixeldream.cli.common import open_registry, say, tell
from pixeldream.cli.inputs import Inputs, sample
from pixeldream.cli.lists import Entry, list_command
from pixeldream.cli.options import DEFAULT_MODE, Json, Markdown, OptionError, PluginFiles, named, option
from pixeldream.plugin.registry import Registry
from pixeldream.retro.dither import UnsuitableDither, kind

Name = Annotated[
    str | None, typer.Argument(metavar="NAME|IMAGE", help="Only this one; with --gallery, the picture to show.")
]
GalleryFile = Annotated[
    Path | None, option("--gallery", metavar="FILE.png", help="Write a sheet with a picture in every dither.")
]
GalleryMode = Annotated[
    str | None,
    option("--mode", "-m", metavar="MODE", help="Graphics mode of the gallery.", autocompletion=named("modes")),
]


def describe(registry: Registry, name: str) -> Entry:
    """A dither for machines."""
    dither = registry.dithers[name]
    return {
        "name": name,
        "kind": kind(dither),
        "plugin": registry.dithers.origins[name],
        "description": dither.description,
    }


def column(entry: Entry) -> Sequence[str]:
    """The words of a dither's line."""
    return entry["kind"], entry["description"]


_list = list_command("dithers", describe, column, "List the dithers, or show one.")


def dithers(
    name: Name = None,
    gallery: GalleryFile = None,
    mode: GalleryMode = None,
    as_json: Json = False,
    as_markdown: Markdown = False,
    plugin: PluginFiles = None,
) -> None:
    """List the dithers, show one, or write a gallery of all."""
    if gallery is None:
        if mode is not None:
            raise OptionError(f"--mode {mode} goes with --gallery; name a file for the gallery, or leave it out")
        _list(name, as_json, as_markdown, plugin)
        return
    if as_json or as_markdown:
        raise OptionError("--gallery writes a picture, --json and --markdown lists; leave one out")
    if gallery.suffix.lower() != ".png":
        raise OptionError(f"gallery {str(gallery)!r} is written as PNG; name it {gallery.stem}.png")
    registry = open_registry(plugin)
    found = registry.modes[mode or DEFAULT_MODE]
    output.check([gallery], [name] if name else [])
    image = images.fit(Inputs().image(registry, name), found) if name else sample(found)
    output.write_files({gallery: _sheet(registry, found.name, image)})
    tell(str(gallery))


def _sheet(registry: Registry, mode: str, image: Any) -> bytes:
    """A PNG of ``image`` (display pixels) as it is and in every dither that ``mode`` takes."""
    from pixeldream.api import convert_look
    from pixeldream.cli import gallery
    from pixeldream.look import look

    tiles = [(f"{mode}: the original", image)]
    every = list(registry.dithers)
    quiet = not sys.stderr.isatty()
    with nullcontext(every) if quiet else typer.progressbar(every, label="dithers", file=sys.stderr) as names:
        for name in names:
            chosen = look(registry, mode, dither=name)
            try:
                tiles.append((name, gallery.shown(convert_look(image, chosen))))
            except UnsuitableDither as error:
                say(f"left out: {error}")
    return images.to_png(gallery.sheet(tiles))
