"""``pixeldream convert``: the best legal picture of an image, or of many, without a network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from pixeldream.cli import output
from pixeldream.cli.batch import Manner, Result, Task, plan, work
from pixeldream.cli.common import open_registry, plugin_files, say, tell
from pixeldream.cli.conversion import Conversion, prepare
from pixeldream.cli.convert_options import ConvertOptions
from pixeldream.cli.options import (
    NoMetadata,
    OptionError,
    OutputFiles,
    PluginFiles,
    Quiet,
    command_of,
    integer,
    option,
)
from pixeldream.cli.progress import Bar
from pixeldream.cli.sheet import contact_sheet

Jobs = Annotated[int, integer("--jobs", "-j", help="How many processes share many pictures.")]
Sheet = Annotated[
    Path | None, option("--sheet", metavar="FILE.png", help="Show all pictures, small and with their names, on one.")
]

SOME_FAILED = 2


@command_of(ConvertOptions)
def convert(
    options: ConvertOptions,
    output_: OutputFiles = None,
    jobs: Jobs = 1,
    sheet: Sheet = None,
    no_metadata: NoMetadata = False,
    plugin: PluginFiles = None,
    quiet: Quiet = False,
) -> None:
    """Turn images into legal pictures, without a network.

    A drawing that is legal already (see 'pixeldream check') keeps every pixel.

    Without --output it writes IMAGE-MODE in the mode's usual format, as a program and as PNG, into the current folder.
    Of many pictures, a star in an output stands for the name of each: -o 'out/*.kla'.
    """
    if jobs < 1:
        raise OptionError(f"{jobs} jobs are none; give 1 or more")
    if sheet is not None and sheet.suffix.lower() != ".png":
        raise output.OutputError(f"sheet {str(sheet)!r} is a PNG; name it .png")
    files = plugin_files(plugin)
    conversion = prepare(open_registry(plugin), options, files)
    tasks = plan(conversion, output_ or [])
    _check(conversion, tasks, sheet)
    # A picture alone is the whole run: what is wrong with it is the run's error.
    alone = sum(len(task.places) for task in tasks) == 1
    manner = Manner(metadata=not no_metadata, seen=sheet is not None, strict=alone)
    results: list[Result] = []
    try:
        with Bar("converting", quiet or alone) as bar:
            number = sum(len(task.places) for task in tasks)
            for result in work(conversion, tasks, manner, jobs, files):
                results.append(result)
                bar.move(len(results) / number, f"{len(results)}/{number}  {result.name}")
    finally:
        order = {name: place for place, name in enumerate(name for task in tasks for name in task.names)}
        _report(sorted(results, key=lambda result: order[result.name]), sheet, conversion, quiet)
    failed = [result for result in results if result.error]
    if failed:
        say(f"{len(failed)} of {number} pictures were left out")
        raise typer.Exit(SOME_FAILED)


def _check(conversion: Conversion, tasks: Sequence[Task], sheet: Path | None) -> None:
    """Tries all outputs before the work begins. Raises ``OutputError``."""
    registry, mode = conversion.registry, conversion.look.mode
    paths = [path for task in tasks for paths in task.outputs if paths for path in paths]
    files = [each.path for each in output.plan(registry, mode, paths)]
    sources = {place.file: None for task in tasks for place in task.places}
    inputs = [*sources, *conversion.inputs, *conversion.plugins]
    output.check([*files, *([] if sheet is None else [sheet])], inputs)


def _report(results: Sequence[Result], sheet: Path | None, conversion: Conversion, quiet: bool) -> None:
    """Says what was made, and draws the sheet: also of a run that was stopped."""
    for result in results:
        if result.error:
            say(f"{result.source}: {result.error}" if result.source not in result.error else result.error)
        elif result.untouched and not quiet:
            say(f"{result.source} is legal in {conversion.look.mode.name}: no pixel is changed")
        for file in result.files:
            tell(str(file))
    seen = [(result.name, result.seen) for result in results if result.seen is not None]
    if sheet is not None and seen:
        output.write_files({sheet: contact_sheet(seen)})
        tell(str(sheet))
