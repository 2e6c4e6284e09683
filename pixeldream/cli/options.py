"""Options as fields of dataclasses: each has its name, default and help once, for command line, recipe and rerun."""

from __future__ import annotations

import inspect
import shlex
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, fields
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

import typer

from pixeldream.adjust import Adjustments
from pixeldream.cli.artist_options import ArtistOptions
from pixeldream.cli.option_types import OptionError, Several, integer, named, option, real
from pixeldream.images import FITS
from pixeldream.neural.networks.base import POOLINGS
from pixeldream.neural.settings import DEFAULT_NETWORK, Settings
from pixeldream.retro.dither import NONE
from pixeldream.retro.schedule import DEFAULT_SCHEDULE, SCHEDULES

DEFAULT_MODE = "c64-multicolor"
SETTINGS = Settings()
PLAIN = Adjustments()

PaletteName = Annotated[
    str | None,
    option(
        "--palette", metavar="NAME|FILE", help="Another palette, by name or file.", autocompletion=named("palettes")
    ),
]
Large = Annotated[bool, option("--large", help="Read images of more than 32 million pixels or 64 MiB.")]


@dataclass(frozen=True, kw_only=True)
class LookOptions:
    """What an artist says about the machine's side of a picture."""

    mode: Annotated[
        str,
        option(
            "--mode", "-m", metavar="MODE", help="Graphics mode: see 'pixeldream modes'.", autocompletion=named("modes")
        ),
    ] = DEFAULT_MODE
    palette: PaletteName = None
    dither: Annotated[
        str,
        option(
            "--dither", metavar="NAME[:AMOUNT]", help="Dither, its amount from 0 to 1.", autocompletion=named("dithers")
        ),
    ] = NONE.name
    flicker: Annotated[
        float | None,
        real("--flicker", help="Largest luma difference between two frames, 0 to 1, in modes that have frames."),
    ] = None
    lock: Annotated[Several, option("--lock", metavar="SLOT=COLOUR", help="Fix a slot's colour; may be repeated.")] = ()
    only: Annotated[
        Several, option("--only", metavar="COLOUR,COLOUR", help="The only colours to use; may be repeated.")
    ] = ()
    fit: Annotated[str, option("--fit", metavar="|".join(FITS), help="How an image of another shape is fitted.")] = (
        FITS[0]
    )
    border: Annotated[str | None, option("--border", metavar="COLOUR", help="Colour of the screen's border.")] = None
    raw: Annotated[bool, option("--raw", help="PNG in the mode's own pixels, none repeated.")] = False
    aspect: Annotated[bool, option("--aspect", help="PNG resampled to the true shape of the screen.")] = False
    large: Large = False

    def __post_init__(self) -> None:
        if self.raw and self.aspect:
            raise OptionError("--raw and --aspect exclude each other; leave one out")

    def only_colours(self) -> list[str]:
        """Those of ``only``."""
        return [name.strip() for text in self.only for name in text.split(",") if name.strip()]

    def locks(self) -> dict[str, str]:
        """Slot names and colours of ``lock``. Raises :class:`OptionError`."""
        result: dict[str, str] = {}
        for text in self.lock:
            slot, equals, colour = text.partition("=")
            if not (slot and equals and colour):
                raise OptionError(f"lock {text!r} is not SLOT=COLOUR, such as background=black")
            if slot in result:
                raise OptionError(f"slot {slot!r} is locked twice, to {result[slot]} and to {colour}; lock it once")
            result[slot] = colour
        return result


