"""Files, whole or not at all: planned and tried before a run, written to a temporary name, then renamed."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pixeldream.plugin.registry import Registry, suggestion
from pixeldream.retro.format import Format
from pixeldream.retro.mode import Mode


class OutputError(ValueError):
    """An output that can't be written; one line with its name and the way out."""


@dataclass(frozen=True)
class Output:
    """A file to write, and the format that its name asks for."""

    path: Path
    format: Format


TEMPORARIES: set[Path] = set()
"""Files that are to be gone when the process ends."""


def plan(registry: Registry, mode: Mode, paths: Iterable[Path]) -> list[Output]:
    """The formats behind the extensions of ``paths``, each followed by its companion unless that was named as well.

    Raises :class:`OutputError` that lists what ``mode`` allows.
    """
    named = [Output(path, _format(registry, mode.name, path)) for path in paths]
    taken, result = {_identity(each.path) for each in named}, []
    for each in named:
        result.append(each)
        beside = each.format.companion
        if beside is not None and beside.write is not None and beside.holds(mode.name):
            path = each.path.with_suffix(beside.extensions[0])
            if _identity(path) not in taken:
                result.append(Output(path, beside))
    return result


def usual(registry: Registry, mode: Mode, stem: str) -> list[Path]:
    """Where a picture goes that no output was named for: the mode's usual file, its program, and PNG."""
    formats = list(dict.fromkeys(registry.writers(mode.name).values()))
    # One that nobody reads is a part of a picture, such as its tiles.
    native = [form for form in formats if form.modes and form.read and not form.program]
    programs = [form for form in formats if form.program]
    others = [form for form in formats if ".png" in form.extensions]
    chosen = native[:1] + programs[:1] + others[:1]
    return [Path(f"{stem}-{mode.name}{form.extensions[0]}") for form in chosen]


def _format(registry: Registry, mode: str, path: Path) -> Format:
    writers = registry.writers(mode)
    extension = path.suffix.lower()
    if extension in writers:
        return writers[extension]
    able = f"mode {mode} is written as {', '.join(writers)}"
    if not extension:
        raise OutputError(f"output {str(path)!r} has no extension to tell its format by; {able}")
    if any(extension in form.extensions for form in registry.formats.values.values()):
        raise OutputError(f"output {str(path)!r}: mode {mode} can't be written as {extension}; {able}")
    near = suggestion(extension, writers)
    hint = f"{near} ({able})" if "did you mean" in near else f"; {able}"
    raise OutputError(f"output {str(path)!r}: unknown extension {extension!r}{hint}")


def check(paths: Iterable[Path], inputs: Iterable[str | os.PathLike[str]] = ()) -> None:
    """Tries every output before the run. Raises :class:`OutputError` for one that can't be written, is named twice or
    is an input."""
    seen: dict[str, str] = {}
    for source in inputs:
        seen[_identity(source)] = "the input of that name"
    for path in paths:
        what = seen.get(_identity(path))
        if what is not None:
            raise OutputError(f"output {str(path)!r} would overwrite {what}; choose another name")
        seen[_identity(path)] = "another output of this run"
        _check_writable(path)


def _identity(path: str | os.PathLike[str]) -> str:
    return os.path.normcase(os.path.realpath(path))


def _check_writable(path: Path) -> None:
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise OutputError(f"output {str(path)!r} is a folder; name a file in it")
    if not target.parent.is_dir():
        raise OutputError(f"output {str(path)!r}: there is no folder {str(path.parent)!r}; make it first")
    if target.exists() and not (target.is_file() and os.access(target, os.W_OK)):
        raise OutputError(f"output {str(path)!r} exists and can't be overwritten; choose another name")
    try:
        # Only a trial tells: permissions, quotas and read-only file systems do not show in the folder's bits.
        temporary = _stage(path, b"")
        discard(temporary)
    except OSError as error:
        raise _unwritten(path, error) from None


def make_folder(folder: Path) -> None:
    """Makes a folder for pictures, unless it is there. Raises :class:`OutputError`."""
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(f"folder {str(folder)!r} can't be made: {error.strerror}; choose another") from None
    _check_writable(folder / "picture.png")


def write_files(contents: Mapping[Path, bytes]) -> None:
    """Writes all files or none: a full disk leaves the old ones whole and no temporary behind.

    Raises :class:`OutputError`.
    """
    staged: list[tuple[Path, Path]] = []
    path = Path()
    try:
        for path, data in contents.items():
            staged.append((_stage(path, data), path))
        for temporary, path in staged:
            os.replace(temporary, os.path.realpath(path))
            TEMPORARIES.discard(temporary)
    except OSError as error:
        raise _unwritten(path, error) from None
    finally:
        for temporary, _ in staged:
            discard(temporary)


def _unwritten(path: Path, error: OSError) -> OutputError:
    reason = error.strerror or str(error)
    return OutputError(f"output {str(path)!r} can't be written: {reason}; make room or choose another place")


def _stage(path: Path, data: bytes) -> Path:
    """A temporary file in the folder of ``path`` that holds ``data``, on disk and not only on its way there."""
    folder = os.path.dirname(os.path.realpath(path))
    temporary = Path(folder) / f".pixeldream-{secrets.token_hex(6)}.part"
    TEMPORARIES.add(temporary)
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except BaseException:
        discard(temporary)
        raise
    return temporary


def discard(temporary: Path) -> None:
    """Removes a temporary file, if it is there."""
    temporary.unlink(missing_ok=True)
    TEMPORARIES.discard(temporary)


def abandon() -> None:
    """Removes all temporary files: for a process that is about to end at once."""
    for temporary in list(TEMPORARIES):
        discard(temporary)
