"""The published networks against keras.applications and torchvision themselves, with the same random weights.

Extra ``parity``; without Keras or torchvision these tests are skipped. No value of a layer may be off by more than 1e-4
of the largest one there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from typing import Any

import jax
import numpy as np
import pytest
from published import Arrays, picture, quickly, same

from pixeldream.neural.networks.building import plan
from pixeldream.neural.networks.googlenet import GoogLeNet
from pixeldream.neural.networks.inception import Inception
from pixeldream.plugin.registry import Registry

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def keras() -> Iterator[Any]:
    """Keras on jax, which is not as strict as we are."""
    os.environ["KERAS_BACKEND"] = "jax"
    module = pytest.importorskip("keras")
    if module.backend.backend() != "jax":
        pytest.skip("Keras runs on another backend")
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield module


def shuffled(model: Any) -> None:
    """Random weights for all of a Keras model, variances above 0."""
    random = np.random.default_rng(0)
    for variable in model.variables:
        shape, name = variable.shape, variable.path.rsplit("/", 1)[-1]
        if name == "kernel":
            value = random.normal(0, (2 / np.prod(shape[:-1])) ** 0.5, shape)
        elif name == "moving_variance":
            value = random.uniform(0.5, 1.5, shape)
        else:
            value = random.normal(0, 0.1, shape)
        variable.assign(value.astype(np.float32))


def seen_by(keras: Any, model: Any, image: np.ndarray, layers: dict[str, str]) -> dict[str, np.ndarray]:
    """Our names of layers -> features, of an image that is prepared."""
    outputs = [model.get_layer(theirs).output for theirs in layers.values()]
    part = keras.Model(model.inputs, outputs)
    trained, fixed = ([v.value for v in kind] for kind in (part.trainable_variables, part.non_trainable_variables))
    values, _ = jax.jit(part.stateless_call)(trained, fixed, image[None])
    return {ours: np.asarray(value) for ours, value in zip(layers, values, strict=True)}


@pytest.mark.parametrize("name", ["vgg16", "vgg19"])
def test_vgg_is_that_of_keras(registry: Registry, keras: Any, name: str) -> None:
    kind = {"vgg16": keras.applications.VGG16, "vgg19": keras.applications.VGG19}[name]
    # 64 pixels make the first dense layer see 2 x 2 parts; with 7 x 7 it would be 400 MB of random numbers.
    model = kind(weights=None, input_shape=(64, 64, 3), classes=10, classifier_activation=None)
    shuffled(model)
    image, mean = picture(64, 64), np.asarray([103.939, 116.779, 123.68], np.float32)
    arrays: Arrays = {"conv0_w": np.eye(3, dtype=np.float32)[::-1].reshape(1, 1, 3, 3) * 255, "conv0_b": -mean}
    layers = {}
    for layer in model.layers:
        if layer.name.startswith("block") and "conv" in layer.name:
            ours = layer.name.replace("block", "").replace("_conv", "_")
            arrays |= dict(zip((f"conv{ours}_w", f"conv{ours}_b"), map(np.asarray, layer.get_weights()), strict=True))
            layers[f"relu{ours}"] = layer.name
    for ours, theirs, sides in (("fc6", "fc1", (2, 2)), ("fc7", "fc2", (1, 1)), ("fc8", "predictions", (1, 1))):
        kernel, bias = model.get_layer(theirs).get_weights()
        arrays |= {f"{ours}_w": kernel.reshape(*sides, -1, kernel.shape[1]), f"{ours}_b": bias}
        layers["fc8" if ours == "fc8" else f"relu{ours[2:]}"] = theirs
    expected = seen_by(keras, model, image[..., ::-1] * 255 - mean, layers)
    network = registry.networks[name].build(arrays).published()
    found = quickly(network, arrays, image, tuple(layers))
    for layer in layers:
        same(found[layer].reshape(expected[layer][0].shape), expected[layer][0], layer)
    assert network.logits == "fc8"
    assert network.side == 64


def folded(kernel: np.ndarray, shift: np.ndarray, mean: np.ndarray, variance: np.ndarray, epsilon: float) -> Arrays:
    """A convolution without bias and the batch norm behind it, as one: kernel and bias. The scale is in the kernel."""
    scale = 1 / np.sqrt(variance + epsilon)
    return {"w": (kernel * scale).astype(np.float32), "b": (shift - mean * scale).astype(np.float32)}


def test_inception_is_that_of_keras(registry: Registry, keras: Any) -> None:
    model = keras.applications.InceptionV3(
        weights=None, input_shape=(75, 89, 3), classes=10, classifier_activation=None
    )
    shuffled(model)
    convolutions = sorted((x for x in model.layers if x.name.startswith("conv2d")), key=order)
    norms = sorted((x for x in model.layers if x.name.startswith("batch_norm")), key=order)
    names = [name for stage in plan(Inception(()), 299) for name in stage.kernels][:-1]
    arrays: Arrays = {}
    for name, convolution, norm in zip(names, convolutions, norms, strict=True):
        fold = folded(*convolution.get_weights(), *norm.get_weights(), norm.epsilon)
        arrays |= {f"{name}_{part}": value for part, value in fold.items()}
    kernel, bias = model.get_layer("predictions").get_weights()
    arrays |= {"logits_w": kernel[None, None], "logits_b": bias}
    image = picture(75, 89)
    layers = {f"mixed{number}": f"mixed{number}" for number in range(11)} | {"logits": "predictions"}
    expected = seen_by(keras, model, image * 2 - 1, layers)
    network = registry.networks["inception-v3"].build(arrays).published()
    found = quickly(network, arrays, image, tuple(layers))
    for layer in layers:
        same(found[layer].reshape(expected[layer][0].shape), expected[layer][0], layer)
    assert network.layers[-2:] == ("logits", "predictions")


def order(layer: Any) -> int:
    """Keras numbers its layers over all models of a process."""
    number = layer.name.rsplit("_", 1)[-1]
    return int(number) if number.isdecimal() else 0


@pytest.fixture
def models() -> Any:
    """torchvision's. Its compiled part, which no model here needs, is often missing beside a torch for CPUs: it then
    asks in vain for two operators."""
    torch = pytest.importorskip("torch")
    try:
        import torchvision
    except ImportError:
        pytest.skip("torchvision is not installed")
    except RuntimeError:
        library = torch.library.Library("torchvision", "DEF")
        for operator in ("nms", "qnms"):
            library.define(f"{operator}(Tensor boxes, Tensor scores, float threshold) -> Tensor")
        import torchvision
    torch.manual_seed(0)
    return torchvision.models


def values(tensor: Any) -> np.ndarray:
    """A tensor's; kernels [out, in, h, w] turned to [h, w, in, out]."""
    array = tensor.detach().numpy()
    return array.transpose(2, 3, 1, 0) if array.ndim == 4 else array


