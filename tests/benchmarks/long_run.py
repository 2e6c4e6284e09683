"""Whether a long run grows: resident memory after a tenth and at the end of 10,000 steps; exit code 1 if it does.

    python tests/benchmarks/long_run.py [STEPS]

It reads /proc: Linux only.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

from pixeldream.api import StylizeJob
from pixeldream.look import look
from pixeldream.neural.networks import vgg
from pixeldream.neural.settings import Settings
from pixeldream.neural.stylize import LoadedNetwork, Style
from pixeldream.plugin.registry import load
from pixeldream.retro.display import display_size
from pixeldream.retro.schedule import Schedule

GROWTH = 0.01
"""The largest share by which it may grow."""


def resident() -> int:
    """Kilobytes."""
    text = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("VmRSS:"))


def job(steps: int) -> StylizeJob:
    """A run in pico-8, the smallest screen, with two thin convolutions."""
    random, arrays = np.random.default_rng(0), {}
    for layer, before, width in (("1_1", 3, 4), ("2_1", 4, 6)):
        arrays[f"conv{layer}_w"] = random.normal(0, 0.2, (3, 3, before, width)).astype(np.float32)
        arrays[f"conv{layer}_b"] = np.zeros(width, np.float32)
    chosen = look(load(), "pico-8")
    width, height = display_size(chosen.mode)
    content, style = (random.uniform(0, 1, (height, width, 3)).astype(np.float32) for _ in range(2))
    network = LoadedNetwork(vgg.build(arrays), arrays)
    settings, schedule = Settings(steps=steps, sketch=0.0), Schedule.parse("straight-through")
    return StylizeJob(content, [Style(style)], [network], chosen, schedule, settings)


def main() -> int:
    """Prints the two sizes and the growth."""
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    begin, first = time.perf_counter(), 0
    for progress in job(steps).run():
        float(progress.losses["total"])
        if progress.step == steps // 10:
            first = resident()
    last = resident()
    print(f"{steps} steps in {time.perf_counter() - begin:.0f} s: {first} kB after a tenth, {last} kB at the end")
    print(f"growth {last / first - 1:.3%}")
    return int(last / first - 1 >= GROWTH)


if __name__ == "__main__":
    sys.exit(main())
