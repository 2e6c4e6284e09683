"""Feature networks against slow references, the sizes read from files, and files that do not fit."""

from __future__ import annotations

import subprocess
import sys
from importlib import resources

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from published import NETS, picture, quickly, thin
from scipy.signal import correlate

from pixeldream.neural.networks import twice, vgg
from pixeldream.neural.networks.base import FeatureNetwork
from pixeldream.neural.weights import WeightsError, load_weights, read_facts, resolve
from pixeldream.plugin.registry import Registry

Arrays = dict[str, np.ndarray]


def thin_vgg(widths: tuple[int, ...] = (3, 4, 5), depths: tuple[int, ...] = (2, 2, 1), seed: int = 0) -> Arrays:
    random, before, made = np.random.default_rng(seed), 3, {}
    for block, (width, depth) in enumerate(zip(widths, depths, strict=True), 1):
        for number in range(1, depth + 1):
            made[f"conv{block}_{number}_w"] = random.normal(0, 0.3, (3, 3, before, width)).astype(np.float32)
            made[f"conv{block}_{number}_b"] = random.normal(0, 0.1, width).astype(np.float32)
            before = width
    return made


def slow_convolution(
    image: np.ndarray, kernel: np.ndarray, bias: np.ndarray, mode: str | None = "reflect"
) -> np.ndarray:
    edge = kernel.shape[0] // 2
    if edge and mode:
        image = np.pad(image, ((edge, edge), (edge, edge), (0, 0)), mode)  # type: ignore[call-overload]
    outputs = [
        sum(correlate(image[..., i], kernel[..., i, o], "valid", "direct") for i in range(kernel.shape[2])) + bias[o]
        for o in range(kernel.shape[3])
    ]
    return np.stack(outputs, -1)


def slow_vgg(arrays: Arrays, image: np.ndarray) -> dict[str, np.ndarray]:
    found, block = {}, "1"
    image = slow_convolution(image, arrays["conv0_w"], arrays["conv0_b"]) if "conv0_w" in arrays else image * 2 - 1
    for key in sorted(arrays):
        if key.startswith("conv") and key.endswith("_w") and key != "conv0_w":
            name = key[4:-2]
            if name[0] != block:
                height, width = image.shape[0] // 2, image.shape[1] // 2
                image = image[: 2 * height, : 2 * width].reshape(height, 2, width, 2, -1).max((1, 3))
                block = name[0]
            image = found[f"conv{name}"] = slow_convolution(image, arrays[key], arrays[f"conv{name}_b"])
            image = found[f"relu{name}"] = np.maximum(image, 0)
    return found


@pytest.mark.parametrize("size", [(16, 16), (13, 18), (8, 9)])
@pytest.mark.parametrize("prepared", [False, True])
def test_vgg_computes_what_its_definition_says(size: tuple[int, int], prepared: bool) -> None:
    arrays = thin_vgg()
    if prepared:
        turned = np.eye(3, dtype=np.float32)[::-1].reshape(1, 1, 3, 3) * 255
        arrays |= {"conv0_w": turned, "conv0_b": -np.asarray([103.939, 116.779, 123.68], np.float32)}
    network, image = vgg.build(arrays), picture(*size)
    assert network.layers == (
        "conv1_1", "relu1_1", "conv1_2", "relu1_2", "conv2_1", "relu2_1", "conv2_2", "relu2_2", "conv3_1", "relu3_1",
    )  # fmt: skip
    found, expected = quickly(network, arrays, image, network.layers), slow_vgg(arrays, image)
    assert set(found) == set(network.layers)
    for layer in network.layers:
        scale = np.abs(expected[layer]).max()
        np.testing.assert_allclose(found[layer], expected[layer], atol=1e-5 * scale, rtol=1e-4)


def test_vgg_computes_no_deeper_than_asked() -> None:
    arrays = thin_vgg()
    network = vgg.build(arrays)
    shallow = {name: value for name, value in arrays.items() if name < "conv2_2"}
    found = network.apply(shallow, jnp.asarray(picture(8, 8)), ("relu2_1", "relu1_1"))
    assert set(found) == {"relu1_1", "relu2_1"}


