"""Pictures for a GAN: those of a folder or a zip, at one size; what can't be read is skipped, counted and named."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageColor

from pixeldream import images
from pixeldream.cli.options import OptionError
from pixeldream.neural.gan.settings import MINIMUM

FITS = ("contain", "cover")

NAMED = 5
"""Files that are named of those that were skipped."""

MAXIMUM_VALUES = 2**33
"""Bytes that all pictures may take together: they lie in a file that is mapped into memory."""

MAXIMUM_COLOURS = 256
"""A picture of no more is taken for pixel art, whose pixels stay whole when it is enlarged."""


@dataclass(frozen=True, eq=False)
class Found:
    """``images``: uint8 ``[n, side, side, 3]``. ``classes``: int32 ``[n]``, numbers of ``names``. ``skipped``: names of
    files that could not be read, with the reason."""

    images: np.ndarray
    classes: np.ndarray
    names: tuple[str, ...] = ()
    skipped: tuple[str, ...] = field(default=())


class _File(NamedTuple):
    """``name``: its path within the folder or zip, as POSIX writes it."""

    name: str
    path: Path
    archive: zipfile.ZipFile | None

    def data(self) -> bytes:
        """Its bytes. Raises ``ImageError``, ``OSError`` and what zipfile raises."""
        if self.archive is None:
            return images.read_bytes(self.path)
        if self.archive.getinfo(self.name).file_size > images.MAXIMUM_BYTES:
            raise images.ImageError(f"it is larger than {images.MAXIMUM_BYTES >> 20} MiB")
        return self.archive.read(self.name)


def colour(text: str) -> tuple[float, float, float]:
    """RRGGBB, #RRGGBB or a name of CSS, in [0, 1]. Raises :class:`OptionError`."""
    try:
        red, green, blue = ImageColor.getrgb(f"#{text}" if re.fullmatch("[0-9a-fA-F]{6}", text) else text)[:3]
    except ValueError:
        raise OptionError(f"background {text!r} is no colour; write RRGGBB or a name such as black") from None
    return red / 255, green / 255, blue / 255


def collect(
    source: Path, side: int, *, background: str = "black", fit: str = "contain", by_folder: bool = False,
    shorter: int = 0,
) -> Found:  # fmt: skip
    """The pictures of a folder or zip, and of the folders in it, as squares of ``side`` pixels on ``background``.

    ``by_folder``: folders are classes, see :func:`_merged`. ``shorter``: pictures are cut into pieces instead, see
    :func:`pieces`. Raises :class:`OptionError` that says what is missing.
    """
    if fit not in FITS:
        raise OptionError(f"fit {fit!r} is none of {', '.join(FITS)}")
    ground = colour(background)
    made, chosen, skipped = [], [], []
    with ExitStack() as stack:
        files = _files(source, stack)
        if len(files) * side * side * 3 > MAXIMUM_VALUES:
            limit = MAXIMUM_VALUES >> 30
            raise OptionError(f"{len(files)} pictures of {side}x{side} take more than {limit} GiB; give fewer")
        for file in files:
            try:
                image = images.decode(file.data(), file.name, background=ground)
                found = pieces(image, side, shorter) if shorter else [square(image, side, ground, fit)]
                made += found
                chosen += [file.name] * len(found)
            except _UNREADABLE as error:
                skipped.append(f"{file.name} ({_reason(error)})")
    _check(source, len(made), skipped)
    names, numbers = _classes(source, chosen, by_folder)
    return Found(np.stack(made), numbers, names, tuple(skipped))


_UNREADABLE = (images.ImageError, OSError, zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError)
"""What readers of pictures and of zips raise for a file that is broken, locked or packed in another way."""


def _reason(error: BaseException) -> str:
    """Without the file's name and the way out, which is to skip it."""
    text = " ".join(str(error).split())
    return re.sub("^image '.*?' ", "", text).split(";")[0][:100] or type(error).__name__


def _check(source: Path, count: int, skipped: list[str]) -> None:
    if count >= MINIMUM:
        return
    broken = f" besides {len(skipped)} that can't be read, such as {skipped[0]}" if skipped else ""
    many = f"{count} picture{'' if count == 1 else 's'}"
    raise OptionError(f"{str(source)!r} holds {many}{broken}: too few to learn from; give {MINIMUM} at least")


def _classes(source: Path, names: list[str], by_folder: bool) -> tuple[tuple[str, ...], np.ndarray]:
    if not by_folder:
        return (), np.zeros(len(names), np.int32)
    folders = _merged([PurePosixPath(name).parts[:-1] for name in names])
    known = tuple(sorted(set(folders)))
    if len(known) < 2:
        raise OptionError(f"{str(source)!r} has no two folders to take for classes; leave --by-folder out")
    return known, np.asarray([known.index(folder) for folder in folders], np.int32)


