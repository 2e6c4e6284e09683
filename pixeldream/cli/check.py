"""``pixeldream check``: is this drawing legal in a mode, and if not, where does it clash?"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from pixeldream import images
from pixeldream.cli import output
from pixeldream.cli.common import open_registry, say, tell
from pixeldream.cli.inputs import Source, is_palette_file, read_source
from pixeldream.cli.options import Json, Large, OptionError, PaletteName, PluginFiles, named, option
from pixeldream.look import Look, look
from pixeldream.plugin.registry import Registry
from pixeldream.retro.clash import Clash, hexadecimal
from pixeldream.retro.legal import Checked, scale_of
from pixeldream.retro.legal import check as compare
from pixeldream.retro.marks import marked
from pixeldream.retro.palette import read_palette

LISTED = 10
"""Clashes that are printed for people; ``--json`` prints all."""

IMAGE = Annotated[
    str,
    typer.Argument(metavar="IMAGE", help="A drawing: an ordinary picture, or a native file.", show_default=False),
]
MODE = Annotated[
    str | None,
    option(
        "--mode", "-m", metavar="MODE", help="Graphics mode: see 'pixeldream modes'; recognised if not given.",
        autocompletion=named("modes"),
    ),
]  # fmt: skip
Marks = Annotated[
    Path | None, option("--output", "-o", metavar="FILE.png", help="Write a picture that marks what clashes.")
]


def check(
    image: IMAGE,
    mode: MODE = None,
    palette: PaletteName = None,
    output_: Marks = None,
    as_json: Json = False,
    large: Large = False,
    plugin: PluginFiles = None,
) -> None:
    """Say whether a drawing is legal in a mode, and where it clashes if not.

    The drawing has the mode's own size, or whole pixels repeated, as 'convert' writes PNG. Every palette of the machine
    is tried unless one is named. Without --mode the likeliest is taken, which may be one that the drawing almost keeps.
    Exit code 0 if it is legal, 1 if not.
    """
    registry = open_registry(plugin)
    if mode is not None:
        _look(registry, mode, palette)
    if output_ is not None:
        if output_.suffix.lower() != ".png":
            raise output.OutputError(f"output {str(output_)!r}: the marked picture is a PNG; name it .png")
        output.check([output_], [image])
    source = read_source(registry, image, large=large)
    share = None
    if mode is None:
        mode, share, source = likeliest(registry, image, source)
    found = checked(source, _look(registry, mode, palette))
    if output_ is not None:
        output.write_files({output_: images.to_png(marked(found).astype(np.float32) / 255.0)})
    if share is not None and not as_json:
        say(f"{image}: recognised as {mode}, {share:.0%}; --mode MODE checks it in another")
    tell(json.dumps(as_values(image, found, share), indent=1) if as_json else "\n".join(lines(image, found)))
    if not found.legal:
        raise typer.Exit(1)


def _look(registry: Registry, mode: str, palette: str | None) -> Look:
    file = palette is not None and is_palette_file(registry, palette)
    chosen = look(registry, mode, palette=read_palette(Path(str(palette))) if file else palette)
    chosen.check_whole()
    return chosen


def likeliest(registry: Registry, name: str, source: Source) -> tuple[str, float, Source]:
    """The mode that a drawing is to be compared with where none is asked for, its probability, and the source without
    a border around the screen. Raises ``OptionError`` where no machine's is likelier than none."""
    from pixeldream.recognition import modes_of

    if source.picture is not None:
        return source.picture.mode.name, 1.0, source
    seen = modes_of(registry, source.drawing)
    if seen.mode is None:
        raise OptionError(
            f"{name}: no mode is likely for this picture ({seen.no_machine:.0%} no machine's); say which it is to be "
            "compared with: --mode MODE, see 'pixeldream modes'"
        )
    whole = scale_of(registry.modes[seen.mode], source.drawing.shape) is not None
    return seen.mode, seen.modes[seen.mode], source if whole else replace(source, drawing=seen.found[0].image)


def checked(source: Source, chosen: Look) -> Checked:
    """A source compared with a look. A native file of the mode is legal at its own size."""
    native = source.picture
    if native is not None and native.mode.name == chosen.mode.name:
        size = () if native.mode.size == chosen.mode.size else ("{}x{} pixels".format(*native.mode.size),)
        return Checked(native.mode, native.palette, native.image(), native, notes=size)
    return compare(source.drawing, chosen.mode, chosen.palettes(), order=source.order)


def lines(name: str, found: Checked) -> list[str]:
    """The verdict, then the first clashes."""
    words = [] if found.mode.gamut else [f"palette {found.palette.name}"]
    taken = f" ({', '.join([*words, *found.notes])})" if words or found.notes else ""
    if found.legal:
        return [f"{name}: legal in {found.mode.name}{taken}"]
    number = len(found.clashes)
    result = [f"{name}: not legal in {found.mode.name}: {number} clash{'es' * (number > 1)}{taken}"]
    result += [f"  {_where(found, clash)}: {clash.why}" for clash in found.clashes[:LISTED]]
    if number > LISTED:
        result.append(f"  and {number - LISTED} more; --json lists all, --output FILE.png marks them")
    return result


def _where(found: Checked, clash: Clash) -> str:
    """A cell by its column and row, and where it begins in the mode's pixels; or the first of several places."""
    x, y, width, height = clash.places[0]
    if (width, height) == found.mode.size:
        return "screen"
    if len(clash.places) > 1 or (height == 1 and width < 4):
        return f"from {x},{y}"
    return f"cell {x // width},{y // height} at {x},{y}"


def as_values(name: str, found: Checked, recognised: float | None = None) -> dict[str, Any]:
    """All of it for machines; places are x, y, width and height in the mode's own pixels. ``recognised``: the
    probability of a mode that was not asked for."""
    return {
        "image": name,
        "mode": found.mode.name,
        "recognised": None if recognised is None else round(recognised, 4),
        "legal": found.legal,
        "palette": found.palette.name,
        "notes": list(found.notes),
        "clashes": [
            {
                "why": clash.why,
                "places": [list(place) for place in clash.places],
                "colours": [hexadecimal(colour) for colour in clash.colours],
            }
            for clash in found.clashes
        ],
    }
