"""Two ways to do one thing, timed in turns within one process, so that a busy machine slows both."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping


def ratio(steps: Mapping[str, Callable[[], None]], rounds: int, title: str) -> None:
    """Prints the median time of each step and the median ratio of the first to the second, where there are two. The
    first turn compiles, and does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for turn in range(rounds + 1):
        for name, step in steps.items():
            begin = time.perf_counter()
            step()
            if turn:
                seconds[name].append(time.perf_counter() - begin)
    print(f"{title}, median of {rounds}:")
    for name, values in seconds.items():
        median = statistics.median(values)
        print(f"  {name:<10} {median:.3f} s, {1 / median:.2f} steps/s")
    if len(seconds) == 2:
        (first, one), (second, other) = seconds.items()
        ratios = [a / b for a, b in zip(one, other, strict=True)]
        print(
            f"  ratio      {statistics.median(ratios):.2f} ({first} / {second}, pair by pair; lower is better for us)"
        )
