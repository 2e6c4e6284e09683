"""Many pictures in one run: which they are, where they go, and a few processes that share them."""

from __future__ import annotations

import os
import re
import signal
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from glob import glob, has_magic
from itertools import islice, takewhile
from multiprocessing import active_children, get_context
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pixeldream import images
from pixeldream.cli import common, output
from pixeldream.cli.conversion import Conversion, Made, Place, Reel, prepare
from pixeldream.cli.convert_options import ConvertOptions
from pixeldream.cli.encode import encode
from pixeldream.cli.interrupt import INTERRUPTED
from pixeldream.cli.native import native_animation
from pixeldream.cli.options import OptionError
from pixeldream.cli.output import OutputError
from pixeldream.cli.sheet import thumbnail
from pixeldream.plugin.registry import Registry

STAR = "*"
"""In an output's name: where each picture's name goes."""


@dataclass(frozen=True)
class Task:
    """A picture, or a moving one. ``outputs``: the files that each of ``places`` is written to, none for one that only
    leads to the next; ``names``: what each is called."""

    places: tuple[Place, ...]
    names: tuple[str, ...]
    outputs: tuple[tuple[Path, ...], ...]


@dataclass(frozen=True)
class Result:
    """What became of one picture. ``files``: those written. ``error``: why there are none. ``seen``: uint8
    ``[height, width, 3]``, small."""

    name: str
    source: str
    files: tuple[Path, ...] = ()
    error: str = ""
    untouched: bool = False
    seen: np.ndarray | None = None


# ---- which pictures -------------------------------------------------------------------------------------------------


def expand(registry: Registry, names: Iterable[str]) -> list[str]:
    """The files that names mean: themselves, those that match a pattern, the pictures in a folder, each once. Raises
    :class:`OptionError` for a pattern or a folder without any."""
    found: dict[str, str] = {}
    for name in names:
        for file in files_of(registry, name):
            found.setdefault(os.path.realpath(file), file)
    return list(found.values())


def files_of(registry: Registry, name: str) -> list[str]:
    """The files that one name means, in order. Raises as :func:`expand`."""
    if os.path.isdir(name):
        known = _readable(registry)
        inside = (os.path.join(name, each) for each in os.listdir(name) if not each.startswith("."))
        files = [each for each in inside if Path(each).suffix.lower() in known and os.path.isfile(each)]
        if not files:
            raise OptionError(f"{name!r} is a folder without a picture that can be read; name another")
    elif has_magic(name) and not os.path.exists(name):
        files = [each for each in glob(name, recursive=True) if os.path.isfile(each)]
        if not files:
            raise OptionError(f"no file matches {name!r}; check the pattern")
    else:
        files = [name]
    return sorted(files, key=_natural)


def _readable(registry: Registry) -> set[str]:
    """Extensions of pictures: those that Pillow reads, and native ones."""
    Image.init()
    ordinary = {extension for extension, kind in Image.EXTENSION.items() if kind in Image.OPEN}
    return ordinary | {
        extension for form in registry.formats.values.values() if form.read is not None for extension in form.extensions
    }


def _natural(name: str) -> list[tuple[int, str]]:
    """Orders frame2 before frame10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]


def reels(registry: Registry, options: ConvertOptions, files: Sequence[str]) -> list[tuple[str, tuple[Place, ...]]]:
    """Names and places of what belongs together: each file alone, or the frames of moving pictures."""
    if not options.frames:
        return [(Path(file).stem, (Place(file),)) for file in files]
    counts = {file: frames_in(registry, file, options.large) for file in files}
    found = [
        (Path(file).stem, tuple(Place(file, frame) for frame in range(count)))
        for file, count in counts.items()
        if count > 1
    ]
    stills = [file for file, count in counts.items() if count == 1]
    if stills:
        found.append((common_name(stills), tuple(Place(file) for file in stills)))
    return found


def frames_in(registry: Registry, file: str, large: bool) -> int:
    """How many pictures a file holds in turn; 1 for one that can't be read."""
    try:
        data = images.read_bytes(file, large=large)
    except images.ImageError:  # told when its turn comes
        return 1
    native = native_animation(registry, data, Path(file))
    return images.frame_count(data) if native is None else len(native.pictures)


def common_name(files: Sequence[str]) -> str:
    """What numbered files have in common."""
    if len(files) == 1:
        return Path(files[0]).stem
    columns = zip(*(Path(file).stem for file in files), strict=False)
    shared = "".join(letters[0] for letters in takewhile(lambda letters: len(set(letters)) == 1, columns))
    return re.sub(r"[\d\s_.-]+$", "", shared) or "frames"


# ---- where they go --------------------------------------------------------------------------------------------------


def plan(conversion: Conversion, paths: Sequence[Path]) -> list[Task]:
    """All tasks of a run with their outputs. Raises ``ValueError`` for what can't be: found before work begins."""
    options = conversion.options
    tasks = []
    for name, places in reels(conversion.registry, options, expand(conversion.registry, options.image)):
        if options.frame > len(places):
            raise OptionError(f"frame {options.frame}: {name!r} has {len(places)}")
        kept = places[: options.frame or len(places)]
        names = tuple(f"{name}-{number:04}" if options.frames else name for number in range(1, len(kept) + 1))
        written = [not options.frame or number == options.frame for number in range(1, len(kept) + 1)]
        outputs = (
            _outputs(conversion, paths, each) if there else () for each, there in zip(names, written, strict=True)
        )
        tasks.append(Task(kept, names, tuple(outputs)))
    _check(conversion, tasks, paths)
    return tasks


