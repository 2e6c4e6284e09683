"""Pixels from ordinary image files, and in the sizes that a mode wants.

Images are float32 ``[height, width, 3]``, sRGB in [0, 1]. Nothing of a file but its pixels is kept: no EXIF, no text.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageCms, ImageOps

from pixeldream.retro.display import display_aspect, display_size, repeats
from pixeldream.retro.legal import pixels_of
from pixeldream.retro.mode import Mode
from pixeldream.retro.palette import Gamut, Palette

MAXIMUM_BYTES = 64 * 2**20
"""An image file larger than this is refused unread, unless it is asked for."""

MAXIMUM_PIXELS = 32 * 2**20
"""An image of more pixels is refused undecoded, unless it is asked for: 32 Mpx take 400 MB as float32."""

FITS = ("cover", "contain", "stretch")

WHITE = (1.0, 1.0, 1.0)

LUMA = np.asarray([0.2126, 0.7152, 0.0722], np.float32)
"""Of red, green and blue (ITU-R BT.709)."""

LEAST_DETAIL = 0.1
"""How much a place counts that is black in a mask."""

DEFAULT_SECONDS = 0.1
"""For which a frame is shown that does not say how long."""

_DEEP = ("I;16", "I;16L", "I;16B", "I;16N")


class ImageError(ValueError):
    """An image that can't be used; one line with the value and the way out."""


def read_bytes(path: str | PathLike[str], *, large: bool = False) -> bytes:
    """A whole image file. Raises :class:`ImageError` when it is missing, empty, larger than 64 MiB or no file."""
    name = repr(str(path))
    if Path(path).is_dir():
        raise ImageError(f"image {name} is a folder; name a file in it")
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            # Room for the limit is made only where there may be that much: a pipe or a device does not say.
            data = file.read(-1 if large or 0 < size <= MAXIMUM_BYTES else MAXIMUM_BYTES + 1)
    except FileNotFoundError:
        raise ImageError(f"image {name} does not exist; check the name") from None
    except (OSError, ValueError) as error:
        raise ImageError(f"image {name} can't be read: {getattr(error, 'strerror', None) or error}") from None
    if not data:
        raise ImageError(f"image {name} is empty: 0 bytes; make it again")
    if len(data) > MAXIMUM_BYTES and not large:
        raise ImageError(f"image {name} is larger than {MAXIMUM_BYTES >> 20} MiB; shrink it, or ask for it: --large")
    return data


def read_image(
    path: str | PathLike[str], *, background: tuple[float, float, float] = WHITE, large: bool = False
) -> np.ndarray:
    """The picture in a file that Pillow reads: float32 ``[height, width, 3]``.

    Of several frames the first; turned as EXIF says; an embedded colour profile is converted to sRGB; transparency
    shows ``background``; 16 bits keep their depth. ``large`` lifts the limits of 64 MiB and 32 Mpx, which are checked
    before anything is decoded. Raises :class:`ImageError`.
    """
    return decode(read_bytes(path, large=large), str(path), background=background, large=large)


def decode(
    data: bytes,
    name: str,
    *,
    background: tuple[float, float, float] = WHITE,
    large: bool = False,
    frame: int = 0,
) -> np.ndarray:
    """As :func:`read_image` for the bytes of a file that errors are to call ``name``. ``frame``: of an animated one,
    counted from 0."""
    try:
        with _pixel_limit(None if large else MAXIMUM_PIXELS), Image.open(BytesIO(data)) as image:
            if frame:
                image.seek(frame)
            if not large and image.width * image.height > MAXIMUM_PIXELS:
                raise _too_large(name, image.width * image.height)
            return _pixels(_upright(image), background)
    except ImageError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        count = re.search(r"\d+", str(error))
        raise _too_large(name, int(count[0]) if count else MAXIMUM_PIXELS + 1) from None
    except Image.UnidentifiedImageError:
        raise ImageError(f"image {name!r} is in no format that Pillow reads; save it as PNG or JPEG") from None
    except MemoryError:
        raise ImageError(f"image {name!r} does not fit into memory; shrink it first") from None
    except Exception as error:  # decoders raise anything for a broken file: SyntaxError, struct.error, KeyError ...
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ImageError(f"image {name!r} is broken or incomplete ({reason:.120}); save it again") from None


def frame_count(data: bytes) -> int:
    """How many frames an animated picture has; 1 for any other file, whatever it holds."""
    try:
        with warnings.catch_warnings(), Image.open(BytesIO(data)) as image:
            warnings.simplefilter("ignore")
            return int(getattr(image, "n_frames", 1)) if getattr(image, "is_animated", False) else 1
    except Exception:  # what can't be read is reported by decode
        return 1


