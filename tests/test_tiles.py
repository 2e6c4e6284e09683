"""Looked at in tiles, a picture has the losses and the gradient of the whole one: no seams, and less memory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from command import call, make_image, make_weights
from hypothesis import given
from hypothesis import strategies as st

from pixeldream.neural.networks import squeezenet, vgg
from pixeldream.neural.networks.base import FeatureNetwork
from pixeldream.neural.regions import Guide
from pixeldream.neural.stylize import LoadedNetwork, Settings, Style, make_targets
from pixeldream.neural.tiles import Reach, UntiledNetwork, cut, reach_of

Capsys = pytest.CaptureFixture[str]


def thin_vgg(depth: int = 3) -> LoadedNetwork:
    """Two blocks, three convolutions; or three and five."""
    random, arrays, before = np.random.default_rng(0), {}, 3
    for layer, width in (("1_1", 4), ("1_2", 4), ("2_1", 6), ("3_1", 8), ("3_2", 8))[:depth]:
        kernel = random.normal(0, (2 / 9 / before) ** 0.5, (3, 3, before, width)).astype(np.float32)
        arrays |= {f"conv{layer}_w": kernel, f"conv{layer}_b": np.full(width, 0.1, np.float32)}
        before = width
    return LoadedNetwork(vgg.build(arrays), arrays)


def squeeze() -> LoadedNetwork:
    """Up to fire2: strides without padding, pools that hang over the edge."""
    random = np.random.default_rng(0)
    arrays = {"conv1": (3, 3, 3, 64), "fire2_squeeze1x1": (1, 1, 64, 16)}
    arrays |= {f"fire2_expand{side}x{side}": (side, side, 16, 64) for side in (1, 3)}
    weights = {f"{name}_w": random.normal(0, 0.08, shape).astype(np.float32) for name, shape in arrays.items()}
    weights |= {f"{name}_b": np.zeros(shape[-1], np.float32) for name, shape in arrays.items()}
    return LoadedNetwork(squeezenet.build(weights), weights)


def picture(seed: int, height: int, width: int) -> jax.Array:
    return jnp.asarray(np.random.default_rng(seed).uniform(0, 1, (height, width, 3)), jnp.float32)


def measured(
    loaded: LoadedNetwork, tile: int, size: tuple[int, int], guide: Guide | None = None
) -> tuple[dict[str, float], np.ndarray]:
    """Losses and gradient of one picture towards others."""
    styles, settings = [Style(picture(2, 90, 131)), Style(picture(4, 40, 30))], Settings(tile=tile)
    objective, arrays = make_targets(picture(1, *size), styles[: 2 if guide else 1], [loaded], settings, (), guide)

    def run(image: jax.Array) -> tuple[jax.Array, dict[str, jax.Array]]:
        losses = objective(arrays, image)
        return losses["total"], losses

    (_, losses), gradient = jax.jit(jax.value_and_grad(run, has_aux=True))(picture(3, *size))
    return {name: float(value) for name, value in losses.items()}, np.asarray(gradient)


@pytest.mark.parametrize(("loaded", "size"), [(thin_vgg(), (71, 95)), (squeeze(), (80, 101))])
def test_tiles_have_the_losses_and_the_gradient_of_the_whole(loaded: LoadedNetwork, size: tuple[int, int]) -> None:
    # Everywhere, seams and borders: the order of sums alone differs.
    assert_equal(measured(loaded, 0, size), measured(loaded, 16, size))


def test_regions_are_painted_in_tiles_as_well() -> None:
    left = np.linspace(1, 0, 95, dtype=np.float32)[None].repeat(71, 0)
    weights = np.asarray([[1, 0], [0.25, 0.75]], np.float32)
    guide = Guide(np.stack([left, 1 - left]), weights, (np.stack([left, 1 - left]), None), 0.8)
    assert_equal(*(measured(thin_vgg(), tile, (71, 95), guide) for tile in (0, 16)))


def assert_equal(whole: tuple[dict[str, float], np.ndarray], tiled: tuple[dict[str, float], np.ndarray]) -> None:
    for name, value in whole[0].items():
        assert tiled[0][name] == pytest.approx(value, rel=1e-4)
    np.testing.assert_allclose(tiled[1], whole[1], rtol=1e-3, atol=1e-4 * np.abs(whole[1]).max())


def test_the_overlap_is_what_the_network_sees() -> None:
    loaded = thin_vgg(5)
    # Feature i of relu3_2 sees the pixels 4i - 12 to 4i + 15.
    found = reach_of(loaded.network, loaded.weights, ("relu1_1", "relu3_2"))
    assert (dict(found.strides), found.period) == ({"relu1_1": 1, "relu3_2": 4}, 4)
    assert found.overlap == 12


@given(st.integers(1, 900), st.integers(1, 300), st.sampled_from([1, 2, 8, 16]), st.integers(0, 6))
def test_cores_cover_a_side_once_and_see_far_enough(length: int, tile: int, period: int, far: int) -> None:
    reach = Reach((), period, far * period)
    found = cut(length, tile, reach)
    begins, ends = [core[0] for core in found.cores], [core[1] for core in found.cores]
    assert begins[0] == 0
    assert begins[1:] == ends[:-1]
    assert ends[-1] >= length
    for start, (begin, end) in zip(found.starts, found.cores, strict=True):
        assert start >= 0
        assert start % period == 0
        assert start + found.window <= length
        assert start == 0 or begin - start >= reach.overlap
        assert start + found.window == length or start + found.window - end >= reach.overlap
    assert found.starts[-1] + found.window == length


def test_memory_is_that_of_a_tile() -> None:
    def temporary(tile: int, size: int) -> int:
        styles, settings = [Style(picture(2, 40, 30))], Settings(tile=tile)
        objective, arrays = make_targets(picture(1, size, size), styles, [thin_vgg()], settings)
        step = jax.jit(jax.grad(lambda image: objective(arrays, image)["total"]))
        return step.lower(picture(3, size, size)).compile().memory_analysis().temp_size_in_bytes

    assert temporary(32, 384) < 0.25 * temporary(0, 384)


@dataclass(frozen=True)
class Mean:
    def __call__(self, weights: dict, image: jax.Array, wanted: tuple[str, ...]) -> dict[str, jax.Array]:
        return {"mean": image - image.mean((0, 1), keepdims=True)}


def test_a_network_that_sees_the_whole_picture_is_refused() -> None:
    network = FeatureNetwork("mean", ("mean",), Mean(), ("mean",), ("mean",), 8)
    with pytest.raises(UntiledNetwork, match="network 'mean' sees the whole picture at once"):
        reach_of(network, {}, ("mean",))


def test_a_picture_is_painted_in_tiles(capsys: Capsys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make_image(tmp_path / "photo.png")
    make_weights(tmp_path / "tiny.safetensors")
    run = ["stylize", "photo.png", "-s", "photo.png", "-n", "vgg19=tiny.safetensors", "--steps", 1, "-m", "pico-8"]
    assert call(capsys, *run, "--tile", 48, "-o", "a.png").code == 0
    assert "the same bytes" in call(capsys, "rerun", "a.png").err
    assert "tile of -1" in call(capsys, *run, "--tile", -1, "-o", "a.png").error
