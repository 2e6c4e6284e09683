"""The published networks against torchvision, Keras and Caffe's definitions, all the way: random weights in the file of
the program that they belong to, ``pixeldream weights convert``, and then the same features and logits.

Extra ``parity``; without torch, torchvision or Keras these tests are skipped. No value of a layer may be off by more
than 1e-4 of the largest one there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from caffe_writer import caffemodel
from command import call
from published import Arrays, ByTorch, picture, quickly, same, thin

from pixeldream.neural.networks.base import FeatureNetwork
from pixeldream.neural.weights import resolve
from pixeldream.plugin.registry import Registry

pytestmark = pytest.mark.filterwarnings("ignore")

Features = Mapping[str, np.ndarray]
Check = Callable[[Path, str, np.ndarray, Features], FeatureNetwork]

VGG_MEAN = (103.939, 116.779, 123.68)


@pytest.fixture
def check(registry: Registry, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Check:
    """Converts a file for a network by name, and holds the layers of an image against those expected [..., h, w, c]."""

    def compare(file: Path, name: str, image: np.ndarray, expected: Features) -> FeatureNetwork:
        ours = tmp_path / f"ours{'.npz' if file.suffix == '.h5' else '.safetensors'}"
        ran = call(capsys, "weights", "convert", file, ours, "-n", name)
        assert ran.code == 0, ran.err
        network, arrays, _ = resolve(registry.networks[name], ours)
        network = network.published()
        assert network.logits in expected
        found = quickly(network, arrays, image, tuple(expected))
        for layer, features in expected.items():
            same(found[layer].reshape(features.shape), features, layer)
        return network

    return compare


# ---- torchvision ----------------------------------------------------------------------------------------------------


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


def seen_by_torchvision(model: Any, image: np.ndarray, layers: Mapping[str, str], logits: str) -> Features:
    """Our names of layers -> features, once the model's weights are random and its batch norms have work to do."""
    import torch

    for name, tensor in model.state_dict().items():
        if tensor.ndim > 1:
            torch.nn.init.kaiming_normal_(tensor)
        elif name.endswith(("running_var", "weight")):
            torch.nn.init.uniform_(tensor, 0.5, 1.5)
        elif tensor.is_floating_point():
            torch.nn.init.normal_(tensor, 0, 0.1)
    found: dict[str, np.ndarray] = {}

    def keep(ours: str) -> Callable[..., None]:
        return lambda _, __, features: found.update({ours: features[0].numpy().transpose(1, 2, 0).copy()})

    for ours, theirs in layers.items():
        model.get_submodule(theirs).register_forward_hook(keep(ours))
    prepared = (image - np.asarray([0.485, 0.456, 0.406])) / np.asarray([0.229, 0.224, 0.225])
    with torch.no_grad():
        last = model.eval()(torch.tensor(prepared.astype(np.float32).transpose(2, 0, 1)[None].copy()))
    return {**found, logits: last[0].numpy()}


def thin_vgg(models: Any, norm: bool) -> Any:
    """torchvision's VGG-16 of few channels: a whole one is half a gigabyte."""
    from torch import device, nn

    channels = [4, 5, "M", 6, 7, "M", 8, 7, 6, "M", 5, 6, 7, "M", 8, 9, 6, "M"]
    features = models.vgg.make_layers(channels, batch_norm=norm)
    with device("meta"):  # its classifier is made, but not of numbers
        model = models.VGG(features, num_classes=10, init_weights=False)
    dense = [nn.Linear(6 * 7 * 7, 12), nn.ReLU(), nn.Dropout(), nn.Linear(12, 11), nn.ReLU(), nn.Dropout()]
    model.classifier = nn.Sequential(*dense, nn.Linear(11, 10))
    return model


@pytest.mark.parametrize("zipped", [True, False])
def test_torchvisions_vgg(models: Any, check: Check, tmp_path: Path, zipped: bool) -> None:
    import torch

    # Both containers of torch: one with batch norms, one without.
    model, image = thin_vgg(models, norm=zipped), picture(96, 70)
    relus = [f"features.{place}" for place, layer in enumerate(model.features) if type(layer).__name__ == "ReLU"]
    expected = seen_by_torchvision(
        model, image, {"relu1_1": relus[0], "relu3_3": relus[6], "relu5_3": relus[12]}, "fc8"
    )
    torch.save(model.state_dict(), tmp_path / "vgg.pth", _use_new_zipfile_serialization=zipped)
    assert check(tmp_path / "vgg.pth", "vgg16", image, expected).side == 224


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_torchvisions_squeezenet(models: Any, check: Check, tmp_path: Path, version: str) -> None:
    import torch

    model = {"1.0": models.squeezenet1_0, "1.1": models.squeezenet1_1}[version](weights=None, num_classes=10)
    image = picture(61, 70)
    expected = seen_by_torchvision(model, image, {"fire9": "features.12"}, "pool10")
    torch.save(model.state_dict(), tmp_path / "net.pth", _use_new_zipfile_serialization=version == "1.1")
    check(tmp_path / "net.pth", f"squeezenet{version}", image, expected)


@pytest.mark.slow
def test_torchvisions_googlenet(models: Any, check: Check, tmp_path: Path) -> None:
    import torch

    model = models.googlenet(weights=None, init_weights=False, aux_logits=False, num_classes=10, transform_input=True)
    layers, image = {f"inception_{block}": f"inception{block}" for block in ("3a", "4e", "5b")}, picture(70, 81)
    expected = seen_by_torchvision(model, image, layers, "loss3/classifier")
    torch.save(model.state_dict(), tmp_path / "net.pth")
    check(tmp_path / "net.pth", "googlenet", image, expected)


