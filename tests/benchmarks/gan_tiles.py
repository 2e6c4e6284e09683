"""Recipes of a GAN side by side on one set of pictures: the same steps or the same time for each, and figures of what
they draw beside those of real pictures against real ones.

    python tests/benchmarks/gan_tiles.py TILES.zip --cpu 2400 -o out            the preset, the plain DCGAN
    python tests/benchmarks/gan_tiles.py TILES.zip --cpu 150 -o out -r all      each switch of the preset in and out
    python tests/benchmarks/gan_tiles.py TILES.zip --cpu 600 -o out -m c64-sprites-multicolor

``--cpu`` is this process's time on all cores together, which a busy machine changes little: 20 minutes of two idle
cores are 2400 seconds. The first step, which compiles, does not count, nor does what ``--every`` measures on the way.
With a mode, each recipe is trained freely (or taken ``--from`` an earlier run's output) and then,
for as long again from where it was, once freely and once within the rules; the free drawings are converted afterwards,
and both are measured against converted pictures.

Figures are in the embedded network's features: they compare with each other only. A critic that sees through that
network is flattered by them, so ``--judge NAME=FILE`` names another one, whose features are divided by their deviations
over the real pictures. One sheet a recipe is written to the folder, and its checkpoint.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pixeldream.cli import gan_data, gan_sheet
from pixeldream.look import look
from pixeldream.neural.gan import figures
from pixeldream.neural.gan.loader import Pictures
from pixeldream.neural.gan.settings import Plan, Training, preset
from pixeldream.neural.gan.sight import sight
from pixeldream.neural.gan.train import Constraint, Run, latents, learnt_before
from pixeldream.neural.settings import DEFAULT_NETWORK
from pixeldream.neural.weights import resolve
from pixeldream.pieces import Pieces, choose
from pixeldream.plugin.registry import Registry, load

Recipe = tuple[Plan, Training]


def usual(name: str, size: int, classes: int) -> Recipe:
    """A preset as ``gan train`` has it for a small set."""
    plan, training = preset(name, size, classes=classes)
    return plan, replace(training, augment=("translation",))


def changed(
    name: str, plan: dict[str, object] | None = None, training: dict[str, object] | None = None
) -> Callable[[int, int], Recipe]:
    """A preset with something else in it."""

    def recipe(size: int, classes: int) -> Recipe:
        before = usual(name, size, classes)
        return replace(before[0], **plan or {}), replace(before[1], **training or {})  # type: ignore[arg-type]

    return recipe


SHOWN: dict[str, Callable[[int, int], Recipe]] = {
    "projected": changed("projected"),
    "steady": changed("steady"),
    "dcgan": lambda size, classes: preset("dcgan", size, width=128),
}
"""Whole recipes; the plain DCGAN is as wide as the presets."""

SWITCHES: dict[str, Callable[[int, int], Recipe]] = {
    "no-network": changed("projected", {"taps": (), "tap_widths": ()}),
    "no-spectral": changed("projected", {"spectral": False}),
    "no-critic-norm": changed("projected", {"critic_norm": False}),
    "relativistic": changed("projected", None, {"loss": "relativistic"}),
    "bce": changed("projected", None, {"loss": "bce"}),
    "two-rates": changed("projected", None, {"critic_rate": 8e-4}),
    "no-average": changed("projected", None, {"average": 0.0}),
    "no-augmentation": changed("projected", None, {"augment": ()}),
    "more-augmentation": changed("projected", None, {"augment": ("colour", "translation")}),
    "no-classes": lambda size, classes: usual("projected", size, 0),
    "no-modulation": changed("projected", {"modulated": False}),
    "no-refinement": changed("projected", {"refined": 0}),
    "steady-growth": changed("steady", {"grows": True}, {"growth": 300}),
    "steady-no-r1": changed("steady", None, {"r1": 0.0}),
    "steady-no-comparison": changed("steady", {"compares": False}),
    "steady-hinge-spectral": changed("steady", {"spectral": True}, {"loss": "hinge", "r1": 0.0}),
    "steady-one-rate": changed("steady", None, {"critic_rate": 4e-4}),
}
RECIPES = SHOWN | SWITCHES


class Sense(NamedTuple):
    """A network that measures. ``scale``: what its features are divided by."""

    network: Any
    weights: Any
    scale: np.ndarray | float = 1.0

    def features(self, images: np.ndarray) -> np.ndarray:
        """float64 ``[n, numbers]``."""
        return figures.features(self.network, self.weights, images) / self.scale


class Judge:
    """Measures drawings of some pictures, as they are or as a mode shows them."""

    def __init__(self, registry: Registry, images: np.ndarray, pieces: Pieces | None, others: list[str]) -> None:
        self._pieces = pieces
        senses = [Sense(*resolve(registry.networks[DEFAULT_NETWORK], None)[:2])]
        images = self._shown(images[np.random.default_rng(0).permutation(len(images))])
        self.count = len(images) // 2
        for other in others:
            name, _, file = other.partition("=")
            sense = Sense(*resolve(registry.networks[name], file or None)[:2])
            senses.append(sense._replace(scale=sense.features(images).std(0) + 1e-9))
        real = [sense.features(images) for sense in senses]
        self._senses, self._half = senses, [each[: self.count] for each in real]
        self._print("real", [each[self.count : 2 * self.count] for each in real], "")

    def _shown(self, images: np.ndarray) -> np.ndarray:
        return images if self._pieces is None else self._pieces.pictures(images)

    def see(self, name: str, drawings: np.ndarray, note: str) -> None:
        """Prints a line for each network."""
        shown = self._shown(drawings)
        self._print(name, [sense.features(shown) for sense in self._senses], note)

    def _print(self, name: str, made: list[np.ndarray], note: str) -> None:
        for sense, half, ours in zip(self._senses, self._half, made, strict=True):
            found = figures.compare(half, ours)
            numbers = f"{found.frechet:9.4f}{found.kernel:9.3f}{found.precision:10.2f}{found.recall:8.2f}"
            print(f"{name:24}{sense.network.name:14}{numbers}  {note}", flush=True)


def trained(run: Run, steps: int, seconds: float, every: float, look: Callable[[str], None]) -> str:
    """Trains for so many steps or so much of this process's time, whichever is given; what it took in words. ``look``
    is told every so many seconds of it."""
    run.step()
    spent, first, clock, following = 0.0, run.steps - 1, time.monotonic(), every

    def words() -> str:
        passed = time.monotonic() - clock
        return f"{run.steps} steps, {spent:.0f} s of CPU, {passed:.0f} s, {run.steps * run.training.batch} pictures"

    while (not steps or run.steps - first < steps) and (not seconds or spent < seconds):
        begun = time.process_time()
        run.step()
        spent += time.process_time() - begun
        if every and spent >= following and spent < seconds:
            following += every
            look(words())
    run.save()
    return words()


def drawn(run: Run, count: int) -> np.ndarray:
    """uint8 ``[count, size, size, 3]``: classes as often as in the pictures."""
    kinds = np.random.default_rng(1).permutation(run.pictures.classes)
    classes = np.resize(kinds, count) if run.plan.classes else np.zeros(count, np.int32)
    latent, found = latents(run.plan, 7, -(-count // 64) * 64), []
    for start in range(0, count, 64):
        part = np.resize(classes[start : start + 64], 64)
        found.append(run.sample(latent[start : start + 64], part))
    return np.rint(np.clip(np.concatenate(found)[:count], 0, 1) * 255).astype(np.uint8)


def options_of() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--steps", type=int, default=0)
    parser.add_argument("--cpu", type=float, default=0.0)
    parser.add_argument("--every", type=float, default=0.0)
    parser.add_argument("-r", "--recipe", action="append", choices=[*RECIPES, "all"])
    parser.add_argument("-m", "--mode")
    parser.add_argument("--from", dest="start", type=Path, help="an earlier output, to begin with its recipes")
    parser.add_argument("--strict", type=float, default=0.5, help="the part of the pictures that are wholly legal")
    parser.add_argument("--judge", action="append", default=[], metavar="NAME[=FILE]")
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    if not (options.steps or options.cpu):
        parser.error("give --steps or --cpu")
    return options


def main() -> None:
    options = options_of()
    names = options.recipe or ["projected", "dcgan"]
    names = list(RECIPES) if "all" in names else names
    options.output.mkdir(parents=True, exist_ok=True)
    found = gan_data.collect(options.pictures, options.size, by_folder=True)
    registry = load()
    pieces = None if options.mode is None else choose(look(registry, options.mode), options.size, found.images)
    print(f"{len(found.images)} pictures in {len(found.names)} classes", flush=True)
    print(f"{'':38}  Fréchet   kernel precision  recall")
    judge = Judge(registry, found.images, pieces, options.judge)
    embedded = resolve(registry.networks[DEFAULT_NETWORK], None)[:2]

    def train(name: str, run: Run) -> None:
        def measure(note: str) -> None:
            made = drawn(run, judge.count)
            shown = made[:100] if pieces is None else pieces.pictures(made[:100])
            (options.output / f"{name}.png").write_bytes(gan_sheet.png(gan_sheet.grid(shown)))
            judge.see(name, made, note)

        measure(trained(run, options.steps, options.cpu, options.every, measure))

    for name in names:
        plan, training = RECIPES[name](options.size, len(found.names))
        pictures = Pictures(found.images, found.classes if plan.classes else np.zeros_like(found.classes))
        through = sight(plan, *embedded)
        begun = None if options.start is None else learnt_before(plan, training, options.start / name)
        run = Run(plan, training, pictures, folder=options.output / name, keep=1, state=begun, sight=through)
        if options.start is None:
            train(name, run)
        if pieces is None:
            continue
        within = Constraint(pieces.rule, pieces.arrays())
        ruled = replace(training, strict=options.strict)
        state = run.state._replace(step=run.state.step * 0)
        ours = Run(plan, ruled, pictures, within, state=state, sight=through)
        train(f"{name}, then within", ours)
        train(f"{name}, then freely", run)


if __name__ == "__main__":
    main()
