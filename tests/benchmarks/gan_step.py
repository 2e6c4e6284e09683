"""One step of a DCGAN's training (64 px, batch 64) beside the same networks in PyTorch, where that is installed.

    python tests/benchmarks/gan_step.py [--size 64] [--batch 64] [--width 512] [--threads 2] [--rounds 5]

Both sides make one set of drawings a step, as the public example does: the critic learns from real pictures and from
drawings, then the generator from the critic that has just learnt. Rounds alternate, so that whatever else the machine
does hits both; the figures are the ratio of the medians and, by this process's time, what threads that wait for each
other on a busy machine change least with one core for both: ``taskset -c 0 ... --threads 1``. Time to compile is
printed beside.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pixeldream.neural.gan.settings import Plan, Training, preset
from pixeldream.neural.gan.step import begin, train_step


def ours(plan: Plan, training: Training, images: np.ndarray) -> Callable[[], None]:
    """A step of ours; waits for it."""
    real, classes = jnp.asarray(images), jnp.zeros(len(images), jnp.int32)
    held = {"state": begin(plan, training)}

    def step() -> None:
        held["state"], _ = train_step(plan, training, held["state"], real, classes)
        jax.block_until_ready(held["state"])

    return step


def theirs(plan: Plan, training: Training, images: np.ndarray) -> Callable[[], None]:
    """A step of the same networks in PyTorch."""
    import torch
    from torch import nn

    def generator() -> Any:
        layers: list[Any] = [nn.ConvTranspose2d(plan.latent, plan.first, plan.base, 1, 0, bias=False)]
        layers += [nn.BatchNorm2d(plan.first), nn.ReLU(True)]
        widths = (plan.first, *plan.generator)
        for number, (before, after) in enumerate(pairwise(widths)):
            last = number == len(plan.generator) - 1
            layers.append(nn.ConvTranspose2d(before, after, 4, 2, 1, bias=last))
            layers += [nn.Tanh()] if last else [nn.BatchNorm2d(after), nn.ReLU(True)]
        return nn.Sequential(*layers)

    def critic() -> Any:
        layers: list[Any] = []
        widths = (3, *plan.critic)
        for number, (before, after) in enumerate(pairwise(widths)):
            layers.append(nn.Conv2d(before, after, 4, 2, 1, bias=number == 0))
            layers += [nn.BatchNorm2d(after)] if number else []
            layers.append(nn.LeakyReLU(0.2, True))
        side = plan.size >> len(plan.critic)
        return nn.Sequential(*layers, nn.Flatten(), nn.Linear(side**2 * plan.critic[-1], 1))

    device = "cuda" if torch.cuda.is_available() else "cpu"
    draws, judges = generator().to(device), critic().to(device)
    moves, learns = (torch.optim.Adam(net.parameters(), 2e-4, (0.5, 0.999)) for net in (draws, judges))
    pixels = torch.tensor(images.transpose(0, 3, 1, 2).copy(), device=device)
    bce = nn.BCEWithLogitsLoss()
    ones, zeros = (torch.full((len(images), 1), value, device=device) for value in (1.0, 0.0))

    def step() -> None:
        real = pixels.float() / 127.5 - 1
        learns.zero_grad()
        fake = draws(torch.randn(len(images), plan.latent, 1, 1, device=device))
        (bce(judges(real), ones) + bce(judges(fake.detach()), zeros)).backward()
        learns.step()
        moves.zero_grad()
        bce(judges(fake), ones).backward()
        moves.step()
        if device == "cuda":
            torch.cuda.synchronize()

    return step


def seconds(step: Callable[[], None], count: int) -> tuple[float, float]:
    """Of a step: by the clock, and of this process on all cores."""
    start, spent = time.perf_counter(), time.process_time()
    for _ in range(count):
        step()
    return (time.perf_counter() - start) / count, (time.process_time() - spent) / count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in (("size", 64), ("batch", 64), ("width", 512), ("threads", 2), ("rounds", 5), ("steps", 1)):
        parser.add_argument(f"--{name}", type=int, default=value)
    options = parser.parse_args()
    plan, training = preset("dcgan", options.size, width=options.width)
    training = replace(training, batch=options.batch)
    images = np.random.default_rng(0).integers(0, 256, (options.batch, options.size, options.size, 3)).astype(np.uint8)
    sides = {"pixeldream": ours(plan, training, images)}
    try:
        import torch

        torch.set_num_threads(options.threads)
        sides["PyTorch"] = theirs(plan, training, images)
    except ImportError:
        print("PyTorch is not installed: nothing to compare with")
    for name, step in sides.items():
        print(f"{name}: first step {seconds(step, 1)[0]:.1f} s")
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in sides}
    for _ in range(options.rounds):
        for name, step in sides.items():
            times[name].append(seconds(step, options.steps))
    medians = {name: [statistics.median(kind) for kind in zip(*each, strict=True)] for name, each in times.items()}
    for name, (clock, spent) in medians.items():
        rate = options.batch / clock
        print(f"{name}: {1000 * clock:.0f} ms a step ({1000 * spent:.0f} of all cores), {rate:.1f} images/s")
    if len(medians) == 2:
        clock, spent = (a / b for a, b in zip(medians["pixeldream"], medians["PyTorch"], strict=True))
        print(f"ratio {clock:.2f} by the clock, {spent:.2f} of all cores (pixeldream / PyTorch)")


if __name__ == "__main__":
    main()