def frame_seconds(data: bytes) -> list[float]:
    """How long each frame of an animated picture is shown; a tenth of a second where it does not say."""
    try:
        with warnings.catch_warnings(), Image.open(BytesIO(data)) as image:
            warnings.simplefilter("ignore")
            times = []
            for number in range(int(getattr(image, "n_frames", 1))):
                image.seek(number)
                times.append(float(image.info.get("duration", 0)) / 1000)
    except Exception:  # what can't be read is reported by decode
        return []
    return [time if time > 0 else DEFAULT_SECONDS for time in times]


def _too_large(name: str, pixels: int) -> ImageError:
    return ImageError(
        f"image {name!r} has {pixels:,} pixels, more than {MAXIMUM_PIXELS:,}; shrink it, or ask for it: --large"
    )


@contextmanager
def _pixel_limit(limit: int | None) -> Iterator[None]:
    """Pillow's own limit, set to ours: it guards frames and thumbnails inside the file as well."""
    before = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = limit
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


def _upright(image: Image.Image) -> Image.Image:
    image.load()
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # an EXIF block that can't be read turns nothing
        return image


def _pixels(image: Image.Image, background: tuple[float, float, float]) -> np.ndarray:
    if image.width < 1 or image.height < 1:
        raise ValueError(f"{image.width}x{image.height} pixels")
    if image.mode in _DEEP or image.mode in ("I", "F"):
        return _grey(np.asarray(image, np.float32), image.mode)
    if image.has_transparency_data:
        return _over(_profiled(image.convert("RGBA"), image.info), background)
    return np.asarray(_profiled(image, image.info).convert("RGB"), np.float32) / 255.0


def _grey(values: np.ndarray, mode: str) -> np.ndarray:
    """Deep grey: 16 bits (Pillow's "I" holds those too), 32 bits, or floats of [0, 1], which others are scaled to."""
    highest = float(values.max())
    if not np.isfinite(values).all():
        raise ValueError("it holds values that are no numbers")
    if mode == "F":
        white = max(highest, 1.0)
    else:
        white = 65535.0 if highest <= 65535 else 2.0**32 - 1 if highest > 2.0**31 else 2.0**31 - 1
    return np.repeat(np.clip(values / white, 0.0, 1.0)[..., None], 3, -1).astype(np.float32)


def _over(image: Image.Image, background: tuple[float, float, float]) -> np.ndarray:
    values = np.asarray(image, np.float32) / 255.0
    alpha = values[..., 3:]
    return values[..., :3] * alpha + np.asarray(background, np.float32) * (1.0 - alpha)


def _profiled(image: Image.Image, info: dict[Any, Any]) -> Image.Image:
    """The image in sRGB, where an embedded profile says what its values mean and can be read."""
    profile = info.get("icc_profile")
    output = "RGBA" if image.mode == "RGBA" else "RGB"
    if not profile or image.mode not in ("RGB", "RGBA", "CMYK"):
        return image
    try:
        source, target = ImageCms.ImageCmsProfile(BytesIO(profile)), ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(image, source, target, outputMode=output)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return image
    return converted if converted is not None else image


def as_float(image: Any) -> np.ndarray:
    """float32 ``[height, width, 3]`` of an array (or Pillow image) of uint8, or of floats in [0, 1].

    Raises :class:`ImageError` for another shape, another type, floats out of range or not finite.
    """
    array = np.asarray(image)
    if array.ndim != 3 or array.shape[2] != 3 or 0 in array.shape:
        raise ImageError(f"an image has the shape [height, width, 3], not {list(array.shape)}; convert it to RGB")
    if array.dtype == np.uint8:
        return array.astype(np.float32) / 255.0
    if not np.issubdtype(array.dtype, np.floating):
        raise ImageError(f"an image holds uint8 or floats of 0 to 1, not {array.dtype}; convert it")
    if not np.isfinite(array).all():
        raise ImageError("the image holds values that are not finite; replace them")
    if array.min() < -1e-3 or array.max() > 1 + 1e-3:
        low, high = float(array.min()), float(array.max())
        raise ImageError(f"a float image holds 0 to 1, not {low:g} to {high:g}; scale it, or convert it to uint8")
    return np.clip(array, 0.0, 1.0).astype(np.float32)


def palette_of(data: bytes) -> np.ndarray | None:
    """The colours of an indexed picture in the order of its file, uint8 ``[n, 3]``; ``None`` for any other."""
    try:
        with warnings.catch_warnings(), Image.open(BytesIO(data)) as image:
            warnings.simplefilter("ignore")
            colours = image.getpalette("RGB") if image.mode == "P" else None
    except Exception:  # what can't be read is reported by decode
        return None
    return np.asarray(colours, np.uint8).reshape(-1, 3) if colours else None