def _merged(folders: list[tuple[str, ...]]) -> list[str]:
    """The class of each picture by the folders that it lies in: the innermost one, unless that holds fewer than
    ``MINIMUM`` and counts with the one around it. Outermost folders are classes whatever they hold."""
    for depth in range(max(map(len, folders)), 1, -1):
        counts = Counter(folders)
        folders = [each[:-1] if len(each) == depth and counts[each] < MINIMUM else each for each in folders]
    return ["/".join(each) for each in folders]


def _files(source: Path, stack: ExitStack) -> list[_File]:
    """All files that are called like pictures, in the order of their names; a zip is open as long as the stack."""
    known = Image.registered_extensions()
    if source.is_dir():
        paths = [path for path in sorted(source.rglob("*")) if path.suffix.lower() in known and path.is_file()]
        files = [_File(path.relative_to(source).as_posix(), path, None) for path in paths]
    elif not source.exists():
        raise OptionError(f"{str(source)!r} does not exist; name a folder or a zip of pictures")
    else:
        try:
            archive = stack.enter_context(zipfile.ZipFile(source))
        except (zipfile.BadZipFile, OSError):
            raise OptionError(f"{str(source)!r} is neither a folder nor a zip that can be read; name one") from None
        names = sorted(name for name in archive.namelist() if PurePosixPath(name).suffix.lower() in known)
        files = [_File(name, source, archive) for name in names if not name.startswith("__MACOSX/")]
    if not files:
        raise OptionError(f"{str(source)!r} holds no pictures; name a folder or a zip that does")
    return files


def square(image: np.ndarray, side: int, ground: tuple[float, float, float], fit: str) -> np.ndarray:
    """uint8 ``[side, side, 3]`` of float32 ``[height, width, 3]``: ``contain`` puts it on the ground, ``cover`` cuts
    off what is too wide or too tall. Pixel art is taken in its own pixels and enlarged in whole ones."""
    image = own_pixels(image)
    height, width = image.shape[:2]
    if fit == "cover":
        length = min(height, width)
        top, left = (height - length) // 2, (width - length) // 2
        image = image[top : top + length, left : left + length]
    height, width = image.shape[:2]
    times = side // max(height, width)
    if times and (times * max(height, width) == side or _is_pixel_art(image)):
        image = image.repeat(times, 0).repeat(times, 1)
    else:
        scale = side / max(height, width)
        image = images.resize(image, (max(1, round(width * scale)), max(1, round(height * scale))))
    made = np.broadcast_to(np.asarray(ground, np.float32), (side, side, 3)).copy()
    top, left = (side - image.shape[0]) // 2, (side - image.shape[1]) // 2
    made[top : top + image.shape[0], left : left + image.shape[1]] = image
    return images.as_bytes(made)


def pieces(image: np.ndarray, side: int, shorter: int) -> list[np.ndarray]:
    """uint8 ``[side, side, 3]`` each: all of float32 ``[height, width, 3]``, in squares that overlap where they must,
    :data:`MOST_PIECES` at most. Pixel art is taken in its own pixels; what is larger is made smaller, to a shorter side
    of ``shorter``. Raises ``ImageError`` for a picture smaller than a square."""
    image = own_pixels(image)
    height, width = image.shape[:2]
    if min(height, width) < side:
        raise images.ImageError(f"it is smaller than {side}x{side} pixels")
    scale = max(shorter, side) / min(height, width)
    if scale < 1:
        image = images.resize(image, (round(width * scale), round(height * scale)))
    tops, lefts = (np.linspace(0, length - side, -(-length // side)).round().astype(int) for length in image.shape[:2])
    places = [(top, left) for top in tops for left in lefts]
    chosen = np.linspace(0, len(places) - 1, min(len(places), MOST_PIECES)).round().astype(int)
    made = images.as_bytes(image)
    return [made[top : top + side, left : left + side] for top, left in (places[number] for number in chosen)]


MOST_PIECES = 32
"""Of one picture."""


def own_pixels(image: np.ndarray) -> np.ndarray:
    """A picture all of whose pixels were repeated, without the copies."""
    height, width = image.shape[:2]
    for times in (8, 7, 6, 5, 4, 3, 2):
        if height % times == 0 and width % times == 0 and min(height, width) >= 4 * times:
            small = image[::times, ::times]
            if np.array_equal(small.repeat(times, 0).repeat(times, 1), image):
                return small
    return image


def _is_pixel_art(image: np.ndarray) -> bool:
    return len(np.unique(images.as_bytes(image).reshape(-1, 3), axis=0)) <= MAXIMUM_COLOURS
