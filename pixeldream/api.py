"""The whole way of a picture, for scripts and for the command line: images and names in, a legal ``Picture`` out.

Images are sRGB ``[height, width, 3]``, uint8 or float in [0, 1], in *display pixels* of the mode (see
``pixeldream.images.fit``, or let these functions fit them). Names are looked up in the registry; an unknown one raises
``UnknownName`` with the nearest.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pixeldream import images
from pixeldream.look import CONVERT_DITHER, Look, look
from pixeldream.neural.loss import OWN, Weighted
from pixeldream.neural.optimise import Progress, evaluate
from pixeldream.neural.settings import DEFAULT_NETWORK
from pixeldream.neural.stylize import LoadedNetwork, Settings, Style, check_sizes, make_targets
from pixeldream.neural.stylize import stylize as paint
from pixeldream.neural.weights import resolve
from pixeldream.plugin.registry import Registry, load
from pixeldream.retro import legal
from pixeldream.retro import solve as solver
from pixeldream.retro.display import display_size, to_mode, view
from pixeldream.retro.locks import lock_array
from pixeldream.retro.mode import Mode, Picture
from pixeldream.retro.palette import Palette
from pixeldream.retro.perceived import CALM
from pixeldream.retro.schedule import DEFAULT_SCHEDULE, Schedule
from pixeldream.retro.search import search

REPORTED = ("content", "style", "total")
"""Those of our own losses that a report gives, besides all that plugins bring."""


def convert_look(
    image: np.ndarray, chosen: Look, quality: str = "fast", calm: float = CALM, detail: np.ndarray | None = None
) -> Picture:
    """The legal picture of ``image`` (display pixels of the mode, float32) without a network.

    ``quality``: "fast" for the look's dither, "best" for the search of the least perceived error from there (see
    ``pixeldream.retro.search`` for ``calm`` and ``detail``, which only it knows).
    """
    mode, values = chosen.mode, chosen.palette.values()
    locks = jnp.asarray(lock_array(mode, chosen.locks))
    if quality == "best":
        where = None if detail is None else jnp.asarray(detail)
        solution = search(mode, jnp.asarray(image), jnp.asarray(values), locks, chosen.dither, calm, where)
    else:
        solution = solver.solve(mode, jnp.asarray(to_mode(image, mode)), values, locks, chosen.dither, chosen.amount)
    return solver.to_picture(mode, chosen.palette, solution, chosen.border)


def draw_look(drawing: np.ndarray, chosen: Look, order: np.ndarray | None = None) -> Picture | None:
    """The picture that shows ``drawing`` (uint8 ``[height, width, 3]``, of the mode's size or whole pixels repeated)
    without a pixel changed; ``None`` where it is not legal. ``order``: as for ``legal.check``."""
    if legal.scale_of(chosen.mode, drawing.shape) is None:
        return None
    found = legal.check(drawing, chosen.mode, chosen.palettes(), locks=chosen.locks, border=chosen.border, order=order)
    return found.picture


def convert(image: Any, mode: str, *, fit: str = "cover", registry: Registry | None = None, **options: Any) -> Picture:
    """``image`` (any size) as a legal picture of ``mode``, without a network; one that is legal already comes out as it
    went in, whatever the dither. ``options`` as for :func:`look`."""
    options.setdefault("dither", CONVERT_DITHER)
    chosen = look(registry or load(), mode, **options)
    pixels = images.as_float(image)
    drawing = images.as_bytes(pixels)
    fitted = images.fit_drawing(pixels, drawing, chosen.mode, chosen.palettes(), fit)
    return draw_look(drawing, chosen) or convert_look(fitted, chosen)


def check(
    image: Any, mode: str, *, palette: str | Palette | None = None, registry: Registry | None = None
) -> legal.Checked:
    """Whether ``mode`` shows ``image`` without a pixel changed, and what clashes if not.

    ``image`` has the mode's size, or whole pixels repeated. Without ``palette`` every palette of the machine is tried.
    Raises ``UnknownName``, ``ValueError``.
    """
    chosen = look(registry or load(), mode, palette=palette)
    return legal.check(images.as_bytes(images.as_float(image)), chosen.mode, chosen.palettes())


@dataclass(frozen=True)
class StylizeJob:
    """Everything that a style transfer needs, resolved: no name is looked up any more.

    ``content`` and ``start``: float32 ``[height, width, 3]`` in display pixels; ``styles``: of any size.
    """

    content: np.ndarray
    styles: Sequence[Style]
    networks: Sequence[LoadedNetwork]
    look: Look
    schedule: Schedule
    settings: Settings
    start: np.ndarray | None = None
    more: Sequence[Weighted] = ()

    def __post_init__(self) -> None:
        width, height = display_size(self.look.mode)
        check_sizes((width, height), self.networks, self.settings.scales)
        for style in self.styles:
            check_sizes((style.image.shape[1], style.image.shape[0]), self.networks, self.settings.scales)

    def run(self) -> Iterator[Progress]:
        """The steps, lazily: whoever runs it may stop between two."""
        mode, settings = self.look.mode, self.settings
        if self.schedule.name != "straight-through":  # a latent image is a sketch throughout
            settings = replace(settings, sketch=0.0)
        return paint(
            self.content, self.styles, self.networks, self.look.canvas(self.schedule), settings=settings,
            more=self.more, start=self.start, view=view(mode), shrink=lambda image: to_mode(image, mode),
        )  # fmt: skip

    def losses(self, progress: Progress, picture: Picture) -> tuple[dict[str, float], dict[str, float]]:
        """Losses of the legal picture as written, and of the image before its last projection."""
        content, styles = jnp.asarray(self.content), [Style(jnp.asarray(s.image), s.weight) for s in self.styles]
        objective, arrays = make_targets(content, styles, self.networks, self.settings, self.more)
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
    schedule: str = DEFAULT_SCHEDULE,
    settings: Settings = Settings(),  # noqa: B008 - a frozen value
    losses: Mapping[str, float] = MappingProxyType({}),
    fit: str = "cover",
    registry: Registry | None = None,
    **options: Any,
) -> Picture:
    """``content`` painted in the manner of ``style`` (images of any size, or a list of styles), legal in ``mode``.

    ``weights``: a file for ``network``. ``losses``: weights of those that plugins bring, by name. ``options`` as for
    :func:`look`. Raises ``UnknownName``, ``ValueError``.
    """
    registry = registry or load()
    chosen = look(registry, mode, **options)
    feature_network, arrays, _ = resolve(registry.networks[network], weights)
    pictures = style if isinstance(style, list | tuple) else [style]
    job = StylizeJob(
        images.fit(images.as_float(content), chosen.mode, fit),
        [Style(images.limit(images.as_float(picture), max(display_size(chosen.mode)))) for picture in pictures],
        [LoadedNetwork(feature_network, jax.tree.map(jnp.asarray, dict(arrays)))],
        chosen, Schedule.parse(schedule), settings,
        more=[Weighted(registry.losses[name], weight) for name, weight in losses.items()],
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
