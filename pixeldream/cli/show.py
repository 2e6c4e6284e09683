"""``pixeldream show``: decode a native file, or an ordinary picture, into another file or the terminal."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from pixeldream import images
from pixeldream.cli import output
from pixeldream.cli.common import open_registry, tell
from pixeldream.cli.options import OutputFiles, PluginFiles, option
from pixeldream.plugin.registry import Registry
from pixeldream.retro.display import display_aspect, display_size
from pixeldream.retro.format import Format, FormatError, Shown, WriteOptions
from pixeldream.retro.mode import Picture

Source = Annotated[Path, typer.Argument(metavar="FILE", help="A native file, or an ordinary picture.")]
Width = Annotated[int, option("--width", metavar="N", help="Columns to draw in the terminal; 0: all of them.", min=0)]
Raw = Annotated[bool, option("--raw", help="PNG in the mode's own pixels, none repeated.")]
Aspect = Annotated[bool, option("--aspect", help="PNG resampled to the true shape of the screen.")]
Large = Annotated[bool, option("--large", help="Read images of more than 32 million pixels or 64 MiB.")]


def show(
    source: Source,
    output_: OutputFiles = None,
    width: Width = 0,
    raw: Raw = False,
    aspect: Aspect = False,
    large: Large = False,
    plugin: PluginFiles = None,
) -> None:
    """Show a native file or an ordinary picture.

    It is drawn in the terminal, or written to --output. A native picture can be written in every format of its mode,
    an ordinary one as PNG.
    """
    registry = open_registry(plugin)
    data = images.read_bytes(source, large=large)
    picture = read_native(registry, data, source)
    options = WriteOptions(raw=raw, aspect=aspect)
    if output_:
        named = output.plan(registry, picture.mode, output_) if isinstance(picture, Picture) else []
        output.check([each.path for each in named] or output_, [source])
        contents = dict(_files(named, picture, data, source, output_, options, large))
        output.write_files(contents)
        for path in contents:
            tell(str(path))
    else:
        image = images.decode(data, str(source), large=large) if picture is None else _seen(picture)
        columns = width or shutil.get_terminal_size((80, 24)).columns
        for line in half_blocks(image, columns):
            typer.echo(line, color=True)  # a pager shows colours too


def read_native(registry: Registry, data: bytes, path: Path) -> Picture | Shown | None:
    """What a native file shows; ``None`` for an extension that no format reads. Raises ``FormatError``."""
    problems = []
    readers = registry.readers(path.suffix.lower())
    for form in readers:
        assert form.read is not None
        beside = _companion(form, path)
        try:
            if beside is not None and form.read_beside is not None:
                return form.read_beside(data, beside)
            return (form.decode or form.read)(data)
        except FormatError as error:
            problems.append(f"{form.name}: {error}")
    if problems:
        raise FormatError(f"{str(path)!r} is broken or of another kind ({'; '.join(problems)})")
    return None


def _companion(form: Format, path: Path) -> bytes | None:
    """The bytes of the file that belongs beside ``path``, in whatever case its extension is written; or ``None``."""
    if form.companion is None:
        return None
    for extension in form.companion.extensions:
        for each in (extension, extension.upper()):
            if path.with_suffix(each).is_file():
                return images.read_bytes(path.with_suffix(each))
    return None


def _files(
    named: Iterable[output.Output],
    picture: Picture | Shown | None,
    data: bytes,
    source: Path,
    paths: Iterable[Path],
    options: WriteOptions,
    large: bool,
) -> Iterator[tuple[Path, bytes]]:
    if isinstance(picture, Picture):
        for each in named:
            assert each.format.write is not None
            yield each.path, each.format.write(picture, options)
        return
    image = images.decode(data, str(source), large=large) if picture is None else _in_display_pixels(picture, options)
    for path in paths:
        if path.suffix.lower() != ".png":
            raise output.OutputError(
                f"output {str(path)!r}: {source.name} is no native picture and is written as .png only"
            )
        yield path, images.to_png(image)


def _in_display_pixels(shown: Shown, options: WriteOptions) -> np.ndarray:
    """float32 ``[height, width, 3]``: whole pixels repeated to about their shape, unless they are wanted raw."""
    across, down = shown.pixel_aspect
    image = shown.image.astype(np.float32) / 255.0
    if options.raw:
        return image
    return image.repeat(max(1, round(down / across)), 0).repeat(max(1, round(across / down)), 1)


def _seen(picture: Picture | Shown) -> np.ndarray:
    """float32 ``[height, width, 3]`` in square pixels."""
    if isinstance(picture, Shown):
        return _in_display_pixels(picture, WriteOptions())
    mode = picture.mode
    height = display_size(mode)[1]
    image = images.repeat(picture.image().astype(np.float32) / 255.0, mode)
    return images.resize(image, (max(1, round(height * display_aspect(mode))), height))


def half_blocks(image: np.ndarray, columns: int) -> Iterator[str]:
    """Lines of 24-bit ANSI colour: each character is an upper half block, two square pixels above each other.

    No wider than ``columns`` and never enlarged.
    """
    height, width = image.shape[:2]
    columns = max(1, min(columns, width))
    rows = max(2, round(height * columns / width / 2) * 2)
    pixels = np.rint(images.resize(image, (columns, rows)) * 255).astype(np.uint8)
    for top, bottom in zip(pixels[::2], pixels[1::2], strict=True):
        cells = zip(top.tolist(), bottom.tolist(), strict=True)
        yield "".join(_half_block(above, below) for above, below in cells) + "\x1b[0m"


def _half_block(above: list[int], below: list[int]) -> str:
    front, back = ";".join(map(str, above)), ";".join(map(str, below))
    return f"\x1b[38;2;{front}m\x1b[48;2;{back}m\N{UPPER HALF BLOCK}"
