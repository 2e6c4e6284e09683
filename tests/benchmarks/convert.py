"""How much error a converter leaves that an eye sees, ours beside others, and how long it takes; prints a table.

    python tests/benchmarks/convert.py [-m MODE] [--calm X] [IMAGE ...]

Without images it takes the embedded sample. Every converter gets the same picture at the size of the mode's display.
The figures are medians over the pictures, and in brackets the worst:

- blur: mean OKLab distance x 100 after a Gaussian of 1.5 display pixels in linear light, which the eye mixes;
- blur-g: the same blur on encoded values, which a PAL signal smears;
- SSIM: structural similarity of the blurred luma (window 1.5), also at blurs of 0.75 and 1.0; more is better;
- blur 2.5: the first at another width, against tuning to one.

Seconds are those of a picture once everything is compiled, the median, and as a ratio to our "fast". Others: Pillow's
quantize (median cut, its colours on the hardware's grid, then Floyd-Steinberg) in modes whose colours may stand
anywhere; retropixels, where the command is installed (npm install -g retropixels, or --retropixels COMMAND), whose
seconds include the start of node.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

import pixeldream as pd
from pixeldream import api, images, scenes
from pixeldream.look import CONVERT_DITHER, look
from pixeldream.plugin.registry import load
from pixeldream.retro.colour import linear_to_oklab
from pixeldream.retro.perceived import CALM

Figures = dict[str, float]
Converter = Callable[[np.ndarray], np.ndarray]
"""float32 ``[height, width, 3]`` in display pixels in and out."""

LUMA = np.asarray([0.2126, 0.7152, 0.0722])
RETROPIXELS = {
    "c64-multicolor": ["-m", "bitmap"], "c64-hires": ["-m", "bitmap", "-h"], "c64-fli": ["-m", "fli"],
    "c64-afli": ["-m", "afli"],
}  # fmt: skip


def linear(srgb: np.ndarray) -> np.ndarray:
    return np.where(srgb <= 0.04045, srgb / 12.92, ((np.maximum(srgb, 0) + 0.055) / 1.055) ** 2.4)


def encoded(light: np.ndarray) -> np.ndarray:
    light = np.clip(light, 0, 1)
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


def blurred(image: np.ndarray, sigma: float) -> np.ndarray:
    return gaussian_filter(image, (sigma, sigma, 0), mode="nearest")


def distance(one: np.ndarray, other: np.ndarray) -> float:
    """Of two images in linear light."""
    labs = [np.asarray(linear_to_oklab(image.astype(np.float32)), np.float64) for image in (one, other)]
    return 100 * float(np.linalg.norm(labs[0] - labs[1], axis=-1).mean())


def similarity(one: np.ndarray, other: np.ndarray) -> float:
    """Wang et al., "Image quality assessment: from error visibility to structural similarity" (2004)."""

    def mean(values: np.ndarray) -> np.ndarray:
        return gaussian_filter(values, 1.5, mode="nearest", truncate=3.5)

    a, b, low, high = mean(one), mean(other), 0.01**2, 0.03**2
    spread_a, spread_b, shared = mean(one * one) - a * a, mean(other * other) - b * b, mean(one * other) - a * b
    top, bottom = (2 * a * b + low) * (2 * shared + high), (a * a + b * b + low) * (spread_a + spread_b + high)
    return float((top / bottom).mean())


def measure(target: np.ndarray, shown: np.ndarray) -> Figures:
    """Both sRGB, float, in display pixels."""
    target, shown = target.astype(np.float64), shown.astype(np.float64)
    pair = linear(target), linear(shown)

    def structure(sigma: float) -> float:
        return similarity(*(encoded(blurred(image, sigma) @ LUMA) for image in pair))

    return {
        "blur": distance(*(blurred(image, 1.5) for image in pair)),
        "blur-g": distance(*(linear(blurred(image, 1.5)) for image in (target, shown))),
        "SSIM": structure(1.5), "SSIM 1.0": structure(1.0), "SSIM 0.75": structure(0.75),
        "blur 2.5": distance(*(blurred(image, 2.5) for image in pair)),
    }  # fmt: skip


def ours(mode: str, quality: str, calm: float) -> Converter:
    chosen = look(load(), mode, dither=CONVERT_DITHER)

    def convert(image: np.ndarray) -> np.ndarray:
        picture = api.convert_look(image, chosen, quality, calm)
        return images.repeat(picture.image().astype(np.float32) / 255, chosen.mode)

    return convert


def pillow(mode: pd.Mode) -> Converter | None:
    """``None`` for modes with cells, of which it knows nothing."""
    if mode.gamut is None or len(mode.levels) > 1 or mode.solve is not None:
        return None
    gamut, count = mode.gamut, len(mode.slots)

    def convert(image: np.ndarray) -> np.ndarray:
        small = Image.fromarray(images.as_bytes(images.resize(image, mode.size)))
        chosen = np.asarray(small.quantize(count, dither=Image.Dither.NONE).getpalette("RGB")).reshape(-1, 3)
        held = Image.new("P", (1, 1))
        held.putpalette(gamut.rgb(gamut.nearest(chosen)).astype(np.uint8).tobytes())
        shown = small.quantize(palette=held, dither=Image.Dither.FLOYDSTEINBERG).convert("RGB")
        return images.repeat(np.asarray(shown, np.float32) / 255, mode)

    return convert


def retropixels(mode: pd.Mode, command: str) -> Converter | None:
    if mode.name not in RETROPIXELS or shutil.which(command) is None:
        return None

    def convert(image: np.ndarray) -> np.ndarray:
        with tempfile.TemporaryDirectory() as folder:
            source, result = Path(folder) / "in.png", Path(folder) / "out.png"
            source.write_bytes(images.to_png(image))
            line = [command, *RETROPIXELS[mode.name], "-c", "yuv", "-f", "png", "-o", str(result), str(source)]
            subprocess.run(line, check=True, capture_output=True, timeout=120)
            shown = Image.open(result).convert("RGB").resize(image.shape[1::-1], Image.Resampling.NEAREST)
            return np.asarray(shown, np.float32) / 255

    return convert


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", nargs="*", metavar="IMAGE")
    parser.add_argument("-m", "--mode", default="c64-multicolor")
    parser.add_argument("--calm", type=float, default=CALM)
    parser.add_argument("--retropixels", default="retropixels", metavar="COMMAND")
    chosen = parser.parse_args()
    mode = load().modes[chosen.mode]
    pictures = [images.read_image(name) for name in chosen.images] or [scenes.sample_content(640, 400)]
    targets = [images.fit(picture, mode) for picture in pictures]
    converters = {
        "best": ours(mode.name, "best", chosen.calm), "fast": ours(mode.name, "fast", chosen.calm),
        "Pillow": pillow(mode), "retropixels": retropixels(mode, chosen.retropixels),
    }  # fmt: skip
    left = mode.blocked * images.repeats(mode)[0]
    rows, seconds = {}, {}
    for name, convert in converters.items():
        if convert is None:
            continue
        convert(targets[0])  # compiles
        found, took = [], []
        for target in targets:
            begin = time.perf_counter()
            shown = convert(target)
            took.append(time.perf_counter() - begin)
            found.append(measure(target[:, left:], shown[:, left:]))
        rows[name], seconds[name] = found, statistics.median(took)
    show(mode.name, rows, seconds)


def show(mode: str, rows: dict[str, list[Figures]], seconds: dict[str, float]) -> None:
    names = list(next(iter(rows.values()))[0])
    print(f"{mode}, {len(next(iter(rows.values())))} pictures\n")
    print("| converter | " + " | ".join(names) + " | seconds | ratio |")
    print("|---" * (len(names) + 3) + "|")
    for name, found in rows.items():
        cells = []
        for figure in names:
            values = [each[figure] for each in found]
            worst = min(values) if figure.startswith("SSIM") else max(values)
            digits = 3 if figure.startswith("SSIM") else 2
            cells.append(f"{statistics.median(values):.{digits}f} ({worst:.{digits}f})")
        ratio = seconds[name] / seconds["fast"]
        print(f"| {name} | " + " | ".join(cells) + f" | {seconds[name]:.2f} | {ratio:.1f} |")


if __name__ == "__main__":
    main()
