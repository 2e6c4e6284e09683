"""From the names and layouts of other programs to ours: a table or a rule for each source.

Ours: ``LAYER_w`` [height, width, in, out] and ``LAYER_b`` [out], by the published names of the network, with _ for /;
batch norms are folded into the convolutions before them; a matrix is a convolution of 1x1, or of the size of the
features that it reads; ``conv0_w`` [1, 1, 3, 3] and ``conv0_b`` [3] make of RGB in [0, 1] what the network was trained
on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from math import isqrt

import numpy as np

from pixeldream.neural.weights.errors import Arrays, WeightsError
from pixeldream.neural.weights.inception_names import TORCHVISION as INCEPTION

_EPSILON = {"torchvision": 1e-5, "inception": 1e-3}
"""What batch norms add to the variance: torch's default, and both Inceptions'."""

_CAFFE_PORTS = ("d01eb7cb", "00b39a1b")
"""SHA-256 of VGG-19 and VGG-16 as .pth with Caffe's weights: https://github.com/jcjohnson/pytorch-vgg."""

_DENSE = ("fc6", "fc7", "fc8")
_NOT_NEEDED = re.compile(r"(aux|AuxLogits|loss[12][/_]).*")
"""Classifiers on the side, which only training used."""


# ---- what the networks were trained on ------------------------------------------------------------------------------


def _prepared(scale: Iterable[float], shift: Iterable[float], reverse: bool = False) -> Arrays:
    """``conv0`` for [channel * scale + shift], red first unless reversed."""
    kernel = np.diag(np.asarray(list(scale), np.float32))
    return {
        "conv0_w": kernel[::-1][None, None].copy() if reverse else kernel[None, None],
        "conv0_b": np.asarray(list(shift), np.float32),
    }


def _torchvision_input() -> Arrays:
    """(RGB - mean) / deviation of ImageNet."""
    mean, deviation = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    return _prepared([1 / d for d in deviation], [-m / d for m, d in zip(mean, deviation, strict=True)])


def _inception_input() -> Arrays:
    """RGB in [-1, 1]: torchvision undoes its own preparation for both Inceptions (``transform_input``)."""
    return _prepared([2.0] * 3, [-1.0] * 3)


def _caffe_input(mean: Iterable[float]) -> Arrays:
    """BGR in [0, 255] less its mean."""
    return _prepared([255.0] * 3, [-value for value in mean], reverse=True)


_VGG_MEAN = (103.939, 116.779, 123.68)
_IMAGENET_MEAN = (104.0, 117.0, 123.0)


# ---- parts ----------------------------------------------------------------------------------------------------------


def _need(arrays: Mapping[str, np.ndarray], name: str, dimensions: int) -> np.ndarray:
    if name not in arrays:
        raise WeightsError(f"{name} is missing")
    if arrays[name].ndim != dimensions:
        shape = list(arrays[name].shape)
        raise WeightsError(f"{name} has shape {shape} where {dimensions} dimensions are expected")
    return arrays[name]


