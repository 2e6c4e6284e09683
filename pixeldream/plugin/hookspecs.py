"""The hooks of pixeldream. Each is called once, at start-up, and returns data; none is called while jax is tracing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from pixeldream.neural.loss import Loss
    from pixeldream.neural.networks.base import Network
    from pixeldream.retro.dither import Dither
    from pixeldream.retro.format import Format
    from pixeldream.retro.mode import Mode
    from pixeldream.retro.palette import Palette

PROJECT = "pixeldream"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def register_modes() -> list[Mode]:  # type: ignore[empty-body]
    """Graphics modes: which pictures a machine can show."""


@hookspec
def register_palettes() -> list[Palette]:  # type: ignore[empty-body]
    """Fixed palettes, in hardware order."""


@hookspec
def register_formats() -> list[Format]:  # type: ignore[empty-body]
    """Native files that hold pictures."""


@hookspec
def register_dithers() -> list[Dither]:  # type: ignore[empty-body]
    """Threshold matrices, error diffusion and pattern dithers."""


@hookspec
def register_networks() -> list[Network]:  # type: ignore[empty-body]
    """Feature networks that can judge a picture."""


@hookspec
def register_losses() -> list[Loss]:  # type: ignore[empty-body]
    """Opinions on a picture that ``stylize`` can be asked to follow as well."""
