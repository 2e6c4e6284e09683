"""``pixeldream animate``: many pictures, or a moving one, as the machine's own moving pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated

import numpy as np

from pixeldream import images
from pixeldream.cli import animation
from pixeldream.cli.batch import common_name, files_of, frames_in
from pixeldream.cli.common import open_registry, plugin_files, tell
from pixeldream.cli.conversion import Conversion, Made, Place, Reel, prepare
from pixeldream.cli.convert_options import ConvertOptions, PictureOptions
from pixeldream.cli.inputs import Inputs
from pixeldream.cli.native import native_animation
from pixeldream.cli.options import NoMetadata, OutputFiles, PluginFiles, Quiet, command_of, option, real
from pixeldream.cli.progress import Bar
from pixeldream.plugin.registry import Registry
from pixeldream.retro.animation import RATE, Animation, check_rate
from pixeldream.retro.format import WriteOptions

SAMPLES = 9
"""Pictures that the one palette is chosen from, three by three on one."""

ACROSS = 3


@dataclass(frozen=True, kw_only=True)
class AnimateOptions(PictureOptions):
    """What ``animate`` makes its pictures from."""

    rate: Annotated[
        float | None,
        real("--rate", help=f"Pictures a second; those of a moving picture as it says, else {RATE:g}."),
    ] = None
    free_palettes: Annotated[
        bool, option("--free-palettes", help="Where a machine mixes its colours: new ones for every picture.")
    ] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rate is not None:
            check_rate(self.rate)

    def conversion(self) -> ConvertOptions:
        """As options of ``convert --frames``, which makes the same pictures."""
        shared = {field.name: getattr(self, field.name) for field in fields(PictureOptions)}
        return ConvertOptions(**shared, frames=True)


@command_of(AnimateOptions)
def animate(
    options: AnimateOptions,
    output_: OutputFiles = None,
    no_metadata: NoMetadata = False,
    plugin: PluginFiles = None,
    quiet: Quiet = False,
) -> None:
    """Turn pictures into a moving picture that the machine shows: IFF ANIM, a Commodore 64 program, GIF.

    IMAGE are its frames: files, patterns, folders, moving pictures. What stands still in them stands still in the
    result, and one palette serves all of them. By the extension of --output it is one file; -o 'frame-%04d.png' or a
    folder asks for numbered pictures. Without --output it is NAME-MODE in the machine's own format and as GIF.
    """
    files = plugin_files(plugin)
    registry = open_registry(plugin)
    conversion = prepare(registry, options.conversion(), files)
    mode = conversion.look.mode
    names = [file for name in options.image for file in files_of(registry, name)]
    targets = animation.plan(registry, mode, output_ or animation.usual(registry, mode, common_name(names)))
    places, seconds = timed(registry, names, options)
    animation.check(targets, len(places), [*names, *conversion.inputs, *conversion.plugins])
    if not options.free_palettes:
        conversion = with_one_palette(conversion, places, files)
    made = _made(conversion, places, quiet)
    moving = Animation(tuple(each.picture for each in made), seconds)
    recipes = [each.recipe for each in made] if not no_metadata and _can_be_rerun(names, places) else []
    plain = WriteOptions(raw=options.raw, aspect=options.aspect)
    for path in animation.write(registry, targets, moving, plain, recipes, quiet):
        tell(str(path))


def timed(registry: Registry, names: Sequence[str], options: AnimateOptions) -> tuple[list[Place], tuple[float, ...]]:
    """All pictures in turn, and how long each is shown. Raises ``ImageError`` for a file that can't be read."""
    places, seconds = [], []
    for name in names:
        images.read_bytes(name, large=options.large)  # what is not there is told before the work
        count = frames_in(registry, name, options.large)
        places += [Place(name, frame) for frame in range(count)]
        seconds += _seconds(registry, name, options.large) if count > 1 else [1 / RATE]
    if options.rate is not None:
        seconds = [1 / options.rate] * len(places)
    return places, tuple(seconds)


