"""What one sees of a run: a bar on the terminal, a preview, the working stages."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np

from pixeldream.cli.output import TEMPORARIES, discard, write_files
from pixeldream.images import repeat, to_png
from pixeldream.retro.mode import Mode, Picture

if TYPE_CHECKING:
    from pixeldream.api import StylizeJob
    from pixeldream.neural.optimise import Progress

MOMENTS = 8
"""How many pictures of the run ``--stages`` keeps."""

REDRAW_SECONDS = 0.1
"""Between two drawings of the bar."""

_LENGTH = 24

PREVIEW_SECONDS = 2.0
"""Between two previews."""


class Bar:
    """A line on stderr that shows what part is done and how long the rest takes: on a terminal only. ``first``: what is
    said before there is any part."""

    def __init__(self, label: str, quiet: bool = False, first: str = "compiling") -> None:
        self._words = first
        self._label, self._shown = label, sys.stderr.isatty() and not quiet
        self._drawn = self._begin = self._first = 0.0

    def __enter__(self) -> Self:
        if self._shown:
            self._draw(f"{self._label} {_ruler(0)} {self._words}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown:
            print(file=sys.stderr)

    def _draw(self, line: str) -> None:
        print("\r" + line[: shutil.get_terminal_size().columns - 1] + "\x1b[K", end="", file=sys.stderr, flush=True)

    def move(self, part: float, text: str) -> None:
        """Shows that ``part``, 0 to 1, is done, with some words."""
        now = time.monotonic()
        if not self._begin:
            # The first step compiles: it says nothing about the others.
            self._begin, self._first = now, part
        if not self._shown or (now - self._drawn < REDRAW_SECONDS and part < 1):
            return
        self._drawn = now
        done = part - self._first
        left = f"{_clock((now - self._begin) / done * (1 - part))} left" if done > 0 else ""
        self._draw(f"{self._label} {_ruler(part)} {text}  {left}")

    def __call__(self, progress: Progress, losses: Mapping[str, float]) -> None:
        """Shows a run's step and losses."""
        words = f"{progress.step}/{progress.steps}  content {losses['content']:.3f}  style {losses['style']:.3f}"
        self.move(progress.step / progress.steps, words)


def _ruler(part: float) -> str:
    done, rest = ("━", "─") if (sys.stderr.encoding or "").lower().startswith("utf") else ("#", ".")
    return done * int(part * _LENGTH) + rest * (_LENGTH - int(part * _LENGTH))


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def seen(progress: Progress, mode: Mode) -> np.ndarray:
    """float32 ``[height, width, 3]`` of a run's picture now, in display pixels (smaller at a coarse scale)."""
    image = np.asarray(progress.image())
    width, height = mode.size
    return repeat(image, mode) if image.shape[:2] == (height, width) else image


class Preview:
    """Keeps a PNG of the picture so far in ``path``, made anew every two seconds; it is gone when the run is over."""

    def __init__(self, path: Path, mode: Mode) -> None:
        self.path, self._mode, self._last = path, mode, 0.0
        TEMPORARIES.add(path)

    def __enter__(self) -> Preview:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        discard(self.path)

    def __call__(self, progress: Progress, losses: Mapping[str, float]) -> None:
        """Writes the picture, unless it did so a moment ago."""
        now = time.monotonic()
        if now - self._last >= PREVIEW_SECONDS:
            write_files({self.path: to_png(seen(progress, self._mode))})
            self._last = now


class Stages:
    """The working stages as PNG files of a folder: content, styles, start, eight moments of the run, the end."""

    def __init__(self, folder: Path, job: StylizeJob) -> None:
        self._folder, self._mode = folder, job.look.mode
        steps = job.settings.steps
        self._moments = {max(1, round(steps * part / MOMENTS)) for part in range(1, MOMENTS + 1)}
        self._write("1-content", job.content)
        for count, style in enumerate(job.styles, 1):
            self._write("2-style" if len(job.styles) == 1 else f"2-style-{count}", style.image)
        self._write("3-start", job.content if job.start is None else job.start)

    def __call__(self, progress: Progress, losses: Mapping[str, float]) -> None:
        """Keeps the picture, if this is one of the moments."""
        if progress.step in self._moments:
            self._write(f"4-step-{progress.step:0{len(str(progress.steps))}}", seen(progress, self._mode))

    def end(self, picture: Picture) -> None:
        """Keeps the legal picture."""
        self._write("5-final", repeat(picture.image().astype(np.float32) / 255.0, self._mode))

    def _write(self, name: str, image: np.ndarray) -> None:
        write_files({self._folder / f"{name}.png": to_png(image)})
