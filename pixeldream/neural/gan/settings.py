"""What a GAN is and how it is trained, as values. No jax here: a command line shows the defaults and checks early."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

SIZES = (16, 32, 64, 128, 256)
"""The sides, in pixels, that pictures may have."""

LOSSES = ("bce", "hinge", "relativistic", "squares")
"""Binary cross-entropy (arXiv 1406.2661, its non-saturating form); hinge (arXiv 1705.02894); relativistic in pairs
(arXiv 1807.00734); least squares (arXiv 1611.04076)."""

AUGMENTATIONS = ("colour", "translation", "cutout")
"""What differentiable augmentation does (arXiv 2006.10738)."""

PRESETS = ("projected", "steady", "dcgan", "thesis")

MAXIMUM_SEED = 2**31 - 1

MINIMUM = 8
"""Pictures: from fewer nothing can be learnt but those."""


class GanError(ValueError):
    """A GAN that can't be; one line with the value and the way out."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Both networks, hashable: a static argument of jitted functions.

    ``size``: the pictures' side. ``base``: the side that the generator begins at, of ``first`` channels.
    ``generator``: the channels behind each transposed convolution, each of which doubles the side. ``closing``: the
    side of the kernel of a last convolution; 0 where the last transposed one draws the picture itself. ``critic``: the
    channels behind each convolution, each of which halves the side. ``norm``: batch normalisation. ``slope``: of the
    generator's leaky rectifier. ``signed``: the critic is shown values of -1 to 1 instead of 0 to 1. ``classes``: 0
    where nothing is asked of the generator. ``deviation``: of the normal distribution that kernels begin in, 0 for
    Glorot's. ``even``: the generator's doublings begin without a chequerboard. ``modulated``: the scales and shifts
    behind the generator's norms come from latent vector and class. ``refined``: up to this side the generator has one
    more convolution, of 3 x 3, at each size; ``critic_refined``: the critic. ``compares``: the critic sees how much a
    batch differs. ``grows``: both networks can work on smaller pictures, up to ``level`` doublings of ``base``; 0 for
    all. ``taps``: layers of a pretrained network that the critic sees too, the first as large as the picture and each
    half as large as the one before; ``tap_widths``: to how many channels each is mixed; ``head``: the most channels of
    what looks at one.
    """

    size: int
    latent: int = 100
    base: int = 4
    first: int
    generator: tuple[int, ...]
    closing: int = 0
    critic: tuple[int, ...]
    generator_norm: bool = True
    critic_norm: bool = False
    spectral: bool = False
    slope: float = 0.0
    dropout: float = 0.0
    signed: bool = True
    classes: int = 0
    deviation: float = 0.02
    even: bool = False
    modulated: bool = False
    refined: int = 0
    critic_refined: int = 0
    compares: bool = False
    grows: bool = False
    level: int = 0
    taps: tuple[str, ...] = ()
    tap_widths: tuple[int, ...] = ()
    head: int = 64

    @property
    def levels(self) -> int:
        """The doublings that are in use."""
        return self.level or len(self.generator)

    @property
    def side(self) -> int:
        """Of the pictures at the plan's level."""
        return self.base << self.levels

    def __post_init__(self) -> None:
        if self.size not in SIZES:
            known = ", ".join(map(str, SIZES))
            raise GanError(f"size {self.size} is none of {known}; pictures are squares of a power of two")
        if self.base << len(self.generator) != self.size:
            raise GanError(f"{self.base} pixels doubled {len(self.generator)} times are not {self.size}")
        if not self.closing and self.generator[-1] != 3:
            raise GanError(f"the generator ends with {self.generator[-1]} channels; a picture has 3")
        if self.size >> len(self.critic) < 2:
            raise GanError(f"a critic of {len(self.critic)} convolutions leaves nothing of {self.size} pixels")
        if self.grows and len(self.critic) != len(self.generator):
            raise GanError(
                f"a generator of {len(self.generator)} sizes and a critic of {len(self.critic)} can't grow together; "
                "choose another preset"
            )
        if len(self.taps) != len(self.tap_widths):
            raise GanError(f"{len(self.taps)} layers of a network, and widths for {len(self.tap_widths)}")
        if self.grows and self.taps:
            raise GanError("a critic that sees through a network can't grow; choose another preset")
        if not 0 <= self.level <= len(self.generator) or (self.level and not self.grows):
            raise GanError(f"level {self.level} is none of networks that grow in {len(self.generator)} steps")


