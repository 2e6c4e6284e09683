"""A picture as the bytes of its outputs."""

from __future__ import annotations

from pathlib import Path

from pixeldream.cli.common import blame
from pixeldream.cli.options import LookOptions
from pixeldream.cli.output import Output
from pixeldream.cli.recipe import KEYWORD, Recipe
from pixeldream.plugin.registry import Registry
from pixeldream.retro.format import WriteOptions
from pixeldream.retro.mode import Picture


def encode(
    registry: Registry, outputs: list[Output], picture: Picture, options: LookOptions, recipe: Recipe | None
) -> dict[Path, bytes]:
    """The bytes of every output, by path; ``recipe`` goes into those that can carry it."""
    metadata = {} if recipe is None else {KEYWORD: recipe.json()}
    settings = WriteOptions(raw=options.raw, aspect=options.aspect, metadata=metadata)
    contents: dict[Path, bytes] = {}
    for each in outputs:
        assert each.format.write is not None  # that is how its format was chosen
        with blame(registry, ("formats", each.format.name)):
            contents[each.path] = each.format.write(picture, settings)
    return contents
