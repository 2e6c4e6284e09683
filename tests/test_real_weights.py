"""Real pretrained weights, where there are some: sensible classes and living features on photographs.

``PIXELDREAM_SHARED`` names a folder with ``weights`` (``squeezenet_v1.1.npz``, ``inception_v3_to_mixed8.npz``) and
``images/content`` (pictures of Kodak's test set); without it these tests are skipped.
"""

from __future__ import annotations

import os
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pixeldream import images
from pixeldream.neural.classify import classify
from pixeldream.neural.weights import resolve
from pixeldream.plugin.registry import Registry

SHARED = Path(os.environ.get("PIXELDREAM_SHARED", "none"))
pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason="PIXELDREAM_SHARED names no folder with real weights")


def photograph(name: str) -> np.ndarray:
    path = SHARED / "images" / "content" / name
    return images.decode(images.read_bytes(str(path)), str(path))


@pytest.mark.parametrize(
    ("name", "sensible"),
    [
        ("kodak_09.png", {"yawl", "schooner", "catamaran", "trimaran"}),
        ("kodak_20.png", {"warplane", "wing", "airliner", "propeller"}),
        ("kodak_21.png", {"beacon", "breakwater", "promontory", "seashore"}),
    ],
)
def test_squeezenet_knows_what_is_in_a_photograph(registry: Registry, name: str, sensible: set[str]) -> None:
    network, weights, _ = resolve(registry.networks["squeezenet1.1"], SHARED / "weights" / "squeezenet_v1.1.npz")
    guesses = classify(network, weights, photograph(name), count=3)
    assert {guess.name for guess in guesses} & sensible, guesses
    assert guesses[0].probability > 0.1


def test_inception_sees_other_things_in_other_photographs(registry: Registry) -> None:
    network, weights, _ = resolve(registry.networks["inception-v3"], SHARED / "weights" / "inception_v3_to_mixed8.npz")
    assert network.layers[-1] == "mixed8"
    seen = jax.jit(network.apply, static_argnums=2)
    one, other = (
        np.asarray(seen(weights, jnp.asarray(photograph(name)[100:250, 100:250]), ("mixed8",))["mixed8"])
        for name in ("kodak_20.png", "kodak_21.png")
    )
    for features in (one, other):
        assert np.isfinite(features).all()
        # Batch norm keeps what is real at this scale; a fold or a pool gone wrong grows or dies over 90 layers.
        assert 0.05 < features.mean() < 2
        assert 0.02 < (features > 0).mean() < 0.98
    assert np.corrcoef(one.mean((0, 1)), other.mean((0, 1)))[0, 1] < 0.9