def _seconds(registry: Registry, name: str, large: bool) -> list[float]:
    data = images.read_bytes(name, large=large)
    native = native_animation(registry, data, Path(name))
    return list(native.seconds) if native is not None else images.frame_seconds(data)


def _made(conversion: Conversion, places: Sequence[Place], quiet: bool) -> list[Made]:
    """The pictures. Raises ``ValueError`` or ``OSError`` for the first that can't be read or converted."""
    reel, result = Reel(conversion), []
    with Bar("converting", quiet) as bar:
        for number, place in enumerate(places, 1):
            result.append(reel.next(place))
            bar.move(number / len(places), f"{number}/{len(places)}")
    return result


def _can_be_rerun(names: Sequence[str], places: Sequence[Place]) -> bool:
    """Whether ``convert --frames`` knows what a picture's number means: of one moving file, or of single ones."""
    return len(names) == 1 or len({place.file for place in places}) == len(places)


# ---- one palette ----------------------------------------------------------------------------------------------------


def with_one_palette(conversion: Conversion, places: Sequence[Place], plugins: Sequence[Path]) -> Conversion:
    """The conversion with its free colours locked to those that serve all pictures: exactly theirs, where they are few
    enough. As it is where the machine's palette is fixed, and where colours were asked for."""
    look, options = conversion.look, conversion.options
    if look.mode.gamut is None or look.only or len(places) == 1:
        return conversion
    free = [slot.name for slot in look.mode.slots if slot.name not in look.locks]
    colours = _drawn_colours(conversion, places, len(free))
    if colours is None:
        colours = _colours_of_some(conversion, places)
    locked = (f"{name}={_hexadecimal(colours[number % len(colours)])}" for number, name in enumerate(free))
    return prepare(conversion.registry, replace(options, lock=(*options.lock, *locked)), plugins)


def _hexadecimal(colour: np.ndarray) -> str:
    return "".join(f"{int(part):02x}" for part in colour)


def _drawn_colours(conversion: Conversion, places: Sequence[Place], room: int) -> np.ndarray | None:
    """uint8 ``[n, 3]``: the colours of all pictures, where they are drawings in no more than ``room`` colours of the
    machine; else ``None``."""
    look, inputs = conversion.look, Inputs(conversion.options.large)
    gamut, known = look.mode.gamut, np.zeros((0, 3), np.uint8)
    assert gamut is not None
    if look.mode.solve is not None or conversion.options.adjustments():
        return None
    for place in places:
        drawing = inputs.source(conversion.registry, place.file, place.frame).drawing
        if drawing.shape[1] % look.mode.size[0] or drawing.shape[0] % look.mode.size[1]:
            return None
        known = np.unique(np.concatenate([known, drawing.reshape(-1, 3)]), axis=0)
        if len(known) > room or not np.array_equal(gamut.rgb(gamut.nearest(known)), known):
            return None
    return known[np.argsort(known @ np.array([299, 587, 114]), kind="stable")]


def _colours_of_some(conversion: Conversion, places: Sequence[Place]) -> np.ndarray:
    """uint8 ``[n, 3]``: what the mode's solver chooses for a few of the pictures side by side."""
    from pixeldream.api import convert_look

    look, inputs = conversion.look, Inputs(conversion.options.large)
    chosen = [places[round(part)] for part in np.linspace(0, len(places) - 1, SAMPLES)]
    fitted = [conversion.fitted(inputs.source(conversion.registry, place.file, place.frame)) for place in chosen]
    picture = convert_look(_side_by_side(fitted), look)
    named = zip(look.mode.slots, picture.colours, strict=True)
    return look.palette.rgb([int(held[0, 0]) for slot, held in named if slot.name not in look.locks])


def _side_by_side(fitted: Sequence[np.ndarray]) -> np.ndarray:
    """Nine images of one size on one of that size."""
    height, width, _ = fitted[0].shape
    rows = []
    for row in range(ACROSS):
        across = [image[::ACROSS, ::ACROSS] for image in fitted[row * ACROSS : (row + 1) * ACROSS]]
        rows.append(np.concatenate(across, 1)[:, :width])
    return np.concatenate(rows, 0)[:height]
