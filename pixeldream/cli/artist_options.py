"""Options of ``stylize`` that say how the styles are used, where, and whose colours the picture has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pixeldream.cli.option_types import OptionError, Several, option, real
from pixeldream.manner import COLOURS, PALETTES, Manner
from pixeldream.neural.settings import Settings, weights_at

SETTINGS = Settings()
MANNER = Manner()


@dataclass(frozen=True, kw_only=True)
class ArtistOptions:
    """Where which style is painted, how large, how strongly and in which colours."""

    strength: Annotated[
        float | None,
        real("--strength", help="One dial for both weights: 0 nearly the content, 0.5 as usual, 1 nearly the style."),
    ] = None
    content_weight: Annotated[float, real("--content-weight", help="Weight of the content.")] = SETTINGS.content_weight
    style_weight: Annotated[float, real("--style-weight", help="Weight of the style.")] = SETTINGS.style_weight
    style_scale: Annotated[
        float, real("--style-scale", help="Style pictures larger than the painting, for larger strokes, or smaller.")
    ] = MANNER.scale
    mask: Annotated[
        str | None,
        option(
            "--mask",
            metavar="FILE",
            help="A picture over the content, a flat colour for each region: --style FILE@red. No style, no paint.",
        ),
    ] = None
    content_map: Annotated[
        str | None,
        option("--content-map", metavar="FILE", help="A picture over the content: what is what, in flat colours."),
    ] = None
    style_map: Annotated[
        Several,
        option(
            "--style-map",
            metavar="FILE",
            help="The same over the style, in the same colours: its strokes go there; one for each style.",
        ),
    ] = ()
    map_weight: Annotated[
        float, real("--map-weight", help="How strictly strokes keep to the maps' colours, 0 to 1.")
    ] = MANNER.map_weight
    colours: Annotated[
        str,
        option(
            "--colours",
            metavar="|".join(COLOURS),
            help="Whose colours; luma: the content's, and light and dark alone are painted.",
        ),
    ] = MANNER.colours
    palette_from: Annotated[
        str,
        option(
            "--palette-from",
            metavar="|".join(PALETTES),
            help="The picture that a free palette is chosen for; of a fixed one, style leaves the style's colours.",
        ),
    ] = MANNER.palette_from

    def manner(self) -> Manner:
        """Those that are no files. Raises ``ValueError`` that names the value."""
        if self.map_weight != MANNER.map_weight and self.content_map is None:
            raise OptionError(f"--map-weight {self.map_weight:g} is for --content-map; leave it out")
        return Manner(self.colours, self.palette_from, self.style_scale, self.map_weight)

    def weights(self) -> tuple[float, float]:
        """Of the content and of the style. Raises ``ValueError``."""
        if self.strength is None:
            return self.content_weight, self.style_weight
        if (self.content_weight, self.style_weight) != (SETTINGS.content_weight, SETTINGS.style_weight):
            raise OptionError(f"--strength {self.strength:g} sets --content-weight and --style-weight; give it or them")
        return weights_at(self.strength)
