"""Every picture mode of the Amiga as a table: what a pixel can be, and on which screens.

Amiga Hardware Reference Manual (1991), chapter 3; for AGA, Commodore's "AA" chip set. Names read
``amiga-[hires-]COLOURS[-lace][-ntsc]``: low resolution, not interlaced and PAL is what nothing is said about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pixeldream_plugins import amiga_halfbrite, amiga_ham
from pixeldream_plugins.amiga_ham import EIGHTEEN_BIT, TWELVE_BIT

import pixeldream as pd

MACHINE = "Amiga"

TWENTY_FOUR_BIT = pd.Gamut("amiga-24-bit", (256, 256, 256), "AGA colour registers")


@dataclass(frozen=True)
class Kind:
    """What the bits of a pixel mean: ``planes`` of them, ``colours`` free ones, ``own`` functions of the mode;
    ``hires`` says whether the chip set shows it in high resolution."""

    name: str
    planes: int
    colours: int
    gamut: pd.Gamut
    hires: bool
    description: str
    own: tuple[tuple[str, Callable], ...] = ()
    aga: bool = False


Own = tuple[tuple[str, Callable], ...]

HALFBRITE: Own = (
    ("solve", amiga_halfbrite.solve), ("render", amiga_halfbrite.render), ("follow", amiga_halfbrite.follow),
    ("choices", amiga_halfbrite.choices),
)  # fmt: skip
HAM6: Own = (
    ("solve", amiga_ham.solve_ham6), ("render", amiga_ham.render_ham6), ("follow", amiga_ham.follow_ham6),
    ("search", amiga_ham.refine_ham6),
)  # fmt: skip
HAM8: Own = (
    ("solve", amiga_ham.solve_ham8), ("render", amiga_ham.render_ham8), ("follow", amiga_ham.follow_ham8),
    ("search", amiga_ham.refine_ham8),
)  # fmt: skip

KINDS = {
    kind.name: kind
    for kind in (
        Kind("2", 1, 2, TWELVE_BIT, True, "2 colours of 4096"),
        Kind("4", 2, 4, TWELVE_BIT, True, "4 colours of 4096"),
        Kind("8", 3, 8, TWELVE_BIT, True, "8 colours of 4096"),
        Kind("16", 4, 16, TWELVE_BIT, True, "16 colours of 4096"),
        Kind("32", 5, 32, TWELVE_BIT, False, "32 colours of 4096, anywhere"),
        Kind("ehb", 6, 32, TWELVE_BIT, False, "32 colours of 4096 and the same at half brightness", HALFBRITE),
        Kind("ham6", 6, 16, TWELVE_BIT, False, "4096 colours: one of 16, or a change of one component", HAM6),
        Kind("aga", 8, 256, TWENTY_FOUR_BIT, True, "256 colours of 16 million", aga=True),
        Kind("ham8", 8, 64, EIGHTEEN_BIT, True, "262,144 colours: one of 64, or a change of one component", HAM8, True),
    )
}


@dataclass(frozen=True)
class Screen:
    """Where a picture is shown: 640 or 320 pixels wide, interlaced or not, at 50 (PAL) or 60 fields a second."""

    hires: bool = False
    lace: bool = False
    ntsc: bool = False

    @property
    def size(self) -> tuple[int, int]:
        """Of the whole screen, (width, height)."""
        return 320 << self.hires, (200 if self.ntsc else 256) << self.lace

    @property
    def pixel_aspect(self) -> tuple[int, int]:
        """Commodore's own figures (Amiga Mail V-11): lores 44:44 in PAL and 44:52 in NTSC."""
        width, height = (11, 13) if self.ntsc else (1, 1)
        width, height = width << self.lace, height << self.hires
        return (width >> 1, height >> 1) if self.lace and self.hires else (width, height)

    @property
    def camg(self) -> int:
        """The display mode's number but for what a pixel means (graphics/modeid.h)."""
        return (0x11000 if self.ntsc else 0x21000) | (0x8000 if self.hires else 0) | (0x4 if self.lace else 0)

    def name(self, kind: Kind) -> str:
        """The mode's name."""
        parts = ["amiga", *["hires"] * self.hires, kind.name, *["lace"] * self.lace, *["ntsc"] * self.ntsc]
        return "-".join(parts)


def mode(kind: Kind, screen: Screen, size: tuple[int, int] | None = None) -> pd.Mode:
    """The mode of a kind on a screen; ``size`` where a picture is not as large as the screen."""
    system = "NTSC" if screen.ntsc else "PAL"
    place = f"{system} {'high' if screen.hires else 'low'} resolution{', interlaced' * screen.lace}"
    return pd.Mode(
        name=screen.name(kind),
        machine=MACHINE,
        size=size or screen.size,
        slots=tuple(pd.Slot(f"colour-{number}") for number in range(kind.colours)),
        gamut=kind.gamut,
        pixel_aspect=screen.pixel_aspect,
        colours=kind.gamut.count,
        values=1 << kind.planes if kind.own else 0,
        description=f"{place}: {kind.description}{' (AGA)' * kind.aga}",
        # A beam through 262,144 colours can lose the one way that leads back to a drawing.
        exact=kind.own != HAM8,
        **dict(kind.own),  # type: ignore[arg-type]
    )


def screens() -> Iterator[Screen]:
    """All of them, the usual ones first."""
    for ntsc in (False, True):
        for lace in (False, True):
            for hires in (False, True):
                yield Screen(hires, lace, ntsc)


MODES = {
    screen.name(kind): mode(kind, screen)
    for screen in screens()
    for kind in KINDS.values()
    if kind.hires >= screen.hires
}


def kind_of(mode: pd.Mode) -> Kind:
    """What the pixels of one of our modes mean, whatever its size."""
    return next(kind for kind in KINDS.values() if kind.name in mode.name.split("-"))


def screen_of(mode: pd.Mode) -> Screen:
    """The screen of one of our modes, whatever its size."""
    words = mode.name.split("-")
    return Screen("hires" in words, "lace" in words, "ntsc" in words)
