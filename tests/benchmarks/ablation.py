"""What each ingredient of the constraint in the loop is worth: one table, each in and out, and a contact sheet.

    python tests/benchmarks/ablation.py [-m MODE] [-n NAME[=FILE]]... [-j NAME=FILE] [--steps N] [--only WORD]
                                        [--sheet FILE.png] [CONTENT STYLE]...

Without pictures it paints the embedded samples. Every row is the whole way that ``pixeldream stylize`` goes, but for
one thing. Figures are geometric means over the pairs, in parts of what ``--schedule end`` leaves (converting
afterwards), and in brackets the worst pair:

- own: total loss of the legal picture under the networks that drove the run (-n);
- unseen style, unseen content: the losses under a network that drove none (-j, for instance squeezenet1.1=FILE), style
  over the layers that a classifier comes after, content in the middle one of them; without -j they are left out;
- seconds of one step, the median.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from pixeldream import api, images, scenes
from pixeldream.cli import gallery
from pixeldream.look import look
from pixeldream.neural import local_adam, losses, optimise, stylize
from pixeldream.neural.settings import Settings
from pixeldream.neural.stylize import LoadedNetwork, Style, make_targets
from pixeldream.neural.weights import resolve
from pixeldream.plugin.registry import Registry, load
from pixeldream.retro import constrain
from pixeldream.retro.display import display_size, view
from pixeldream.retro.schedule import DEFAULT_SCHEDULE, Schedule

BASE = "convert afterwards"

CLASSIFIERS = ("fc", "relu6", "relu7", "conv10", "pool10", "prob", "logits", "predictions", "loss3")
"""How layers begin that see classes, not strokes."""

Pair = tuple[np.ndarray, np.ndarray]
"""Content and style, sRGB float32 of any size."""

Figures = dict[str, float]


@dataclass(frozen=True)
class Variant:
    """One row. ``swap``: (module, name, another value) for what is no option."""

    settings: dict[str, Any] = field(default_factory=dict)
    schedule: str = DEFAULT_SCHEDULE
    look: dict[str, Any] = field(default_factory=dict)
    swap: tuple[tuple[Any, str, Any], ...] = ()


def _eighth(mode: Any) -> int:
    return 8


VARIANTS = {
    BASE: Variant(schedule="end"),
    "every eighth step (2016)": Variant(schedule="every:8"),
    "the default": Variant(),
    "Adam instead of local Adam": Variant(swap=((optimise, "ADAM", optax.scale_by_adam()),)),
    "momentum of .9": Variant(swap=((local_adam, "MOMENTUM", 0.9),)),
    "power of the pixel alone": Variant(swap=((local_adam, "SIDE", 1),)),
    "no jitter": Variant({"jitter": 0}),
    "jitter to the end": Variant(swap=((stylize, "UNTIL", 1.0),)),
    "no sketch": Variant({"sketch": 0.0}),
    "tones free": Variant({"tone_weight": 0.0}),
    "tones kept four times as much": Variant({"tone_weight": 20.0}),
    "two scales": Variant({"scales": 2}),
    "cells chosen every eighth step": Variant(swap=((constrain, "_choose_every", _eighth),)),
    "latent never pulled to the picture": Variant(swap=((constrain, "LEAK", 0.0),)),
    "latent pulled five times as much": Variant(swap=((constrain, "LEAK", 0.05),)),
    "Floyd-Steinberg in every step": Variant(look={"dither": "floyd-steinberg"}),
}


@contextmanager
def swapped(swap: Sequence[tuple[Any, str, Any]]) -> Iterator[None]:
    """Other values for a while; what was compiled with the old ones is forgotten."""
    before = [(module, name, getattr(module, name)) for module, name, _ in swap]

    def put(values: Sequence[tuple[Any, str, Any]]) -> None:
        for module, name, value in values:
            setattr(module, name, value)
        if values:
            constrain._straight_through.cache_clear()
            jax.clear_caches()

    put(swap)
    try:
        yield
    finally:
        put(before)


def network(registry: Registry, text: str) -> LoadedNetwork:
    """NAME or NAME=FILE with its weights."""
    name, _, file = text.partition("=")
    built, arrays, _ = resolve(registry.networks[name], Path(file) if file else None)
    return LoadedNetwork(built, jax.tree.map(jnp.asarray, dict(arrays)))


def judge_of(loaded: LoadedNetwork) -> Callable[[np.ndarray, Pair], Figures]:
    """Losses of a picture under a network, as (picture, (content, style)) in display pixels."""
    layers = tuple(layer for layer in loaded.network.layers if not layer.startswith(CLASSIFIERS))
    middle = layers[len(layers) // 2]
    features = jax.jit(lambda weights, image: loaded.network.apply(weights, image, layers))

    def judge(shown: np.ndarray, pair: Pair) -> Figures:
        mine, content, style = (features(loaded.weights, jnp.asarray(image)) for image in (shown, *pair))
        grams = [(losses.gram_matrix(mine[layer]), losses.gram_matrix(style[layer])) for layer in layers]
        apart = float(np.mean([float(losses.style_loss(*each)) for each in grams]))
        return {
            "unseen style": apart,
            "unseen content": float(losses.content_loss(mine[middle], content[middle])),
        }

    return judge


def paint(
    registry: Registry, mode: str, pair: Pair, networks: list[LoadedNetwork], variant: Variant, steps: int
) -> tuple[api.StylizeJob, np.ndarray, float]:
    """The job, the legal picture (float32, display pixels) and the seconds of a step."""
    chosen = look(registry, mode, **variant.look)
    content = images.fit(pair[0], chosen.mode, "cover")
    style = Style(images.limit(pair[1], max(display_size(chosen.mode))))
    settings = replace(Settings(steps=steps), **variant.settings)
    job = api.StylizeJob(
        content, [style], networks, chosen.for_image(content), Schedule.parse(variant.schedule), settings
    )
    seconds, begin = [], time.perf_counter()
    for progress in job.run():
        jax.block_until_ready(progress.params)
        seconds.append(time.perf_counter() - begin)
        begin = time.perf_counter()
    shown = view(chosen.mode)(jnp.asarray(progress.finish().image(), jnp.float32) / 255.0)
    return job, np.asarray(shown), statistics.median(seconds)


def measure(
    registry: Registry, mode: str, pair: Pair, networks: list[LoadedNetwork], judge: Any, variant: Variant, steps: int
) -> tuple[Figures, np.ndarray]:
    with swapped(variant.swap):
        job, shown, seconds = paint(registry, mode, pair, networks, variant, steps)
    # Under the weights of the default, whatever the row's own are.
    objective, arrays = make_targets(jnp.asarray(job.content), list(job.styles), networks, Settings())
    own = float(optimise.evaluate(objective, arrays, jnp.asarray(shown))["total"])
    seen = judge(shown, (job.content, job.styles[0].image)) if judge else {}
    return {"own": own, **seen, "seconds": seconds}, shown


def _read(names: Sequence[str], mode: Any) -> list[Pair]:
    if not names:
        size = display_size(mode)
        return [(scenes.sample_content(*size), scenes.sample_style(*size))]
    pictures = [images.read_image(name) for name in names]
    return list(zip(pictures[::2], pictures[1::2], strict=True))


def row(name: str, found: list[Figures], base: list[Figures]) -> str:
    """A line of the table."""
    cells = []
    for figure in found[0]:
        if figure == "seconds":
            cells.append(f"{statistics.median(each[figure] for each in found):.3f}")
            continue
        parts = [mine[figure] / theirs[figure] for mine, theirs in zip(found, base, strict=True)]
        cells.append(f"{np.exp(np.mean(np.log(parts))):.3f} ({max(parts):.2f})")
    return f"| {name} | " + " | ".join(cells) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pictures", nargs="*", metavar="CONTENT STYLE")
    parser.add_argument("-m", "--mode", default="c64-multicolor")
    parser.add_argument("-n", "--network", action="append", metavar="NAME[=FILE]")
    parser.add_argument("-j", "--judge", metavar="NAME=FILE")
    parser.add_argument("--steps", type=int, default=Settings().steps)
    parser.add_argument("--only", metavar="WORD", help="rows whose name holds it, besides the first and the default")
    parser.add_argument("--sheet", type=Path, metavar="FILE.png")
    given = parser.parse_args()
    if len(given.pictures) % 2:
        parser.error("give a style for each content")
    registry = load()
    mode = registry.modes[given.mode]
    pairs = _read(given.pictures, mode)
    networks = [network(registry, text) for text in given.network or ["embedded"]]
    judge = judge_of(network(registry, given.judge)) if given.judge else None
    table: dict[str, list[Figures]] = {}
    tiles: list[tuple[str, np.ndarray]] = []
    for name, variant in VARIANTS.items():
        if given.only and given.only not in name and name not in (BASE, "the default"):
            continue
        done = [measure(registry, mode.name, pair, networks, judge, variant, given.steps) for pair in pairs]
        table[name] = [figures for figures, _ in done]
        tiles += [(name, shown) for _, shown in done]
        if name == BASE:
            print(f"{mode.name}, {len(pairs)} pairs, {given.steps} steps\n")
            print("| | " + " | ".join(table[name][0]) + " |\n" + "|---" * (len(table[name][0]) + 1) + "|")
        print(row(name, table[name], table[BASE]), flush=True)
    if given.sheet:
        given.sheet.write_bytes(images.to_png(gallery.sheet(tiles)))


if __name__ == "__main__":
    main()
