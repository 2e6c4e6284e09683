"""How good a run's drawings are: figures in the embedded network's features, against those of real pictures."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pixeldream.cli.gan_run import About, Folder
from pixeldream.neural.settings import DEFAULT_NETWORK
from pixeldream.plugin.registry import Registry

if TYPE_CHECKING:
    from pixeldream.neural.gan.figures import Figures
    from pixeldream.neural.gan.train import Constraint, Trained
    from pixeldream.pieces import Pieces

SEED = 2_000_000_011
"""Of the drawings that are measured: none that was looked at."""


@dataclass(frozen=True)
class Counted:
    """``drawn`` and ``real``: the figures of so many drawings, and of one half of the real pictures, each against the
    (other) real ones."""

    count: int
    reals: int
    drawn: dict[str, float]
    real: dict[str, float]


def measure(registry: Registry, folder: Folder, about: About, count: int, afterwards: Pieces | None = None) -> Counted:
    """The figures of ``count`` drawings, and of as many real pictures at most. ``afterwards``: drawings and real
    pictures are converted to this mode first, to compare a run without rules with one that has them."""
    from pixeldream.neural.gan.train import trained

    run = trained(about.plan, about.training, folder.checkpoints)
    pictures = folder.pictures()
    random = np.random.default_rng(0)
    rows = np.sort(random.permutation(len(pictures.images))[: 2 * count])
    real = np.ascontiguousarray(pictures.images[rows])
    classes = pictures.classes[np.resize(rows, count)]
    made = drawings(run, SEED, classes, folder.constraint(registry, about))
    pieces = afterwards or folder.pieces(registry, about)
    if pieces is not None:
        # Drawings that are legal already stay as they are.
        made, real = pieces.pictures(made), pieces.pictures(real)
    return _counted(registry, random.permutation(len(real)), real, made)


def drawings(
    run: Trained,
    seed: int,
    classes: np.ndarray,
    constraint: Constraint,
) -> np.ndarray:
    """uint8 ``[n, size, size, 3]``: one of each of ``classes``."""
    from pixeldream.neural.gan.train import latents

    latent = latents(run.plan, seed % 2**31, len(classes))
    return np.rint(np.clip(run.sample(latent, classes, constraint), 0, 1) * 255).astype(np.uint8)


def _counted(registry: Registry, order: np.ndarray, real: np.ndarray, made: np.ndarray) -> Counted:
    from pixeldream.neural.gan import figures
    from pixeldream.neural.weights import resolve

    network, weights, _ = resolve(registry.networks[DEFAULT_NETWORK], None)
    ours, theirs = (figures.features(network, weights, images) for images in (made, real[order]))
    # As many on both sides as in the comparison of real pictures: all of these figures depend on how many there are.
    half = len(theirs) // 2
    return Counted(
        len(made), len(real), _facts(figures.compare(theirs[:half], ours[:half])),
        _facts(figures.compare(theirs[:half], theirs[half : 2 * half])),
    )  # fmt: skip


def _facts(figures: Figures) -> dict[str, float]:
    return {name: round(float(value), 5) for name, value in figures._asdict().items()}


def report(found: Counted) -> str:
    """In words, for people."""
    lines = ["             Fréchet    kernel  precision    recall"]
    for name, figures in (("drawings", found.drawn), ("real", found.real)):
        lines.append(
            f"{name:9} {figures['frechet']:10.3f}{figures['kernel']:10.3f}{figures['precision']:11.2f}"
            f"{figures['recall']:10.2f}"
        )
    return "\n".join(lines)


def as_facts(found: Counted) -> dict[str, Any]:
    """For machines."""
    return asdict(found)
