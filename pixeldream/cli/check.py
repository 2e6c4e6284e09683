"""``pixeldream check``: is this drawing legal in a mode, and if not, where does it clash?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from pixeldream import images
from pixeldream.cli import output
from pixeldream.cli.common import open_registry, tell
from pixeldream.cli.inputs import Source, is_palette_file, read_source
from pixeldream.cli.options import DEFAULT_MODE, Json, Large, PaletteName, PluginFiles, named, option
from pixeldream.look import Look, look
from pixeldream.retro.clash import Clash, hexadecimal
from pixeldream.retro.legal import Checked
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
    str,
    option(
        "--mode", "-m", metavar="MODE", help="Graphics mode: see 'pixeldream modes'.", autocompletion=named("modes")
    ),
]
Marks = Annotated[
    Path | None, option("--output", "-o", metavar="FILE.png", help="Write a picture that marks what clashes.")
]


def check(
    image: IMAGE,
    mode: MODE = DEFAULT_MODE,
    palette: PaletteName = None,
    output_: Marks = None,
    as_json: Json = False,
    large: Large = False,
    plugin: PluginFiles = None,
) -> None:
    """Say whether a drawing is legal in a mode, and where it clashes if not.

    The drawing has the mode's own size, or whole pixels repeated, as 'convert' writes PNG. Every palette of the machine
    is tried unless one is named. Exit code 0 if it is legal, 1 if not.
    """
    registry = open_registry(plugin)
    file = palette is not None and is_palette_file(registry, palette)
    chosen = look(registry, mode, palette=read_palette(Path(str(palette))) if file else palette)
    chosen.check_whole()
    if output_ is not None:
        if output_.suffix.lower() != ".png":
            raise output.OutputError(f"output {str(output_)!r}: the marked picture is a PNG; name it .png")
        output.check([output_], [image])
    found = checked(read_source(registry, image, large=large), chosen)
    if output_ is not None:
        output.write_files({output_: images.to_png(marked(found).astype(np.float32) / 255.0)})
    tell(json.dumps(as_values(image, found), indent=1) if as_json else "\n".join(lines(image, found)))
    if not found.legal:
        raise typer.Exit(1)


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


def as_values(name: str, found: Checked) -> dict[str, Any]:
    """All of it for machines; places are x, y, width and height in the mode's own pixels."""
    return {
        "image": name,
        "mode": found.mode.name,
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
