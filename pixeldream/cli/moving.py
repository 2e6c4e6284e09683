"""What ``show`` writes of a moving picture: another that moves, numbered pictures, or all of them on one sheet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pixeldream.cli import animation, output
from pixeldream.cli.sheet import contact_sheet, thumbnail
from pixeldream.plugin.registry import Registry
from pixeldream.retro.animation import Animation
from pixeldream.retro.format import WriteOptions


def write_moving(
    registry: Registry,
    moving: Animation,
    source: Path,
    paths: Sequence[Path],
    options: WriteOptions,
    quiet: bool = False,
) -> list[Path]:
    """Writes all of ``paths``, and returns the files. Raises ``OutputError``, ``FormatError``."""
    sheets = [path for path in paths if is_sheet(path)]
    others = [path for path in paths if path not in sheets]
    targets = animation.plan(registry, moving.mode, others)
    animation.check(targets, len(moving.pictures), [str(source)])
    output.check(sheets, [source])
    if sheets:
        numbered = [(str(number), thumbnail(each)) for number, each in enumerate(moving.pictures, 1)]
        output.write_files(dict.fromkeys(sheets, contact_sheet(numbered)))
    return [*sheets, *animation.write(registry, targets, moving, options, quiet=quiet)]


def is_sheet(path: Path) -> bool:
    """Whether a name asks for one PNG of all pictures."""
    return path.suffix.lower() == ".png" and not animation.NUMBER.search(path.name) and not path.is_dir()
