"""One VGG-19 style-transfer step, ours against PyTorch's, interleaved in one process; prints the ratio.

    python tests/benchmarks/style_step.py [SIDE] [ROUNDS]

Both take the same random weights of VGG-19's shape (speed does not depend on their values), reflection padding,
max-pools, content at relu4_2, Gram matrices at relu1_1 to relu5_1, the gradient and one Adam step. Without torch
installed only our own time is printed. Steps per second are those of the device that jax found.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from in_turns import ratio

from pixeldream.canvas import RGB
from pixeldream.neural.networks.vgg import build
from pixeldream.neural.optimise import ADAM, _step, identity
from pixeldream.neural.stylize import LoadedNetwork, Settings, Style, make_targets

BLOCKS = ((64, 2), (128, 2), (256, 4), (512, 4), (512, 1))
STYLE = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
CONTENT = "relu4_2"


def random_weights() -> dict[str, np.ndarray]:
    """He-scaled weights under VGG-19's names, to conv5_1."""
    random, before, result = np.random.default_rng(0), 3, {}
    for block, (width, depth) in enumerate(BLOCKS, 1):
        for number in range(1, depth + 1):
            scale = np.sqrt(2 / (9 * before))
            result[f"conv{block}_{number}_w"] = random.normal(0, scale, (3, 3, before, width)).astype(np.float32)
            result[f"conv{block}_{number}_b"] = np.zeros(width, np.float32)
            before = width
    return result


def ours(weights: dict[str, np.ndarray], content: np.ndarray, style: np.ndarray) -> Callable[[], None]:
    """A function that makes one step of ours and waits for it."""
    loaded = LoadedNetwork(build(weights), jax.tree.map(jnp.asarray, weights))
    settings = Settings(content_layers=(CONTENT,), style_layers=STYLE)
    objective, arrays = make_targets(jnp.asarray(content), [Style(jnp.asarray(style))], [loaded], settings)
    params, state = RGB.init(content)
    held = [params, ADAM.init(params), state]
    number, rate = jnp.asarray(1, jnp.int32), jnp.asarray(0.01, jnp.float32)

    def step() -> None:
        *held[:], _ = _step(objective, RGB.show, RGB.settle, identity, arrays, *held, number, rate)
        jax.block_until_ready(held)

    return step


def theirs(weights: dict[str, np.ndarray], content: np.ndarray, style: np.ndarray) -> Callable[[], None]:
    """The same step in PyTorch, written as its users write it."""
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

    def features(image: torch.Tensor) -> dict[str, torch.Tensor]:
        found, value, block = {}, image * 2 - 1, "1"
        for name, (kernel, bias) in kernels.items():
            if name[4] != block:
                value, block = functional.max_pool2d(value, 2), name[4]
            value = functional.relu(functional.conv2d(functional.pad(value, (1, 1, 1, 1), "reflect"), kernel, bias))
            found["relu" + name[4:]] = value
        return found

    def gram(value: torch.Tensor) -> torch.Tensor:
        flat = value.flatten(2)[0]
        return flat @ flat.T / flat.shape[1]

    def tensor(image: np.ndarray) -> torch.Tensor:
        return torch.tensor(image).permute(2, 0, 1)[None].contiguous()

    with torch.no_grad():
        target = features(tensor(content))[CONTENT]
        grams = {layer: gram(value) for layer, value in features(tensor(style)).items() if layer in STYLE}
    image = tensor(content).requires_grad_()
    optimiser = torch.optim.Adam([image], lr=0.01)

    def step() -> None:
        optimiser.zero_grad()
        found = features(image)
        loss = functional.mse_loss(found[CONTENT], target) / target.var()
        for layer in STYLE:
            loss = loss + (gram(found[layer]) - grams[layer]).square().sum() / grams[layer].square().sum() / len(STYLE)
        loss.backward()
        optimiser.step()
        with torch.no_grad():
            image.clamp_(0, 1)

    return step


def main() -> None:
    side, rounds = (int(sys.argv[1]) if len(sys.argv) > 1 else 512), (int(sys.argv[2]) if len(sys.argv) > 2 else 5)
    random = np.random.default_rng(1)
    content, style = (random.uniform(0, 1, (side, side, 3)).astype(np.float32) for _ in range(2))
    weights = random_weights()
    steps = {"pixeldream": ours(weights, content, style)}
    try:
        steps["torch"] = theirs(weights, content, style)
    except ImportError:
        print("torch is not installed: no ratio")
    ratio(steps, rounds, f"VGG-19 style step at {side} px on {jax.devices()[0].device_kind}")


if __name__ == "__main__":
    main()
