"""The feature networks that come with pixeldream: its own, and those that people know, by their authors' names.

Sources say where the architecture is published and under which licence the usual weights are. None come with the
package but our own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from pixeldream_plugins.network_downloads import fetched

import pixeldream as pd


def _by(builder: str, **named: Any) -> Callable[[Mapping[str, Any]], pd.FeatureNetwork]:
    """A public builder by its name: what it imports is imported when a network is built."""
    return partial(_build, builder, named)


def _build(builder: str, named: Mapping[str, Any], arrays: Mapping[str, Any]) -> pd.FeatureNetwork:
    network: pd.FeatureNetwork = getattr(pd, builder)(arrays, **named)
    return network


def _networks() -> list[pd.Network]:
    """Networks by the names that their authors gave them, and our own."""
    return [
        pd.Network(
            "embedded",
            "our own thin VGG: quick, and needs no download",
            _by("build_vgg", name="embedded"),
            "embedded.safetensors",
            "trained by `pixeldream train features` on pictures made by code; MIT, as pixeldream; see embedded.md",
        ),
        pd.Network(
            "vgg19",
            "VGG-19 or any network of its shape, with or without classifier: widths and depth are read from the file",
            _by("build_vgg", name="vgg19"),
            None,
            "Simonyan and Zisserman 2014, arXiv 1409.1556; the authors' weights are CC BY 4.0",
        ),
        pd.Network(
            "vgg16",
            "VGG-16: as VGG-19 with three convolutions fewer",
            _by("build_vgg", name="vgg16"),
            None,
            "Simonyan and Zisserman 2014, arXiv 1409.1556; the authors' weights are CC BY 4.0",
        ),
        pd.Network(
            "squeezenet1.0",
            "SqueezeNet 1.0: small, not VGG-shaped",
            _by("build_squeezenet", name="squeezenet1.0", version="1.0"),
            None,
            "Iandola et al. 2016, arXiv 1602.07360; the authors' weights are BSD-2-Clause",
        ),
        pd.Network(
            "squeezenet1.1",
            "SqueezeNet 1.1: small and quick, not VGG-shaped",
            _by("build_squeezenet", name="squeezenet1.1"),
            None,
            "Iandola et al. 2016, arXiv 1602.07360; the authors' weights are BSD-2-Clause",
        ),
        pd.Network(
            "inception-v3",
            "Inception-v3: deep dreams of its mixed blocks are rich in forms",
            _by("build_inception"),
            None,
            "Szegedy et al. 2015, arXiv 1512.00567; Google's and Keras's weights are Apache-2.0",
        ),
        pd.Network(
            "googlenet",
            "GoogLeNet: what deep dreams were first seen in",
            _by("build_googlenet"),
            None,
            "Szegedy et al. 2014, arXiv 1409.4842; BVLC's weights are free for any use, torchvision's BSD-3-Clause",
        ),
        pd.Network(
            "nin",
            "Network in Network: small, the light choice of early style transfer",
            _by("build_nin"),
            None,
            "Lin, Chen and Yan 2013, arXiv 1312.4400; the weights in Caffe's model zoo are for non-commercial use",
        ),
        pd.Network(
            "vgg-cnn-s",
            "VGG CNN-S: few layers with wide kernels",
            _by("build_cnn_s"),
            None,
            "Chatfield et al. 2014, arXiv 1405.3531; the authors' weights are for non-commercial use",
        ),
    ]


@pd.hookimpl
def register_networks() -> list[pd.Network]:
    """All of them, with the places where their weights are published."""
    return [fetched(network) for network in _networks()]
