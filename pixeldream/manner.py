"""The artist's half of a style transfer: how style pictures are used, where, and whose colours the picture has.

Pictures are sRGB float32 ``[height, width, 3]`` in [0, 1]. What can be wrong is found without jax.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from pixeldream import images
from pixeldream.look import Look
from pixeldream.neural import regions
from pixeldream.neural.regions import RGB8, Guide
from pixeldream.retro.display import display_aspect, display_size
from pixeldream.retro.mode import Mode

COLOURS = ("style", "content", "luma")
PALETTES = ("content", "style")

SCALES = (0.25, 4.0)
"""Beyond these a style picture is a handful of pixels, or takes sixteen times the memory."""

SEEN_SHARE = 0.01
"""Of a style picture's pixels: a colour that is the nearest to fewer is none of the painting's."""

_SHAPE = 0.03
"""How far the shape of a mask may be off, as a share: that is a pixel's rounding and no other picture."""


class Style(NamedTuple):
    """A style picture of any size and its share among several. ``region``: the colour of a mask where it is painted, a
    name, RRGGBB or three components of 0 to 255; ``None`` for what no other style asks for. ``map``: a picture of its
    shape whose colours say what is what."""

    image: Any
    weight: float = 1.0
    region: str | RGB8 | None = None
    map: Any = None


@dataclass(frozen=True)
class Manner:
    """``colours``: "style", "content" (the styles are recoloured like the content first) or "luma" (light and dark
    alone are painted, the colours are the content's). ``palette_from``: the picture for which a palette is chosen,
    where the machine leaves a choice; in a fixed palette "style" leaves those colours that the style pictures use.
    ``scale``: the style pictures larger or smaller than the painting, 0.25 to 4. ``map_weight``: 0 to 1, how strictly
    strokes keep to the regions of maps.

    Raises ``ValueError`` that names the value.
    """

    colours: str = COLOURS[0]
    palette_from: str = PALETTES[0]
    scale: float = 1.0
    map_weight: float = 1.0

    def __post_init__(self) -> None:
        for name, value, known in (
            ("colours", self.colours, COLOURS), ("palette-from", self.palette_from, PALETTES),
        ):  # fmt: skip
            if value not in known:
                raise ValueError(f"{name} {value!r} is none of {', '.join(known)}")
        low, high = SCALES
        if not low <= self.scale <= high:
            raise ValueError(f"style-scale of {self.scale:g} is out of range; give {low:g} to {high:g}")
        if not 0 <= self.map_weight <= 1:
            raise ValueError(f"map-weight of {self.map_weight:g} is out of range; give 0 (no regions) to 1")

    def guide(
        self, styles: Sequence[Style], content: np.ndarray, mode: Mode, fit: str, mask: Any = None, map_: Any = None
    ) -> Guide | None:
        """Which style is painted where, by a mask or a map over the content (before it is fitted); ``None`` for all
        styles everywhere. Raises ``ValueError`` for what does not go together."""
        maps = [style.map for style in styles if style.map is not None]
        named = [style.region for style in styles if style.region is not None]
        if named and mask is None:
            colour = named[0] if isinstance(named[0], str) else "#{:02x}{:02x}{:02x}".format(*named[0])
            raise ValueError(f"a style names the region {colour}, but there is no mask; give one or leave it out")
        if mask is not None and (map_ is not None or maps):
            raise ValueError("a mask and maps exclude each other; leave one out")
        if mask is not None:
            return _mask_guide(images.as_float(mask), styles, content.shape[:2], mode, fit)
        if (map_ is None) != (not maps) or (maps and len(maps) != len(styles)):
            raise ValueError(
                f"{'a' if map_ is not None else 'no'} content-map and {len(maps)} style-maps for {len(styles)} styles: "
                "give one over the content and one over each style"
            )
        if map_ is None:
            return None
        return _maps_guide(images.as_float(map_), styles, content.shape[:2], mode, fit, self.map_weight)

    def sized(self, style: np.ndarray, mode: Mode) -> np.ndarray:
        """A style picture as large as it is to be seen: no larger than the painting, and then by ``scale``."""
        height, width = style.shape[:2]
        factor = min(1.0, max(display_size(mode)) / max(height, width)) * self.scale
        size = max(1, round(width * factor)), max(1, round(height * factor))
        return style if size == (width, height) else images.resize(style, size)

    def coloured(self, styles: Sequence[np.ndarray], content: np.ndarray) -> list[np.ndarray]:
        """The style pictures as ``colours`` wants them."""
        from pixeldream.recolour import in_lightness_of, recoloured

        change = {"content": recoloured, "luma": in_lightness_of}.get(self.colours)
        return [style if change is None else change(style, content) for style in styles]

    def look(self, look: Look, content: np.ndarray, styles: Sequence[np.ndarray]) -> Look:
        """The look with a palette for the content, or with one for the style pictures."""
        if self.palette_from == PALETTES[0]:
            return look.for_image(content)
        pixels = np.concatenate([_thinned(style) for style in styles])[None]
        if look.mode.gamut is None:
            return replace(look, only=_used(look, pixels[0]))
        return look.for_image(pixels) if look.only else _locked(look, pixels)


