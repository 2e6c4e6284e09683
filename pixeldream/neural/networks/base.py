"""What a feature network is to the rest of the neural room.

Imports neither jax nor numpy: plugins load it at every start.

Images are float32 ``[height, width, 3]``, sRGB in [0, 1]; features are float32 ``[height', width', channels]``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Weights = Mapping[str, Any]
"""Arrays by name, ``conv1_1_w`` [height, width, in, out] and ``conv1_1_b`` [out]: a pytree, traced, never static."""

Apply = Callable[[Weights, Any, tuple[str, ...]], dict[str, Any]]


@dataclass(frozen=True)
class FeatureNetwork:
    """An architecture whose sizes are known: a hashable value, equal for equal architectures.

    It suits as a static argument of a jitted function; its weights go beside it as a traced one. Two sets of weights
    of one shape share one compilation.
    """

    name: str
    """What the command line calls it."""

    layers: tuple[str, ...]
    """The layers that may be asked for, from the shallowest to the deepest, by their published names."""

    apply: Apply
    """``apply(weights, image [h, w, 3], wanted) -> {layer: features [h', w', c]}``: pure and jittable; computes no
    deeper than the deepest layer of ``wanted``. It must be hashable by value (a frozen dataclass with ``__call__``)."""

    content_layers: tuple[str, ...]
    """The layers that say what is in a picture, where nothing else is asked for."""

    style_layers: tuple[str, ...]
    """The layers that say how a picture is painted, where nothing else is asked for."""

    minimum_side: int
    """The shortest side of an image, in pixels, for which every layer exists."""


@dataclass(frozen=True)
class Download:
    """A file of weights that can be fetched from those who publish it."""

    url: str
    """Where it is; its last part is the name it is kept under, and says how to read it."""

    digest: str
    """``sha256:`` or ``sha1:`` and its hexadecimal digits, all of them, or as many as are published (8 at least)."""

    size: int
    """In bytes; 0 where it is not published."""

    licence: str
    """Under which terms."""


@dataclass(frozen=True)
class Network:
    """A kind of feature network: how to build one from a file's arrays, and where its weights come from."""

    name: str
    """What the command line calls it: ``--network NAME[=FILE]``."""

    description: str
    """One sentence."""

    build: Callable[[Mapping[str, Any]], FeatureNetwork]
    """``build(arrays) -> FeatureNetwork``: reads widths and depth from the arrays (float32 numpy arrays by name);
    raises ``WeightsError`` that names the layer, the shape expected and the shape found."""

    weights: str | None
    """The file of its weights: inside the package ``pixeldream.neural.networks``, or of a plugin by its whole path; or
    None: the user names a file."""

    source: str
    """Where its weights come from, and under which licence."""

    download: Download | None = None
    """Where its weights are fetched from on first use, if it has none of its own."""
