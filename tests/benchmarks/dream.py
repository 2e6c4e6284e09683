"""What a dream within the rules keeps of one without, and how long a step takes beside plain PyTorch.

    python tests/benchmarks/dream.py gain [-n NETWORK[=FILE]] [-m MODE] [-l LAYER ...] [--steps N] [PICTURE ...]
    python tests/benchmarks/dream.py speed [SIDE] [ROUNDS]

``gain``: how much more of what was dreamt of is in the picture than in the photo, for the dream without limits, the one
with the mode's rules in every step of its last part, and the one without limits converted afterwards (nearest colours
and Floyd-Steinberg), each as written, at display geometry and in the same number of steps; with the usual settings, and
for the embedded sample, where nobody says otherwise. ``speed``: a step of the
usual dream (L2 of relu4_2, VGG-19's shape, jitter, normalised gradient) against the same in PyTorch as its users write
it, interleaved in one process; without torch only our own time is printed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from in_turns import ratio
from style_step import random_weights

from pixeldream import images
from pixeldream.api import convert_look
from pixeldream.canvas import RGB
from pixeldream.dreams import DreamJob
from pixeldream.look import look
from pixeldream.neural.ascent import ASCENT
from pixeldream.neural.dream import load, make_objective
from pixeldream.neural.dream_settings import DreamSettings
from pixeldream.neural.networks.vgg import build
from pixeldream.neural.optimise import _step, identity
from pixeldream.neural.watched import LoadedNetwork
from pixeldream.neural.weights import resolve
from pixeldream.plugin.registry import Registry
from pixeldream.plugin.registry import load as load_registry
from pixeldream.retro.display import display_size
from pixeldream.retro.schedule import Schedule
from pixeldream.scenes import sample_content

LAYER = "relu4_2"
JITTER = 16


def gain(network: str, mode: str, steps: int, files: list[str], layers: tuple[str, ...] = ()) -> None:
    """Prints a line for each picture, and the smallest and the median of all."""
    registry = load_registry()
    name, _, file = network.partition("=")
    settings = DreamSettings(layers=layers)
    if steps:
        settings = replace(settings, steps=steps, finish_steps=steps)
    built, arrays, _ = resolve(registry.networks[name], Path(file) if file else None)
    loaded, chosen = load(built, arrays, settings), look(registry, mode)
    print(f"{name} {' '.join(layers)}, {mode}, {settings.steps} steps an octave: share of the free dream's gain")
    print(f"{'picture':<24} {'photo':>7} {'free':>7}   in the loop   nearest colours   Floyd-Steinberg")
    kept = []
    for source in files or [""]:
        photo = images.read_image(source) if source else sample_content(*display_size(chosen.mode))
        job = DreamJob(
            images.fit(photo, chosen.mode), loaded, chosen, Schedule.parse("straight-through"), settings
        )  # fmt: skip
        begin, reached, shares = _gains(job, registry, mode)
        kept.append(shares[0])
        words = f"{Path(source).name or 'the sample':<24} {begin:7.3f} {reached:7.3f}"
        print(f"{words}   {shares[0]:11.2f}   {shares[1]:15.2f}   {shares[2]:15.2f}", flush=True)
    print(f"in the loop: median {np.median(kept):.2f}, smallest {min(kept):.2f}; bar .80", flush=True)


def _gains(job: DreamJob, registry: Registry, mode: str) -> tuple[float, float, list[float]]:
    """How much there is in the photo and in the free dream, and the shares of the three legal pictures. The free dream
    and the one in the loop part after the octaves."""
    octaves = len(job.dreamer.sizes) * job.settings.steps
    for progress in job.run():
        if progress.step == octaves:
            dreamt = progress.image()
    *_, free = replace(job, look=None).dreamer.onward(dreamt, job.settings.finish_steps, 0)
    image = np.rint(np.asarray(free.finish()) * 255).astype(np.float32) / 255
    judge = job.dreamer.gained()
    begin, reached = judge.of(job.start), judge.of(image)
    after = (convert_look(image, look(registry, mode, dither=dither)) for dither in ("none", "floyd-steinberg"))
    shares = [(judge.of(job.shown(each)) - begin) / (reached - begin) for each in (progress.finish(), *after)]
    return begin, reached, shares


def ours(weights: dict[str, np.ndarray], image: np.ndarray) -> Callable[[], None]:
    """A function that makes one step of ours and waits for it."""
    loaded = LoadedNetwork(build(weights), jax.tree.map(jnp.asarray, weights))
    settings = DreamSettings(layers=(LAYER,), jitter=JITTER)
    objective, arrays = make_objective(loaded, image.shape[:2], settings)  # type: ignore[arg-type]
    params, state = RGB.init(image)
    held = [params, ASCENT.init(params), state]
    number, rate = jnp.asarray(1, jnp.int32), jnp.asarray(0.006, jnp.float32)

    def step() -> None:
        traced = arrays, *held, number, rate
        *held[:], _ = _step(objective, RGB.show, RGB.settle, identity, *traced, optimiser=ASCENT)
        jax.block_until_ready(held)

    return step


def theirs(weights: dict[str, np.ndarray], image: np.ndarray) -> Callable[[], None]:
    """The same step in PyTorch."""
    import torch
    from torch.nn import functional

    kernels = {
        name[:-2]: (
            torch.tensor(weights[name]).permute(3, 2, 0, 1).contiguous(),
            torch.tensor(weights[name[:-2] + "_b"]),
        )
        for name in weights
        if name.endswith("_w")
    }

    def features(value: torch.Tensor) -> torch.Tensor:
        value, block = value * 2 - 1, "1"
        for name, (kernel, bias) in kernels.items():
            if name[4] != block:
                value, block = functional.max_pool2d(value, 2), name[4]
            value = functional.relu(functional.conv2d(functional.pad(value, (1, 1, 1, 1), "reflect"), kernel, bias))
            if "relu" + name[4:] == LAYER:
                break
        return value

    held = [torch.tensor(image).permute(2, 0, 1)[None].contiguous()]
    random = np.random.default_rng(0)

    def step() -> None:
        shift = tuple(int(s) for s in random.integers(-JITTER, JITTER + 1, 2))
        moved = torch.roll(held[0], shift, (2, 3)).requires_grad_()
        features(moved).square().mean().backward()
        with torch.no_grad():
            gradient = moved.grad
            new = moved + 0.006 * gradient / gradient.abs().mean()
            held[0] = torch.roll(new.clamp(0, 1), (-shift[0], -shift[1]), (2, 3)).detach()

    return step


def speed(side: int, rounds: int) -> None:
    """Prints both times and their ratio."""
    image, weights = np.random.default_rng(1).uniform(0, 1, (side, side, 3)).astype(np.float32), random_weights()
    steps = {"pixeldream": ours(weights, image)}
    try:
        steps["torch"] = theirs(weights, image)
    except ImportError:
        print("torch is not installed: no ratio")
    ratio(steps, rounds, f"VGG-19 dream step ({LAYER}) at {side} px on {jax.devices()[0].device_kind}")


def main() -> None:
    kind, *rest = sys.argv[1:] or ["gain"]
    if kind == "speed":
        speed(int(rest[0]) if rest else 256, int(rest[1]) if len(rest) > 1 else 5)
        return
    options = argparse.ArgumentParser("dream.py gain")
    options.add_argument("-n", "--network", default="embedded", metavar="NAME[=FILE]")
    options.add_argument("-m", "--mode", default="c64-multicolor")
    options.add_argument("-l", "--layer", action="append", default=[], metavar="LAYER[:CHANNEL][:WEIGHT]")
    options.add_argument(
        "--steps", type=int, default=0, help="at each octave, and to finish; the usual ones if left out"
    )
    options.add_argument("pictures", nargs="*")
    asked = options.parse_args(rest)
    gain(asked.network, asked.mode, asked.steps, asked.pictures, tuple(asked.layer))


if __name__ == "__main__":
    main()