def _kernel(array: np.ndarray, channels: int = 0) -> np.ndarray:
    """[out, in, height, width], or a matrix [out, in], as [height, width, in, out]. A matrix that reads [channels,
    height, width] of a square, which ``channels`` says, becomes a kernel of that size."""
    if array.ndim == 4:
        return array.transpose(2, 3, 1, 0)
    channels = channels or array.shape[1]
    side = isqrt(array.shape[1] // max(channels, 1))
    if side * side * channels != array.shape[1]:
        raise WeightsError(f"fc6 reads {array.shape[1]} values, which are no square of {channels} channels")
    return array.reshape(array.shape[0], channels, side, side).transpose(2, 3, 1, 0)


def _layer(name: str, kernel: np.ndarray, bias: np.ndarray, channels: int = 0) -> Arrays:
    """A layer in our layout; see :func:`_kernel`."""
    return {f"{name}_w": _kernel(kernel, channels), f"{name}_b": bias}


def _torch_layer(arrays: Arrays, source: str, name: str, dimensions: int = 4) -> Arrays:
    return _layer(name, _need(arrays, f"{source}.weight", dimensions), _need(arrays, f"{source}.bias", 1))


def _folded(arrays: Arrays, convolution: str, norm: str, name: str, epsilon: float) -> Arrays:
    """torch's convolution and the batch norm behind it as one convolution."""
    kernel = _need(arrays, f"{convolution}.weight", 4)
    parts = [_need(arrays, f"{norm}.{part}", 1) for part in ("weight", "bias", "running_mean", "running_var")]
    for part in parts:
        if len(part) != len(kernel):
            raise WeightsError(f"{norm} has {len(part)} values for the {len(kernel)} channels of {convolution}")
    gamma, beta, mean, variance = parts
    scale = gamma / np.sqrt(variance + epsilon)
    before = arrays.get(f"{convolution}.bias", np.zeros(len(kernel), np.float32))
    return _layer(name, kernel * scale[:, None, None, None], (before - mean) * scale + beta)


def _numbered(arrays: Arrays, pattern: str, dimensions: int) -> list[int]:
    """The numbers N for which a name matches and the array has so many dimensions, in order."""
    found = ((re.fullmatch(pattern, name), array) for name, array in arrays.items())
    return sorted(int(match[1]) for match, array in found if match and array.ndim == dimensions)


# ---- sources --------------------------------------------------------------------------------------------------------


def _torch_vgg(arrays: Arrays, digest: str) -> Arrays:
    """``features.N``: a block ends where a pool stands between two convolutions. ``classifier.N``, or timm's head."""
    caffe = digest.startswith(_CAFFE_PORTS)
    made = _caffe_input(_VGG_MEAN) if caffe else _torchvision_input()
    _need(arrays, "features.0.weight", 4)
    places = _numbered(arrays, r"features\.([0-9]{1,3})\.weight", 4)
    normed = f"features.{places[0] + 1}.running_mean" in arrays
    block, number = 1, 1
    for before, place in pairwise([places[0], *places]):
        if place != before:
            # A convolution is followed by its ReLU, with a batch norm between them if there are any.
            block, number = (block + 1, 1) if place - before > 2 + normed else (block, number + 1)
        source, name = f"features.{place}", f"conv{block}_{number}"
        if normed:
            made |= _folded(arrays, source, f"features.{place + 1}", name, _EPSILON["torchvision"])
        else:
            made |= _torch_layer(arrays, source, name)
    return made | _torch_dense(arrays, arrays[f"features.{places[-1]}.weight"].shape[0])


def _torch_dense(arrays: Arrays, channels: int) -> Arrays:
    """The classifier: matrices, or convolutions in timm's files."""
    sources = [f"classifier.{place}" for place in _numbered(arrays, r"classifier\.([0-9]{1,3})\.weight", 2)]
    timm = [name for name in ("pre_logits.fc1", "pre_logits.fc2", "head.fc") if f"{name}.weight" in arrays]
    made: Arrays = {}
    for source, name in zip(sources or timm, _DENSE, strict=False):
        bias = _need(arrays, f"{source}.bias", 1)
        made |= _layer(name, arrays[f"{source}.weight"], bias, channels if name == "fc6" else 0)
    return made


def _torch_squeezenet(arrays: Arrays, digest: str) -> Arrays:
    made = _torchvision_input() | _torch_layer(arrays, "features.0", "conv1")
    for number, place in enumerate(_numbered(arrays, r"features\.([0-9]{1,3})\.squeeze\.weight", 4), 2):
        for part, name in (("squeeze", "squeeze1x1"), ("expand1x1", "expand1x1"), ("expand3x3", "expand3x3")):
            made |= _torch_layer(arrays, f"features.{place}.{part}", f"fire{number}_{name}")
    return made | (_torch_layer(arrays, "classifier.1", "conv10") if "classifier.1.weight" in arrays else {})


def _torch_inception(arrays: Arrays, digest: str) -> Arrays:
    # Its average pools count the zeros beyond the border; Keras's, with the same names in our layout, do not.
    made = _inception_input() | {"count_include_pad": np.ones((), np.float32)}
    for source, name in INCEPTION.items():
        made |= _folded(arrays, f"{source}.conv", f"{source}.bn", name, _EPSILON["inception"])
    return made | (_torch_layer(arrays, "fc", "logits", 2) if "fc.weight" in arrays else {})


_STEM = {"conv1": "conv1_7x7_s2", "conv2": "conv2_3x3_reduce", "conv3": "conv2_3x3"}
_BRANCHES = {
    "branch1": "1x1", "branch2.0": "3x3_reduce", "branch2.1": "3x3", "branch3.0": "5x5_reduce", "branch3.1": "5x5",
    "branch4.1": "pool_proj",
}  # fmt: skip


def _torch_googlenet(arrays: Arrays, digest: str) -> Arrays:
    """To the names of Caffe's, with _ for /. Deviation of the source: its "5x5" kernels are 3x3."""
    modules = [f"{number}{letter}" for number, letters in ((3, "ab"), (4, "abcde"), (5, "ab")) for letter in letters]
    names = _STEM | {
        f"inception{module}.{branch}": f"inception_{module}_{name}"
        for module in modules
        for branch, name in _BRANCHES.items()
    }
    made = _inception_input()
    for source, name in names.items():
        made |= _folded(arrays, f"{source}.conv", f"{source}.bn", name, _EPSILON["inception"])
    return made | (_torch_layer(arrays, "fc", "loss3_classifier", 2) if "fc.weight" in arrays else {})


def _caffe(arrays: Arrays, digest: str) -> Arrays:
    """``LAYER.0`` and ``LAYER.1``; a slash in a name becomes _."""
    mean = _VGG_MEAN if any(layer in arrays for layer in ("conv1_1.0", "fc6.0")) else _IMAGENET_MEAN
    made, channels = _caffe_input(mean), 0
    for key, array in arrays.items():
        layer, number = key.rsplit(".", 1)
        name = layer.replace("/", "_")
        if _NOT_NEEDED.fullmatch(layer) or number not in "01":
            continue
        if number == "1":
            made[f"{name}_b"] = array
            continue
        if array.ndim not in (2, 4):
            raise WeightsError(f"{layer} has a kernel of shape {list(array.shape)}, not [out, in, height, width]")
        made[f"{name}_w"] = _kernel(array, channels if layer == "fc6" else 0)
        channels = array.shape[0] if array.ndim == 4 else channels
    return made


def _keras_vgg(arrays: Arrays, digest: str) -> Arrays:
    names = {f"block{b}_conv{n}": f"conv{b}_{n}" for b in range(1, 10) for n in range(1, 10)}
    made, channels = _caffe_input(_VGG_MEAN), 0
    for source, name in names.items():
        if f"{source}/kernel" in arrays:
            kernel = _need(arrays, f"{source}/kernel", 4)
            made |= {f"{name}_w": kernel, f"{name}_b": _need(arrays, f"{source}/bias", 1)}
            channels = kernel.shape[3]
    for source, name in (("fc1", "fc6"), ("fc2", "fc7"), ("predictions", "fc8")):
        if f"{source}/kernel" in arrays:
            matrix = _need(arrays, f"{source}/kernel", 2)
            made[f"{name}_w"] = _keras_matrix(matrix, channels if source == "fc1" else matrix.shape[0])
            made[f"{name}_b"] = _need(arrays, f"{source}/bias", 1)
    return made


def _keras_matrix(matrix: np.ndarray, channels: int) -> np.ndarray:
    """[height * width * channels, out] -> [height, width, channels, out]."""
    side = isqrt(matrix.shape[0] // max(channels, 1))
    if side * side * channels != matrix.shape[0]:
        raise WeightsError(f"fc1 reads {matrix.shape[0]} values, which are no square of {channels} channels")
    return matrix.reshape(side, side, channels, matrix.shape[1])


def _keras_inception(arrays: Arrays, digest: str) -> Arrays:
    """``conv2d_N`` and ``batch_normalization_N``, numbered as they were made, from any number on."""
    convolutions = _in_order(arrays, r"conv2d(?:_(\d+))?/kernel")
    norms = _in_order(arrays, r"batch_normalization(?:_(\d+))?/beta")
    if not len(convolutions) == len(norms) == len(INCEPTION):
        found = f"{len(convolutions)} convolutions and {len(norms)} batch norms"
        raise WeightsError(f"it has {found} where Inception-v3 has {len(INCEPTION)} of each")
    made = _inception_input()
    for convolution, norm, name in zip(convolutions, norms, INCEPTION.values(), strict=True):
        parts = ("beta", "moving_mean", "moving_variance")
        beta, mean, variance = (_need(arrays, f"{norm}/{part}", 1) for part in parts)
        scale = arrays.get(f"{norm}/gamma", np.ones(1, np.float32)) / np.sqrt(variance + _EPSILON["inception"])
        kernel = _need(arrays, f"{convolution}/kernel", 4)
        if kernel.shape[-1] != len(scale):
            raise WeightsError(f"{norm} has {len(scale)} values for the {kernel.shape[-1]} channels of {convolution}")
        made[f"{name}_w"], made[f"{name}_b"] = kernel * scale, beta - mean * scale
    if "predictions/kernel" in arrays:
        matrix = _need(arrays, "predictions/kernel", 2)
        made |= {"logits_w": matrix[None, None], "logits_b": _need(arrays, "predictions/bias", 1)}
    return made


def _in_order(arrays: Arrays, pattern: str) -> list[str]:
    """The layers whose names match, by their numbers; one without comes first."""
    found = [(int(match[1] or 0), name) for name in arrays if (match := re.fullmatch(pattern, name))]
    return [name.rsplit("/", 1)[0] for _, name in sorted(found)]


_SOURCES: tuple[tuple[str, str, Callable[[Arrays, str], Arrays]], ...] = (
    ("torch SqueezeNet", r"features\.\d+\.squeeze\.weight", _torch_squeezenet),
    ("torch VGG", r"features\.0\.weight", _torch_vgg),
    ("torchvision Inception-v3", r"Conv2d_1a_3x3\.conv\.weight", _torch_inception),
    ("torchvision GoogLeNet", r"inception3a\.branch1\.conv\.weight", _torch_googlenet),
    ("Keras VGG", r"block1_conv1/kernel", _keras_vgg),
    ("Keras Inception-v3", r"batch_normalization(_\d+)?/beta", _keras_inception),
    ("Caffe", r".+\.0", _caffe),
)
"""What a source is called, a name that only its arrays have, and how they become ours."""


def source_of(arrays: Mapping[str, np.ndarray]) -> str:
    """Whose names these are, in words: "pixeldream" where they are ours or nobody's that is known."""
    return _found(arrays)[0]


def canonical(arrays: Arrays, digest: str = "") -> Arrays:
    """The arrays under our names and in our layout, unchanged where they are already, or where nobody's names are
    known. ``digest``: the SHA-256 of their file, which tells apart two kinds of VGG. Raises ``WeightsError`` that names
    the layer in the source's words."""
    source, convert = _found(arrays)
    try:
        return convert(arrays, digest)
    except WeightsError as error:
        raise WeightsError(f"read as {source}: {error}") from None
    except (ValueError, LookupError) as error:  # arrays of other lengths than their neighbours
        raise WeightsError(f"read as {source}: its arrays do not belong together ({error})") from None


def _found(arrays: Mapping[str, np.ndarray]) -> tuple[str, Callable[[Arrays, str], Arrays]]:
    for source, pattern, convert in _SOURCES:
        if any(re.fullmatch(pattern, name) for name in arrays):
            return source, convert
    return "pixeldream", lambda arrays, digest: arrays
