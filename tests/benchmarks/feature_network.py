"""What a feature network is worth to those who paint with it: how near it brings a picture to a style, as another
network sees it, and how far a dithered picture is from its shade in its own eyes.

    python tests/benchmarks/feature_network.py -n NAME[=FILE][@LAYERS][+NAME=FILE ...] ... [-j NAME=FILE] [-m MODE]
                                               [--steps N] [--sheet FILE.png] [CONTENT STYLE]...

Each ``-n`` is a row, of one network or several that drive together; the first one is what the others are compared with.
``@relu4_1,relu5_1``: only these layers count for the style, and the first of them for the content.
``random`` is our own network's shape with random weights: it must stay far behind, or the table says nothing. Without
pictures the embedded samples are painted. Three tables:

- driven in RGB, then in the mode (-m): style and content that remain under the judge (-j, a network that drives none),
  geometric means over the pairs in parts of the first row's, in brackets the largest; then the style's figures by pair;
- dithered pictures against their shades: the distance of features by layer, relative to that of two different pictures.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import ablation
import jax
import jax.numpy as jnp
import numpy as np

from pixeldream import images
from pixeldream.api import convert
from pixeldream.canvas import RGB
from pixeldream.cli import gallery
from pixeldream.neural.settings import Settings
from pixeldream.neural.student import begin
from pixeldream.neural.stylize import LoadedNetwork, Style, stylize
from pixeldream.plugin.registry import Registry, load
from pixeldream.retro.display import display_size, view

Dithered = dict[str, list[np.ndarray]]


def row_of(registry: Registry, text: str) -> list[LoadedNetwork]:
    """The networks of a row."""
    found = []
    for part in text.split("+"):
        name, _, layers = part.partition("@")
        loaded = _random(registry) if name == "random" else ablation.network(registry, name)
        if layers:
            style = tuple(layers.split(","))
            loaded = loaded._replace(network=replace(loaded.network, style_layers=style, content_layers=style[:1]))
        found.append(loaded)
    return found


def _called(text: str) -> str:
    """A row's name: its files without their folders."""
    parts = (part.partition("@")[0].partition("=") for part in text.split("+"))
    return "+".join(Path(file).stem if file else name for name, _, file in parts)


def _random(registry: Registry) -> LoadedNetwork:
    """Our own network's shape, He-initialised, its heads as well."""
    own = ablation.network(registry, "embedded")
    widths: dict[str, int] = {}
    depths: dict[str, int] = {}
    for name, array in own.weights.items():
        if name.startswith("conv") and name.endswith("_w"):
            widths[name[4]] = array.shape[-1]
            depths[name[4]] = depths.get(name[4], 0) + 1
    _, params = begin(tuple(widths.values()), tuple(depths.values()), 0)
    random = np.random.default_rng(0)
    for name, array in own.weights.items():
        if "_head_" in name:
            scale = array.shape[0] ** -0.5 if array.ndim == 2 else 0.0
            params[name] = jnp.asarray(random.normal(0, scale, array.shape), jnp.float32)
    return LoadedNetwork(own.network, params)


def in_colour(pair: ablation.Pair, size: tuple[int, int], networks: list[LoadedNetwork], steps: int) -> np.ndarray:
    """The pair painted without limits, float32 of ``size`` (width, height)."""
    *_, last = stylize(
        pair[0], [Style(pair[1])], networks, RGB, settings=replace(Settings(steps=steps), tone_weight=0.0)
    )
    return np.asarray(jnp.clip(last.finish(), 0.0, 1.0))


def dithered(registry: Registry, shades: Sequence[np.ndarray], mode: str) -> Dithered:
    """The pictures in ways that show their shades by patterns; each is seen as its machine shows it."""
    found: Dithered = {"black and white": [_ordered(image.mean(-1, keepdims=True), 2) for image in shades]}
    found["two levels a colour"] = [_ordered(image, 2) for image in shades]
    found["four levels a colour"] = [_ordered(image, 4) for image in shades]
    shown = view(registry.modes[mode])
    for dither in ("bayer4", "floyd-steinberg"):
        drawn = [convert(image, mode, dither=dither, registry=registry).image() for image in shades]
        found[f"{mode}, {dither}"] = [np.asarray(shown(jnp.asarray(each, jnp.float32) / 255.0)) for each in drawn]
    return found


