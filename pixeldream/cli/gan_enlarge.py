"""``pixeldream gan train-enlarge`` and ``gan enlarge``: pixel art, two or four times as large."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from pixeldream import images
from pixeldream.cli import gan_data, gan_sheet, gan_sibling, gan_together
from pixeldream.cli.common import open_registry
from pixeldream.cli.gan_output import outputs
from pixeldream.cli.gan_run import Folder
from pixeldream.cli.gan_sibling import Manner, SiblingRun
from pixeldream.cli.gan_train import Background, Batch, Epochs, Keep, Minutes, Out, Resume, Seed, Steps
from pixeldream.cli.inputs import read_source
from pixeldream.cli.options import OptionError, OutputFiles, PluginFiles, Quiet, integer, real
from pixeldream.look import look
from pixeldream.neural.gan.settings import MINIMUM
from pixeldream.neural.gan.sibling_settings import TIMES, Enlarging
from pixeldream.neural.settings import DEFAULT_NETWORK
from pixeldream.plugin.registry import Registry

if TYPE_CHECKING:
    from pixeldream.neural.gan.devices import Devices
    from pixeldream.neural.gan.enlarging import Eyes
    from pixeldream.neural.gan.loop import Loop

KIND = "enlarge"

OWN = 1024
"""Pictures made by code, where no others are given."""

OURS = "our own drawings"

HELD = 64
"""Pictures, at most, that are kept back: what is enlarged is judged by them. No more than a tenth."""

SHOWN = 8
"""Pictures on a sheet."""

SHORTER = 512
"""What is larger is made smaller, to this shorter side."""

Source = Annotated[
    Path | None,
    typer.Argument(metavar="[DIR]", help="Pictures, a folder or a zip; ours if left out.", show_default=False),
]
Times = Annotated[int | None, integer("--times", help=f"By how much: {' or '.join(map(str, TIMES))}.")]
PixelWeight = Annotated[float | None, real("--pixel-weight", help="How much the mean difference of pixels counts.")]
FeatureWeight = Annotated[float | None, real("--feature-weight", help="How much what a network sees counts.")]
CriticWeight = Annotated[float | None, real("--critic-weight", help="How much the critic's opinion counts.")]


def train_enlarge(
    source: Source = None,
    out: Out = Path("enlarger"),
    times: Times = None,
    size: gan_sibling.Size = None,
    width: gan_sibling.Width = None,
    blocks: gan_sibling.Blocks = None,
    batch: Batch = None,
    rate: gan_sibling.Rate = None,
    pixel_weight: PixelWeight = None,
    feature_weight: FeatureWeight = None,
    critic_weight: CriticWeight = None,
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
    """Train a network that enlarges pixel art, from pictures that are made into pixel art themselves.

    Half an hour where nothing else is said. --resume goes on after Ctrl-C or a loss of power, to the same end. Enlarge
    with it: gan enlarge RUN PICTURE
    """
    manner = Manner(steps, epochs, minutes, keep, devices, quiet)
    changes = gan_sibling.chosen(KIND, {
        "times": times, "side": size, "width": width, "blocks": blocks, "batch": batch, "rate": rate,
        "pixel_weight": pixel_weight, "feature_weight": feature_weight, "critic_weight": critic_weight, "seed": seed,
    })  # fmt: skip
    registry, folder = open_registry(plugin), Folder(out)
    first = gan_together.meet(coordinator, process_count, process_id)
    if resume:
        run = gan_sibling.about(folder, KIND)
        gan_sibling.check_same(
            run, changes, {"DIR": (None if source is None else str(source), next(iter(run.sources)))}
        )
    else:
        run = gan_together.one_after_another(
            coordinator,
            lambda: _begin(folder, source, Enlarging(**changes), background),
            lambda: gan_sibling.about(folder, KIND),
        )
        gan_sibling.introduce(run, quiet or not first)
    settings = _settings(run)

    def opened(shared: Devices) -> Loop:
        from pixeldream.neural.gan import enlarging
        from pixeldream.neural.gan.loader import Batches
        from pixeldream.neural.gan.loop import Loop

        eyes = _eyes(registry)
        lesson = enlarging.lesson(settings, eyes._replace(weights=shared.replicate(eyes.weights)))
        batches = Batches(gan_sibling.pictures(folder, "images"), settings.batch, settings.seed, shared.part)
        return Loop(lesson, batches, folder.checkpoints, keep, devices=shared)

    gan_sibling.learn(folder, run, manner, opened, lambda loop: _sheet(folder, settings, loop))


def _settings(run: SiblingRun) -> Enlarging:
    assert isinstance(run.settings, Enlarging)
    return run.settings


def _begin(folder: Folder, source: Path | None, settings: Enlarging, background: str) -> SiblingRun:
    side = settings.side
    if source is None:
        from pixeldream.neural.gan.drawings import drawings

        found = gan_data.Found(drawings(OWN, side, settings.seed), np.zeros(OWN, np.int32))
    else:
        found = gan_data.collect(source, side, background=background, shorter=SHORTER)
    order = np.random.default_rng(settings.seed).permutation(len(found.images))
    held = min(HELD, len(order) // 10)
    if not held or len(order) - held < MINIMUM:
        raise OptionError(
            f"{str(source)!r} gives {len(order)} squares of {side}x{side} pixels: too few to learn from and to judge "
            f"by; give {MINIMUM + 2} at least, or a smaller --size"
        )
    name = OURS if source is None else str(source)
    run = SiblingRun(KIND, settings, {name: len(order)}, SHORTER, found.skipped)
    return gan_sibling.begin(folder, run, {"images": found.images[order[held:]], "held": found.images[order[:held]]})


def _eyes(registry: Registry) -> Eyes:
    import jax.numpy as jnp

    from pixeldream.neural.gan.enlarging import Eyes
    from pixeldream.neural.weights import resolve

    network, weights, _ = resolve(registry.networks[DEFAULT_NETWORK], None)
    return Eyes(network, {name: jnp.asarray(value) for name, value in weights.items()})


def _sheet(folder: Folder, settings: Enlarging, loop: Loop) -> bytes:
    """Pixel art with its pixels repeated, enlarged, and the picture that it was made from: row by row."""
    from pixeldream.neural.gan.enlarging import enlarged
    from pixeldream.neural.gan.likeness import nearest

    real, small = held_back(folder, settings, SHOWN)
    made = enlarged(settings, loop.devices.local(loop.state.average), small)
    rows = np.stack([nearest(small, settings.times), made, real], 1).reshape(-1, *real.shape[1:])
    return gan_sheet.png(gan_sheet.grid(images.as_bytes(rows), 3))


def held_back(folder: Folder, settings: Enlarging, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Pictures that were not learnt from, float32 ``[n, side, side, 3]``, and the pixel art made of them."""
    from pixeldream.neural.gan.enlarging import pixelated_alike

    real = np.asarray(gan_sibling.pictures(folder, "held").images[:count], np.float32) / 255.0
    return real, pixelated_alike(settings, real)


