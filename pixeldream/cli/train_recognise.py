"""``pixeldream train recognise``: the network that names dithers."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated

from pixeldream.cli.common import open_registry, say, tell
from pixeldream.cli.options import OptionError, PluginFiles, Quiet, integer, option
from pixeldream.cli.progress import Bar
from pixeldream.cli.recipe import versions
from pixeldream.cli.train import REPORT_SECONDS, Checkpoint, Resume, Seed, check_places

Pictures = Annotated[int, integer("--pictures", help="How many for each dither and shape of pixels.")]
Steps = Annotated[int, integer("--steps", help="How many steps.")]
Out = Annotated[Path, option("--out", "-o", metavar="FILE", help="The weights: a .safetensors file.")]


def recognise(
    pictures: Pictures = 32,
    steps: Steps = 2500,
    seed: Seed = 1,
    checkpoint: Checkpoint = None,
    resume: Resume = False,
    out: Out = Path("recognise.safetensors"),
    plugin: PluginFiles = None,
    quiet: Quiet = False,
) -> None:
    """Train the network that 'recognise' names dithers with, from pictures made by code.

    They are drawn in machines' colours with every registered dither and measured, which takes most of the time; the
    checkpoint keeps what is measured.
    """
    if pictures < 2 or steps < 1:
        raise OptionError(f"--pictures {pictures} --steps {steps}: at least 2 and 1 are needed")
    check_places(out, checkpoint, resume)
    registry = open_registry(plugin)
    from pixeldream.dither_lessons import collect, lessons
    from pixeldream.neural.dither_reader import Learning, learn
    from pixeldream.neural.dither_stack import learn_stack_of
    from pixeldream.neural.weights import save_weights
    from pixeldream.templates import compared_with

    began = said = time.monotonic()
    compared = compared_with(registry)
    number = len(list(lessons(registry)))
    how = Learning(steps=steps, seed=seed)
    examples = []
    with Bar("training", quiet) as bar:
        for lesson, values in collect(registry, pictures, seed, compared, how.kept_of(pictures), checkpoint):
            examples.append((lesson.dither, values))
            bar.move(0.95 * len(examples) / number, lesson.name)
            if not quiet and not sys.stderr.isatty() and time.monotonic() - said > REPORT_SECONDS:
                say(f"{lesson.name}, {len(examples)} of {number}")
                said = time.monotonic()
        for part, _, learnt in learn([(name, each.statistics) for name, each in examples], compared, how):
            bar.move(0.95 + 0.05 * part, "network")
            reader = learnt
    assert reader is not None
    stack = learn_stack_of(reader, examples)
    facts = {
        "names": " ".join(reader.names), "pictures": str(sum(len(each.statistics) for _, each in examples)),
        "seed": str(seed), "minutes": f"{(time.monotonic() - began) / 60:.1f}",
        "versions": ", ".join(f"{name} {version}" for name, version in versions().items()),
    }  # fmt: skip
    facts |= {each: " ".join(getattr(compared, each)) for each in ("templates", "kernels", "traced")}
    save_weights(out, {**reader.arrays, **stack.arrays}, facts)
    tell(str(out))