def styles_of(given: Any) -> list[Style]:
    """What was given as one style or as a list, as styles of float images. Raises ``ValueError`` for a weight that is
    no number above 0, and for none at all."""
    several = given if isinstance(given, list | tuple) and not isinstance(given, Style) else [given]
    styles = [each if isinstance(each, Style) else Style(each) for each in several]
    if not styles:
        raise ValueError("there is no style; give a picture")
    for each in styles:
        if not 0 < each.weight < float("inf"):
            raise ValueError(f"a style's weight is a number above 0, not {each.weight}; leave the style out instead")
    return [each._replace(image=images.as_float(each.image)) for each in styles]


def _thinned(style: np.ndarray, count: int = 1 << 14) -> np.ndarray:
    """float32 ``[count, 3]``: as many pixels of each style, evenly over it."""
    flat = style.reshape(-1, 3)
    return flat[np.linspace(0, len(flat) - 1, count).astype(np.int64)]


def _used(look: Look, pixels: np.ndarray) -> tuple[int, ...]:
    """Those colours of a fixed palette that are the nearest to a share of ``pixels [n, 3]``; two at least."""
    import jax.numpy as jnp

    from pixeldream.retro.colour import srgb_to_oklab
    from pixeldream.retro.gamut import nearest

    indices = np.asarray(look.only or range(look.palette.count))
    lab = [srgb_to_oklab(jnp.asarray(each, jnp.float32)) for each in (pixels, look.palette.values()[indices])]
    counts = np.bincount(np.asarray(nearest(*lab)[0]), minlength=len(indices))
    order = np.argsort(-counts, kind="stable")
    wanted = indices[order[: max(2, int((counts >= SEEN_SHARE * len(pixels)).sum()))]]
    return tuple(dict.fromkeys((*look.locks.values(), *sorted(int(colour) for colour in wanted))))


def _locked(look: Look, pixels: np.ndarray) -> Look:
    """The look with every free slot of its mode locked to a colour for ``pixels [1, n, 3]``."""
    import jax.numpy as jnp

    from pixeldream.retro.gamut import choose
    from pixeldream.retro.locks import lock_array

    assert look.mode.gamut is not None
    locks = jnp.asarray(lock_array(look.mode, look.locks))
    found = np.asarray(choose(look.mode.gamut, jnp.asarray(pixels, jnp.float32), len(look.mode.slots), locks))
    names = [slot.name for slot in look.mode.slots]
    return replace(look, locks={name: int(colour) for name, colour in zip(names, found, strict=True)})


# ---- masks and maps --------------------------------------------------------------------------------------------------


def _mask_guide(mask: np.ndarray, styles: Sequence[Style], content: tuple[int, int], mode: Mode, fit: str) -> Guide:
    colours = regions.colours_of(mask, "the mask")
    wanted = [regions.colour_of(each.region) if isinstance(each.region, str) else each.region for each in styles]
    weights = regions.named_weights(colours, wanted, [each.weight for each in styles])
    places = _placed(mask, colours, content, mode, fit, "mask")
    painted = weights.sum(1) > 0
    for colour, place in zip(colours[painted], places[painted], strict=True):
        if not place.any():
            raise ValueError(
                f"fit {fit!r} cuts off all of the mask's {regions.written(colour)}; fit the content otherwise"
            )
    return Guide(places[painted], weights[painted], (None,) * len(styles))


def _maps_guide(
    map_: np.ndarray, styles: Sequence[Style], content: tuple[int, int], mode: Mode, fit: str, sharpness: float
) -> Guide:
    colours = regions.colours_of(map_, "the content-map")
    places = _placed(map_, colours, content, mode, fit, "content-map")
    theirs = []
    for style in styles:
        image, (height, width) = images.as_float(style.map), np.asarray(style.image).shape[:2]
        if not _same_shape(image.shape[1] / image.shape[0], width / height):
            raise ValueError(
                f"the style-map is {image.shape[1]}x{image.shape[0]}, its style {width}x{height}: "
                "give it the style's shape"
            )
        own = regions.colours_of(image, "the style-map")
        theirs.append(regions.label(image, own)[regions.matched(colours, own)])
    shares = np.asarray([style.weight for style in styles], np.float32)
    weights = np.repeat(shares[None] / shares.sum(), len(colours), 0)
    return Guide(places, weights, tuple(theirs), sharpness)


def _same_shape(first: float, second: float) -> bool:
    return abs(first / second - 1) <= _SHAPE


def _placed(
    mask: np.ndarray, colours: np.ndarray, content: tuple[int, int], mode: Mode, fit: str, name: str
) -> np.ndarray:
    """float32 ``[colours, height, width]`` in display pixels: where each colour of a mask is once the content is
    fitted; between black bars nothing is. Raises ``ValueError`` for a mask that has neither the content's shape nor the
    screen's."""
    height, width = mask.shape[:2]
    if not _same_shape(width / height, content[1] / content[0]):
        if not _same_shape(width / height, display_aspect(mode)):
            raise ValueError(
                f"the {name} is {width}x{height}, the content {content[1]}x{content[0]}: give it the content's shape"
            )
        fit = "stretch"
    labels = regions.label(mask, colours)
    # One region at a time: between two fitted colours a third one may lie.
    fitted = [images.fit(np.repeat(one[..., None], 3, -1), mode, fit)[..., 0] for one in labels]
    places = np.stack(fitted)
    return (places / np.maximum(places.sum(0), 1.0)).astype(np.float32)
