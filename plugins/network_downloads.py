"""Where those who published them keep the weights of feature networks.

Hashes: torchvision's file names carry the first eight digits of their SHA-256; the whole ones stand in several public
lists that agree. Caffe's model zoo gives SHA-1 in the readme of each model. Sizes as published beside them.
"""

from __future__ import annotations

from dataclasses import replace

import pixeldream as pd

_TORCHVISION = "https://download.pytorch.org/models"
_BSD = "BSD-3-Clause, as torchvision"
_NON_COMMERCIAL = "for non-commercial use only"

DOWNLOADS = {
    "vgg16": pd.Download(
        f"{_TORCHVISION}/vgg16-397923af.pth",
        "sha256:397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
        553_433_881,
        _BSD,
    ),
    "vgg19": pd.Download(
        f"{_TORCHVISION}/vgg19-dcbb9e9d.pth",
        "sha256:dcbb9e9dad569fff7a846263a77324fc34978fea2bfb039c012d710e1776ae44",
        574_673_361,
        _BSD,
    ),
    "squeezenet1.0": pd.Download(f"{_TORCHVISION}/squeezenet1_0-b66bff10.pth", "sha256:b66bff10", 0, _BSD),
    "squeezenet1.1": pd.Download(
        f"{_TORCHVISION}/squeezenet1_1-b8a52dc0.pth",
        "sha256:b8a52dc049b60e4b6ab68ad0df457362afab8b6304b2febdc1650a5dab4d7e7b",
        4_958_839,
        _BSD,
    ),
    "inception-v3": pd.Download(
        f"{_TORCHVISION}/inception_v3_google-0cc3c7bd.pth",
        "sha256:0cc3c7bd75056d25e46cba549dc184522069b81e9787eff6df84f397bd52a5ef",
        108_949_747,
        _BSD,
    ),
    "googlenet": pd.Download(
        "http://dl.caffe.berkeleyvision.org/bvlc_googlenet.caffemodel",
        "sha1:405fc5acd08a3bb12de8ee5e23a96bec22f08204",
        0,
        "unrestricted, as its readme says",
    ),
    "nin": pd.Download(
        "https://www.dropbox.com/s/0cidxafrb2wuwxw/nin_imagenet.caffemodel?dl=1",
        "sha1:8e89c8fcd46e02780e16c867a5308e7bb7af0803",
        0,
        _NON_COMMERCIAL,
    ),
    "vgg-cnn-s": pd.Download(
        "http://www.robots.ox.ac.uk/~vgg/software/deep_eval/releases/bvlc/VGG_CNN_S.caffemodel",
        "sha1:862b3744bce69b7ba90d29b8099aed3b00c8580b",
        0,
        _NON_COMMERCIAL,
    ),
}
"""By the network's name."""


def fetched(network: pd.Network) -> pd.Network:
    """The network with the place where its weights are, if they are published under its name."""
    return replace(network, download=DOWNLOADS.get(network.name))