def as_bytes(image: np.ndarray) -> np.ndarray:
    """uint8 of floats in [0, 1]; what came from 8 bits goes back to the same."""
    return np.rint(image * 255.0).astype(np.uint8)


def fit(image: np.ndarray, mode: Mode, how: str = "cover") -> np.ndarray:
    """``image`` (square pixels, any size) in display pixels of ``mode``, as it is to look on the machine's screen.

    ``cover`` cuts off what is too wide or too tall, equally at both sides; ``contain`` shows all between black bars;
    ``stretch`` distorts. Lanczos, on sRGB values. Raises :class:`ImageError` for another ``how``.
    """
    size, height, width = display_size(mode), image.shape[0], image.shape[1]
    check_fit(how)
    if how == "stretch":
        return resize(image, size)
    aspect = display_aspect(mode)
    if how == "cover":
        cut_width, cut_height = min(width, height * aspect), min(height, width / aspect)
        left, top = (width - cut_width) / 2, (height - cut_height) / 2
        return resize(image, size, (left, top, left + cut_width, top + cut_height))
    share = width / height / aspect
    inner = max(1, round(size[0] * min(1.0, share))), max(1, round(size[1] * min(1.0, 1 / share)))
    left, top = (size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2
    result = np.zeros((size[1], size[0], 3), np.float32)
    result[top : top + inner[1], left : left + inner[0]] = resize(image, inner)
    return result


def fit_drawing(
    image: np.ndarray, drawing: np.ndarray, mode: Mode, palettes: Sequence[Palette | Gamut], how: str = "cover"
) -> np.ndarray:
    """As :func:`fit`, but for what is plainly drawn in the mode's own pixels (``drawing``: the image as uint8). That is
    left alone, even where a cell of it clashes: resampled, no pixel of it would be the artist's.
    """
    check_fit(how)
    pixels = pixels_of(drawing, mode, palettes)
    return fit(image, mode, how) if pixels is None else repeat(pixels.astype(np.float32) / 255.0, mode)


def fit_detail(
    image: np.ndarray, drawing: np.ndarray, mode: Mode, palettes: Sequence[Palette | Gamut], how: str = "cover"
) -> np.ndarray:
    """How much each display pixel counts, float32 ``[height, width]``: 1 where ``image`` is white, a tenth where it is
    black. It is fitted as :func:`fit_drawing` fits the picture whose ``drawing`` is given."""
    drawn = pixels_of(drawing, mode, palettes) is not None
    fitted = fit(image, mode, "stretch" if drawn else how)
    return (LEAST_DETAIL + (1 - LEAST_DETAIL) * (fitted @ LUMA)).astype(np.float32)


def check_fit(how: str) -> None:
    """Raises :class:`ImageError` unless ``how`` is a way to fit an image."""
    if how not in FITS:
        raise ImageError(f"fit {how!r} is none of {', '.join(FITS)}")


def limit(image: np.ndarray, longest: int) -> np.ndarray:
    """``image`` shrunk to a longest side of ``longest`` pixels; as it is where it is no larger."""
    height, width = image.shape[:2]
    scale = longest / max(height, width)
    if scale >= 1:
        return image
    return resize(image, (max(1, round(width * scale)), max(1, round(height * scale))))


def resize(
    image: np.ndarray, size: tuple[int, int], box: tuple[float, float, float, float] | None = None
) -> np.ndarray:
    """``box`` (left, top, right, bottom) of ``image`` at ``size`` (width, height), Lanczos, clipped to [0, 1]."""
    channels = [Image.fromarray(np.ascontiguousarray(image[..., channel], np.float32)) for channel in range(3)]
    resized = [np.asarray(channel.resize(size, Image.Resampling.LANCZOS, box)) for channel in channels]
    return np.clip(np.stack(resized, -1), 0.0, 1.0)


def repeat(image: np.ndarray, mode: Mode) -> np.ndarray:
    """An image in the mode's own pixels in display pixels: each pixel repeated to its shape."""
    across, down = repeats(mode)
    return np.repeat(np.repeat(image, down, 0), across, 1)


def to_png(image: np.ndarray) -> bytes:
    """A PNG file of float32 ``[height, width, 3]``, without any text in it."""
    file = BytesIO()
    values = np.rint(np.clip(np.asarray(image, np.float32), 0.0, 1.0) * 255.0).astype(np.uint8)
    Image.fromarray(np.ascontiguousarray(values)).save(file, "PNG")
    return file.getvalue()
