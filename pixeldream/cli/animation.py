"""Moving pictures as files: one that holds them all, or numbered pictures. Planned and tried before a run, then written
all or none."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pixeldream.cli import output
from pixeldream.cli.common import blame, say
from pixeldream.cli.output import OutputError
from pixeldream.cli.recipe import KEYWORD, Recipe
from pixeldream.plugin.registry import Registry, suggestion
from pixeldream.retro.animation import Animation, Cost
from pixeldream.retro.format import Format, WriteOptions
from pixeldream.retro.mode import Mode

NUMBER = re.compile(r"%0?\d*d")
"""In a name: where the number of a picture goes."""

NUMBERED = "%04d.png"
"""What pictures in a folder are called."""


@dataclass(frozen=True)
class Target:
    """A file for all pictures, or (``numbered``) one for each, its name with a place for the number from 1 on.
    ``folder``: one that is made where it is not there."""

    path: Path
    format: Format
    numbered: bool = False
    folder: Path | None = None

    def files(self, count: int) -> list[Path]:
        """The names of all files for ``count`` pictures."""
        return [Path(str(self.path) % number) for number in range(1, count + 1)] if self.numbered else [self.path]


def plan(registry: Registry, mode: Mode, paths: Iterable[Path]) -> list[Target]:
    """What the names in ``paths`` ask for: by extension a file that moves, ``frame-%04d.png`` numbered pictures in any
    format of the mode, a folder (one that is there, or a name without an extension) numbered PNG files.

    Raises :class:`OutputError` that lists what ``mode`` allows.
    """
    return [_target(registry, mode, path) for path in paths]


def _target(registry: Registry, mode: Mode, path: Path) -> Target:
    if path.is_dir() or (not path.suffix and not NUMBER.search(path.name)):
        # What stands before the last % of a folder's name is no place for a number.
        inside = Path(str(path).replace("%", "%%")) / NUMBERED
        return Target(inside, registry.writers(mode.name)[".png"], numbered=True, folder=path)
    if NUMBER.search(path.name):
        return _numbered(registry, mode, path)
    writers = registry.frame_writers(mode.name)
    if path.suffix.lower() in writers:
        return Target(path, writers[path.suffix.lower()])
    raise OutputError(_unknown(registry, mode, path, list(writers)))


def _numbered(registry: Registry, mode: Mode, path: Path) -> Target:
    writers, extension = registry.writers(mode.name), path.suffix.lower()
    if extension not in writers:
        near = suggestion(extension, writers)
        raise OutputError(f"output {str(path)!r}: mode {mode.name} can't be written as {extension or 'that'}{near}")
    try:
        str(path) % 1
    except (TypeError, ValueError):
        raise OutputError(f"output {str(path)!r} is to have one place for a number, such as frame-%04d.png") from None
    return Target(path, writers[extension], numbered=True)


def _unknown(registry: Registry, mode: Mode, path: Path, able: Sequence[str]) -> str:
    words = f"mode {mode.name} moves as {', '.join(able)}, or in numbered pictures: {path.stem}-%04d.png"
    if path.suffix.lower() in registry.writers(mode.name):
        return f"output {str(path)!r} holds one picture; {words}"
    return f"output {str(path)!r}: nothing that moves ends in {path.suffix!r} there; {words}"


def usual(registry: Registry, mode: Mode, stem: str) -> list[Path]:
    """Where moving pictures go that no output was named for: the machine's own file, and the one of every mode."""
    formats = dict.fromkeys(registry.frame_writers(mode.name).values())
    own = [form for form in formats if form.modes]
    others = [form for form in formats if not form.modes]
    return [Path(f"{stem}-{mode.name}{form.extensions[0]}") for form in own[:1] + others[:1]]


def check(targets: Iterable[Target], count: int, inputs: Iterable[str] = ()) -> None:
    """Tries all outputs before the run, and makes folders. Raises :class:`OutputError`."""
    files = []
    for target in targets:
        if target.folder is not None:
            output.make_folder(target.folder)
        files += target.files(count)
    output.check(files, inputs)


def write(
    registry: Registry,
    targets: Iterable[Target],
    animation: Animation,
    options: WriteOptions = WriteOptions(),  # noqa: B008 - a frozen value
    recipes: Sequence[Recipe] = (),
    quiet: bool = False,
) -> list[Path]:
    """Writes all outputs or none, and returns their files. Raises :class:`OutputError`, and as :func:`encode`."""
    contents = encode(registry, targets, animation, options, recipes, quiet)
    output.write_files(contents)
    return list(contents)


def encode(
    registry: Registry,
    targets: Iterable[Target],
    animation: Animation,
    options: WriteOptions = WriteOptions(),  # noqa: B008 - a frozen value
    recipes: Sequence[Recipe] = (),
    quiet: bool = False,
) -> dict[Path, bytes]:
    """The bytes of all outputs; says what an animation takes where there is only so much.

    ``recipes``: of each picture, for numbered files that can carry them. Raises ``FormatError`` for pictures that a
    format can't hold.
    """
    contents: dict[Path, bytes] = {}
    for target in targets:
        with blame(registry, ("formats", target.format.name)):
            contents |= _numbered_files(target, animation, options, recipes) if target.numbered else {
                target.path: _whole(target, animation, options, quiet)
            }  # fmt: skip
    return contents


def _whole(target: Target, animation: Animation, options: WriteOptions, quiet: bool) -> bytes:
    assert target.format.write_frames is not None  # that is how its format was chosen
    data = target.format.write_frames(animation, options)
    if target.format.cost is not None and not quiet:
        for line in notes(target.format.cost(animation), animation):
            say(f"{target.path}: {line}")
    return data


def notes(cost: Cost, animation: Animation) -> Iterator[str]:
    """What there is to say of what an animation takes, a line each."""
    total = len(animation.pictures)
    yield f"{total} pictures take {cost.bytes:,} bytes of {cost.room:,}"
    # A picture is drawn while the one before is shown.
    late = [number for number in range(total) if cost.seconds[number] > animation.seconds[number - 1]]
    if late:
        slowest = max(cost.seconds)
        yield (
            f"{len(late)} of {total} pictures come later than the rate asks for, first number {late[0] + 1}: the "
            f"machine takes up to {slowest:.2f} seconds to draw one, which is {1 / slowest:.1f} a second"
        )


def _numbered_files(
    target: Target, animation: Animation, options: WriteOptions, recipes: Sequence[Recipe]
) -> Mapping[Path, bytes]:
    assert target.format.write is not None
    contents: dict[Path, bytes] = {}
    named = zip(target.files(len(animation.pictures)), animation.pictures, strict=True)
    for number, (path, picture) in enumerate(named):
        metadata = {KEYWORD: recipes[number].json()} if recipes else {}
        contents[path] = target.format.write(picture, replace(options, metadata=metadata))
    return contents
