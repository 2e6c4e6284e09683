"""Pictures made by code: the same for the same seed, in range, of any size."""

from __future__ import annotations

import numpy as np
import pytest

from pixeldream import scenes
from pixeldream.neural import pictures

MAKERS = [*pictures._PLAIN, *pictures._PAINTED]


@pytest.mark.parametrize("maker", dict.fromkeys(MAKERS), ids=lambda maker: maker.__name__)
@pytest.mark.parametrize("size", [(48, 64), (65, 33)])
def test_every_scene_is_an_image_of_its_size(maker: pictures.Scene, size: tuple[int, int]) -> None:
    for seed in range(4):
        image = np.clip(maker(np.random.default_rng(seed), *size), 0, 1)
        assert image.shape == (*size, 3)
        assert np.isfinite(image).all()
        assert image.std() > 0.001, f"seed {seed} is blank"


def test_a_scene_is_its_seeds_alone() -> None:
    for seed in range(12):
        first, again = pictures.scene(seed, 40, 56), pictures.scene(seed, 40, 56)
        assert first.dtype == np.float32
        assert first.shape == (40, 56, 3)
        assert 0 <= first.min() <= first.max() <= 1
        np.testing.assert_array_equal(first, again)
    assert not np.array_equal(pictures.scene(1, 40, 56), pictures.scene(2, 40, 56))


def test_scenes_differ_in_kind() -> None:
    """A network that sees one kind only learns one kind: means, contrasts and graininess must spread."""
    images = [pictures.scene(seed, 64, 64) for seed in range(60)]
    means = [image.mean() for image in images]
    grains = [np.abs(np.diff(image, axis=1)).mean() for image in images]
    assert np.ptp(means) > 0.4
    assert max(grains) > 10 * min(grains)


@pytest.mark.parametrize("maker", [scenes.sample_content, scenes.sample_style])
@pytest.mark.parametrize("size", [(320, 200), (64, 80), (592, 400)])
def test_samples_are_the_same_every_time(maker: object, size: tuple[int, int]) -> None:
    width, height = size
    image, again = maker(width, height), maker(width, height)  # type: ignore[operator]
    assert image.shape == (height, width, 3)
    assert image.dtype == np.float32
    assert 0 <= image.min() <= image.max() <= 1
    np.testing.assert_array_equal(image, again)


def test_the_sample_content_keeps_its_forms_at_any_size() -> None:
    """The castle, not the noise, must be what is seen: shrunk, the large one is close to the small one."""
    small = scenes.sample_content(160, 100)
    large = scenes.sample_content(640, 400).reshape(100, 4, 160, 4, 3).mean((1, 3))
    assert np.abs(small - large).mean() < 0.08


def test_noise_falls_with_frequency_as_asked() -> None:
    random = np.random.default_rng(0)
    rough, smooth = scenes.noise(random, 64, 64, 0.0), scenes.noise(random, 64, 64, 2.0)
    assert np.abs(np.diff(rough)).mean() > 4 * np.abs(np.diff(smooth)).mean()
    assert 0 <= smooth.min() <= smooth.max() <= 1


def test_smearing_averages_along_the_field_only() -> None:
    image = np.zeros((9, 9, 1), np.float32)
    image[4, 4] = 1
    across = scenes.smear(image, np.zeros((9, 9)), np.ones((9, 9)), 2)[..., 0]
    np.testing.assert_allclose(across[4], [0, 0, 0.2, 0.2, 0.2, 0.2, 0.2, 0, 0], atol=1e-6)
    assert across.sum() == pytest.approx(1)


def test_looking_up_beyond_the_edge_mirrors() -> None:
    image = np.arange(5, dtype=np.float32).reshape(1, 5, 1).repeat(4, 0)
    found = scenes.sample(image, np.zeros(7), np.arange(-1, 6, dtype=np.float32))
    np.testing.assert_array_equal(found[:, 0], [1, 0, 1, 2, 3, 4, 3])