def _ordered(image: np.ndarray, levels: int) -> np.ndarray:
    """A Bayer dither of 4 x 4 with evenly spaced levels; one channel is shown as grey."""
    order = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]], np.float32)
    height, width = image.shape[:2]
    threshold = np.tile((order + 0.5) / 16, (height // 4 + 1, width // 4 + 1))[:height, :width, None]
    steps = np.floor(image * (levels - 1) + threshold) / (levels - 1)
    return np.broadcast_to(np.clip(steps, 0, 1), (*image.shape[:2], 3)).astype(np.float32)


def apart(networks: list[LoadedNetwork], shades: Sequence[np.ndarray], ways: Dithered) -> dict[str, dict[str, float]]:
    """By way and layer: the distance of dithered and shade over that of two different shades, root mean squares."""
    result: dict[str, dict[str, float]] = {}
    for loaded in networks:
        look = _looking(loaded)
        seen = [look(image) for image in shades]
        for way, drawn in ways.items():
            there = [look(image) for image in drawn]
            for layer in seen[0]:
                here = [float(jnp.square(a[layer] - b[layer]).mean()) for a, b in zip(there, seen, strict=True)]
                others = [float(jnp.square(a[layer] - b[layer]).mean()) for n, a in enumerate(seen) for b in seen[:n]]
                result.setdefault(way, {}).setdefault(layer, float(np.sqrt(np.mean(here) / np.mean(others))))
    return result


def _looking(loaded: LoadedNetwork) -> Callable[[np.ndarray], dict[str, jax.Array]]:
    layers = loaded.network.style_layers
    features = jax.jit(lambda weights, image: loaded.network.apply(weights, image, layers))
    return lambda image: features(loaded.weights, jnp.asarray(image, jnp.float32))


def _say(title: str, rows: dict[str, list[ablation.Figures]]) -> None:
    base = next(iter(rows.values()))
    print(f"\n{title}\n\n| | " + " | ".join(base[0]) + " | style by pair |\n" + "|---" * (len(base[0]) + 2) + "|")
    for name, found in rows.items():
        pairs = " ".join(f"{figures['unseen style']:.3f}" for figures in found if "unseen style" in figures)
        print(f"{ablation.row(name, found, base)} {pairs} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pictures", nargs="*", metavar="CONTENT STYLE")
    parser.add_argument("-n", "--network", action="append", metavar="NAME[=FILE]", required=True)
    parser.add_argument("-j", "--judge", metavar="NAME=FILE")
    parser.add_argument("-m", "--mode", default="c64-multicolor")
    parser.add_argument("--steps", type=int, default=Settings().steps)
    parser.add_argument("--sheet", type=Path, metavar="FILE.png")
    given = parser.parse_args()
    if len(given.pictures) % 2:
        parser.error("give a style for each content")
    registry = load()
    mode = registry.modes[given.mode]
    pairs = ablation._read(given.pictures, mode)
    fitted = [(images.fit(c, mode, "cover"), images.limit(s, max(display_size(mode)))) for c, s in pairs]
    networks = {_called(text): row_of(registry, text) for text in given.network}
    ways = dithered(registry, [content for content, _ in fitted], mode.name)
    print("Dithered against its shade, relative to two different pictures\n")
    for name, driving in networks.items():
        for way, layers in apart(driving, [content for content, _ in fitted], ways).items():
            print(f"{name}, {way}: " + ", ".join(f"{layer} {value:.2f}" for layer, value in layers.items()), flush=True)
    if not given.judge:
        return
    judge = ablation.judge_of(ablation.network(registry, given.judge))
    tiles: list[tuple[str, np.ndarray]] = []
    free: dict[str, list[ablation.Figures]] = {}
    legal: dict[str, list[ablation.Figures]] = {}
    for name, driving in networks.items():
        for pair, sized in zip(pairs, fitted, strict=True):
            shown = in_colour(sized, display_size(mode), driving, given.steps)
            free.setdefault(name, []).append(judge(shown, sized))
            figures, drawn = ablation.measure(
                registry, mode.name, pair, driving, judge, ablation.Variant(), given.steps
            )
            legal.setdefault(name, []).append(figures)
            tiles += [(f"{name}, RGB", shown), (f"{name}, {mode.name}", drawn)]
    _say("RGB", free)
    _say(mode.name, legal)
    if given.sheet:
        given.sheet.write_bytes(images.to_png(gallery.sheet(tiles)))


if __name__ == "__main__":
    main()
