"""A training as it is followed: the bar, a line now and then, sheets, checkpoints, Ctrl-C."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from pixeldream.cli.common import say
from pixeldream.cli.gan_run import Folder
from pixeldream.cli.interrupt import Interrupt
from pixeldream.cli.options import OptionError
from pixeldream.cli.progress import Bar

if TYPE_CHECKING:
    from pixeldream.neural.gan.loop import Goal, Loop

SHEET_SECONDS, CHECKPOINT_SECONDS, TALK_SECONDS = 10.0, 60.0, 60.0
"""At least so long between two sheets, two checkpoints, two lines of talk."""


def goal_of(steps: int, epochs: float, minutes: float, usual: float) -> Goal:
    """As asked for; the ``usual`` minutes where nothing is."""
    from pixeldream.neural.gan.loop import Goal

    return Goal(steps, minutes if steps or epochs or minutes else usual, epochs)


def follow(
    loop: Loop, goal: Goal, folder: Folder, interrupt: Interrupt, quiet: bool, sheet: Callable[[], bytes]
) -> None:
    """Trains until the goal is reached or Ctrl-C is pressed. ``sheet``: a PNG of what is learnt. Of several processes
    the first alone writes and speaks. Raises :class:`OptionError` where there is nothing left to do."""
    if goal.part(loop) >= 1:
        raise OptionError(f"the run is at its end, {_where(loop)}; ask for more --steps, --epochs or --minutes")
    first = loop.devices.first
    talk = first and not quiet and not sys.stderr.isatty()
    drawn = saved = said = 0.0
    before = int(loop.epochs)
    with Bar("training", quiet or not first) as bar:
        for _ in loop.go(goal):
            interrupt.keep()
            bar.move(goal.part(loop), _where(loop))
            now = time.monotonic()
            if not said:  # the first step compiles: it says nothing about the others
                drawn = saved = said = now
            if int(loop.epochs) > before and now - drawn > SHEET_SECONDS:
                before, drawn = int(loop.epochs), now
                _draw(loop, folder, sheet)
            if now - saved > CHECKPOINT_SECONDS:
                loop.save()
                saved = now
            if talk and now - said > TALK_SECONDS:
                say(_line(loop))
                said = now
            if loop.devices.agree(interrupt.asked, loop.steps):
                break
    loop.save()
    _draw(loop, folder, sheet)


def _draw(loop: Loop, folder: Folder, sheet: Callable[[], bytes]) -> None:
    """Writes the sheet of the epoch, and the curve."""
    if loop.devices.first:
        folder.write_sheet(f"epoch-{int(loop.epochs):04}-step-{loop.steps:06}", sheet())
        folder.write_curve(loop)


def _where(loop: Loop) -> str:
    return f"step {loop.steps}, {loop.epochs:.1f} epochs, {loop.seconds / 60:.1f} minutes"


def _line(loop: Loop) -> str:
    if not loop.curve:
        return _where(loop)
    figures = ", ".join(
        f"{name} {value:.3f}" for name, value in zip(loop.lesson.figures, loop.curve[-1][1:], strict=True)
    )
    return f"{_where(loop)}: {figures}"