@dataclass(frozen=True, kw_only=True)
class AdjustOptions(LookOptions):
    """What is done to a picture before anything else."""

    brightness: Annotated[float, real("--brightness", help="Added to the values of the image, -1 to 1.")] = (
        PLAIN.brightness
    )
    contrast: Annotated[float, real("--contrast", help="Widens the values about the middle; 1 changes nothing.")] = (
        PLAIN.contrast
    )
    gamma: Annotated[float, real("--gamma", help="Above 1 the middle gets lighter.")] = PLAIN.gamma
    saturation: Annotated[float, real("--saturation", help="0 is grey, 2 twice as colourful.")] = PLAIN.saturation
    hue: Annotated[float, real("--hue", help="Turns all hues, in degrees.")] = PLAIN.hue
    sharpen: Annotated[float, real("--sharpen", help="Share of an unsharp mask; 0.5 is much.")] = PLAIN.sharpen

    def adjustments(self) -> Adjustments:
        """Those six. Raises ``ValueError`` that names the value."""
        return Adjustments(
            brightness=self.brightness, contrast=self.contrast, gamma=self.gamma, saturation=self.saturation,
            hue=self.hue, sharpen=self.sharpen,
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class StylizeOptions(AdjustOptions, ArtistOptions):
    """What ``stylize`` makes its picture from."""

    content: Annotated[
        str | None, typer.Argument(metavar="CONTENT", help="Picture to paint; ours if left out.", show_default=False)
    ] = None
    style: Annotated[
        Several,
        option(
            "--style",
            "-s",
            metavar="FILE[:WEIGHT][@COLOUR]",
            help="Picture to paint it like; ours if left out; may be repeated. COLOUR: its region of the --mask.",
        ),
    ] = ()
    network: Annotated[
        Several,
        option(
            "--network",
            "-n",
            metavar="NAME[=FILE]",
            autocompletion=named("networks"),
            help="Feature network, with a file of weights; may be repeated.",
        ),
    ] = (DEFAULT_NETWORK,)
    pooling: Annotated[
        str, option("--pooling", metavar="|".join(POOLINGS), help="How the networks make features smaller.")
    ] = POOLINGS[0]
    steps: Annotated[int, integer("--steps", help="How many steps.")] = SETTINGS.steps
    scales: Annotated[int, integer("--scales", help="Sizes to paint at, from coarse to fine.")] = SETTINGS.scales
    seed: Annotated[int, integer("--seed", help="Of --init noise.")] = SETTINGS.seed
    init: Annotated[str, option("--init", metavar="content|noise|FILE", help="What to start from.")] = "content"
    schedule: Annotated[
        str, option("--schedule", metavar="|".join(SCHEDULES), help="When the picture is made legal.")
    ] = DEFAULT_SCHEDULE
    tv_weight: Annotated[
        float,
        real(
            "--tv-weight",
            help="Smoothness: 100 leaves a quarter fewer edges between colours, 300 two fifths, 1000 flat patches.",
        ),
    ] = SETTINGS.tv_weight
    tone_weight: Annotated[
        float, real("--tone-weight", help="How much the legal picture keeps the sketch's tones.")
    ] = SETTINGS.tone_weight
    sketch: Annotated[float, real("--sketch", help="Share of the steps that paint without limits first.")] = (
        SETTINGS.sketch
    )
    jitter: Annotated[
        int, integer("--jitter", help="Pixels by which the networks see the picture shifted from step to step.")
    ] = SETTINGS.jitter
    tile: Annotated[
        int, integer("--tile", help="Look at the picture in tiles of this side, to save memory; 0: at once.")
    ] = SETTINGS.tile
    loss: Annotated[
        Several,
        option(
            "--loss",
            metavar="NAME[:WEIGHT]",
            autocompletion=named("losses"),
            help="A loss that a plugin brings, besides; may be repeated.",
        ),
    ] = ()
    content_layer: Annotated[
        Several,
        option("--content-layer", metavar="LAYER[:WEIGHT]", help="Layer that sees the content; may be repeated."),
    ] = ()
    style_layer: Annotated[
        Several, option("--style-layer", metavar="LAYER[:WEIGHT]", help="Layer that sees the style; may be repeated.")
    ] = ()

    def settings(self) -> Settings:
        """The numbers, checked. Raises ``ValueError`` that names the value."""
        content_weight, style_weight = self.weights()
        return Settings(
            steps=self.steps, scales=self.scales, seed=self.seed, content_weight=content_weight,
            style_weight=style_weight, tv_weight=self.tv_weight, tone_weight=self.tone_weight, sketch=self.sketch,
            jitter=self.jitter, tile=self.tile, content_layers=self.content_layer, style_layers=self.style_layer,
        )  # fmt: skip


PluginFiles = Annotated[
    list[Path] | None, option("--plugin", metavar="FILE", help="Load a plugin from a Python file; may be repeated.")
]
NoPlugins = Annotated[
    list[str] | None, option("--no-plugin", metavar="NAME", help="Leave a plugin out; may be repeated.")
]
OutputFiles = Annotated[
    list[Path] | None,
    option("--output", "-o", metavar="FILE", help="File to write, by its extension; may be repeated."),
]
Offline = Annotated[bool, option("--offline", help="Fetch nothing: weights are in the cache, or missing.")]
Quiet = Annotated[bool, option("--quiet", "-q", help="Say nothing but errors.")]
Json = Annotated[bool, option("--json", help="Print a list for machines.")]
Markdown = Annotated[bool, option("--markdown", help="Print a table for documents.")]
NoMetadata = Annotated[bool, option("--no-metadata", help="Leave the recipe out of the PNG.")]
Report = Annotated[Path | None, option("--report", metavar="FILE.json", help="Write what happened, for machines.")]

Options = TypeVar("Options", bound=LookOptions)


def command_of(kind: type[Options]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Gives a command ``function(options, ...)`` the options of the dataclass ``kind`` and those of its own."""

    def wrap(function: Callable[..., None]) -> Callable[..., None]:
        hints = get_type_hints(kind, include_extras=True)
        theirs = [_parameter(field, hints[field.name]) for field in _ordered(kind)]
        own_hints = get_type_hints(function, include_extras=True)
        own = [
            parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=own_hints[parameter.name])
            for parameter in list(inspect.signature(function).parameters.values())[1:]
        ]

        def command(**values: Any) -> None:
            chosen = {field.name: _tidy(hints[field.name], values.pop(field.name)) for field in fields(kind)}
            function(kind(**chosen), **values)

        parameters = [*theirs, *own]
        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        command.__name__, command.__doc__ = function.__name__, function.__doc__
        return command

    return wrap


def _ordered(kind: type) -> list[Field[Any]]:
    """The fields of ``kind`` itself, and of what only few commands share, before those that it inherits: the
    particular first."""
    few = [base for base in kind.__mro__[1:] if issubclass(base, AdjustOptions) and base is not AdjustOptions]
    shared = [base for base in kind.__mro__[1:] if base not in few]
    inherited = [name for base in shared for name in getattr(base, "__dataclass_fields__", ())]
    return sorted(fields(kind), key=lambda field: field.name in inherited)


def _parameter(field: Field[Any], hint: Any) -> inspect.Parameter:
    """A field as the parameter of a typer command, to which several values are a list."""
    default: Any = inspect.Parameter.empty if field.default is MISSING else field.default
    if _several(hint):
        hint = Annotated[(list[str], *hint.__metadata__)]
        default = default if field.default is MISSING else list(default)
    return inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hint)


def _several(hint: Any) -> bool:
    return get_origin(hint) is Annotated and get_args(hint)[0] == Several


def _tidy(hint: Any, value: Any) -> Any:
    return tuple(value or ()) if _several(hint) else value


def restore(kind: type[Options], values: Mapping[str, Any]) -> Options:
    """Options from a recipe, which anybody may have written. Raises :class:`OptionError`."""
    hints = get_type_hints(kind)
    chosen: dict[str, Any] = {}
    for name, value in values.items():
        if name not in hints:
            raise OptionError(f"the recipe has an option {name!r} that this version does not know; update pixeldream")
        kept = tuple(value) if isinstance(value, list) and all(isinstance(v, str) for v in value) else value
        kept = (kept,) if hints[name] == Several and isinstance(kept, str) else kept  # there was only one once
        if not _is(kept, hints[name]):
            raise OptionError(f"the recipe's option {name} can't be {value!r:.60}; the file was altered")
        chosen[name] = kept
    try:
        return kind(**chosen)
    except TypeError:
        raise OptionError(f"the recipe lacks an option: it has {', '.join(values) or 'none'}") from None


def _is(value: Any, hint: Any) -> bool:
    if hint == Several:
        return isinstance(value, tuple)
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, hint)


def shell_line(command: str, options: LookOptions) -> str:
    """The command as one would type it, without the defaults and the outputs."""
    words = ["pixeldream", *command.split()]
    for field in _ordered(type(options)):
        value = getattr(options, field.name)
        if value == field.default:
            continue
        if field.name in ("content", "image"):
            words += value if isinstance(value, tuple) else (value,)
        elif value is True:
            words.append(f"--{field.name}")
        else:
            flag = "--" + field.name.rstrip("_").replace("_", "-")
            words += [word for each in (value if isinstance(value, tuple) else (value,)) for word in (flag, str(each))]
    return shlex.join(words)
