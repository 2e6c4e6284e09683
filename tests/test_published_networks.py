"""The published networks: the same values as the reference implementations, and files that do not fit."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from published import NETS, Arrays, ByTorch, picture, quickly, same, thin

from pixeldream.neural.networks import inception, layers, squeezenet
from pixeldream.neural.networks.base import FeatureNetwork
from pixeldream.neural.networks.grid import to_grid
from pixeldream.neural.networks.needed import needed
from pixeldream.neural.weights import WeightsError
from pixeldream.plugin.registry import Registry

SIZES = [
    ("squeezenet1.0", (45, 58)), ("squeezenet1.1", (51, 62)), ("googlenet", (70, 81)),
    ("nin", (90, 107)), ("vgg-cnn-s", (90, 107)), ("vgg-cnn-s", (224, 224)),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(("name", "size"), SIZES)
def test_every_layer_is_what_torch_computes(registry: Registry, name: str, size: tuple[int, int]) -> None:
    arrays, image = thin(name), picture(*size)
    network = registry.networks[name].build(arrays).published()
    expected = ByTorch(arrays).features(name, image)
    found = quickly(network, arrays, image, tuple(expected))
    for layer, values in expected.items():
        same(found[layer], values, layer)
    assert network.logits in expected
    assert network.layers[-1] == "prob"


@pytest.mark.parametrize("name", [*NETS, "vgg16", "vgg19"])
def test_every_layer_exists_for_the_smallest_picture(registry: Registry, name: str) -> None:
    """Also with the pads and pools of painting; nothing is computed: the laws do that."""
    arrays = thin(name)
    network = registry.networks[name].build(arrays)
    side = network.minimum_side
    for other in (network.using(pooling="average"), network.published()):
        found = jax.eval_shape(
            lambda weights, image, other=other: other.apply(weights, image, other.layers),
            arrays, jax.ShapeDtypeStruct((side, side, 3), jnp.float32),
        )  # fmt: skip
        assert all(min(features.shape) > 0 for features in found.values())
    assert network.logits is not None
    assert found[network.logits].shape == (1, 1, arrays[_classifier(arrays)].shape[-1])
    assert network.side in (64, 224, 227, 299)


def _classifier(arrays: Arrays) -> str:
    return next(key for key in reversed(arrays) if key.endswith("_w"))


@pytest.mark.parametrize("name", [*NETS, "vgg16"])
def test_pooling_and_padding_are_part_of_the_value(registry: Registry, name: str) -> None:
    network = registry.networks[name].build(thin(name))
    assert network.using() == network
    assert network.using(pooling="max") == network
    assert hash(network.using(padding="reflect")) == hash(network)
    assert len({network, network.using(pooling="average"), network.using(padding="zeros")}) == 3
    assert network.published() == network.using(padding="zeros").using(pooling="max")


def test_the_average_of_a_pool_counts_no_padding_and_leaves_a_flat_picture_flat(registry: Registry) -> None:
    features = jnp.full((1, 9, 10, 2), 3.0, jnp.float32)
    for size, stride, pad in ((3, 2, 0), (3, 1, 1), (2, 2, 0), (3, 3, 0)):
        np.testing.assert_allclose(layers.average(features, size, stride, pad), 3.0, rtol=1e-6)


def test_an_average_that_counts_the_zeros_is_smaller_at_the_border() -> None:
    found = layers.average(jnp.ones((1, 4, 5, 1), jnp.float32), 3, 1, 1, ceil=False, counted=True)[0, :, :, 0]
    np.testing.assert_allclose(found[0], np.asarray([4, 6, 6, 6, 4]) / 9, rtol=1e-6)
    np.testing.assert_allclose(found[1:-1, 1:-1], 1.0, rtol=1e-6)


def test_average_pooling_reaches_pixels_that_the_largest_leaves_out(registry: Registry) -> None:
    arrays = thin("nin")
    network, image = registry.networks["nin"].build(arrays), jnp.asarray(picture(70, 75))

    def reached(pooling: str) -> float:
        used = network.using(pooling=pooling)
        slope = jax.jit(jax.grad(lambda image: jnp.square(used.apply(arrays, image, ("relu3",))["relu3"]).sum()))(image)
        return float((slope != 0).mean())

    assert reached("average") > reached("max")


@pytest.mark.parametrize("grid", [(7, 7), (3, 5)])
@pytest.mark.parametrize("size", [(7, 7), (14, 21), (10, 9), (1, 2), (4, 23)])
def test_parts_of_a_picture_are_those_of_torch(grid: tuple[int, int], size: tuple[int, int]) -> None:
    torch = pytest.importorskip("torch")
    image = picture(*size)
    expected = torch.nn.functional.adaptive_avg_pool2d(torch.tensor(image.transpose(2, 0, 1).copy()), grid)
    found = to_grid(jnp.asarray(image)[None], *grid)[0]
    np.testing.assert_allclose(found, expected.numpy().transpose(1, 2, 0), rtol=1e-5, atol=1e-6)


def test_a_file_may_end_early_and_nothing_deeper_is_computed(registry: Registry) -> None:
    whole = thin("squeezenet1.1")
    arrays = {key: value for key, value in whole.items() if key[:5] in ("conv1", "fire2")}
    del arrays["conv10_w"], arrays["conv10_b"]
    network = squeezenet.build(arrays)
    assert network.layers == ("conv1", "fire2")
    assert network.content_layers == ("fire2",)
    assert network.logits is network.side is None
    shallow = {key: value for key, value in arrays.items() if key < "fire2"}
    network.apply(shallow, jnp.asarray(picture(40, 40)), ("conv1",))


@pytest.mark.parametrize("name", [*NETS, "vgg16"])
def test_weights_that_no_wanted_layer_reads_are_let_go(registry: Registry, name: str) -> None:
    arrays = thin(name)
    network = registry.networks[name].build(arrays)
    wanted, image = network.style_layers[:2], picture(network.minimum_side, network.minimum_side)
    kept = needed(network, arrays, wanted)
    seen = jax.eval_shape(lambda weights: network.apply(weights, jnp.asarray(image), wanted), kept)
    assert tuple(seen) == wanted
    assert 0 < len(kept) < len(arrays)
    assert not any(key in kept for key in list(arrays)[-2:]), "the classifier's last layer is kept"
    assert needed(network, arrays, (network.layers[-1],)).keys() == arrays.keys()


def test_what_was_read_of_a_file_can_go_once_its_weights_are_kept(registry: Registry) -> None:
    whole = np.zeros(1 << 16, np.float32)
    read = weakref.ref(whole)
    arrays = {"conv1_1_w": whole[: 27 * 64].reshape(3, 3, 3, 64), "conv1_1_b": whole[1 << 15 :][:64]}
    kept = needed(registry.networks["vgg19"].build(arrays), arrays, ("relu1_1",))
    jax.block_until_ready(kept)
    del whole, arrays
    gc.collect()
    assert read() is None


def test_a_block_of_inception_that_is_not_whole_is_left_aside() -> None:
    arrays = thin("inception-v3")
    del arrays["mixed_9_tower_1_conv_1_w"]
    network = inception.build(arrays)
    assert network.layers[-1] == "mixed8"
    assert network.logits is None


def test_a_file_may_bring_its_own_preparation() -> None:
    arrays, image = thin("squeezenet1.1"), picture(40, 40)
    own = squeezenet.build(arrays)
    turned = np.eye(3, dtype=np.float32)[::-1].reshape(1, 1, 3, 3) * 255
    prepared = arrays | {"conv0_w": turned, "conv0_b": -np.asarray([104, 117, 123], np.float32)}
    expected = own.apply(arrays, jnp.asarray(image), ("fire2",))["fire2"]
    found = squeezenet.build(prepared).apply(prepared, jnp.asarray(image), ("fire2",))["fire2"]
    same(found, expected, "fire2")


def test_the_graph_of_2015_ends_with_a_max_pool_and_keras_with_an_average() -> None:
    arrays = thin("inception-v3")
    keras = inception.build(arrays)
    wide = np.zeros((*arrays["logits_w"].shape[:3], 1008), np.float32)
    old = inception.build(arrays | {"logits_w": wide, "logits_b": np.zeros(1008, np.float32)})
    assert keras.apply.net.last_pool == "average"  # type: ignore[attr-defined]
    assert old.apply.net.last_pool == "max"  # type: ignore[attr-defined]


MISFITS = [
    ("squeezenet1.1", "squeezenet1.1", "conv1_w", {}, r"conv1_w is missing among its arrays \(conv1_b, "),
    ("squeezenet1.1", "squeezenet1.1", "fire4_sq", {}, "fire4_squeeze1x1_w is missing, but fire4_expand"),
    ("squeezenet1.1", "squeezenet1.1", "fire5_expand3x3_b", {}, "fire5_expand3x3_b is missing, but fire6_sq"),
    ("squeezenet1.1", "squeezenet1.0", "-", {}, "conv1_w is 7x7: these are weights of SqueezeNet 1.0, not 1.1"),
    ("squeezenet1.0", "squeezenet1.1", "-", {}, "conv1_w is 3x3: these are weights of SqueezeNet 1.1, not 1.0"),
    ("nin", "nin", "-", {"cccp1_w": (3, 3, 8, 8)}, r"cccp1_w has shape \[3, 3, 8, 8\] where \[1, 1, \d, any\] is"),
    ("nin", "nin", "-", {"conv1_b": (2,)}, r"conv1_b has shape \[2\] where \[\d\] is expected"),
    ("nin", "nin", "-", {"conv2_w": (5,)}, r"conv2_w has shape \[5\]"),
    ("nin", "nin", "-", {"conv2_w": (5, 5, 4, 0)}, r"conv2_w has shape \[5, 5, 4, 0\]"),
    ("vgg-cnn-s", "vgg-cnn-s", "fc7", {}, "fc7_w is missing, but fc8_w is there"),
    ("googlenet", "nin", "-", {}, r"conv1_7x7_s2_w is missing among its arrays \(conv1_w, conv1_b"),
    ("inception-v3", "inception-v3", "conv_w", {}, "conv_w is missing"),
    ("vgg19", "vgg19", "fc6", {}, "fc6_w is missing"),
    ("vgg19", "vgg19", "fc8_b", {}, "fc8_b is missing"),
    ("vgg16", "vgg16", "-", {"fc6_w": (28, 12)}, r"fc6_w has shape \[28, 12\] where \[any, any, 9, any\] is"),
    ("vgg16", "vgg16", "-", {"fc7_w": (3, 3, 12, 5)}, r"fc7_w has shape \[3, 3, 12, 5\] where \[1, 1, 12, any\] is"),
]
"""The network asked for, that of the file, what is dropped from the file, what stands in it instead, the message."""


@pytest.mark.parametrize(("name", "other", "drop", "instead", "says"), MISFITS)
def test_a_file_that_does_not_fit_is_named_by_layer(
    registry: Registry, name: str, other: str, drop: str, instead: dict[str, tuple[int, ...]], says: str
) -> None:
    arrays = {key: value for key, value in thin(other).items() if not key.startswith(drop)}
    arrays |= {key: np.zeros(shape, np.float32) for key, shape in instead.items()}
    with pytest.raises(WeightsError, match=says):
        registry.networks[name].build(arrays)


def test_a_network_without_the_choice_says_so() -> None:
    plain = FeatureNetwork("plain", ("one",), lambda *arguments: {}, ("one",), ("one",), 8)
    assert plain.using() == plain
    with pytest.raises(ValueError, match="network 'plain' has no choice of pooling"):
        plain.using(pooling="average")
    with pytest.raises(ValueError, match="pooling 'mean' is not known; max or average"):
        plain.using(pooling="mean")


def test_the_embedded_network_imports_no_flax() -> None:
    """It would start a quarter of a second later for nothing."""
    program = (
        "import sys; from pixeldream.plugin.registry import load; from pixeldream.neural.weights import resolve\n"
        "resolve(load().networks['embedded'], None); sys.exit('flax' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
