"""pixeldream: neural art that real retro machines can show.

The public names. What needs jax is imported on first use, so that ``import pixeldream`` stays quick: plugins do it at
every start.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from pixeldream.plugin.hookspecs import hookimpl
from pixeldream.retro.animation import Animation, Cost
from pixeldream.retro.clash import Clash, Drawn
from pixeldream.retro.clash import foreign as foreign_colours
from pixeldream.retro.clash import runs as pixel_runs
from pixeldream.retro.display import display_aspect, display_size, repeats
from pixeldream.retro.dither import (
    NONE,
    CurveDiffusion,
    Diffusion,
    Dither,
    Ordered,
    PatternDither,
    UnsuitableDither,
    VariableDiffusion,
)
from pixeldream.retro.format import Format, FormatError, Shown, WriteOptions
from pixeldream.retro.memory import Memory, MemoryOverlap
from pixeldream.retro.mode import Mode, Picture, Slot, SubPalettes, Tiles
from pixeldream.retro.palette import Gamut, Palette, PaletteError
from pixeldream.retro.palette import built_in as palette
from pixeldream.retro.palette import read_palette as read_palette
from pixeldream.retro.palette_files import encode as encode_palette

if TYPE_CHECKING:
    from pixeldream.api import check as check
    from pixeldream.api import convert as convert
    from pixeldream.api import stylize as stylize
    from pixeldream.dreams import dream as dream
    from pixeldream.manner import Manner as Manner
    from pixeldream.manner import Style as Style
    from pixeldream.neural.dream_settings import DreamSettings as DreamSettings
    from pixeldream.neural.dream_settings import Zoom as Zoom
    from pixeldream.neural.loss import Loss as Loss
    from pixeldream.neural.networks.base import Download as Download
    from pixeldream.neural.networks.base import FeatureNetwork as FeatureNetwork
    from pixeldream.neural.networks.base import Network as Network
    from pixeldream.neural.networks.cnn_s import build as build_cnn_s
    from pixeldream.neural.networks.googlenet import build as build_googlenet
    from pixeldream.neural.networks.inception import build as build_inception
    from pixeldream.neural.networks.nin import build as build_nin
    from pixeldream.neural.networks.squeezenet import build as build_squeezenet
    from pixeldream.neural.networks.vgg import build as build_vgg
    from pixeldream.neural.settings import Settings as Settings
    from pixeldream.recognition import Recognised as Recognised
    from pixeldream.recognition import recognise as recognise

__version__ = "0.1.0"

_LAZY = {
    "Candidates": ("pixeldream.retro.candidates", "Candidates"),
    "Download": ("pixeldream.neural.networks.base", "Download"),
    "DreamSettings": ("pixeldream.neural.dream_settings", "DreamSettings"),
    "FeatureNetwork": ("pixeldream.neural.networks.base", "FeatureNetwork"),
    "Loss": ("pixeldream.neural.loss", "Loss"),
    "Manner": ("pixeldream.manner", "Manner"),
    "Network": ("pixeldream.neural.networks.base", "Network"),
    "Recognised": ("pixeldream.recognition", "Recognised"),
    "Seen": ("pixeldream.neural.loss", "Seen"),
    "Settings": ("pixeldream.neural.settings", "Settings"),
    "Solution": ("pixeldream.retro.solve", "Solution"),
    "Style": ("pixeldream.manner", "Style"),
    "Zoom": ("pixeldream.neural.dream_settings", "Zoom"),
    "WeightsError": ("pixeldream.neural.weights", "WeightsError"),
    "add_thresholds": ("pixeldream.retro.solve", "biased"),
    "build_cnn_s": ("pixeldream.neural.networks.cnn_s", "build"),
    "build_googlenet": ("pixeldream.neural.networks.googlenet", "build"),
    "build_inception": ("pixeldream.neural.networks.inception", "build"),
    "build_nin": ("pixeldream.neural.networks.nin", "build"),
    "build_squeezenet": ("pixeldream.neural.networks.squeezenet", "build"),
    "build_vgg": ("pixeldream.neural.networks.vgg", "build"),
    "check": ("pixeldream.api", "check"),
    "choose_dithered": ("pixeldream.retro.dithering", "choose"),
    "choose_pixels": ("pixeldream.retro.solve", "paint"),
    "convert": ("pixeldream.api", "convert"),
    "darkest_first": ("pixeldream.retro.gamut", "darkest_first"),
    "dream": ("pixeldream.dreams", "dream"),
    "gamut_colours": ("pixeldream.retro.gamut", "decode"),
    "gamut_palette": ("pixeldream.retro.gamut", "choose"),
    "gamut_snap": ("pixeldream.retro.gamut", "snap"),
    "linear_to_oklab": ("pixeldream.retro.colour", "linear_to_oklab"),
    "nearest_centres": ("pixeldream.retro.gamut", "nearest"),
    "oklab_to_srgb": ("pixeldream.retro.colour", "oklab_to_srgb"),
    "recognise": ("pixeldream.recognition", "recognise"),
    "srgb_to_linear": ("pixeldream.retro.colour", "srgb_to_linear"),
    "srgb_to_oklab": ("pixeldream.retro.colour", "srgb_to_oklab"),
    "stylize": ("pixeldream.api", "stylize"),
    "weighted_means": ("pixeldream.retro.gamut", "means"),
}

_MODULES = {"perceived": "pixeldream.retro.perceived", "visualise": "pixeldream.visualise"}
"""Whole modules among the public names."""

__all__ = [
    "NONE", "Animation", "Clash", "Cost", "CurveDiffusion", "Diffusion", "Dither", "Download", "Drawn", "DreamSettings",
    "FeatureNetwork", "Format", "FormatError", "Gamut", "Manner", "Memory", "MemoryOverlap", "Mode", "Network",
    "Ordered", "Palette", "PaletteError", "PatternDither", "Picture", "Recognised", "Settings", "Shown", "Slot",
    "Style", "SubPalettes", "Tiles", "UnsuitableDither", "VariableDiffusion", "WriteOptions", "Zoom", "build_cnn_s",
    "build_googlenet", "build_inception", "build_nin", "build_squeezenet", "build_vgg", "check", "convert",
    "display_aspect", "display_size", "dream", "encode_palette", "foreign_colours", "hookimpl", "palette", "perceived",
    "pixel_runs", "read_palette", "recognise", "repeats", "stylize", "visualise",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(_MODULES[name])
    if name in _LAZY:
        module, attribute = _LAZY[name]
        return getattr(import_module(module), attribute)
    raise AttributeError(f"module 'pixeldream' has no attribute {name!r}")
