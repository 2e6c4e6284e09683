"""What a feature network is to the rest of the neural room.

Imports neither jax nor numpy: plugins load it at every start.

Images are float32 ``[height, width, 3]``, sRGB in [0, 1]; features are float32 ``[height', width', channels]``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

Weights = Mapping[str, Any]
"""Arrays by name, ``conv1_1_w`` [height, width, in, out] and ``conv1_1_b`` [out]: a pytree, traced, never static."""

Apply = Callable[[Weights, Any, tuple[str, ...]], dict[str, Any]]

POOLINGS = ("max", "average")
"""How a network makes its features smaller. All were trained with the largest of each window; with the average,
gradients reach every pixel and textures come out smoother (Gatys et al. 2015, section 2.2)."""

PADDINGS = ("zeros", "reflect")
"""What stands beyond a picture's border: zeros as published, or its mirror image, which leaves no dark rim."""

RELUS = ("gradient", "guided", "deconv")
"""What a network's ReLUs send back: the gradient, or what shows more of what a neuron saw (see ``rectify``)."""


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
    deeper than the deepest layer of ``wanted``, and may be handed weights without those that it then does not compute
    with (see ``needed``). It must be hashable by value (a frozen dataclass with ``__call__``)."""

    content_layers: tuple[str, ...]
    """The layers that say what is in a picture, where nothing else is asked for."""

    style_layers: tuple[str, ...]
    """The layers that say how a picture is painted, where nothing else is asked for."""

    minimum_side: int
    """The shortest side of an image, in pixels, for which every layer exists."""

    logits: str | None = None
    """The layer of the classifier, [1, 1, classes] before its softmax; None where the weights hold none. Of a thousand
    classes, ``imagenet.NAMES`` has the names."""

    side: int | None = None
    """The side, in pixels, of the square pictures that the classifier was trained on."""

    def using(
        self, *, pooling: str | None = None, padding: str | None = None, relu: str | None = None
    ) -> FeatureNetwork:
        """The same network with one of ``POOLINGS``, of ``PADDINGS`` or of ``RELUS``; None leaves it as it is.

        A network of a plugin can have it too: its ``apply`` then has a method ``using(**changes) -> Apply``. Raises
        ``ValueError`` for another name, and where a network has no such choice.
        """
        changes: dict[str, str] = {}
        choices = (("pooling", pooling, POOLINGS), ("padding", padding, PADDINGS), ("relu", relu, RELUS))
        for kind, name, names in choices:
            if name is not None:
                changes[kind] = checked(kind, name, names)
        change = getattr(self.apply, "using", None)
        if changes and change is None:
            raise ValueError(f"network {self.name!r} has no choice of {' and '.join(changes)}; leave it out")
        return replace(self, apply=change(**changes)) if changes and change is not None else self

    def published(self) -> FeatureNetwork:
        """As its authors trained it: what a classifier needs."""
        return self.using(pooling="max", padding="zeros")


def checked(kind: str, name: str, names: tuple[str, ...]) -> str:
    """``name``, if it is among ``names``. Raises ``ValueError`` that names those."""
    if name not in names:
        raise ValueError(f"{kind} {name!r} is not known; {' or '.join(names)}")
    return name


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
    None: they are fetched, where ``download`` says from where, or the user names a file."""

    source: str
    """Where its weights come from, and under which licence."""

    download: Download | None = None
    """Where its weights are fetched from on first use, if it has none of its own."""
