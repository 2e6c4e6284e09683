"""Whether a run fits into memory, asked before it begins."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pixeldream.cli.options import OptionError, integer

if TYPE_CHECKING:
    from pixeldream.api import StylizeJob

MemoryLimit = Annotated[
    int | None, integer("--memory-limit", help="Megabytes that the run may take, instead of those that are free.")
]

TILES = (512, 256, 128, 64)
"""Sides that are tried for a run that does not fit."""

TIGHT = 0.5
"""The share of what is free from which on a run is told what it needs: it takes that from the others."""

_MEGABYTE = 1 << 20


@dataclass(frozen=True)
class Need:
    """Megabytes: what the run takes at its peak by estimate, and what there is for it; None where nobody can say."""

    estimate: int
    available: int | None

    @property
    def fits(self) -> bool:
        """Whether it does."""
        return self.available is None or self.estimate <= self.available

    @property
    def tight(self) -> bool:
        """Whether little would be left: worth a line."""
        return self.available is not None and self.estimate > TIGHT * self.available

    def report(self) -> dict[str, int | None]:
        """As ``--report`` gives it."""
        return {"estimate_mb": self.estimate, "available_mb": self.available}


def check(job: StylizeJob, limit: int | None) -> Need:
    """What the run needs. Raises ``OptionError`` when that is more than there is, or than ``limit`` megabytes."""
    if limit is not None and limit < 1:
        raise OptionError(f"--memory-limit {limit}: megabytes of at least 1")
    available = limit if limit is not None else free()
    need = Need(_megabytes(job.memory()), available)
    if not need.fits:
        raise OptionError(f"the run needs about {need.estimate} MB and {available} MB are free; {_ways_out(job, need)}")
    return need


def _megabytes(count: int) -> int:
    return -(-count // _MEGABYTE)


def _ways_out(job: StylizeJob, need: Need) -> str:
    others = "a smaller mode or another network; --memory-limit MB if you know better"
    largest = min(TILES[0], job.settings.tile or TILES[0])
    for tile in TILES if not job.more else ():
        if tile > largest or tile == job.settings.tile:
            continue
        estimate = _megabytes(job.tiled(tile).memory())
        if need.available is not None and estimate <= need.available:
            return f"use --tile {tile} (about {estimate} MB), {others}"
    return f"use {others}"


def free() -> int | None:
    """Megabytes that this process may take on the device that computes, with those that it has; None if unknown."""
    import jax

    device = jax.devices()[0]
    if device.platform != "cpu":
        found = device.memory_stats() or {}
        limit = found.get("bytes_limit")
        return None if limit is None else int(limit) // _MEGABYTE
    bounds = [room for room in (_of_machine(), _of_group()) if room is not None]
    return (min(bounds) + _held()) // _MEGABYTE if bounds else None


def _held() -> int:
    """Bytes that the process has already."""
    return _field("/proc/self/status", "VmRSS:") or 0


def _of_machine() -> int | None:
    """Bytes that the machine has to give."""
    return _field("/proc/meminfo", "MemAvailable:")


def _field(name: str, field: str) -> int | None:
    """Bytes of a line ``Field:  123 kB``."""
    for line in _lines(name):
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    return None


def _of_group() -> int | None:
    """Bytes that the control group of a container has left; the page cache counts as free."""
    folder = Path("/sys/fs/cgroup")
    whole = _numbers(folder / "memory.max")
    used = _numbers(folder / "memory.current")
    if whole is None or used is None:
        return None
    cache = next((int(line.split()[1]) for line in _lines(folder / "memory.stat") if line.startswith("file ")), 0)
    return max(0, whole - max(0, used - cache))


def _numbers(path: Path) -> int | None:
    """A file's one number; None for "max"."""
    text = "".join(_lines(path)).strip()
    return int(text) if text.isdigit() else None


def _lines(path: Path | str) -> Iterable[str]:
    try:
        return Path(path).read_text("utf-8", "replace").splitlines()
    except OSError:
        return []