def _outputs(conversion: Conversion, paths: Sequence[Path], name: str) -> tuple[Path, ...]:
    registry, mode = conversion.registry, conversion.look.mode
    if not paths:
        return tuple(output.usual(registry, mode, name))
    return tuple(Path(str(path).replace(STAR, name)) for path in paths)


def _check(conversion: Conversion, tasks: Sequence[Task], paths: Sequence[Path]) -> None:
    """Raises ``OutputError`` where two pictures would be one file, or an extension means nothing."""
    taken: dict[str, Place] = {}
    number = sum(bool(files) for task in tasks for files in task.outputs)
    for path in paths:
        if STAR not in str(path) and number > 1:
            starred = path.with_name(f"{path.stem}-{STAR}{path.suffix}")
            raise OutputError(
                f"output {str(path)!r} can't hold {number} pictures; put a star where their names go: '{starred}'"
            )
    for task in tasks:
        for place, files in zip(task.places, task.outputs, strict=True):
            for file in files:
                other = taken.setdefault(os.path.normcase(os.path.realpath(file)), place)
                if other is not place:
                    raise OutputError(
                        f"pictures {other.file!r} and {place.file!r} would both be {str(file)!r}; "
                        "rename one of them, or convert them in two runs"
                    )
    first = next(files for task in tasks for files in task.outputs if files)
    output.plan(conversion.registry, conversion.look.mode, first)


# ---- the work -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Manner:
    """What is done with each picture besides. ``strict``: an error ends the run."""

    metadata: bool = True
    seen: bool = False
    strict: bool = False


def carry_out(conversion: Conversion, task: Task, manner: Manner) -> Iterator[Result]:
    """Converts and writes, and says what became of each place that has outputs. Raises ``OutputError`` when there is no
    more room; what is wrong with a picture is in its result."""
    reel = Reel(conversion)
    for place, name, paths in zip(task.places, task.names, task.outputs, strict=True):
        try:
            made = reel.next(place)
            files = _write(conversion, made, paths, manner)
        except OutputError:
            raise
        except (ValueError, OSError) as error:
            if manner.strict:
                raise
            yield Result(name, place.file, error=" ".join(str(error).split()))
            continue
        if paths:
            small = thumbnail(made.picture) if manner.seen else None
            yield Result(name, place.file, files, untouched=made.untouched, seen=small)


def _write(conversion: Conversion, made: Made, paths: tuple[Path, ...], manner: Manner) -> tuple[Path, ...]:
    if not paths:
        return ()
    registry = conversion.registry
    outputs = output.plan(registry, conversion.look.mode, paths)
    contents = encode(registry, outputs, made.picture, conversion.options, made.recipe if manner.metadata else None)
    output.write_files(contents)
    return tuple(contents)


_own: list[Conversion] = []
"""In a process of ``--jobs``: the conversion."""


def _start(options: ConvertOptions, plugins: list[Path], left_out: list[str]) -> None:
    signal.signal(signal.SIGTERM, _end)
    common.use_plugins([])
    common.leave_out(left_out)
    _own[:] = [prepare(common.open_registry(plugins), options, plugins)]


def _end(number: int, frame: Any) -> None:
    output.abandon()
    os._exit(INTERRUPTED)


def _carry_out_here(task: Task, manner: Manner) -> list[Result]:
    return list(carry_out(_own[0], task, manner))


def work(
    conversion: Conversion, tasks: Sequence[Task], manner: Manner, jobs: int, plugins: list[Path]
) -> Iterator[Result]:
    """The results as they come, from ``jobs`` processes. Raises as :func:`carry_out`; after Ctrl-C what is under way is
    still made."""
    if jobs == 1 or len(tasks) == 1:
        for task in tasks:
            yield from carry_out(conversion, task, manner)
        return
    start = (conversion.options, plugins, common.left_out())
    # Threads of jax do not survive a fork.
    pool = ProcessPoolExecutor(min(jobs, len(tasks)), get_context("spawn"), _start, start)
    try:
        yield from _share(pool, tasks, manner, jobs)
    except BrokenProcessPool:
        raise OptionError(f"a process of --jobs {jobs} ended at once, for want of memory perhaps; use fewer") from None
    except KeyboardInterrupt:
        for process in active_children():
            process.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _share(pool: ProcessPoolExecutor, tasks: Sequence[Task], manner: Manner, jobs: int) -> Iterator[Result]:
    waiting = iter(tasks)
    with _ignored():  # the processes inherit that: whoever started them stops them
        futures = {pool.submit(_carry_out_here, task, manner) for task in islice(waiting, jobs)}
    try:
        while futures:
            done, futures = wait(futures, return_when=FIRST_COMPLETED)
            futures |= {pool.submit(_carry_out_here, task, manner) for task in islice(waiting, len(done))}
            for future in done:
                yield from future.result()
    except KeyboardInterrupt:
        common.say("stopping after the pictures that are under way; Ctrl-C again to stop at once")
        for future in wait(futures).done:
            yield from future.result()
        raise


@contextmanager
def _ignored() -> Iterator[None]:
    """Ctrl-C does nothing, to this process and to those that it starts."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