@pytest.mark.parametrize(
    ("widths", "depths", "content", "style"),
    [
        ((2, 3, 4, 5, 6), (2, 2, 4, 4, 1), "relu4_2", ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")),
        ((2, 3, 4), (2, 2, 1), "relu3_1", ("relu1_1", "relu2_1", "relu3_1")),
        ((2, 3, 4, 5), (1, 1, 1, 1), "relu4_1", ("relu1_1", "relu2_1", "relu3_1", "relu4_1")),
        ((7,), (1,), "relu1_1", ("relu1_1",)),
    ],
)
def test_vgg_takes_widths_and_depth_from_the_file(
    widths: tuple[int, ...], depths: tuple[int, ...], content: str, style: tuple[str, ...]
) -> None:
    arrays = thin_vgg(widths, depths)
    network = vgg.build(arrays)
    assert network.content_layers == (content,)
    assert network.style_layers == style
    side = network.minimum_side
    found = quickly(network, arrays, picture(side, side), network.layers)
    assert min(min(value.shape[:2]) for value in found.values()) >= 2
    assert [found[f"relu{b}_1"].shape[-1] for b in range(1, len(widths) + 1)] == list(widths)


def test_heads_stand_before_who_asks_and_not_before_the_next_layer() -> None:
    arrays = thin_vgg()
    plain, image = vgg.build(arrays), jnp.asarray(picture(12, 12))
    head = np.random.default_rng(1).normal(size=(4, 7)).astype(np.float32)
    headed = arrays | {"relu2_1_head_w": head, "relu2_1_head_b": np.ones(7, np.float32)}
    network = vgg.build(headed)
    before = plain.apply(arrays, image, ("relu2_1", "relu3_1"))
    found = network.apply(headed, image, ("relu2_1", "relu3_1"))
    np.testing.assert_allclose(found["relu2_1"], np.asarray(before["relu2_1"]) @ head + 1, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(found["relu3_1"], before["relu3_1"])
    assert network.style_layers == ("relu2_1",)
    assert network.content_layers == ("relu2_1",)


def without(name: str) -> Arrays:
    return {key: value for key, value in thin_vgg().items() if not key.startswith(name)}


def changed(**found: np.ndarray) -> Arrays:
    return thin_vgg() | found


def zeros(*shape: int) -> np.ndarray:
    return np.zeros(shape, np.float32)


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({}, "no conv1_1_w"),
        ({"features.0.weight": zeros(3)}, r"no conv1_1_w among its arrays \(features\.0\.weight"),
        (without("conv1_1"), "conv1_2_w is there but conv1_1_w is missing"),
        (without("conv2_1"), "conv2_2_w is there but conv2_1_w is missing"),
        (without("conv2"), "conv3_1_w is there but conv2_1_w is missing"),
        (without("conv2_1_b"), "conv2_1_b is missing"),
        (changed(conv2_1_w=zeros(3, 3, 9, 4)), r"conv2_1_w has shape \[3, 3, 9, 4\] where \[3, 3, 3, 4\]"),
        (changed(conv2_1_w=zeros(5, 5, 3, 4)), r"conv2_1_w has shape \[5, 5, 3, 4\]"),
        (changed(conv2_1_w=zeros(3, 4)), r"conv2_1_w has shape \[3, 4\]"),
        (changed(conv2_1_w=zeros(3, 3, 3, 0)), "conv2_1_w has shape"),
        (changed(conv2_2_w=zeros(3, 3, 4, 9)), r"conv2_2_b has shape \[4\] where \[9\]"),
        (changed(conv0_w=zeros(3, 3, 3, 3), conv0_b=zeros(3)), r"conv0_w has shape \[3, 3, 3, 3\]"),
        (changed(conv0_w=zeros(1, 1, 3, 3)), "conv0_b is missing"),
        (changed(relu3_1_head_w=zeros(6, 2), relu3_1_head_b=zeros(2)), r"relu3_1_head_w has shape \[6, 2\]"),
        (changed(relu3_1_head_w=zeros(5, 2)), "relu3_1_head_b is missing"),
    ],
)
def test_a_vgg_that_does_not_chain_is_named_by_layer(arrays: Arrays, says: str) -> None:
    with pytest.raises(WeightsError, match=says):
        vgg.build(arrays)