def measure(registry: Registry, folder: Folder, run: SiblingRun, count: int) -> tuple[int, dict[str, Any]]:
    """How many pictures were kept back, and how like to those the network and simpler ways make them from pixel art."""
    from pixeldream.neural.gan import likeness
    from pixeldream.neural.gan.enlarging import enlarged

    settings, eyes = _settings(run), _eyes(registry)
    real, small = held_back(folder, settings, count)
    ways = {"enlarged": enlarged(settings, _average(folder, settings), small)}
    ways |= {name: way(small, settings.times) for name, way in likeness.WAYS.items()}
    found = {name: likeness.compare(eyes, settings.layers, real, made)._asdict() for name, made in ways.items()}
    return len(real), {name: {key: round(value, 4) for key, value in each.items()} for name, each in found.items()}


def report(count: int, figures: dict[str, Any]) -> list[str]:
    """In words, for people."""
    lines = [f"{count} pictures kept back  PSNR    SSIM  features"]
    return lines + [
        f"{name:>20}{each['psnr']:9.2f}{each['ssim']:8.3f}{each['features']:10.4f}" for name, each in figures.items()
    ]


def _average(folder: Folder, settings: Enlarging) -> Any:
    from functools import partial

    from pixeldream.neural.gan import enlarging
    from pixeldream.neural.gan.loop import kept

    return kept(partial(enlarging.begin, settings), folder.checkpoints).state.average


def enlarge(
    run: gan_sibling.RunFolder,
    picture: gan_sibling.Picture,
    output_: OutputFiles = None,
    mode: gan_sibling.ModeName = None,
    fit: gan_sibling.Fit = "cover",
    background: Background = "white",
    plugin: PluginFiles = None,
) -> None:
    """Enlarge pixel art with a trained network: to PNG, or with --mode to a legal picture in any file of the machine.

    Repeated pixels are taken once. Writes PICTURE-x2.png where no output is named.
    """
    registry, folder = open_registry(plugin), Folder(run)
    settings = _settings(gan_sibling.about(folder, KIND))
    chosen = None if mode is None else look(registry, mode)
    files = outputs(registry, chosen, output_, f"{Path(picture).stem}-x{settings.times}", picture, fit)
    source = read_source(registry, picture, background=gan_data.colour(background))
    small = gan_data.own_pixels(source.drawing.astype(np.float32) / 255.0)
    height, width = small.shape[:2]
    if height * width * settings.times**2 > images.MAXIMUM_PIXELS:
        raise OptionError(f"{picture!r} of {width}x{height} pixels is too large to be enlarged {settings.times} times")
    from pixeldream.neural.gan.enlarging import enlarged

    files.write(enlarged(settings, _average(folder, settings), small[None])[0])