@dataclass(frozen=True, kw_only=True)
class Training:
    """How both are trained, hashable.

    ``loss``: one of :data:`LOSSES`. ``generator_rate``, ``critic_rate`` and ``betas`` are Adam's. ``r1``: the weight of
    the critic's squared gradient at real pictures (arXiv 1801.04406), taken every ``r1_every`` steps, as many times as
    strong; 0 for none. ``average``: what the generator's running average keeps in a step; 0 for none. ``augment``: see
    :data:`AUGMENTATIONS`. ``mirror``: real pictures are mirrored by chance. ``growth``: steps at each size while the
    networks grow, one half of which blends the new layers in (arXiv 1710.10196); 0 for the whole size from the first
    step. ``strict``: the part of the critic's pictures that are wholly legal, where drawings have rules to obey; the
    others are on the way there.
    """

    loss: str = "hinge"
    batch: int = 64
    generator_rate: float = 2e-4
    critic_rate: float = 2e-4
    betas: tuple[float, float] = (0.5, 0.999)
    r1: float = 0.0
    r1_every: int = 16
    average: float = 0.0
    augment: tuple[str, ...] = ()
    mirror: bool = False
    growth: int = 0
    strict: float = 0.5
    seed: int = 0

    def __post_init__(self) -> None:
        self._among("loss", self.loss, LOSSES)
        for name in self.augment:
            self._among("augmentation", name, AUGMENTATIONS)
        if self.batch < 2:
            raise GanError(f"a batch of {self.batch} has nothing to compare; 2 at least")
        if not (0 < self.generator_rate < 1 and 0 < self.critic_rate < 1):
            raise GanError(f"rates {self.generator_rate:g} and {self.critic_rate:g} must lie between 0 and 1")
        if not (self.r1 >= 0 and self.r1_every >= 1):
            raise GanError(f"r1 {self.r1:g} every {self.r1_every} steps: a weight of 0 or more, every 1 or more")
        if self.growth < 0:
            raise GanError(f"growth {self.growth} is a number of steps: 0 or more")
        if not 0 <= self.strict <= 1:
            raise GanError(f"strict {self.strict:g} is the part of the pictures that are wholly legal: 0 to 1")
        if not 0 <= self.average < 1:
            raise GanError(f"average {self.average:g} is the part that is kept in a step: 0 for none, below 1")
        if not 0 <= self.seed <= MAXIMUM_SEED:
            raise GanError(f"seed {self.seed} is out of 0 to {MAXIMUM_SEED}")

    @staticmethod
    def _among(kind: str, name: str, names: tuple[str, ...]) -> None:
        if name not in names:
            raise GanError(f"{kind} {name!r} is none of {', '.join(names)}")


def preset(name: str, size: int, *, width: int = 0, classes: int = 0) -> tuple[Plan, Training]:
    """The networks and the training that go by a name, for pictures of ``size`` pixels a side.

    ``dcgan``: arXiv 1511.06434, with 64 pixels as published. ``thesis``: a DCGAN for faces, with 128 pixels as
    published. ``steady``: what made them steady since. ``projected``: a critic that sees through a pretrained network.
    ``width``: the channels of the widest layer, 0 for the preset's
    own. Raises :class:`GanError`.
    """
    if name not in PRESETS:
        raise GanError(f"preset {name!r} is none of {', '.join(PRESETS)}")
    if size not in SIZES:
        raise GanError(f"size {size} is none of {', '.join(map(str, SIZES))}; pictures are squares of a power of two")
    if width and not 8 <= width <= 4096:
        raise GanError(f"width {width} is out of 8 to 4096: it is the number of channels of the widest layer")
    plan, training = {"dcgan": _dcgan, "thesis": _thesis, "steady": _steady, "projected": _projected}[name](size, width)
    return replace(plan, classes=classes), training


def _doublings(size: int, base: int) -> int:
    return size.bit_length() - base.bit_length()


