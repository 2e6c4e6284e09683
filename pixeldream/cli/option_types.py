"""Kinds of options: how the command line reads a whole number, a number, a registered name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import typer

Several = tuple[str, ...]


class OptionError(ValueError):
    """An option's value that makes no sense; one line that quotes it."""


def whole_number(text: str) -> int:
    """An integer. Raises ``typer.BadParameter`` that quotes the text."""
    try:
        return int(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no whole number") from None


def number(text: str) -> float:
    """A number. Raises ``typer.BadParameter`` that quotes the text."""
    try:
        return float(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no number") from None


def named(kind: str) -> Callable[[str], list[str]]:
    """Completes the names of one kind of registered things."""

    def complete(incomplete: str) -> list[str]:
        from pixeldream.plugin.registry import load

        return [name for name in getattr(load(), kind) if name.startswith(incomplete)]

    return complete


def option(*names: str, **settings: Any) -> Any:
    """``typer.Option`` of those names."""
    return typer.Option(*names, **settings)


def integer(*names: str, help: str) -> Any:
    """An option that takes a whole number."""
    return typer.Option(*names, help=help, metavar="N", parser=whole_number)


def real(*names: str, help: str) -> Any:
    """An option that takes a number."""
    return typer.Option(*names, help=help, metavar="X", parser=number)
