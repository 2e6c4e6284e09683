"""``pixeldream gan train-translate`` and ``gan translate``: photos into pixel art, learnt from two unpaired folders."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from pixeldream import images
from pixeldream.cli import gan_data, gan_sheet, gan_sibling, gan_together
from pixeldream.cli.common import open_registry
from pixeldream.cli.gan_output import outputs
from pixeldream.cli.gan_run import Folder, Rules
from pixeldream.cli.gan_sibling import Manner, SiblingRun
from pixeldream.cli.gan_train import (
    Background,
    Batch,
    Epochs,
    Keep,
    Minutes,
    ModeName,
    Out,
    PaletteName,
    Resume,
    Seed,
    Steps,
)
from pixeldream.cli.inputs import read_source
from pixeldream.cli.options import OptionError, OutputFiles, PluginFiles, Quiet, real
from pixeldream.look import Look, look
from pixeldream.neural.gan.sibling_settings import Translating
from pixeldream.neural.settings import DEFAULT_NETWORK
from pixeldream.plugin.registry import Registry
from pixeldream.retro.display import display_size

if TYPE_CHECKING:
    from pixeldream.neural.gan.devices import Devices
    from pixeldream.neural.gan.loop import Loop
    from pixeldream.pieces import Pieces

KIND = "translate"

SHORTER = 200
"""What is larger is made smaller, to this shorter side, where no mode says how tall its screen is."""

SHOWN = 8
"""Photos on a sheet."""

Photos = Annotated[Path | None, typer.Argument(metavar="PHOTOS", help="Photos: a folder or a zip.", show_default=False)]
Art = Annotated[
    Path | None,
    typer.Argument(
        metavar="[ART]", help="Pixel art, of anything; the photos in --mode if left out.", show_default=False
    ),
]
CycleWeight = Annotated[
    float | None, real("--cycle-weight", help="How much a photo must be itself when translated there and back.")
]


def train_translate(
    photos: Photos = None,
    art: Art = None,
    out: Out = Path("translator"),
    mode: ModeName = None,
    palette: PaletteName = None,
    size: gan_sibling.Size = None,
    width: gan_sibling.Width = None,
    blocks: gan_sibling.Blocks = None,
    batch: Batch = None,
    rate: gan_sibling.Rate = None,
    cycle_weight: CycleWeight = None,
    background: Background = "black",
    steps: Steps = 0,
    epochs: Epochs = 0.0,
    minutes: Minutes = 0.0,
    seed: Seed = None,
    keep: Keep = 3,
    resume: Resume = False,
    devices: gan_together.DeviceCount = 0,
    coordinator: gan_together.Coordinator = None,
    process_count: gan_together.ProcessCount = 1,
    process_id: gan_together.ProcessId = 0,
    plugin: PluginFiles = None,
    quiet: Quiet = False,
) -> None:
    """Train a network that turns photos into pixel art, from photos and pixel art that no one has paired.

    With --mode all that it draws is legal while it learns. Half an hour where nothing else is said. --resume goes on
    after Ctrl-C or a loss of power, to the same end. Translate with it: gan translate RUN PHOTO
    """
    manner = Manner(steps, epochs, minutes, keep, devices, quiet)
    changes = gan_sibling.chosen(KIND, {
        "side": size, "width": width, "blocks": blocks, "batch": batch, "rate": rate, "cycle_weight": cycle_weight,
        "seed": seed,
    })  # fmt: skip
    rules = None if resume else gan_sibling.rules_of(mode, palette)
    registry, folder = open_registry(plugin), Folder(out)
    first = gan_together.meet(coordinator, process_count, process_id)
    if resume:
        run = gan_sibling.about(folder, KIND)
        had = run.rules or Rules("none")
        gan_sibling.check_same(run, changes, {"mode": (mode, had.mode), "palette": (palette, had.palette)})
    else:
        run = gan_together.one_after_another(
            coordinator,
            lambda: _begin(registry, folder, (photos, art), Translating(**changes), rules, background),
            lambda: gan_sibling.about(folder, KIND),
        )
        gan_sibling.introduce(run, quiet or not first)
    settings = _settings(run)

    def opened(shared: Devices) -> Loop:
        from pixeldream.neural.gan import translating
        from pixeldream.neural.gan.loader import Batches, Pair
        from pixeldream.neural.gan.loop import Loop

        rule, arrays = _rule(registry, run)
        lesson = translating.lesson(settings, rule, shared.replicate(arrays))
        both = (
            Batches(gan_sibling.pictures(folder, name), settings.batch, (settings.seed + number) % 2**31, shared.part)
            for number, name in enumerate(("photos", "art"))
        )
        return Loop(lesson, Pair(*both), folder.checkpoints, keep, devices=shared)

    gan_sibling.learn(folder, run, manner, opened, lambda loop: _sheet(registry, folder, run, loop))


def _settings(run: SiblingRun) -> Translating:
    assert isinstance(run.settings, Translating)
    return run.settings


def _begin(
    registry: Registry, folder: Folder, sources: tuple[Path | None, Path | None], settings: Translating,
    rules: Rules | None, background: str,
) -> SiblingRun:  # fmt: skip
    """A new run's folder. Everything that can be wrong is, before the pictures are read."""
    photos, art = sources
    if photos is None:
        raise OptionError("there is nothing to learn from; name a folder or zip of photos, and one of pixel art")
    if art is None and rules is None:
        raise OptionError("there is no language to translate to; name a folder or zip of pixel art, or --mode MODE")
    shorter = SHORTER if rules is None else display_size(rules.look(registry).mode)[1]
    if rules is not None:
        from pixeldream.pieces import piece_mode

        piece_mode(rules.look(registry).mode, settings.side)
    collect = partial(gan_data.collect, side=settings.side, background=background, shorter=shorter)
    first = collect(photos)
    second = first if art is None else collect(art)
    if rules is not None:
        from pixeldream.pieces import choose

        shared = choose(rules.look(registry), settings.side, second.images, settings.seed)
        rules = replace(rules, colours=dict(shared.look.locks))
    skipped = first.skipped if art is None else (*first.skipped, *second.skipped)
    counts = {str(photos): len(first.images)}
    if art is not None:
        counts[f"{art} (art)"] = len(second.images)
    run = SiblingRun(KIND, settings, counts, shorter, skipped, rules)
    return gan_sibling.begin(folder, run, {"photos": first.images, "art": second.images})


