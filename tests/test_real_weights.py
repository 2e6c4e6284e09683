"""Real pretrained weights, where there are some: sensible classes and living features on photographs.

``PIXELDREAM_SHARED`` names a folder with ``weights`` (``squeezenet_v1.1.npz``, ``inception_v3_to_mixed8.npz``) and
``images/content`` (pictures of Kodak's test set); without it these tests are skipped.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pixeldream as pd
from pixeldream import images
from pixeldream.neural.classify import classify
from pixeldream.neural.dream_settings import DreamSettings, Zoom
from pixeldream.neural.visualise.settings import CHANNELS, CLASS, INVERSION
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


ROWS = (
    ("embedded", None, "conv2_1"),
    ("vgg19", "vgg19_distilled16x_SE5.npz", "relu3_1"),
    ("inception-v3", "inception_v3_to_mixed8.npz", "mixed0"),
    ("squeezenet1.1", "squeezenet_v1.1.npz", "fire3"),
)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "file", "layer"), ROWS)
def test_every_technique_works_with_every_network(name: str, file: str | None, layer: str) -> None:
    """A step of each, at a small size; a class only where there is a classifier."""
    photo = images.resize(photograph("kodak_08.png"), (96, 128))
    named: dict[str, Any] = {"network": name, "weights": None if file is None else SHARED / "weights" / file}
    short = DreamSettings(steps=1, finish_steps=1, octaves=1)
    classes = [None, "goldfish"] if name == "squeezenet1.1" else [None]
    made: dict[str, Any] = {
        "dream": pd.dream(photo, None, layers=layer, settings=short, **named),
        "channel": pd.dream(photo, None, layers=f"{layer}:1", settings=short, **named),
        "guided": pd.dream(photo, None, layers=layer, guide=photo[::-1], settings=short, **named),
        "invert": pd.visualise.invert(photo, layer, settings=replace(INVERSION, steps=2), **named),
        "channels": pd.visualise.channels(layer, [1], settings=replace(CHANNELS, steps=1), **named)[1],
    }
    *_, made["zoom"] = pd.dream(photo, None, layers=layer, settings=short, zoom=Zoom(2, steps=1), **named)
    for class_ in classes:
        asked: dict[str, Any] = {"layer": f"{layer}:1"} if class_ is None else {"class_": class_}
        made[f"class {class_}"] = pd.visualise.class_image(
            size=(96, 96), settings=replace(CLASS, steps=2), **asked, **named
        )
        for method in ("saliency", "guided", "deconv"):
            found = getattr(pd.visualise, method)(photo, samples=1, **asked, **named)
            assert np.abs(found.signal).max() > 0, method
            made[f"{method} {class_}"] = found.picture()
    if classes[-1] is not None:
        made["class dream"] = pd.dream("grey", None, class_name=classes[-1], settings=short, **named)
    for what, image in made.items():
        assert np.isfinite(image).all(), what
        assert image.std() > 0.001, what