def test_googlenet_is_that_of_torchvision(registry: Registry, models: Any) -> None:
    import torch

    model = models.googlenet(weights=None, init_weights=False, aux_logits=False, num_classes=10).eval()
    blocks = [model.conv1, model.conv2, model.conv3]
    for name in ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b"):
        block = getattr(model, f"inception{name}")
        blocks += [block.branch1, *block.branch2, *block.branch3, block.branch4[1]]
    names = [name for stage in plan(GoogLeNet((), torchvision=True), 224) for name in stage.kernels]
    arrays: Arrays = {}
    for name, block in zip(names[:-1], blocks, strict=True):
        torch.nn.init.kaiming_normal_(block.conv.weight)
        for parameter, low, high in ((block.bn.running_var, 0.5, 1.5), (block.bn.weight, 0.8, 1.2)):
            torch.nn.init.uniform_(parameter, low, high)
        for parameter in (block.bn.running_mean, block.bn.bias):
            torch.nn.init.normal_(parameter, 0, 0.1)
        gain = values(block.bn.weight)
        fold = folded(values(block.conv.weight), 0.0, *map(values, (block.bn.running_mean, block.bn.running_var)), 1e-3)
        arrays |= {f"{name}_w": fold["w"] * gain, f"{name}_b": fold["b"] * gain + values(block.bn.bias)}
    arrays |= {"loss3_classifier_w": values(model.fc.weight).T[None, None], "loss3_classifier_b": values(model.fc.bias)}
    seen: dict[str, Any] = {}
    for name in ("3a", "4e", "5b"):
        keep = partial(lambda layer, *call: seen.update({layer: call[-1]}), f"inception_{name}")
        getattr(model, f"inception{name}").register_forward_hook(keep)
    image = picture(70, 81)
    with torch.no_grad():
        logits = model(torch.tensor((image * 2 - 1).transpose(2, 0, 1)[None].copy()))
    network = registry.networks["googlenet"].build(arrays).published()
    found = quickly(network, arrays, image, (*seen, "loss3/classifier"))
    for layer, features in seen.items():
        same(found[layer], features[0].numpy().transpose(1, 2, 0), layer)
    same(found["loss3/classifier"][0, 0], logits[0].numpy(), "loss3/classifier")


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_squeezenet_is_that_of_torchvision(registry: Registry, models: Any, version: str) -> None:
    import torch

    name = f"squeezenet{version}"
    model = {"1.0": models.squeezenet1_0, "1.1": models.squeezenet1_1}[version](weights=None, num_classes=10).eval()
    fires = [layer for layer in model.features if type(layer).__name__ == "Fire"]
    named = {"conv1": model.features[0], "conv10": model.classifier[1]}
    for number, fire in enumerate(fires, 2):
        for part in ("squeeze", "expand1x1", "expand3x3"):
            named[f"fire{number}_{part}{'1x1' if part == 'squeeze' else ''}"] = getattr(fire, part)
    arrays: Arrays = {"conv0_w": np.eye(3, dtype=np.float32).reshape(1, 1, 3, 3), "conv0_b": np.zeros(3, np.float32)}
    for layer, convolution in named.items():
        torch.nn.init.normal_(convolution.bias, 0, 0.1)
        torch.nn.init.kaiming_normal_(convolution.weight)
        arrays |= {f"{layer}_w": values(convolution.weight), f"{layer}_b": values(convolution.bias)}
    image = picture(61, 70)
    with torch.no_grad():
        features = model.features(torch.tensor(image.transpose(2, 0, 1)[None].copy()))
        logits = model.classifier(features).flatten(1)
    network = registry.networks[name].build(arrays).published()
    found = quickly(network, arrays, image, ("fire9", "pool10"))
    same(found["fire9"], features[0].numpy().transpose(1, 2, 0), "fire9")
    same(found["pool10"][0, 0], logits[0].numpy(), "pool10")
