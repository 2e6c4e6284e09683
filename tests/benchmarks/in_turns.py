"""Two ways to do one thing, timed in turns within one process, so that a busy machine slows both.

Beside the time on the wall stands that of the processor, of all threads together: where other programs run, it is the
steadier of the two.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping


def ratio(steps: Mapping[str, Callable[[], None]], rounds: int, title: str) -> None:
    """Prints the median times of each step and the median ratios of the first to the second, where there are two. The
    first turn compiles, and does not count."""
    wall: dict[str, list[float]] = {name: [] for name in steps}
    busy: dict[str, list[float]] = {name: [] for name in steps}
    for turn in range(rounds + 1):
        for name, step in steps.items():
            begin, worked = time.perf_counter(), time.process_time()
            step()
            if turn:
                wall[name].append(time.perf_counter() - begin)
                busy[name].append(time.process_time() - worked)
    print(f"{title}, median of {rounds}:")
    for name, values in wall.items():
        median, worked = statistics.median(values), statistics.median(busy[name])
        print(f"  {name:<10} {median:.3f} s, {1 / median:.2f} steps/s; {worked:.3f} s of the processor")
    if len(wall) == 2:
        first, second = wall
        on_wall, of_processor = (
            statistics.median(a / b for a, b in zip(kind[first], kind[second], strict=True)) for kind in (wall, busy)
        )
        words = f"({first} / {second}, pair by pair; lower is better for us)"
        print(f"  ratio      {on_wall:.2f}, {of_processor:.2f} of the processor's time {words}")
