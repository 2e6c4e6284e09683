"""The entry point: commands, and every expected error as one line."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from pixeldream import __version__
from pixeldream.cli import common
from pixeldream.cli.animate import animate
from pixeldream.cli.check import check
from pixeldream.cli.convert import convert
from pixeldream.cli.dithers import dithers
from pixeldream.cli.dream import dream
from pixeldream.cli.formats import formats
from pixeldream.cli.gan_enlarge import enlarge, train_enlarge
from pixeldream.cli.gan_sample import info as gan_info
from pixeldream.cli.gan_sample import sample as gan_sample
from pixeldream.cli.gan_train import train as gan_train
from pixeldream.cli.gan_translate import train_translate, translate
from pixeldream.cli.interrupt import INTERRUPTED
from pixeldream.cli.losses import losses
from pixeldream.cli.modes import modes
from pixeldream.cli.networks import networks
from pixeldream.cli.options import NoPlugins, Offline, option
from pixeldream.cli.palettes import palettes
from pixeldream.cli.plugin_check import check as check_plugin
from pixeldream.cli.plugin_new import guide, new
from pixeldream.cli.plugins import plugins
from pixeldream.cli.recognise import recognise
from pixeldream.cli.rerun import rerun
from pixeldream.cli.show import show
from pixeldream.cli.stylize import stylize
from pixeldream.cli.train import features
from pixeldream.cli.train_recognise import recognise as train_recognise
from pixeldream.cli.visualise import channels, class_, compare, deconv, guided, invert, saliency
from pixeldream.cli.weights import convert as convert_weights
from pixeldream.cli.weights import fetch, list_weights, path, stay_offline
from pixeldream.plugin.registry import UnknownName

WRONG = 2
"""The exit code for bad input or usage."""

TRACEBACK = "PIXELDREAM_TRACEBACK"
"""An environment variable: set, an error shows where it was raised."""

# Plain help and plain errors: one line an error, and no time lost on drawing boxes.
_PLAIN: dict[str, Any] = {"rich_markup_mode": None, "pretty_exceptions_enable": False}


def _may_leave_out(command: Callable[..., None]) -> Callable[..., None]:
    """The command with ``--no-plugin`` among its options."""
    hints = get_type_hints(command, include_extras=True)
    own = [each.replace(annotation=hints[each.name]) for each in inspect.signature(command).parameters.values()]
    no_plugin = inspect.Parameter("no_plugin", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=NoPlugins)

    def wrapped(no_plugin: list[str] | None = None, **values: Any) -> None:
        common.leave_out_too(no_plugin or [])
        command(**values)

    wrapped.__signature__ = inspect.Signature([*own, no_plugin])  # type: ignore[attr-defined]
    wrapped.__annotations__ = {each.name: each.annotation for each in (*own, no_plugin)}
    wrapped.__name__, wrapped.__doc__ = command.__name__, command.__doc__
    return wrapped


app = typer.Typer(name="pixeldream", **_PLAIN)
train = typer.Typer(**_PLAIN)
train.command()(_may_leave_out(features))
train.command("recognise")(_may_leave_out(train_recognise))
for _command in (stylize, dream, convert, animate, check, show, recognise, rerun):
    app.command()(_may_leave_out(_command))
app.add_typer(train, name="train")
visualise = typer.Typer(**_PLAIN)
for _command in (saliency, guided, deconv, invert, channels, compare):
    visualise.command()(_may_leave_out(_command))
visualise.command("class")(_may_leave_out(class_))
app.add_typer(visualise, name="visualise")
gan = typer.Typer(**_PLAIN)
for _name, _command in (
    ("train", gan_train), ("sample", gan_sample), ("info", gan_info), ("train-enlarge", train_enlarge),
    ("enlarge", enlarge), ("train-translate", train_translate), ("translate", translate),
):  # fmt: skip
    gan.command(_name)(_may_leave_out(_command))
app.add_typer(gan, name="gan")
weights = typer.Typer(**_PLAIN)
for _name, _command in (("list", list_weights), ("fetch", fetch), ("convert", convert_weights)):
    weights.command(_name)(_may_leave_out(_command))
weights.command()(path)
app.add_typer(weights, name="weights")
for _command in (modes, palettes, dithers, formats, networks, losses, plugins):
    app.command()(_may_leave_out(_command))
plugin_kit = typer.Typer(**_PLAIN)
plugin_kit.command()(new)
plugin_kit.command("check")(_may_leave_out(check_plugin))
plugin_kit.command()(guide)
app.add_typer(plugin_kit, name="plugin")


@app.callback(invoke_without_command=True)
def pixeldream(
    context: typer.Context,
    version: Annotated[bool, option("--version", help="Print the version.")] = False,
    plugin: Annotated[
        list[Path] | None, option("--plugin", metavar="FILE", help="Load a plugin from a Python file; may be repeated.")
    ] = None,
    no_plugin: NoPlugins = None,
    offline: Offline = False,
) -> None:
    """Neural art that real retro machines can show."""
    common.use_plugins(plugin or [])
    common.leave_out(no_plugin or [])
    stay_offline(offline)
    if version:
        typer.echo(f"pixeldream {__version__}")
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())


@train.callback(invoke_without_command=True)
def train_networks(context: typer.Context) -> None:
    """Train networks."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@visualise.callback(invoke_without_command=True)
def see(context: typer.Context) -> None:
    """What a network sees in a picture, and of its own."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@gan.callback(invoke_without_command=True)
def draw_anew(context: typer.Context) -> None:
    """Networks that learn to draw: train one, draw with it, say how good it is."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@weights.callback(invoke_without_command=True)
def keep_weights(context: typer.Context) -> None:
    """Weights of feature networks: list, fetch, convert."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@plugin_kit.callback(invoke_without_command=True)
def write_plugins(context: typer.Context) -> None:
    """Write a plugin: begin one, check it, read how."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


# typer carries its own copy of click, or needs click itself: this is the base of its usage errors in both.
_UsageError: type[Exception] = typer.BadParameter.__mro__[2]


def run(arguments: Sequence[str] | None = None) -> int:
    """Runs a command line (that of the process by default) and returns its exit code: 0 done, 1 "no", 2 bad input or
    usage, 130 interrupted. Expected errors are one line on stderr."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    try:
        code = app(args=arguments, prog_name="pixeldream", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except BrokenPipeError:
        # The reader had enough. Python would complain once more when it closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (KeyboardInterrupt, typer.Abort):
        common.say("interrupted")
        return INTERRUPTED
    except (_UsageError, UnknownName, ValueError, OSError, MemoryError) as error:
        if os.environ.get(TRACEBACK):
            raise
        common.say(_line(error))
        return WRONG
    except RuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):  # what XLA says when memory is out
            raise
        common.say(_line(MemoryError()))
        return WRONG


def _line(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return "out of memory; choose a smaller mode, fewer scales or another network"
    message = error.format_message() if isinstance(error, _UsageError) else str(error)  # type: ignore[attr-defined]
    return " ".join(message.split()) or type(error).__name__