@pytest.mark.slow
def test_torchvisions_inception(models: Any, check: Check, tmp_path: Path) -> None:
    import torch

    model = models.inception_v3(
        weights=None, init_weights=False, aux_logits=False, num_classes=10, transform_input=True
    )
    image = picture(75, 89)
    # The first block's average pool is the first to count the zeros beyond the border.
    expected = seen_by_torchvision(model, image, {"mixed0": "Mixed_5b", "mixed10": "Mixed_7c"}, "logits")
    torch.save(model.state_dict(), tmp_path / "net.pth")
    check(tmp_path / "net.pth", "inception-v3", image, expected)


# ---- Keras ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def keras() -> Iterator[Any]:
    """Keras on torch, which compiles nothing."""
    pytest.importorskip("torch")
    os.environ["KERAS_BACKEND"] = "torch"
    module = pytest.importorskip("keras")
    if module.backend.backend() != "torch":
        pytest.skip("Keras runs on another backend")
    return module


def seen_by_keras(keras: Any, model: Any, prepared: np.ndarray, layers: Mapping[str, str]) -> Features:
    """Our names of layers -> features of a prepared image, once the model's weights are random."""
    random = np.random.default_rng(0)
    for variable in model.variables:
        shape, name = variable.shape, variable.path.rsplit("/", 1)[-1]
        if name == "kernel":
            value = random.standard_normal(shape, np.float32) * np.float32((2 / np.prod(shape[:-1])) ** 0.5)
        elif name == "moving_variance":
            value = random.uniform(0.5, 1.5, shape)
        else:
            value = random.normal(0, 0.1, shape)
        variable.assign(value)
    part = keras.Model(model.inputs, [model.get_layer(theirs).output for theirs in layers.values()])
    found = part(prepared[None], training=False)
    return {ours: keras.ops.convert_to_numpy(value)[0] for ours, value in zip(layers, found, strict=True)}


@pytest.mark.slow
def test_keras_vgg(keras: Any, check: Check, tmp_path: Path) -> None:
    # 64 pixels make the first dense layer see 2 x 2 parts; with 7 x 7 it would be 400 MB of random numbers.
    model = keras.applications.VGG16(weights=None, input_shape=(64, 64, 3), classes=10, classifier_activation=None)
    image = picture(64, 64)
    layers = {
        re.sub(r"block(\d)_conv(\d)", r"relu\1_\2", layer.name): layer.name
        for layer in model.layers
        if "_conv" in layer.name
    } | {"relu6": "fc1", "relu7": "fc2", "fc8": "predictions"}
    expected = seen_by_keras(keras, model, image[..., ::-1] * 255 - np.asarray(VGG_MEAN, np.float32), layers)
    model.save(tmp_path / "net.h5")
    assert check(tmp_path / "net.h5", "vgg16", image, expected).side == 64


@pytest.mark.slow
def test_keras_inception(keras: Any, check: Check, tmp_path: Path) -> None:
    model = keras.applications.InceptionV3(
        weights=None, input_shape=(75, 89, 3), classes=10, classifier_activation=None
    )
    image = picture(75, 89)
    layers = {f"mixed{number}": f"mixed{number}" for number in range(11)} | {"logits": "predictions"}
    expected = seen_by_keras(keras, model, image * 2 - 1, layers)
    model.save(tmp_path / "net.h5")
    check(tmp_path / "net.h5", "inception-v3", image, expected)


# ---- Caffe ----------------------------------------------------------------------------------------------------------


def as_caffe_has_them(arrays: Arrays) -> dict[str, list[np.ndarray]]:
    """Layers by their published names: kernels [out, in, height, width], of dense layers matrices."""
    made = {}
    for name in (key[:-2] for key in arrays if key.endswith("_w")):
        kernel = arrays[f"{name}_w"].transpose(3, 2, 0, 1)
        if name in ("fc6", "fc7", "fc8", "loss3_classifier"):
            kernel = kernel.reshape(len(kernel), -1)
        layer = re.sub(r"^(conv\d(?=_\dx)|fire\d|inception_\d\w|loss3)_", r"\1/", name)
        made[layer] = [kernel, arrays[f"{name}_b"]]
    return made


@pytest.mark.parametrize(
    ("name", "size", "layers", "first"),
    [
        ("squeezenet1.1", (51, 62), ("fire9", "pool10"), False),
        ("googlenet", (70, 81), ("inception_3a", "inception_5b", "loss3/classifier"), True),
        ("nin", (90, 107), ("relu12", "pool4"), False),
        ("vgg-cnn-s", (90, 107), ("norm1", "pool5", "fc8"), True),
    ],
)
def test_caffes_files(
    check: Check, tmp_path: Path, name: str, size: tuple[int, int], layers: tuple[str, ...], first: bool
) -> None:
    arrays, image = thin(name), picture(*size)
    mean = VGG_MEAN if name.startswith("vgg") else (104, 117, 123)
    found = ByTorch(arrays).features(name, image, mean)
    (tmp_path / "net.caffemodel").write_bytes(caffemodel(as_caffe_has_them(arrays), first))
    check(tmp_path / "net.caffemodel", name, image, {layer: found[layer] for layer in layers})
