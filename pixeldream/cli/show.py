"""``pixeldream show``: decode a native file, or an ordinary picture, into another file or the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from pixeldream import images
from pixeldream.cli import output, terminal
from pixeldream.cli.common import blame, open_registry, say, tell
from pixeldream.cli.moving import write_moving
from pixeldream.cli.native import Native, native_animation, read_native
from pixeldream.cli.options import OutputFiles, PluginFiles, Quiet, option
from pixeldream.plugin.registry import Registry
from pixeldream.retro.format import WriteOptions
from pixeldream.retro.mode import Picture

Source = Annotated[Path, typer.Argument(metavar="FILE", help="A native file, or an ordinary picture.")]
Width = Annotated[int, option("--width", metavar="N", help="Columns to draw in the terminal; 0: what fits.", min=0)]
Raw = Annotated[bool, option("--raw", help="PNG in the mode's own pixels, none repeated.")]
Aspect = Annotated[bool, option("--aspect", help="Resampled to the true shape of the screen.")]
Large = Annotated[bool, option("--large", help="Read images of more than 32 million pixels or 64 MiB.")]
Terminal = Annotated[
    str,
    option(
        "--terminal",
        metavar="WAY",
        help=f"How to draw in the terminal: {', '.join(terminal.TERMINALS)}; what it can do if not given.",
    ),
]


LOOKED_AT = 4 << 20
"""Pixels of an ordinary picture up to which it is asked what drew it."""


def show(
    source: Source,
    output_: OutputFiles = None,
    width: Width = 0,
    terminal_: Terminal = "",
    raw: Raw = False,
    aspect: Aspect = False,
    large: Large = False,
    plugin: PluginFiles = None,
    quiet: Quiet = False,
) -> None:
    """Show a native file or an ordinary picture.

    It is drawn in the terminal, or written to --output. A native picture can be written in every format of its mode,
    an ordinary one as PNG. A moving one goes to every file that moves, to numbered pictures (-o 'frame-%04d.png', or a
    folder), or to one PNG that shows all its pictures.
    """
    terminal.check(terminal_)
    registry = open_registry(plugin)
    data = images.read_bytes(source, large=large)
    native = read_native(registry, data, source)
    options = WriteOptions(raw=raw, aspect=aspect)
    moving = native_animation(registry, data, source)
    if moving is not None and len(moving.pictures) > 1 and output_:
        for path in write_moving(registry, moving, source, output_, options, quiet):
            tell(str(path))
    elif output_:
        named = (
            output.plan(registry, native.shown.mode, output_) if native and isinstance(native.shown, Picture) else []
        )
        output.check([each.path for each in named] or output_, [source])
        contents = dict(_files(registry, named, native, data, source, output_, options, large))
        output.write_files(contents)
        for path in contents:
            tell(str(path))
    else:
        image = images.decode(data, str(source), large=large) if native is None else None
        for line in _drawn(native, image, terminal_ or terminal.detect(), width, options):
            typer.echo(line, color=True)  # a pager shows colours too
    if not quiet:
        for note in native.notes() if native is not None else ():
            say(f"{source}: {note}")
        if moving is not None:
            say(f"{source}: {len(moving.pictures)} pictures in {sum(moving.seconds):.2f} seconds")
        if (seen := _recognised(registry, native, data, str(source), large)) is not None:
            say(f"{source}: {seen}")


def _recognised(registry: Registry, native: Native | None, data: bytes, name: str, large: bool) -> str | None:
    """What drew it, in a line; ``None`` for a picture that is larger than any screen repeated."""
    from pixeldream.cli.recognise import in_a_line
    from pixeldream.recognition import recognise

    if native is not None:
        shown = native.shown if isinstance(native.shown, Picture) else native.repeated()
        return in_a_line(recognise(shown, registry=registry))
    image = images.decode(data, name, large=large)
    return in_a_line(recognise(image, registry=registry)) if image.shape[0] * image.shape[1] <= LOOKED_AT else None


def _drawn(
    native: Native | None, image: np.ndarray | None, way: str, columns: int, options: WriteOptions
) -> Iterator[str]:
    """Lines for the terminal. Where single pixels can be drawn, they are whole ones unless their true shape is asked
    for: half blocks are too few for that."""
    around = terminal.window()
    if native is not None:
        image = native.square() if way == "blocks" or options.aspect else _in_display_pixels(native, options)
    assert image is not None
    if way == "blocks":
        yield from terminal.half_blocks(image, columns or around.columns)
        return
    pixels = np.rint(terminal.enlarged(image, around, columns) * 255).astype(np.uint8)
    yield (terminal.kitty if way == "kitty" else terminal.sixel)(pixels)


def _files(
    registry: Registry,
    named: Iterable[output.Output],
    native: Native | None,
    data: bytes,
    source: Path,
    paths: Iterable[Path],
    options: WriteOptions,
    large: bool,
) -> Iterator[tuple[Path, bytes]]:
    if native is not None and isinstance(native.shown, Picture):
        for each in named:
            assert each.format.write is not None
            with blame(registry, ("formats", each.format.name)):
                content = each.format.write(native.shown, options)
            yield each.path, content
        return
    image = images.decode(data, str(source), large=large) if native is None else _in_display_pixels(native, options)
    for path in paths:
        if path.suffix.lower() != ".png":
            what = "no native picture" if native is None else "in no mode that we write"
            raise output.OutputError(f"output {str(path)!r}: {source.name} is {what}, and goes to .png only")
        yield path, images.to_png(image)


def _in_display_pixels(native: Native, options: WriteOptions) -> np.ndarray:
    """float32 ``[height, width, 3]``: pixels repeated to about their shape, or as the options say."""
    if options.raw:
        return native.image()
    return native.square() if options.aspect else native.repeated()
