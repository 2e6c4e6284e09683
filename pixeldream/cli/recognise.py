"""``pixeldream recognise``: which technique drew this?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pixeldream import images
from pixeldream.cli.common import open_registry, tell
from pixeldream.cli.native import read_native
from pixeldream.cli.options import Json, Large, PluginFiles
from pixeldream.plugin.registry import Registry

if TYPE_CHECKING:
    from pixeldream.recognition import Recognised

SHOWN = 3
"""Possibilities that are printed for people; ``--json`` prints all."""

SURE = 0.995
"""From here on the next ones are not worth a word."""

IMAGE = Annotated[
    str,
    typer.Argument(metavar="IMAGE", help="An ordinary picture, or a native file.", show_default=False),
]


def recognise(image: IMAGE, as_json: Json = False, large: Large = False, plugin: PluginFiles = None) -> None:
    """Say what drew a picture: machine, mode, dither, palette and true pixel size, with probabilities.

    Whole pixels may be repeated, and a border of one colour may be around the screen. A native file says its machine
    and mode itself.
    """
    registry = open_registry(plugin)
    found = recognise_file(registry, image, large=large)
    tell(json.dumps(as_values(image, found), indent=1) if as_json else "\n".join(lines(image, found)))


def recognise_file(registry: Registry, name: str, *, large: bool = False) -> Recognised:
    """An ordinary picture or a native file. Raises ``ImageError``, ``FormatError``."""
    from pixeldream.recognition import recognise as recognise_image
    from pixeldream.retro.mode import Picture

    data = images.read_bytes(name, large=large)
    native = read_native(registry, data, Path(name))
    if native is None:
        return recognise_image(images.decode(data, name, large=large), registry=registry)
    shown = native.shown if isinstance(native.shown, Picture) else native.repeated()
    return recognise_image(shown, registry=registry)


def lines(name: str, found: Recognised) -> list[str]:
    """One line a question, the likeliest answers first."""
    machines = {**found.machines, "no machine": found.no_machine} if found.no_machine else found.machines
    modes = found.modes if found.mode else {}
    result = [f"{name}:", f"  machine  {_likeliest(machines)}"]
    if modes:
        result.append(f"  mode     {_likeliest(modes)}{'' if found.exact else ', its colours changed on the way'}")
        result.append(f"  palette  {_likeliest(found.palettes)}")
    across, down = found.pixel
    place = f", from {found.offset[0]},{found.offset[1]}" if any(found.offset) else ""
    result.append(f"  dither   {_likeliest(found.dithers)}; kind {_likeliest(found.kinds)}")
    width, height = found.size
    result.append(f"  pixels   {width}x{height}, each {across}x{down} in the file{place}; {found.colours} colours")
    return result


def in_a_line(found: Recognised) -> str:
    """Machine, mode and dither, the likeliest of each: for commands that are about something else."""
    first = next(iter(found.dithers.items()), ("none", 0.0))
    drawn = f"dither {first[0]} {first[1]:.0%}"
    if found.mode is None:
        return f"no machine's picture ({found.no_machine:.0%})"
    return f"recognised as {found.machine}, {found.mode} {found.modes[found.mode]:.0%}, {drawn}"


def _likeliest(shares: Mapping[str, float]) -> str:
    ordered = sorted(shares.items(), key=lambda item: -item[1])
    shown = ordered[:1] if ordered and ordered[0][1] >= SURE else ordered[:SHOWN]
    return ", ".join(f"{name} {share:.0%}" for name, share in shown if share >= 0.01) or "unknown"


def as_values(name: str, found: Recognised) -> dict[str, Any]:
    """All of it for machines; probabilities of 0 to 1 by name, the likeliest first."""
    ranked = {
        key: [{"name": each, "probability": round(share, 4)} for each, share in getattr(found, key).items()]
        for key in ("machines", "modes", "palettes", "dithers", "kinds")
    }
    return {
        "image": name,
        "machine": found.machine,
        "mode": found.mode,
        "dither": found.dither,
        "palette": found.palette,
        "size": list(found.size),
        "pixel": list(found.pixel),
        "offset": list(found.offset),
        "colours": found.colours,
        "exact": found.exact,
        "no_machine": round(found.no_machine, 4),
        **ranked,
    }
