"""Published networks as others compute them: by torch's functions, after each network's Caffe file; and random weights.

Images are float32 [h, w, 3] in [0, 1]; features come back as [h, w, c].
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pixeldream.neural.networks.base import FeatureNetwork
from pixeldream.neural.networks.building import plan
from pixeldream.neural.networks.cnn_s import CnnS
from pixeldream.neural.networks.googlenet import GoogLeNet
from pixeldream.neural.networks.inception import Inception
from pixeldream.neural.networks.layers import Net
from pixeldream.neural.networks.nin import NetworkInNetwork
from pixeldream.neural.networks.squeezenet import SqueezeNet

Arrays = dict[str, np.ndarray]

NETS: dict[str, Net] = {
    "squeezenet1.0": SqueezeNet((), version="1.0"), "squeezenet1.1": SqueezeNet(()), "inception-v3": Inception(()),
    "googlenet": GoogLeNet(()), "nin": NetworkInNetwork(()), "vgg-cnn-s": CnnS(()),
}  # fmt: skip


def kernel_and_bias(random: np.random.Generator, name: str, shape: tuple[int, ...]) -> Arrays:
    """Random ones that keep the size of what passes through (He et al. 2015, arXiv:1502.01852)."""
    kernel = random.normal(0, (2 / np.prod(shape[:3])) ** 0.5, shape)
    return {f"{name}_w": kernel.astype(np.float32), f"{name}_b": random.normal(0, 0.1, shape[3]).astype(np.float32)}


def thin(name: str) -> Arrays:
    """Random weights of a published network of few channels, no two neighbours alike."""
    return dict(thin_vgg(name) if name.startswith("vgg1") else _thin(name))


@cache
def _thin(name: str, least: int = 4, most: int = 9, side: int = 224) -> Arrays:
    net, random = NETS[name], np.random.default_rng(0)
    names = [kernel for stage in plan(net, side) for kernel in stage.kernels]
    widths = tuple((kernel, int(random.integers(least, most))) for kernel in names)
    stages, made = plan(net.clone(widths=widths), side), {}
    for stage in stages:
        for kernel, shape in stage.kernels.items():
            made |= kernel_and_bias(random, kernel, shape)
    return made


def thin_vgg(name: str, grid: int = 2) -> Arrays:
    """Random weights of VGG-16 or VGG-19 of few channels, with their classifier."""
    random, before, made = np.random.default_rng(0), 3, {}
    for block, depth in enumerate((2, 2, 3, 3, 3) if name == "vgg16" else (2, 2, 4, 4, 4), 1):
        for number in range(1, depth + 1):
            made |= kernel_and_bias(random, f"conv{block}_{number}", (3, 3, before, 4 + block))
            before = 4 + block
    for layer, side, width in (("fc6", grid, 12), ("fc7", 1, 11), ("fc8", 1, 10)):
        made |= kernel_and_bias(random, layer, (side, side, before, width))
        before = width
    return made


def picture(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Noise."""
    return np.random.default_rng(seed).random((height, width, 3), np.float32)


def quickly(
    network: FeatureNetwork, arrays: Arrays, image: np.ndarray, layers: tuple[str, ...]
) -> dict[str, jax.Array]:
    """Compiled: one by one the operations of a deep network compile for seconds."""
    return jax.jit(network.apply, static_argnums=2)(arrays, jnp.asarray(image), layers)


def same(found: Any, expected: Any, layer: str, within: float = 1e-4) -> None:
    """Equal but for rounding: no value is off by more than ``within`` of the largest."""
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape, f"{layer}: {found.shape}, not {expected.shape}"
    scale = np.abs(expected).max()
    assert scale > 1e-3, f"{layer} is dead: the comparison would say nothing"
    worst = np.abs(found - expected).max() / scale
    assert worst < within, f"{layer} is off by {worst:.2g} of its largest value"


Layers = Iterator[tuple[str, Any]]