def _dcgan(size: int, width: int) -> tuple[Plan, Training]:
    """Batch normalisation everywhere but at the critic's first layer and the generator's last, Adam with beta1 .5."""
    count, widest = _doublings(size, 4), width or 1024
    channels = [max(8, widest >> step) for step in range(count)]
    plan = Plan(
        size=size, first=channels[0], generator=(*channels[1:], 3),
        critic=tuple(max(8, width // 2) for width in channels[::-1]), critic_norm=True,
    )  # fmt: skip
    return plan, Training(loss="bce", batch=128)


def _thesis(size: int, width: int) -> tuple[Plan, Training]:
    """A dense layer of 8 x 8 x 128, four transposed convolutions without normalisation, a last convolution."""
    count, widest = _doublings(size, 8), width or 1024
    narrow = max(8, widest // 8)
    plan = Plan(
        size=size, latent=128, base=8, first=narrow,
        generator=tuple(max(narrow, widest >> step) for step in range(count)), closing=5,
        critic=tuple(max(8, min(widest >> 1, widest >> 4 << step)) for step in range(max(count, 2))),
        generator_norm=False, slope=0.2, dropout=0.2, signed=False, deviation=0.0,
    )  # fmt: skip
    rates = {"generator_rate": 1e-4, "critic_rate": 1e-4, "betas": (0.9, 0.999)}
    return plan, Training(loss="bce", batch=16, **rates)  # type: ignore[arg-type]


def _steady(size: int, width: int) -> tuple[Plan, Training]:
    """A relativistic loss with R1, two rates (arXiv 1706.08500), norms that the latent vector steers, a critic that
    compares, a running average."""
    count, widest = _doublings(size, 4), width or 128
    channels = [max(16, widest >> step) for step in range(count)]
    plan = Plan(
        size=size, latent=64, first=channels[0], generator=(*channels[1:], 3),
        critic=tuple(channels[::-1]), deviation=0.0, even=True, modulated=True,
        compares=True,
    )  # fmt: skip
    rates = {"generator_rate": 4e-4, "critic_rate": 8e-4, "betas": (0.0, 0.99)}
    return plan, Training(loss="relativistic", batch=32, r1=0.05, average=0.998, **rates)  # type: ignore[arg-type]


def _projected(size: int, width: int) -> tuple[Plan, Training]:
    """A critic of features of the embedded network, and a small one of pixels (arXiv 2111.01007); a generator that
    refines what it draws at every size, the whole one included."""
    count, widest = _doublings(size, 4), width or 128
    channels = [max(16, widest >> step) for step in range(count + 1)]
    narrow = max(8, widest // 8)
    pixels = tuple(min(widest, narrow << step) for step in range(count))
    plan = Plan(
        size=size, latent=64, first=channels[0], generator=tuple(channels[1:]), closing=3, critic=pixels,
        critic_norm=True, spectral=True, slope=0.2, deviation=0.0, even=True, modulated=True, refined=size,
        taps=tuple(TAPS), tap_widths=tuple(min(widest, each) for each in TAPS.values()), head=max(16, widest // 2),
    )  # fmt: skip
    rates = {"generator_rate": 4e-4, "critic_rate": 4e-4, "betas": (0.0, 0.99)}
    return plan, Training(loss="hinge", batch=32, average=0.998, **rates)  # type: ignore[arg-type]


TAPS = {"relu1_2": 16, "relu2_2": 32, "relu3_2": 64, "relu4_2": 128}
"""Layers of the embedded network, and to how many channels they are mixed, at most."""


def projected(plan: Plan, yes: bool) -> Plan:
    """The plan with a critic that sees through the embedded network, or without."""
    if yes == bool(plan.taps):
        return plan
    widest = max(plan.critic)
    widths = tuple(min(widest, width) for width in TAPS.values()) if yes else ()
    return replace(plan, taps=tuple(TAPS) if yes else (), tap_widths=widths)


def grown(plan: Plan, training: Training, step: int) -> tuple[Plan, float | None]:
    """The plan at its level in a step, and how far that level has grown, 0 to 1; None for networks that don't grow."""
    if not (training.growth and plan.grows):
        return plan, None
    level = min(len(plan.generator), 1 + step // training.growth)
    begun = training.growth * (level - 1)
    part = 1.0 if level == 1 else min(1.0, 2.0 * (step - begun) / training.growth)
    return replace(plan, level=level), part


def as_facts(value: Any) -> dict[str, Any]:
    """The fields of a plan or the like by name, as JSON holds them."""
    return {f.name: list(v) if isinstance(v := getattr(value, f.name), tuple) else v for f in fields(value)}


def plan_of(facts: Mapping[str, Any]) -> Plan:
    """The plan that :func:`as_facts` was given. Raises :class:`GanError`."""
    return _restored(Plan, facts)


def training_of(facts: Mapping[str, Any]) -> Training:
    """The training that :func:`as_facts` was given. Raises :class:`GanError`."""
    return _restored(Training, facts)


def _restored(kind: Any, facts: Mapping[str, Any]) -> Any:
    try:
        return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in facts.items()})
    except TypeError:
        raise GanError(f"its settings are not those of this version: {', '.join(facts) or 'none'}") from None
