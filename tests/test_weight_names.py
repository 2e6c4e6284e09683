"""Weights of other programs under our names: the converted arrays compute what the originals do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.signal import correlate

from pixeldream.neural.weights import WeightsError, load_canonical, resolve, save_weights
from pixeldream.neural.weights.canonical import canonical, source_of
from pixeldream.neural.weights.inception_names import TORCHVISION
from pixeldream.plugin.registry import Registry

Arrays = dict[str, np.ndarray]
RANDOM = np.random.default_rng(0)
IMAGE = RANDOM.random((5, 6, 3))
MEAN, DEVIATION = np.asarray([0.485, 0.456, 0.406]), np.asarray([0.229, 0.224, 0.225])


def normal(*shape: int) -> np.ndarray:
    return RANDOM.normal(0, 0.5, shape).astype(np.float32)


def slowly(image: np.ndarray, kernel: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """The valid convolution [h, w, in] -> [h', w', out] with a kernel [h, w, in, out]."""
    outputs = [
        sum(correlate(image[..., i], kernel[..., i, o], "valid", "direct") for i in range(image.shape[2]))
        for o in range(kernel.shape[3])
    ]
    return np.stack(outputs, -1) + bias


def prepared(found: Arrays, image: np.ndarray) -> np.ndarray:
    return slowly(image, found["conv0_w"], found["conv0_b"])


def torch_layer(name: str, *shape: int) -> Arrays:
    return {f"{name}.weight": normal(*shape), f"{name}.bias": normal(shape[0])}


def torch_norm(name: str, width: int) -> Arrays:
    parts = {"weight": normal(width), "bias": normal(width), "running_mean": normal(width)}
    return {f"{name}.{part}": array for part, array in parts.items()} | {
        f"{name}.running_var": RANDOM.random(width) + 0.5
    }


def torch_vgg(norm: bool = False) -> Arrays:
    """Blocks of 1, 2 and 1 convolutions; a classifier that reads 2 x 2 features."""
    made: Arrays = {}
    place, before = 0, 3
    for block in ((4,), (5, 6), (7,)):
        for width in block:
            made |= torch_layer(f"features.{place}", width, before, 3, 3)
            made |= torch_norm(f"features.{place + 1}", width) if norm else {}
            place, before = place + 2 + norm, width
        place += 1
    sizes = {0: (9, 7 * 4), 3: (8, 9), 6: (5, 8)}
    for number, shape in sizes.items():
        made |= torch_layer(f"classifier.{number}", *shape)
    return made


CONVOLUTIONS = ["conv1_1", "conv2_1", "conv2_2", "conv3_1"]


@pytest.mark.parametrize("norm", [False, True])
def test_a_torch_vgg_computes_the_same_under_our_names(norm: bool) -> None:
    made = torch_vgg(norm)
    found = canonical(made)
    dense = ["fc6", "fc7", "fc8"]
    assert sorted(found) == sorted(f"{name}_{part}" for name in ["conv0", *CONVOLUTIONS, *dense] for part in "wb")
    places = [0, 3 + norm, 5 + 2 * norm, 8 + 3 * norm]
    for place, name in zip(places, CONVOLUTIONS, strict=True):
        image = normal(4, 5, made[f"features.{place}.weight"].shape[1])
        wanted = slowly(image, made[f"features.{place}.weight"].transpose(2, 3, 1, 0), made[f"features.{place}.bias"])
        if norm:
            gamma, beta, mean, variance = (
                made[f"features.{place + 1}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")
            )
            wanted = (wanted - mean) / np.sqrt(variance + 1e-5) * gamma + beta
        np.testing.assert_allclose(slowly(image, found[f"{name}_w"], found[f"{name}_b"]), wanted, atol=1e-4)
    np.testing.assert_allclose(prepared(found, IMAGE), (IMAGE - MEAN) / DEVIATION, atol=1e-5)


def test_what_a_classifier_reads_is_put_in_our_order() -> None:
    made = torch_vgg()
    found = canonical(made)
    features = normal(7, 2, 2)  # torch flattens channels first
    wanted = made["classifier.0.weight"] @ features.reshape(-1)
    np.testing.assert_allclose(np.einsum("hwc,hwco->o", features.transpose(1, 2, 0), found["fc6_w"]), wanted, atol=1e-5)
    np.testing.assert_array_equal(found["fc7_w"][0, 0], made["classifier.3.weight"].T)
    timm = {name: array for name, array in made.items() if not name.startswith("classifier")}
    for old, new in (("classifier.0", "pre_logits.fc1"), ("classifier.3", "pre_logits.fc2")):
        side = 2 if new.endswith("1") else 1
        timm[f"{new}.weight"] = made[f"{old}.weight"].reshape(made[f"{old}.weight"].shape[0], -1, side, side)
        timm[f"{new}.bias"] = made[f"{old}.bias"]
    timm |= {f"head.fc.{part}": made[f"classifier.6.{part}"] for part in ("weight", "bias")}
    again = canonical(timm)
    assert sorted(again) == sorted(found)
    for name in found:
        np.testing.assert_array_equal(again[name], found[name])


def test_caffes_weights_in_torchs_container_keep_caffes_input() -> None:
    found = canonical(torch_vgg(), "d01eb7cb" + "0" * 56)
    wanted = IMAGE[..., ::-1] * 255 - np.asarray([103.939, 116.779, 123.68])
    np.testing.assert_allclose(prepared(found, IMAGE), wanted, atol=1e-3)


def caffe(layers: dict[str, tuple[int, ...]]) -> Arrays:
    return {f"{name}.{n}": normal(*(shape if not n else shape[:1])) for name, shape in layers.items() for n in (0, 1)}


def test_caffes_names_and_layouts_become_ours() -> None:
    made = caffe({"conv1/7x7_s2": (4, 3, 7, 7), "loss1/fc": (3, 4), "inception_3a/1x1": (5, 4, 1, 1), "cls": (2, 5)})
    found = canonical(made)
    names = ["conv0", "conv1_7x7_s2", "inception_3a_1x1", "cls"]
    assert sorted(found) == sorted(f"{name}_{part}" for name in names for part in "wb")
    np.testing.assert_array_equal(found["conv1_7x7_s2_w"], made["conv1/7x7_s2.0"].transpose(2, 3, 1, 0))
    np.testing.assert_array_equal(found["cls_w"], made["cls.0"].T[None, None])
    np.testing.assert_allclose(prepared(found, IMAGE), IMAGE[..., ::-1] * 255 - [104, 117, 123], atol=1e-3)


def test_caffes_vgg_is_keras_vgg() -> None:
    made = caffe({"conv1_1": (4, 3, 3, 3), "conv1_2": (5, 4, 3, 3), "fc6": (6, 5 * 9), "fc7": (7, 6), "fc8": (3, 7)})
    keras: Arrays = {}
    for name, ours in (("conv1_1", "block1_conv1"), ("conv1_2", "block1_conv2")):
        keras |= {f"{ours}/kernel": made[f"{name}.0"].transpose(2, 3, 1, 0), f"{ours}/bias": made[f"{name}.1"]}
    for name, ours in (("fc6", "fc1"), ("fc7", "fc2"), ("fc8", "predictions")):
        matrix = made[f"{name}.0"]
        if name == "fc6":  # Keras flattens channels last
            matrix = matrix.reshape(6, 5, 3, 3).transpose(0, 2, 3, 1).reshape(6, -1)
        keras |= {f"{ours}/kernel": matrix.T, f"{ours}/bias": made[f"{name}.1"]}
    one, other = canonical(made), canonical(keras)
    assert sorted(one) == sorted(other)
    for name in one:
        np.testing.assert_array_equal(one[name], other[name])
    wanted = IMAGE[..., ::-1] * 255 - np.asarray([103.939, 116.779, 123.68])
    np.testing.assert_allclose(prepared(one, IMAGE), wanted, atol=1e-3)


@pytest.mark.parametrize("first", [0, 95])
def test_keras_inception_is_torchvisions(first: int) -> None:
    torch: Arrays = {}
    keras: Arrays = {}
    for number, name in enumerate(TORCHVISION):
        layer = torch_layer(f"{name}.conv", 2, 3, 1, 1) | torch_norm(f"{name}.bn", 2)
        layer[f"{name}.bn.weight"] = np.ones(2, np.float32)
        del layer[f"{name}.conv.bias"]
        torch |= layer
        end = f"_{first + number}" if first + number else ""
        keras[f"conv2d{end}/kernel"] = layer[f"{name}.conv.weight"].transpose(2, 3, 1, 0)
        for part, theirs in (("beta", "bias"), ("moving_mean", "running_mean"), ("moving_variance", "running_var")):
            keras[f"batch_normalization{end}/{part}"] = layer[f"{name}.bn.{theirs}"]
    torch |= torch_layer("fc", 4, 2)
    keras |= {"predictions/kernel": torch["fc.weight"].T, "predictions/bias": torch["fc.bias"]}
    shuffled = dict(sorted(keras.items(), key=lambda item: hash(item[0])))
    one, other = canonical(torch), canonical(shuffled)
    assert one.pop("count_include_pad") == 1, "torchvision's pools count the zeros beyond the border"
    assert sorted(one) == sorted(other)
    for name in one:
        np.testing.assert_allclose(one[name], other[name], atol=1e-5)
    np.testing.assert_allclose(prepared(one, IMAGE), IMAGE * 2 - 1, atol=1e-5)


def test_inceptions_table_is_whole() -> None:
    assert len(TORCHVISION) == len(set(TORCHVISION.values())) == 94


def test_torchs_squeezenet_gets_the_names_of_the_paper() -> None:
    made = torch_layer("features.0", 4, 3, 3, 3) | torch_layer("classifier.1", 5, 6, 1, 1)
    for place in (3, 4, 6, 10):  # by number, not by letter
        for part, size in (("squeeze", 1), ("expand1x1", 1), ("expand3x3", 3)):
            made |= torch_layer(f"features.{place}.{part}", 2, 4, size, size)
    found = canonical(made)
    parts = ("squeeze1x1", "expand1x1", "expand3x3")
    names = ["conv0", "conv1", "conv10", *(f"fire{number}_{part}" for number in range(2, 6) for part in parts)]
    assert sorted(found) == sorted(f"{name}_{part}" for name in names for part in "wb")
    np.testing.assert_array_equal(found["fire5_expand3x3_b"], made["features.10.expand3x3.bias"])


def test_torchvisions_googlenet_gets_caffes_names() -> None:
    sources = ["conv1", "conv2", "conv3"]
    sources += [
        f"inception{block}.{branch}"
        for block in ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b")
        for branch in ("branch1", "branch2.0", "branch2.1", "branch3.0", "branch3.1", "branch4.1")
    ]
    made: Arrays = {"aux1.fc1.weight": normal(2, 2)}
    for source in sources:
        made |= {f"{source}.conv.weight": normal(2, 2, 1, 1)} | torch_norm(f"{source}.bn", 2)
    found = canonical(made)
    assert len(found) == 2 * (len(sources) + 1)
    assert {"conv1_7x7_s2_w", "conv2_3x3_reduce_b", "inception_4e_5x5_reduce_w", "inception_5b_pool_proj_b"} <= set(
        found
    )


def test_our_own_names_stay_as_they_are() -> None:
    ours = {"conv1_1_w": normal(3, 3, 3, 2), "conv1_1_b": normal(2), "relu1_1_head_w": normal(2, 2)}
    assert canonical(ours) is ours
    assert source_of(ours) == "pixeldream"


def changed(arrays: Arrays, **others: Any) -> Arrays:
    made = dict(arrays)
    for name, array in others.items():
        key = name.replace("__", ".").replace("_S_", "/")
        if array is None:
            del made[key]
        else:
            made[key] = array
    return made


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        (changed(torch_vgg(), features__3__bias=None), r"read as torch VGG: features\.3\.bias is missing"),
        (changed(torch_vgg(), classifier__0__weight=normal(9, 29)), "fc6 reads 29 values, which are no square of 7"),
        (changed(torch_vgg(), classifier__3__bias=normal(2, 2)), r"classifier\.3\.bias has shape \[2, 2\] where 1 dim"),
        (changed(torch_vgg(True), features__1__running_var=None), r"features\.1\.running_var is missing"),
        (changed(torch_vgg(True), features__1__bias=normal(3)), r"features\.1 has 3 values for the 4 channels of feat"),
        (caffe({"conv": (2, 3, 3)}), r"read as Caffe: conv has a kernel of shape \[2, 3, 3\]"),
        ({"batch_normalization_1/beta": normal(3)}, "0 convolutions and 1 batch norms where Inception-v3 has 94"),
        ({"block1_conv1/kernel": normal(3, 3)}, r"read as Keras VGG: block1_conv1/kernel has shape \[3, 3\] where 4"),
        ({"Conv2d_1a_3x3.conv.weight": normal(3, 3, 3, 3)}, r"Inception-v3: Conv2d_1a_3x3\.bn\.weight is missing"),
    ],
)
def test_what_does_not_fit_is_named_in_the_sources_words(tmp_path: Path, arrays: Arrays, says: str) -> None:
    save_weights(tmp_path / "net.safetensors", arrays)
    with pytest.raises(WeightsError, match=says) as caught:
        load_canonical(tmp_path / "net.safetensors")
    assert "net.safetensors" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_any_selection_of_arrays_is_converted_or_named() -> None:
    everything = torch_vgg() | caffe({"conv1_1": (4, 3, 3, 3)}) | {"block1_conv1/kernel": normal(3, 3, 3, 4)}
    for _ in range(300):
        kept = {name: array for name, array in everything.items() if RANDOM.random() < 0.3}
        strange = {name: array.reshape(-1)[:3] if RANDOM.random() < 0.2 else array for name, array in kept.items()}
        try:
            canonical(strange)
        except WeightsError as error:
            assert "read as" in str(error)


def test_a_network_is_built_of_another_programs_file(tmp_path: Path, registry: Registry) -> None:
    made = {name: array for name, array in torch_vgg().items() if name.startswith("features")}
    save_weights(tmp_path / "net.safetensors", made)
    network, arrays, _ = resolve(registry.networks["vgg19"], tmp_path / "net.safetensors")
    assert network.layers[-1] == "relu3_1"
    assert arrays["conv3_1_w"].shape == (3, 3, 6, 7)
    save_weights(tmp_path / "bad.safetensors", changed(made, features__5__weight=normal(6, 9, 3, 3)))
    with pytest.raises(
        WeightsError, match=r"vgg19.*: conv2_2_w has shape \[3, 3, 9, 6\] where \[3, 3, 5, 6\] is expec"
    ):
        resolve(registry.networks["vgg19"], tmp_path / "bad.safetensors")


def test_every_download_says_where_how_large_and_which_file(registry: Registry) -> None:
    for name, network in registry.networks.values.items():
        if network.download is None:
            continue
        kind, _, digits = network.download.digest.partition(":")
        assert kind in ("sha256", "sha1"), name
        assert len(digits) >= 8, name
        int(digits, 16)
        stem = network.download.url.partition("?")[0].rsplit("/", 1)[1]
        if "pytorch.org" in network.download.url:
            assert stem.rsplit("-", 1)[1] == f"{digits[:8]}.pth", name
        assert network.download.licence, name
