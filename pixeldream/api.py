"""The whole way of a picture, for scripts and for the command line: images and names in, a legal ``Picture`` out.

Images are sRGB ``[height, width, 3]``, uint8 or float in [0, 1], in *display pixels* of the mode (see
``pixeldream.images.fit``, or let these functions fit them). Names are looked up in the registry; an unknown one raises
``UnknownName`` with the nearest.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pixeldream import images
from pixeldream import manner as artist
from pixeldream.adjust import Adjustments
from pixeldream.look import CONVERT_DITHER, Look, look, quality_of
from pixeldream.manner import Manner
from pixeldream.neural.checkpoint import Checkpoint
from pixeldream.neural.footprint import of_run
from pixeldream.neural.greys import TONE_COLOUR, in_grey, with_colours_of
from pixeldream.neural.loss import OWN, Weighted
from pixeldream.neural.optimise import Progress, evaluate
from pixeldream.neural.regions import Guide
from pixeldream.neural.settings import DEFAULT_NETWORK, weights_at
from pixeldream.neural.stylize import LoadedNetwork, Settings, Style, check_sizes, make_targets
from pixeldream.neural.stylize import load as load_network
from pixeldream.neural.stylize import stylize as paint
from pixeldream.neural.weights import resolve
from pixeldream.plugin.registry import Registry, load
from pixeldream.retro import legal
from pixeldream.retro import solve as solver
from pixeldream.retro.display import display_size, to_mode, view
from pixeldream.retro.limit import keep_to
from pixeldream.retro.locks import lock_array
from pixeldream.retro.mode import Mode, Picture
from pixeldream.retro.palette import Palette
from pixeldream.retro.perceived import CALM
from pixeldream.retro.schedule import DEFAULT_SCHEDULE, Schedule
from pixeldream.retro.search import follow, search, searchable
from pixeldream.retro.solve import Solution

REPORTED = ("content", "style", "total")
"""Those of our own losses that a report gives, besides all that plugins bring."""


@dataclass(frozen=True, eq=False)
class Way:
    """How a picture is converted. ``quality``: "fast" for the look's dither, "best" for the search of the least
    perceived error from there. Only that knows ``calm`` (see ``pixeldream.retro.search``) and ``detail``, how much each
    place counts: float32 ``[display height, display width]``."""

    quality: str = "fast"
    calm: float = CALM
    detail: np.ndarray | None = None

    def solve(self, image: jax.Array, chosen: Look, before: Solution | None = None) -> Solution:
        """``image``: sRGB float32, display pixels. ``before``: of the frame before, in a moving picture."""
        mode, values, dither = chosen.mode, jnp.asarray(chosen.values()), chosen.dither
        locks = jnp.asarray(lock_array(mode, chosen.locks))
        if self.quality != "best":
            return solver.solve(mode, jnp.asarray(to_mode(image, mode)), values, locks, dither, chosen.amount)
        where = None if self.detail is None else jnp.asarray(self.detail)
        kept = None
        if before is not None and searchable(mode):
            kept = follow(mode, image, values, locks, dither, before, self.calm, where)
        return search(mode, image, values, locks, dither, self.calm, where) if kept is None else kept


def convert_look(
    image: np.ndarray, chosen: Look, quality: str = "fast", calm: float = CALM, detail: np.ndarray | None = None
) -> Picture:
    """The legal picture of ``image`` (display pixels of the mode, float32) without a network; the rest as in
    :class:`Way`."""
    return Frames(chosen, Way(quality, calm, detail)).next(image)


class Frames:
    """The frames of a moving picture, one after the other: with "best" each begins from the one before, so that what
    stands still stays still, until a cut. Free palettes move on from those of the frame before."""

    def __init__(self, chosen: Look, way: Way) -> None:
        self._look, self._way = chosen, way
        self._before: Solution | None = None
        self._limited: Look | None = None

    def next(self, image: np.ndarray) -> Picture:
        """The legal picture of the next frame, float32 in display pixels."""
        if self._limited is None:
            self._limited = self._look.for_image(image)
        chosen = self._limited
        self._before = self._way.solve(jnp.asarray(image), chosen, self._before)
        return keep_to(solver.to_picture(chosen.mode, chosen.palette, self._before, chosen.border), chosen.only)


def draw_look(drawing: np.ndarray, chosen: Look, order: np.ndarray | None = None) -> Picture | None:
    """The picture that shows ``drawing`` (uint8 ``[height, width, 3]``, of the mode's size or whole pixels repeated)
    without a pixel changed; ``None`` where it is not legal. ``order``: as for ``legal.check``."""
    if legal.scale_of(chosen.mode, drawing.shape) is None:
        return None
    if chosen.only and not set(map(tuple, drawing.reshape(-1, 3))) <= set(map(tuple, chosen.palette.rgb(chosen.only))):
        return None
    found = legal.check(drawing, chosen.mode, chosen.palettes(), locks=chosen.locks, border=chosen.border, order=order)
    return found.picture


def convert(
    image: Any,
    mode: str,
    *,
    quality: str | None = None,
    calm: float | None = None,
    detail: Any = None,
    fit: str = "cover",
    registry: Registry | None = None,
    **options: Any,
) -> Picture:
    """``image`` (any size) as a legal picture of ``mode``, without a network; one that is legal already comes out as it
    went in, whatever the dither, unless it is adjusted.

    ``quality``: "best" searches the least perceived error, "fast" dithers; the best where no dither is asked for.
    ``calm`` (0 for the least blurred error, more for calmer areas) and ``detail`` (an image: what is white in it counts
    fully, what is black hardly) are for the best. ``options``: those of ``pixeldream.adjust.Adjustments``, and the
    others as for :func:`look`. Raises ``UnknownName``, ``ValueError``.
    """
    changes = Adjustments(
        **{field.name: options.pop(field.name) for field in fields(Adjustments) if field.name in options}
    )
    how = quality_of(quality, options.get("dither"), calm=calm, detail=detail)
    options["dither"] = options.get("dither") or CONVERT_DITHER
    chosen = look(registry or load(), mode, **options)
    pixels = images.as_float(image)
    drawing = images.as_bytes(pixels)
    if not changes and (drawn := draw_look(drawing, chosen)):
        return drawn
    fitted = images.fit_drawing(pixels, drawing, chosen.mode, chosen.palettes(), fit)
    where = (
        None
        if detail is None
        else images.fit_detail(images.as_float(detail), drawing, chosen.mode, chosen.palettes(), fit)
    )
    return convert_look(changes.apply(fitted), chosen, how, CALM if calm is None else calm, where)


def check(
    image: Any, mode: str, *, palette: str | Palette | None = None, registry: Registry | None = None
) -> legal.Checked:
    """Whether ``mode`` shows ``image`` without a pixel changed, and what clashes if not.

    ``image`` has the mode's size, or whole pixels repeated. Without ``palette`` every palette of the machine is tried.
    Raises ``UnknownName``, ``ValueError``.
    """
    chosen = look(registry or load(), mode, palette=palette)
    chosen.check_whole()
    return legal.check(images.as_bytes(images.as_float(image)), chosen.mode, chosen.palettes())


@dataclass(frozen=True)
class StylizeJob:
    """Everything that a style transfer needs, resolved: no name is looked up any more.

    ``content`` and ``start``: float32 ``[height, width, 3]`` in display pixels; ``styles``: of any size. ``guide``:
    which style is painted where. ``grey``: light and dark alone are painted, and the colours stay the content's.
    """

    content: np.ndarray
    styles: Sequence[Style]
    networks: Sequence[LoadedNetwork]
    look: Look
    schedule: Schedule
    settings: Settings
    start: np.ndarray | None = None
    more: Sequence[Weighted] = ()
    guide: Guide | None = None
    grey: bool = False

    def __post_init__(self) -> None:
        width, height = display_size(self.look.mode)
        check_sizes((width, height), self.networks, self.settings.scales)
        for style in self.styles:
            check_sizes((style.image.shape[1], style.image.shape[0]), self.networks, self.settings.scales)

    def run(self, resume: Checkpoint | None = None) -> Iterator[Progress]:
        """The steps, lazily: whoever runs it may stop between two. ``resume``: goes on from a checkpoint of the same
        job, whose step comes first."""
        mode, settings = self.look.mode, self.settings
        if self.schedule.name != "straight-through":  # a latent image is a sketch throughout
            settings = replace(settings, sketch=0.0)
        start = None if self.start is None else self._kept(jnp.asarray(self.start))
        return paint(
            self.content, self.styles, self._eyes(), self.look.canvas(self.schedule), settings=settings,
            more=self.more, guide=self.guide, start=start, view=view(mode), shrink=lambda image: to_mode(image, mode),
            sketched=self._kept, tone_colour=TONE_COLOUR if self.grey else 1.0, resume=resume,
        )  # fmt: skip

    def _kept(self, image: jax.Array) -> jax.Array:
        """``image`` with what is the content's put back: its colours in grey, and all of it where nothing is painted.
        There the losses ask for next to nothing, and Adam makes steps of that as large as elsewhere."""
        content = jnp.asarray(self.content)
        if self.grey:
            image = with_colours_of(image, content)
        if self.guide is None:
            return image
        return content + jnp.asarray(self.guide.content.sum(0)[..., None]) * (image - content)

    def memory(self) -> int:
        """Bytes that a run takes at its peak, estimated: see :func:`pixeldream.neural.footprint.of_run`."""
        mode, settings = self.look.mode, self.settings
        return of_run(
            self.content.shape, [style.image.shape for style in self.styles], self._eyes(),
            self.look.canvas(self.schedule), settings, self.more, self.guide, view(mode),
            lambda image: to_mode(image, mode),
        )  # fmt: skip

    def tiled(self, tile: int) -> StylizeJob:
        """The same job, looked at in tiles of ``tile`` pixels."""
        return replace(self, settings=replace(self.settings, tile=tile))

    def _eyes(self) -> Sequence[LoadedNetwork]:
        """The networks as they look at this picture."""
        return (
            [LoadedNetwork(in_grey(each.network), each.weights) for each in self.networks]
            if self.grey
            else self.networks
        )

    def losses(self, progress: Progress, picture: Picture) -> tuple[dict[str, float], dict[str, float]]:
        """Losses of the legal picture as written, and of the image before its last projection."""
        content, styles = jnp.asarray(self.content), [Style(jnp.asarray(s.image), s.weight) for s in self.styles]
        objective, arrays = make_targets(content, styles, self._eyes(), self.settings, self.more, self.guide)
        shown = view(self.look.mode)(jnp.asarray(picture.image(), jnp.float32) / 255.0)
        free = progress.params
        if free.shape != shown.shape:
            free = view(self.look.mode)(free) if free.shape[:2] == picture.pixels.shape else shown
        return tuple(  # type: ignore[return-value]
            {f"{name}_loss": float(found[name]) for name in found if name not in OWN or name in REPORTED}
            for found in (evaluate(objective, arrays, image) for image in (shown, free))
        )


def noise(seed: int, mode: Mode) -> np.ndarray:
    """Where a run with ``--init noise`` begins: uniform grey noise around the middle, float32, display pixels."""
    width, height = display_size(mode)
    values = jax.random.uniform(jax.random.key(seed), (height, width, 3), jnp.float32, 0.25, 0.75)
    return np.asarray(values)


def stylize(
    content: Any,
    style: Any,
    mode: str,
    *,
    network: str = DEFAULT_NETWORK,
    weights: Any = None,
    pooling: str | None = None,
    schedule: str = DEFAULT_SCHEDULE,
    settings: Settings = Settings(),  # noqa: B008 - a frozen value
    strength: float | None = None,
    manner: Manner = Manner(),  # noqa: B008 - a frozen value
    mask: Any = None,
    content_map: Any = None,
    losses: Mapping[str, float] = MappingProxyType({}),
    fit: str = "cover",
    registry: Registry | None = None,
    **options: Any,
) -> Picture:
    """``content`` painted in the manner of ``style`` (an image of any size, a ``pd.Style`` with its weight, or a list
    of those), legal in ``mode``.

    ``weights``: a file for ``network``; ``pooling``: how it makes features smaller, ``max`` or ``average``.
    ``strength``: 0 (the content) to 1 (the style), in place of the two weights of ``settings``. ``manner``: whose
    colours, how large the strokes. ``mask``: an image over the content whose flat colours are the regions of the
    styles; ``content_map``: one whose colours stand in the styles' maps as well. ``losses``: weights of those that
    plugins bring, by name. ``options`` as for :func:`look`. Raises ``UnknownName``,
    ``ValueError``.
    """
    registry = registry or load()
    chosen = look(registry, mode, **options)
    if strength is not None:
        content_weight, style_weight = weights_at(strength)
        settings = replace(settings, content_weight=content_weight, style_weight=style_weight)
    pixels, styles = images.as_float(content), artist.styles_of(style)
    guide = manner.guide(styles, pixels, chosen.mode, fit, mask, content_map)
    feature_network, arrays, _ = resolve(registry.networks[network], weights)
    fitted = images.fit(pixels, chosen.mode, fit)
    pictures = [manner.sized(each.image, chosen.mode) for each in styles]
    job = StylizeJob(
        fitted,
        [Style(picture, each.weight) for picture, each in zip(manner.coloured(pictures, fitted), styles, strict=True)],
        [load_network(feature_network.using(pooling=pooling), arrays, settings)],
        manner.look(chosen, fitted, pictures), Schedule.parse(schedule), settings,
        more=[Weighted(registry.losses[name], weight) for name, weight in losses.items()],
        guide=guide, grey=manner.colours == "luma",
    )  # fmt: skip
    *_, last = job.run()
    return last.finish()


class Stopwatch:
    """Seconds since it was made, in named parts."""

    def __init__(self) -> None:
        self.begin = self.last = time.perf_counter()
        self.parts: dict[str, float] = {}

    def lap(self, name: str) -> None:
        """Adds the time since the last lap to ``name``."""
        now = time.perf_counter()
        self.parts[name] = self.parts.get(name, 0.0) + now - self.last
        self.last = now

    def seconds(self) -> dict[str, float]:
        """All parts and ``total``, rounded to milliseconds."""
        total = {"total": time.perf_counter() - self.begin}
        return {name: round(value, 3) for name, value in {**self.parts, **total}.items()}
