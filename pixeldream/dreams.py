"""Dreams for scripts and for the command line: images and names in, legal pictures out. See ``neural.dream``.

Images are as in ``pixeldream.api``: sRGB, in display pixels of the mode, or fitted to those.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax.numpy as jnp
import numpy as np

from pixeldream import images
from pixeldream.look import Look, look
from pixeldream.neural.dream import Dreamer, Gained, Place, load
from pixeldream.neural.dream_objective import GREY
from pixeldream.neural.dream_settings import STARTS, DreamSettings, Zoom
from pixeldream.neural.networks.base import checked
from pixeldream.neural.optimise import Progress
from pixeldream.neural.settings import DEFAULT_NETWORK
from pixeldream.neural.watched import LoadedNetwork
from pixeldream.neural.weights import resolve
from pixeldream.neural.zoom import Frame, flicker, frames
from pixeldream.plugin.registry import Registry
from pixeldream.plugin.registry import load as load_registry
from pixeldream.retro.display import display_size, shrink, view
from pixeldream.retro.mode import Picture
from pixeldream.retro.schedule import DEFAULT_SCHEDULE, Schedule

LONGEST = 1024
"""The longest side in pixels of a guiding picture: larger ones are shrunk."""


@dataclass(frozen=True, eq=False)
class DreamJob:
    """Everything that a dream needs, resolved. ``start``: float32 ``[height, width, 3]`` in display pixels; ``guide``:
    of any size. ``look``: the machine, or None for a picture without limits."""

    start: np.ndarray
    network: LoadedNetwork
    look: Look | None
    schedule: Schedule
    settings: DreamSettings
    guide: np.ndarray | None = None
    zoom: Zoom = Zoom()  # noqa: RUF009 - a frozen value

    @cached_property
    def dreamer(self) -> Dreamer:
        """Who dreams it. Raises ``ValueError`` for what the network does not have."""
        size = self.start.shape[0], self.start.shape[1]
        return Dreamer(self.network, size, self._place(), self.settings, self.guide)

    def _place(self) -> Place:
        if self.look is None:
            return Place()
        mode = self.look.mode
        return Place(self.look.canvas(self.schedule), view(mode), shrink(mode))

    def run(self) -> Iterator[Progress]:
        """The steps of one picture, lazily: whoever runs it may stop between two."""
        return self.dreamer.dream(self.start)

    def frames(self, after: int = 0, begin: np.ndarray | None = None) -> Iterator[Progress | Frame]:
        """The steps of an endless zoom, and each frame after its steps; from frame ``after`` on, whose ``onward`` is
        ``begin``."""
        image = self.start if begin is None else begin
        return frames(image, self.dreamer, self.zoom, self.shown, after)

    def shown(self, result: Any) -> np.ndarray:
        """What is seen of a picture, float32 in display pixels."""
        if self.look is None:
            return np.asarray(result, np.float32)
        return np.asarray(view(self.look.mode)(jnp.asarray(result.image(), jnp.float32) / 255.0))

    def gained(self, result: Any, judge: Gained | None = None) -> dict[str, float]:
        """How much of what was dreamt of is in the start and in the picture as written."""
        judge = judge or self.dreamer.gained()
        return {"start": judge.of(self.start), "picture": judge.of(self.shown(result))}

    def flicker(self, before: Any, after: Any) -> float:
        """Of two frames that follow each other: see ``pixeldream.neural.zoom.flicker``."""
        return flicker(self.shown(before), self.shown(after), self.zoom)


def beginning(kind: str, size: tuple[int, int], seed: int) -> np.ndarray:
    """Where a dream without a photo begins: grey noise, black or grey, float32 of ``size`` (width, height). Raises
    ``ValueError`` for another kind."""
    checked("start", kind, STARTS[1:])
    shape = (size[1], size[0], 3)
    if kind == "noise":
        return np.random.default_rng(seed).uniform(GREY - 0.1, GREY + 0.1, shape).astype(np.float32)
    return np.full(shape, GREY if kind == "grey" else 0.0, np.float32)


def dream(
    image: Any = None,
    mode: str | None = "c64-multicolor",
    *,
    layers: tuple[str, ...] | str | None = None,
    class_name: str | None = None,
    guide: Any = None,
    network: str = DEFAULT_NETWORK,
    weights: Any = None,
    pooling: str | None = None,
    schedule: str = DEFAULT_SCHEDULE,
    settings: DreamSettings = DreamSettings(),  # noqa: B008 - a frozen value
    zoom: Zoom | None = None,
    fit: str = "cover",
    registry: Registry | None = None,
    **options: Any,
) -> Any:
    """What ``network`` dreams when it looks at ``image``: a picture that is legal in ``mode``.

    ``image``: of any size, or ``"noise"``, ``"black"``, ``"grey"`` (which is what None means). ``mode``: None for a
    float32 image of the image's own size without limits. ``layers``, ``class_name``: in place of those of ``settings``
    (``LAYER[:CHANNEL][@X,Y][:WEIGHT]``; a class by name or number, or ``random``). ``guide``: an image whose features
    lead. ``weights``, ``pooling``, ``schedule``: as for ``pixeldream.stylize``. ``zoom``: for an endless zoom; then an
    iterator of its frames is returned. ``options`` as for ``pixeldream.look.look``. Raises ``UnknownName``,
    ``ValueError``.
    """
    registry = registry or load_registry()
    if mode is None and options:
        raise ValueError(f"without a mode there is no {', '.join(options)}; name a mode or leave it out")
    chosen = None if mode is None else look(registry, mode, **options)
    settings = settings.asking(layers, class_name)
    built, arrays, _ = resolve(registry.networks[network], weights)
    loaded = load(built.using(pooling=pooling), arrays, settings)
    led = None if guide is None else images.limit(images.as_float(guide), LONGEST)
    job = DreamJob(
        _start(image, chosen, fit, settings.seed),
        loaded,
        chosen,
        Schedule.parse(schedule),
        settings,
        led,
        zoom or Zoom(),
    )
    if zoom is not None:
        return (each.result for each in job.frames() if isinstance(each, Frame))
    *_, last = job.run()
    result: Picture | np.ndarray = last.finish()
    return result if chosen is not None else np.asarray(result)


def _start(image: Any, chosen: Look | None, fit: str, seed: int) -> np.ndarray:
    if image is None or isinstance(image, str):
        size = (320, 200) if chosen is None else display_size(chosen.mode)
        return beginning(image or "grey", size, seed)
    pixels = images.as_float(image)
    return pixels if chosen is None else images.fit(pixels, chosen.mode, fit)