def _pieces(registry: Registry, run: SiblingRun) -> Pieces | None:
    if run.rules is None:
        return None
    from pixeldream.pieces import locked

    return locked(run.rules.look(registry), run.rules.colours, run.settings.side)


def _rule(registry: Registry, run: SiblingRun) -> tuple[Any, Any]:
    """What all that is drawn passes through, and its arrays."""
    pieces = _pieces(registry, run)
    return (None, ()) if pieces is None else (pieces.rule, pieces.arrays())


def _sheet(registry: Registry, folder: Folder, run: SiblingRun, loop: Loop) -> bytes:
    """Photos, as the mode shows them (where there is one), translated, and translated back: row by row."""
    from pixeldream.neural.gan.translating import translated

    stock = gan_sibling.pictures(folder, "photos").images
    chosen = np.linspace(0, len(stock) - 1, min(SHOWN, len(stock))).astype(int)
    photos = np.asarray(stock[chosen], np.float32) / 255.0
    settings, average = _settings(run), loop.devices.local(loop.state.average)
    pieces = _pieces(registry, run)
    plain = [] if pieces is None else [pieces.pictures(images.as_bytes(photos), len(photos)).astype(np.float32) / 255.0]
    made = translated(settings, average.b, photos, *_rule(registry, run))
    columns = [photos, *plain, made, translated(settings, average.a, made)]
    rows = np.stack(columns, 1).reshape(-1, *photos.shape[1:])
    return gan_sheet.png(gan_sheet.grid(images.as_bytes(np.clip(rows, 0.0, 1.0)), len(columns)))