def test_equal_layouts_are_equal_and_share_a_compilation() -> None:
    one, other = vgg.build(thin_vgg(seed=1)), vgg.build(thin_vgg(seed=2))
    assert one == other
    assert hash(one) == hash(other)
    assert one != vgg.build(thin_vgg((3, 4), (2, 2)))
    traced = []

    def features(network: FeatureNetwork, arrays: Arrays, image: jax.Array) -> jax.Array:
        traced.append(network)
        return network.apply(arrays, image, ("relu2_1",))["relu2_1"]

    compiled = jax.jit(features, static_argnums=0)
    image = jnp.asarray(picture(8, 8))
    first, second = compiled(one, thin_vgg(seed=1), image), compiled(other, thin_vgg(seed=2), image)
    assert len(traced) == 1
    assert not np.array_equal(first, second), "the weights must be traced, not baked in"


@pytest.mark.parametrize("side", [1, 3])
def test_the_convolution_for_second_derivatives_is_the_same_one(side: int) -> None:
    random = np.random.default_rng(0)
    images = jnp.asarray(random.normal(size=(2, 6, 7, 3)), jnp.float32)
    kernel = jnp.asarray(random.normal(size=(side, side, 3, 4)), jnp.float32)
    bias = jnp.asarray(random.normal(size=4), jnp.float32)

    def squared_gradient(convolution: vgg.Convolution, kernel: jax.Array) -> jax.Array:
        return (jax.grad(lambda x: jnp.sin(convolution(x, kernel, bias)).sum())(images) ** 2).sum()

    np.testing.assert_allclose(
        twice.convolve(images, kernel, bias), vgg.convolve(images, kernel, bias), rtol=1e-4, atol=1e-5
    )
    found, expected = (jax.grad(squared_gradient, 1)(c, kernel) for c in (twice.convolve, vgg.convolve))
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)


def test_the_embedded_network_is_small_and_loads(registry: Registry) -> None:
    network = registry.networks["embedded"]
    assert network.weights is not None
    with resources.as_file(resources.files("pixeldream.neural.networks").joinpath(network.weights)) as path:
        assert path.stat().st_size <= 2_000_000
        assert read_facts(path)
        assert load_weights(path)
    built, arrays, digest = resolve(network, None)
    assert built.name == "embedded"
    assert built.style_layers == ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
    assert len(digest) == 64
    found = quickly(built, arrays, picture(128, 128), built.style_layers)
    for layer, features in found.items():
        assert np.isfinite(np.asarray(features)).all(), layer
        assert float(jnp.abs(features).mean()) > 1e-3, f"{layer} is dead"


def test_the_embedded_network_tells_strokes_from_noise(registry: Registry) -> None:
    """What it is for: a style's own other half must be nearer to it than noise of the same colours."""
    from pixeldream import scenes
    from pixeldream.neural.losses import gram_matrix, style_loss

    network, arrays, _ = resolve(registry.networks["embedded"], None)
    style = scenes.sample_style(256, 128)
    left, right = style[:, :128], style[:, 128:]
    random = np.random.default_rng(0)
    noise = random.permutation(right.reshape(-1, 3)).reshape(right.shape)

    def distance(image: np.ndarray) -> float:
        one, other = (quickly(network, arrays, i, network.style_layers) for i in (image, left))
        losses = [style_loss(gram_matrix(one[k]), gram_matrix(other[k])) for k in network.style_layers]
        return float(jnp.stack(losses).mean())

    assert distance(right) < 0.5 * distance(noise)


def test_the_built_in_networks_are_listed_with_their_sources(registry: Registry) -> None:
    published = {*NETS, "vgg16", "vgg19"}
    assert set(registry.networks) == {"embedded", *published}
    for name in published:
        assert registry.networks[name].weights is None
        assert "arXiv" in registry.networks[name].source
        assert registry.networks[name].build(thin(name)).name == name


def test_the_plugin_s_base_needs_no_jax() -> None:
    code = "import pixeldream.neural.networks.base, pixeldream_plugins.networks, sys; print('jax' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
