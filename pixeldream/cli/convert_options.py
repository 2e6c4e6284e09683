"""What ``convert`` makes its pictures from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from pixeldream.cli.options import AdjustOptions, OptionError, Several, integer, named, option, real
from pixeldream.look import CONVERT_DITHER, QUALITIES, quality_of


@dataclass(frozen=True, kw_only=True)
class PictureOptions(AdjustOptions):
    """What all conversions of pictures have in common."""

    image: Annotated[
        Several,
        typer.Argument(metavar="IMAGE", help="Pictures to convert: files, patterns, folders.", show_default=False),
    ]
    quality: Annotated[
        str | None,
        option(
            "--quality",
            metavar="|".join(QUALITIES),
            help="best: search what looks nearest; fast: dither. Best, unless a dither is asked for.",
        ),
    ] = None
    dither: Annotated[
        str | None,
        option(
            "--dither",
            metavar="NAME[:AMOUNT]",
            help=f"Dither, its amount from 0 to 1; {CONVERT_DITHER} if left out.",
            autocompletion=named("dithers"),
        ),
    ] = None  # type: ignore[assignment]
    calm: Annotated[
        float | None,
        real("--calm", help="0 for the least error of the blurred picture, 1 by default, more for fewer stray pixels."),
    ] = None
    detail: Annotated[
        str | None, option("--detail", metavar="MASK", help="An image: what is white in it counts most.")
    ] = None

    def __post_init__(self) -> None:
        super().__post_init__()
        _ = self.how
        if self.calm is not None and not 0 <= self.calm < float("inf"):
            raise OptionError(f"calm {self.calm:g} is out of range; give 0 or more")

    @property
    def how(self) -> str:
        """The quality, chosen. Raises ``ValueError``."""
        return quality_of(self.quality, self.dither, calm=self.calm, detail=self.detail)


@dataclass(frozen=True, kw_only=True)
class ConvertOptions(PictureOptions):
    """``image`` holds one picture, or the files of a moving one up to the frame that is meant."""

    frames: Annotated[
        bool, option("--frames", help="The pictures are frames of a moving one: the best keeps them steady.")
    ] = False
    frame: Annotated[int, integer("--frame", help="Of --frames write this one only, counted from 1; 0 for all.")] = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.frame < 0 or (self.frame and not self.frames):
            raise OptionError(f"frame {self.frame}: it is for --frames, and counts from 1")