class ByTorch:
    """What is in Caffe's files, by torch's functions."""

    def __init__(self, arrays: Arrays) -> None:
        self.arrays = arrays
        self.torch = pytest.importorskip("torch")
        self.functions = self.torch.nn.functional

    def features(
        self, name: str, image: np.ndarray, mean: tuple[float, ...] = (104, 117, 123)
    ) -> dict[str, np.ndarray]:
        """All layers of the network ``name``, of an image less ``mean`` [blue, green, red]."""
        x = self.torch.tensor((image[..., ::-1] * 255 - np.asarray(mean, np.float32)).transpose(2, 0, 1)[None].copy())
        layers = {
            "squeezenet1.0": self.squeezenet, "squeezenet1.1": self.squeezenet, "googlenet": self.googlenet,
            "nin": self.nin, "vgg-cnn-s": self.cnn_s,
        }[name](x)  # fmt: skip
        return {layer: value[0].numpy().transpose(1, 2, 0) for layer, value in layers}

    def linear(self, x: Any, name: str, stride: int = 1, padding: int = 0) -> Any:
        kernel = self.torch.tensor(self.arrays[f"{name}_w"].transpose(3, 2, 0, 1).copy())
        return self.functions.conv2d(x, kernel, self.torch.tensor(self.arrays[f"{name}_b"]), stride, padding)

    def active(self, *arguments: Any, **named: int) -> Any:
        return self.torch.relu(self.linear(*arguments, **named))

    def pool(self, x: Any, size: int, stride: int, padding: int = 0) -> Any:
        return self.functions.max_pool2d(x, size, stride, padding, ceil_mode=True)

    def end(self, x: Any, logits: str) -> Layers:
        yield logits, x
        yield "prob", self.torch.softmax(x, 1)

    def squeezenet(self, x: Any) -> Layers:
        old = self.arrays["conv1_w"].shape[0] == 7
        x = self.active(x, "conv1", stride=2)
        yield "conv1", x
        for number in range(2, 10):
            if number in ((2, 5, 9) if old else (2, 4, 6)):
                x = self.pool(x, 3, 2)
            name = f"fire{number}"
            s = self.active(x, f"{name}_squeeze1x1")
            parts = [self.active(s, f"{name}_expand1x1"), self.active(s, f"{name}_expand3x3", padding=1)]
            x = self.torch.cat(parts, 1)
            yield name, x
        x = self.active(x, "conv10")
        yield "conv10", x
        yield from self.end(x.mean((2, 3), keepdim=True), "pool10")

    def googlenet(self, x: Any) -> Layers:
        x = self.active(x, "conv1_7x7_s2", stride=2, padding=3)
        yield "conv1/7x7_s2", x
        x = self.functions.local_response_norm(self.pool(x, 3, 2), 5, 1e-4, 0.75, 1.0)
        x = self.active(x, "conv2_3x3_reduce")
        x = self.active(x, "conv2_3x3", padding=1)
        yield "conv2/3x3", x
        x = self.functions.local_response_norm(x, 5, 1e-4, 0.75, 1.0)
        for block in ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b"):
            x = self.pool(x, 3, 2) if block[1] == "a" else x
            name = f"inception_{block}"
            reduced = self.active(x, f"{name}_5x5_reduce")
            yield f"{name}/5x5_reduce", reduced
            x = self.torch.cat(
                [
                    self.active(x, f"{name}_1x1"),
                    self.active(self.active(x, f"{name}_3x3_reduce"), f"{name}_3x3", padding=1),
                    self.active(reduced, f"{name}_5x5", padding=2),
                    self.active(self.functions.max_pool2d(x, 3, 1, 1), f"{name}_pool_proj"),
                ], 1,
            )  # fmt: skip
            yield name, x
        yield from self.end(self.linear(x.mean((2, 3), keepdim=True), "loss3_classifier"), "loss3/classifier")

    def nin(self, x: Any) -> Layers:
        relus = iter((0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12))
        names = ("conv1", "cccp1", "cccp2", "conv2", "cccp3", "cccp4", "conv3", "cccp5", "cccp6")
        padding = {"conv2": 2, "conv3": 1, "conv4-1024": 1}
        for name in (*names, "conv4-1024", "cccp7-1024", "cccp8-1024"):
            x = self.pool(x, 3, 2) if name in padding else x
            x = self.linear(x, name, 4 if name == "conv1" else 1, padding.get(name, 0))
            yield name, x
            x = self.torch.relu(x)
            yield f"relu{next(relus)}", x
        yield from self.end(x.mean((2, 3), keepdim=True), "pool4")

    def cnn_s(self, x: Any) -> Layers:
        x = self.active(x, "conv1", stride=2)
        yield "relu1", x
        x = self.functions.local_response_norm(x, 5, 5e-4, 0.75, 2.0)
        yield "norm1", x
        x = self.pool(self.active(self.pool(x, 3, 3), "conv2"), 2, 2)
        yield "pool2", x
        for name in ("conv3", "conv4", "conv5"):
            x = self.active(x, name, padding=1)
            yield f"relu{name[-1]}", x
        x = self.pool(x, 3, 3)
        yield "pool5", x
        x = self.active(self.functions.adaptive_avg_pool2d(x, 6), "fc6")
        yield "relu6", x
        yield from self.end(self.linear(self.active(x, "fc7"), "fc8"), "fc8")
