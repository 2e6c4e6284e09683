"""The GAN's siblings, which turn pictures into pictures, as values: one enlarges pixel art, one translates photos into
it. No jax here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from pixeldream.neural.gan.settings import LOSSES, MAXIMUM_SEED, GanError

TIMES = (2, 4)
"""By how much pictures are enlarged."""

SIDES = (32, 64, 128, 256)
"""The sides, in pixels, of the squares that are learnt from."""


@dataclass(frozen=True, kw_only=True)
class _Sibling:
    """What both have. ``side``: of the squares in a batch of ``batch``. ``width``: channels of the generators' largest
    pictures. ``blocks``: residual blocks. ``critic``: channels behind each convolution of a critic, all of which halve
    the side. ``rate`` and ``betas`` are Adam's. ``average``: what the generators' running average keeps in a step."""

    side: int
    width: int = 32
    blocks: int = 6
    critic: tuple[int, ...] = (32, 64, 128)
    batch: int
    rate: float = 2e-4
    betas: tuple[float, float] = (0.5, 0.999)
    average: float = 0.998
    mirror: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        if self.side not in SIDES:
            raise GanError(f"size {self.side} is none of {', '.join(map(str, SIDES))}: it is the side of a square")
        if not 4 <= self.width <= 512:
            raise GanError(f"width {self.width} is out of 4 to 512: it is a number of channels")
        if not 1 <= self.blocks <= 64:
            raise GanError(f"{self.blocks} residual blocks are out of 1 to 64")
        if self.batch < 1:
            raise GanError(f"a batch of {self.batch} holds nothing; 1 at least")
        if not 0 < self.rate < 1:
            raise GanError(f"rate {self.rate:g} must lie between 0 and 1")
        if not 0 <= self.average < 1:
            raise GanError(f"average {self.average:g} is the part that is kept in a step: 0 for none, below 1")
        if not 0 <= self.seed <= MAXIMUM_SEED:
            raise GanError(f"seed {self.seed} is out of 0 to {MAXIMUM_SEED}")
        for name in self._weights():
            if not 0 <= getattr(self, name) < float("inf"):
                raise GanError(f"{name.replace('_', ' ')} {getattr(self, name):g} is no weight: 0 or more")

    def _weights(self) -> tuple[str, ...]:
        return tuple(f.name for f in fields(self) if f.name.endswith("_weight"))


@dataclass(frozen=True, kw_only=True)
class Enlarging(_Sibling):
    """SRGAN (Ledig et al., arXiv 1609.04802) for pixel art, hashable.

    ``times``: by how much. ``window``: side of the part of each square that is learnt from in a step. What counts: the
    difference of pixels, in bels (``pixel_weight``), the squared difference of a feature network's ``layers``
    (``feature_weight``), the critic's opinion (``critic_weight``). The first ``alone`` steps are of pixels alone; the
    rest comes in during ``warm`` more. ``critic_rate``: Adam's, of the critic. ``most``: colours that a small picture
    has at most.
    """

    side: int = 64
    window: int = 32
    blocks: int = 4
    batch: int = 8
    rate: float = 2e-3
    betas: tuple[float, float] = (0.9, 0.999)
    critic_rate: float = 2e-4
    times: int = 2
    loss: str = "relativistic"
    pixel_weight: float = 1.0
    feature_weight: float = 0.1
    critic_weight: float = 0.005
    alone: int = 1000
    warm: int = 500
    most: int = 24
    layers: tuple[str, ...] = ("conv2_1", "conv3_1")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.times not in TIMES:
            raise GanError(f"times {self.times} is none of {', '.join(map(str, TIMES))}")
        if self.loss not in LOSSES:
            raise GanError(f"loss {self.loss!r} is none of {', '.join(LOSSES)}")
        if self.batch < 2:
            raise GanError(f"a batch of {self.batch} has nothing to compare; 2 at least")


@dataclass(frozen=True, kw_only=True)
class Translating(_Sibling):
    """CycleGAN (Zhu et al., arXiv 1703.10593), hashable. ``cycle_weight``: how much a picture translated there and back
    must be itself. ``same_weight``: how much a picture of the language that is translated to must stay as it is, in
    parts of that. ``pool``: translations of earlier steps that the critics are shown again."""

    side: int = 64
    width: int = 16
    blocks: int = 4
    batch: int = 2
    rate: float = 5e-4
    cycle_weight: float = 10.0
    same_weight: float = 0.5
    pool: int = 48

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.pool < self.batch:
            raise GanError(f"a pool of {self.pool} is smaller than a batch of {self.batch}")


KINDS: dict[str, type[Enlarging] | type[Translating]] = {"enlarge": Enlarging, "translate": Translating}
"""By the name of the command that applies them."""


def settings_of(kind: str, facts: Mapping[str, Any]) -> Enlarging | Translating:
    """Those that ``as_facts`` was given. Raises :class:`GanError`."""
    values: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in facts.items()}
    try:
        return KINDS[kind](**values)
    except (KeyError, TypeError):
        raise GanError(f"its settings are not those of this version: {', '.join(facts) or 'none'}") from None