def _average(folder: Folder, settings: Translating) -> Any:
    from pixeldream.neural.gan import translating
    from pixeldream.neural.gan.loop import kept

    return kept(partial(translating.begin, settings), folder.checkpoints).state.average


def measure(registry: Registry, folder: Folder, run: SiblingRun, count: int) -> dict[str, Any]:
    """How near translated photos are to the pixel art, beside the photos as they are (in the mode, where there is one).
    Both sets are of one size: the figures depend on it."""
    from pixeldream.neural.gan import figures
    from pixeldream.neural.gan.translating import translated
    from pixeldream.neural.weights import resolve

    settings, random = _settings(run), gan_sibling.chance(run)
    both = [gan_sibling.pictures(folder, name).images for name in ("photos", "art")]
    count = min(count, *map(len, both))
    photos, art = (np.asarray(each[np.sort(random.permutation(len(each))[:count])]) for each in both)
    generator, rule = _average(folder, settings).b, _rule(registry, run)
    parts = [photos[start : start + 1].astype(np.float32) / 255.0 for start in range(count)]
    made = images.as_bytes(
        np.clip(np.concatenate([translated(settings, generator, each, *rule) for each in parts]), 0, 1)
    )
    pieces = _pieces(registry, run)
    if pieces is not None:
        photos, art = pieces.pictures(photos), pieces.pictures(art)
    network, weights, _ = resolve(registry.networks[DEFAULT_NETWORK], None)
    seen = [figures.features(network, weights, each) for each in (art, made, photos)]
    found = {
        name: figures.compare(seen[0], each)._asdict()
        for name, each in zip(("translated", "photos"), seen[1:], strict=True)
    }
    return {name: {key: round(float(value), 5) for key, value in each.items()} for name, each in found.items()}


def report(found: dict[str, Any]) -> list[str]:
    """In words, for people."""
    lines = ["              Fréchet    kernel  precision    recall"]
    return lines + [
        f"{name:10}{each['frechet']:11.3f}{each['kernel']:10.3f}{each['precision']:11.2f}{each['recall']:10.2f}"
        for name, each in found.items()
    ]


def translate(
    run: gan_sibling.RunFolder,
    photo: gan_sibling.Picture,
    output_: OutputFiles = None,
    mode: gan_sibling.ModeName = None,
    fit: gan_sibling.Fit = "cover",
    background: Background = "white",
    plugin: PluginFiles = None,
) -> None:
    """Turn a photo into pixel art with a trained network: a legal picture of the mode that it learnt in, or of --mode,
    in any file of the machine; a PNG where there is no mode.

    Writes PHOTO-MODE in the mode's usual format, as a program and as PNG where no output is named.
    """
    registry, folder = open_registry(plugin), Folder(run)
    about = gan_sibling.about(folder, KIND)
    chosen, quality = _look(registry, about, mode)
    stem = Path(photo).stem + ("-translated" if chosen is None else "")
    files = outputs(registry, chosen, output_, stem, photo, fit)
    image = read_source(registry, photo, background=gan_data.colour(background)).image
    if chosen is None:
        scale = about.shorter / min(image.shape[:2])
        if scale < 1:
            image = images.resize(image, (round(image.shape[1] * scale), round(image.shape[0] * scale)))
    else:
        image = images.fit(image, chosen.mode, fit)
    from pixeldream.neural.gan.translating import translated

    settings = _settings(about)
    files.write(np.clip(translated(settings, _average(folder, settings).b, image[None])[0], 0.0, 1.0), quality)


def _look(registry: Registry, run: SiblingRun, mode: str | None) -> tuple[Look | None, str]:
    """The mode to show a photo in, and how: as it was learnt, each pixel in the nearest colour, or else searched."""
    if run.rules is not None and mode in (None, run.rules.mode):
        return replace(run.rules.look(registry), locks=dict(run.rules.colours)), "fast"
    return (None if mode is None else look(registry, mode)), "best"
