"""The feature networks that come with pixeldream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pixeldream_plugins.network_downloads import fetched

import pixeldream as pd


def _embedded(arrays: Mapping[str, Any]) -> pd.FeatureNetwork:
    return pd.build_vgg(arrays, "embedded")


def _vgg19(arrays: Mapping[str, Any]) -> pd.FeatureNetwork:
    return pd.build_vgg(arrays, "vgg19")


def _squeezenet(arrays: Mapping[str, Any]) -> pd.FeatureNetwork:
    return pd.build_squeezenet(arrays, "squeezenet1.1")


def _networks() -> list[pd.Network]:
    """Networks by the names that their authors gave them, and our own."""
    return [
        pd.Network(
            "embedded",
            "our own thin VGG: quick, and needs no download; real VGG-19 weights paint better",
            _embedded,
            "embedded.safetensors",
            "trained by `pixeldream train features` on pictures made by code; MIT, as pixeldream; see embedded.md",
        ),
        pd.Network(
            "vgg19",
            "VGG-19 or any network of its shape: widths and depth are read from the file",
            _vgg19,
            None,
            "Simonyan and Zisserman 2014, arXiv 1409.1556; the weights' licence is that of the file",
        ),
        pd.Network(
            "squeezenet1.1",
            "SqueezeNet 1.1: small and quick, not VGG-shaped",
            _squeezenet,
            None,
            "Iandola et al. 2016, arXiv 1602.07360; the authors' weights are BSD-2-Clause",
        ),
    ]


@pd.hookimpl
def register_networks() -> list[pd.Network]:
    """All of them, with the places where their weights are published."""
    return [fetched(network) for network in _networks()]
