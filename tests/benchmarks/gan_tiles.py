"""Recipes of a GAN side by side on one set of pictures: the same steps or the same time for each, and figures of what
they draw beside those of real pictures against real ones.

    python tests/benchmarks/gan_tiles.py TILES.zip --cpu 2400 -o out            the preset, the plain DCGAN
    python tests/benchmarks/gan_tiles.py TILES.zip --steps 5000 -o out -r all   each switch of the preset in and out
    python tests/benchmarks/gan_tiles.py TILES.zip --cpu 600 -o out -m c64-sprites-multicolor

``--cpu`` is this process's time on all cores together, which a busy machine changes little: 20 minutes of two idle
cores are 2400 seconds. With a mode, each recipe is trained freely and then, for as long again from where it was, once
freely and once within the rules; the free drawings are converted afterwards, and both are measured against converted
pictures. Figures are in the embedded network's features: they compare with each other only. One sheet a recipe is
written to the folder.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from pixeldream.cli import gan_data, gan_sheet
from pixeldream.look import look
from pixeldream.neural.gan import figures
from pixeldream.neural.gan.loader import Pictures
from pixeldream.neural.gan.settings import Plan, Training, preset
from pixeldream.neural.gan.train import Constraint, Run, latents
from pixeldream.neural.settings import DEFAULT_NETWORK
from pixeldream.neural.weights import resolve
from pixeldream.pieces import Pieces, choose
from pixeldream.plugin.registry import Registry, load

Recipe = tuple[Plan, Training]


def steady(size: int, classes: int) -> Recipe:
    """As ``gan train`` does for a small set."""
    plan, training = preset("steady", size, classes=classes)
    return plan, replace(training, augment=("translation",))


def dcgan(size: int, classes: int) -> Recipe:
    """The plain one, as wide as the preset."""
    return preset("dcgan", size, width=128)


def changed(plan: dict[str, object], training: dict[str, object]) -> Callable[[int, int], Recipe]:
    """The preset with something else in it."""

    def recipe(size: int, classes: int) -> Recipe:
        before = steady(size, classes)
        return replace(before[0], **plan), replace(before[1], **training)  # type: ignore[arg-type]

    return recipe


RECIPES: dict[str, Callable[[int, int], Recipe]] = {
    "steady": steady,
    "dcgan": dcgan,
    "growth": changed({"grows": True}, {"growth": 1000}),
    "no-classes": lambda size, classes: steady(size, 0),
    "no-modulation": changed({"modulated": False}, {}),
    "no-comparison": changed({"compares": False}, {}),
    "uneven": changed({"even": False}, {}),
    "no-average": changed({}, {"average": 0.0}),
    "no-augmentation": changed({}, {"augment": ()}),
    "more-augmentation": changed({}, {"augment": ("colour", "translation")}),
    "no-r1": changed({}, {"r1": 0.0}),
    "bce": changed({}, {"loss": "bce"}),
    "hinge-spectral": changed({"spectral": True}, {"loss": "hinge", "r1": 0.0}),
    "one-rate": changed({}, {"critic_rate": 4e-4}),
    "refined": changed({"refined": 8}, {}),
}


class Judge:
    """Measures drawings of some pictures, as they are or as a mode shows them."""

    def __init__(self, registry: Registry, images: np.ndarray, pieces: Pieces | None) -> None:
        self._network, self._weights, _ = resolve(registry.networks[DEFAULT_NETWORK], None)
        self._pieces = pieces
        order = np.random.default_rng(0).permutation(len(images))
        real = self._features(images[order])
        self.count = len(real) // 2
        self._half = real[: self.count]
        self.print("real", figures.compare(self._half, real[self.count : 2 * self.count]), "")

    def _features(self, images: np.ndarray) -> np.ndarray:
        shown = images if self._pieces is None else self._pieces.pictures(images)
        return figures.features(self._network, self._weights, shown)

    def see(self, name: str, drawings: np.ndarray, note: str) -> None:
        """Prints a line."""
        self.print(name, figures.compare(self._half, self._features(drawings)), note)

    @staticmethod
    def print(name: str, found: figures.Figures, note: str) -> None:
        numbers = f"{found.frechet:9.4f}{found.kernel:9.3f}{found.precision:10.2f}{found.recall:8.2f}"
        print(f"{name:24}{numbers}  {note}", flush=True)


def trained(run: Run, steps: int, seconds: float) -> str:
    """Trains for so many steps or so much of this process's time, whichever is given; what it took in words."""
    begun, first, clock = time.process_time(), run.steps, time.monotonic()
    while (not steps or run.steps - first < steps) and (not seconds or time.process_time() - begun < seconds):
        run.step()
    spent, passed = time.process_time() - begun, time.monotonic() - clock
    return f"{run.steps} steps, {spent:.0f} s of CPU, {passed:.0f} s, {run.steps * run.training.batch} pictures"


def drawn(run: Run, count: int) -> np.ndarray:
    """uint8 ``[count, size, size, 3]``: classes as often as in the pictures."""
    kinds = np.random.default_rng(1).permutation(run.pictures.classes)
    classes = np.resize(kinds, count) if run.plan.classes else np.zeros(count, np.int32)
    latent, found = latents(run.plan, 7, -(-count // 64) * 64), []
    for start in range(0, count, 64):
        part = np.resize(classes[start : start + 64], 64)
        found.append(run.sample(latent[start : start + 64], part))
    return np.rint(np.clip(np.concatenate(found)[:count], 0, 1) * 255).astype(np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--steps", type=int, default=0)
    parser.add_argument("--cpu", type=float, default=0.0)
    parser.add_argument("-r", "--recipe", action="append", choices=[*RECIPES, "all"])
    parser.add_argument("-m", "--mode")
    parser.add_argument("--ease", type=int, default=1500, help="steps in which pictures become legal")
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    if not (options.steps or options.cpu):
        parser.error("give --steps or --cpu")
    names = options.recipe or ["steady", "dcgan"]
    names = list(RECIPES) if "all" in names else names
    options.output.mkdir(parents=True, exist_ok=True)
    found = gan_data.collect(options.pictures, options.size, by_folder=True)
    registry = load()
    pieces = None if options.mode is None else choose(look(registry, options.mode), options.size, found.images)
    print(f"{len(found.images)} pictures in {len(found.names)} classes", flush=True)
    print(f"{'':24}  Fréchet   kernel precision  recall")
    judge = Judge(registry, found.images, pieces)

    def measure(name: str, run: Run, note: str) -> None:
        made = drawn(run, judge.count)
        shown = made[:100] if pieces is None else pieces.pictures(made[:100])
        (options.output / f"{name}.png").write_bytes(gan_sheet.png(gan_sheet.grid(shown)))
        judge.see(name, made, note)

    for name in names:
        plan, training = RECIPES[name](options.size, len(found.names))
        pictures = Pictures(found.images, found.classes if plan.classes else np.zeros_like(found.classes))
        run = Run(plan, training, pictures)
        measure(name, run, trained(run, options.steps, options.cpu))
        if pieces is None:
            continue
        within = Constraint(pieces.rule, pieces.arrays())
        ruled = replace(training, ease=options.ease)
        state = run.state._replace(step=run.state.step * 0)
        ours = Run(plan, ruled, pictures, within, state=state)
        measure(f"{name}, then freely", run, trained(run, options.steps, options.cpu))
        measure(f"{name}, then within", ours, trained(ours, options.steps, options.cpu))


if __name__ == "__main__":
    main()
