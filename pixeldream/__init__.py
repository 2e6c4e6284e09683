"""pixeldream: neural art that real retro machines can show.

The public names. What needs jax is imported on first use, so that ``import pixeldream`` stays quick: plugins do it at
every start.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from pixeldream.plugin.hookspecs import hookimpl
from pixeldream.retro.display import display_aspect, display_size, repeats
from pixeldream.retro.dither import NONE, Diffusion, Ordered
from pixeldream.retro.format import Format, FormatError, WriteOptions
from pixeldream.retro.memory import Memory, MemoryOverlap
from pixeldream.retro.mode import Mode, Picture, Slot
from pixeldream.retro.palette import Gamut, Palette, PaletteError
from pixeldream.retro.palette import built_in as palette

if TYPE_CHECKING:
    from pixeldream.api import convert as convert
    from pixeldream.api import stylize as stylize
    from pixeldream.neural.networks.base import FeatureNetwork as FeatureNetwork
    from pixeldream.neural.networks.base import Network as Network
    from pixeldream.neural.networks.squeezenet import build as build_squeezenet
    from pixeldream.neural.networks.vgg import build as build_vgg

__version__ = "0.1.0"

_LAZY = {
    "FeatureNetwork": ("pixeldream.neural.networks.base", "FeatureNetwork"),
    "Network": ("pixeldream.neural.networks.base", "Network"),
    "build_squeezenet": ("pixeldream.neural.networks.squeezenet", "build"),
    "build_vgg": ("pixeldream.neural.networks.vgg", "build"),
    "convert": ("pixeldream.api", "convert"),
    "stylize": ("pixeldream.api", "stylize"),
}

__all__ = [
    "NONE", "Diffusion", "FeatureNetwork", "Format", "FormatError", "Gamut", "Memory", "MemoryOverlap", "Mode",
    "Network", "Ordered", "Palette", "PaletteError", "Picture", "Slot", "WriteOptions", "build_squeezenet",
    "build_vgg", "convert", "display_aspect", "display_size", "hookimpl", "palette", "repeats", "stylize",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        module, attribute = _LAZY[name]
        return getattr(import_module(module), attribute)
    raise AttributeError(f"module 'pixeldream' has no attribute {name!r}")
