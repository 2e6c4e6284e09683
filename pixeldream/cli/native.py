"""Native files as input: what a file shows, by its extension, and how that looks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from pixeldream import images
from pixeldream.cli.common import blame
from pixeldream.plugin.registry import Registry
from pixeldream.retro.animation import Animation
from pixeldream.retro.format import Format, FormatError, Shown
from pixeldream.retro.mode import Picture


@dataclass(frozen=True)
class Native:
    """A native file, read: its format, and its picture or, where no mode holds it, what it shows."""

    form: Format
    shown: Picture | Shown

    @property
    def pixel_aspect(self) -> tuple[int, int]:
        """Width and height of a pixel of :meth:`image`."""
        return self.shown.pixel_aspect if isinstance(self.shown, Shown) else self.shown.mode.pixel_aspect

    def image(self) -> np.ndarray:
        """float32 ``[height, width, 3]`` in the file's own pixels."""
        image = self.shown.image if isinstance(self.shown, Shown) else self.shown.image()
        return image.astype(np.float32) / 255.0

    def repeated(self) -> np.ndarray:
        """float32 ``[height, width, 3]``: whole pixels repeated to about their shape."""
        return _repeated(self.image(), self.pixel_aspect)

    def square(self) -> np.ndarray:
        """float32 ``[height, width, 3]`` in square pixels, as it looks on the machine's screen."""
        image, (across, down) = self.image(), self.pixel_aspect
        repeated = _repeated(image, self.pixel_aspect)
        width = len(repeated) * image.shape[1] * across / (image.shape[0] * down)
        return images.resize(repeated, (max(1, round(width)), len(repeated)))

    def notes(self) -> Iterator[str]:
        """What the file says of itself, a line each."""
        if isinstance(self.shown, Shown):
            height, width = self.shown.image.shape[:2]
            yield f"{self.form.name}, {width}x{height} pixels, in no mode"
            yield from self.shown.notes
        else:
            width, height = self.shown.mode.size
            yield f"{self.form.name}, {self.shown.mode.name}, {width}x{height} pixels"


def _repeated(image: np.ndarray, aspect: tuple[int, int]) -> np.ndarray:
    across, down = aspect
    return image.repeat(max(1, round(down / across)), 0).repeat(max(1, round(across / down)), 1)


def native_animation(registry: Registry, data: bytes, path: Path) -> Animation | None:
    """The moving picture in a native file; ``None`` where no format reads one there."""
    for form in registry.frame_readers(path.suffix.lower()):
        try:
            with blame(registry, ("formats", form.name)):
                return _animation(form, data)
        except FormatError:  # told by read_native, which reads its first picture
            continue
    return None


@lru_cache(1)
def _animation(form: Format, data: bytes) -> Animation:
    # Its pictures are asked for one by one.
    assert form.read_frames is not None
    return form.read_frames(data)


def read_native(registry: Registry, data: bytes, path: Path, frame: int = 0) -> Native | None:
    """A native file, of a moving picture frame number ``frame``; ``None`` for an extension that no format reads. Raises
    ``FormatError``."""
    if frame:
        for form in registry.frame_readers(path.suffix.lower()):
            return Native(form, _animation(form, data).pictures[frame])
        return None
    problems = []
    for form in registry.readers(path.suffix.lower()):
        assert form.read is not None
        beside = _companion(form, path)
        try:
            with blame(registry, ("formats", form.name)):
                if beside is not None and form.read_beside is not None:
                    return Native(form, form.read_beside(data, beside))
                return Native(form, (form.decode or form.read)(data))
        except FormatError as error:
            problems.append(f"{form.name}: {error}")
    if problems:
        raise FormatError(f"{str(path)!r} is broken or of another kind ({'; '.join(problems)})")
    return None


def _companion(form: Format, path: Path) -> bytes | None:
    """The bytes of the file that belongs beside ``path``, in whatever case its extension is written; or ``None``."""
    if form.companion is None:
        return None
    for extension in form.companion.extensions:
        for each in (extension, extension.upper()):
            if path.with_suffix(each).is_file():
                return images.read_bytes(path.with_suffix(each))
    return None
