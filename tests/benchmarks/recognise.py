"""How often ``recognise`` names what drew a picture: mode, machine, dither and its kind; prints tables and confusions.

    python tests/benchmarks/recognise.py [--samples N] [--best N] [--mode MODE]... [--native FOLDER] [IMAGE ...]

Scenes that the training never draws (their seeds lie above all of its own), and any IMAGES, are converted by the
project's own ``convert`` into every registered mode, with dithers dealt out of a shuffled pack of them all, and shown
as a PNG would show them. ``--best N`` adds N of the search. ``--native FOLDER`` reads native files and judges by the
picture that they show, not by what they say of themselves. ``--keep FOLDER`` keeps what was rendered for another time.

What counts as right: the name itself; for a dither also one that is the same thing on the mode's pixels, or that draws
this very picture pixel by pixel, which is tried where the answer is another. A mode counts by its name alone: where the
mode named shows the same picture as well, the confusion says so, and those of modes that show the very same set of
pictures are counted on a line of their own.
"""

from __future__ import annotations

import argparse
import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import jax
import numpy as np
from PIL import Image

from pixeldream import api, images
from pixeldream.cli.native import read_native
from pixeldream.look import CONVERT_DITHER, look
from pixeldream.neural import pictures
from pixeldream.plugin.registry import Registry, load
from pixeldream.recognition import Recognised, kind_of, recognise
from pixeldream.retro.display import repeats
from pixeldream.retro.dither import Diffusion, Ordered
from pixeldream.retro.format import FormatError
from pixeldream.retro.mode import Mode, Picture
from pixeldream.templates import SEARCH, distinct

UNSEEN = 1 << 61
"""Seeds from here on: those of the training lie below."""

SIZE = 480, 640


@dataclass(frozen=True)
class Sample:
    """One rendering: of a picture by its number, in a mode, with a dither or by the search."""

    mode: str
    dither: str
    picture: int

    @property
    def name(self) -> str:
        """Of its file."""
        return f"{self.mode}_{self.dither}_{self.picture}"


@dataclass
class Tally:
    """Answers to one question."""

    right: int = 0
    number: int = 0
    wrong: Counter[str] = field(default_factory=Counter)

    def add(self, right: bool, wrong: str) -> None:
        self.number += 1
        self.right += right
        if not right:
            self.wrong[wrong] += 1

    def line(self, what: str) -> str:
        return f"| {what} | {self.right} of {self.number} | {self.right / max(1, self.number):.1%} |"


class Sources:
    """Pictures by number: those given first, then scenes without end."""

    def __init__(self, files: Sequence[str]) -> None:
        self._files = files

    def __getitem__(self, number: int) -> np.ndarray:
        if number < len(self._files):
            return images.read_image(self._files[number])
        return pictures.scene(UNSEEN + number, *SIZE)


def plan(registry: Registry, modes: Sequence[str], samples: int, best: int, number: int, seed: int) -> list[Sample]:
    """Every mode ``samples`` times, with dithers from a pack that is shuffled anew when it is used up."""
    chance = random.Random(seed)
    pack: list[str] = []
    found: list[Sample] = []
    for _ in range(samples):
        for mode in modes:
            known = _able(registry, registry.modes[mode])
            if not known & set(pack):
                pack += chance.sample(list(registry.dithers), len(list(registry.dithers)))
            dealt = next(name for name in pack if name in known)
            pack.remove(dealt)
            found.append(Sample(mode, dealt, chance.randrange(number)))
    return found + [Sample(mode, SEARCH, chance.randrange(number)) for mode in (list(modes) * best)[:best]]


def _able(registry: Registry, mode: Mode) -> set[str]:
    """Dithers that the mode can be drawn with, one of those that are the same thing on its pixels."""
    names = set(distinct(registry, repeats(mode)))
    if mode.solve is None:
        return names
    return {name for name in names if isinstance(registry.dithers[name], Ordered | Diffusion)}


def converted(registry: Registry, sample: Sample, sources: Sources) -> np.ndarray:
    """uint8 ``[height, width, 3]`` in the mode's own pixels."""
    searched = sample.dither == SEARCH
    chosen = look(registry, sample.mode, dither=CONVERT_DITHER if searched else sample.dither)
    image = images.fit(sources[sample.picture], chosen.mode)
    return api.convert_look(image, chosen, "best" if searched else "fast").image()


def rendered(registry: Registry, sample: Sample, sources: Sources, keep: Path | None) -> np.ndarray:
    path = keep / f"{sample.name}.png" if keep else None
    if path is not None and path.exists():
        return np.asarray(Image.open(path).convert("RGB"))
    drawing = converted(registry, sample, sources)
    jax.clear_caches()  # every mode and dither is compiled anew, and all of them together fill the memory
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(drawing).save(path)
    return drawing


def judged(registry: Registry, samples: Sequence[Sample], sources: Sources, keep: Path | None) -> Iterator[tuple]:
    """Each sample with its drawing, what was recognised, and the seconds that took."""
    for sample in samples:
        drawing = rendered(registry, sample, sources, keep)
        shown = images.repeat(drawing, registry.modes[sample.mode])
        begin = time.perf_counter()
        found = recognise(shown, registry=registry)
        yield sample, drawing, found, time.perf_counter() - begin


def draws_the_same(
    registry: Registry, sample: Sample, other: str, drawing: np.ndarray, sources: Sources, keep: Path | None
) -> bool:
    """Whether another dither draws this very picture."""
    if other not in {*_able(registry, registry.modes[sample.mode]), SEARCH}:
        return False
    again = rendered(registry, Sample(sample.mode, other, sample.picture), sources, keep)
    return bool((again == drawing).all())


def same_set(one: Mode, other: Mode) -> bool:
    """Whether two modes of free palettes show the very same pictures."""
    if one.gamut is None or other.gamut is None or one.solve is not None or other.solve is not None:
        return False
    alike = (one.size, repeats(one), len(one.slots), one.gamut.levels)
    return alike == (other.size, repeats(other), len(other.slots), other.gamut.levels)


def measure(registry: Registry, samples: Sequence[Sample], sources: Sources, keep: Path | None) -> None:
    tallies = {what: Tally() for what in ("mode", "machine", "dither", "kind of dither")}
    twins, shares, seconds, third = 0, [], [], 0
    for sample, drawing, found, took in judged(registry, samples, sources, keep):
        mode = registry.modes[sample.mode]
        seconds.append(took)
        named = registry.modes[found.mode] if found.mode else None
        twin = named is not None and same_set(mode, named)
        twins += twin and found.mode != sample.mode
        what = " (the same set of pictures)" if twin else " (shows this picture as well)" if found.exact else ""
        tallies["mode"].add(found.mode == sample.mode, f"{sample.mode} as {found.mode}{what}")
        tallies["machine"].add(found.machine == mode.machine, f"{mode.machine} as {found.machine}")
        same = distinct(registry, repeats(mode)).get(sample.dither, (sample.dither,))
        right = found.dither in same or draws_the_same(registry, sample, found.dither, drawing, sources, keep)
        tallies["dither"].add(right, f"{sample.dither} as {found.dither} in {sample.mode}")
        third += right or bool(set(same) & set(list(found.dithers)[:3]))
        kinds = kind_of(registry, sample.dither), kind_of(registry, found.dither)
        tallies["kind of dither"].add(right or kinds[0] == kinds[1], f"{kinds[0]} as {kinds[1]}")
        alike = distinct(registry, repeats(mode))
        named_too = next((names for names in alike.values() if found.dither in names), (found.dither,))
        shares.append((sum(found.dithers.get(name, 0.0) for name in named_too), right))
    show(f"{len(samples)} renderings", tallies)
    print(f"| mode, those of the same set counted as one | {tallies['mode'].right + twins} of {len(samples)} | |")
    print(f"| dither among the first three | {third} of {len(samples)} | {third / max(1, len(samples)):.1%} |")
    sure = [right for share, right in shares if share >= 0.9]
    print(f"| dithers named with 90 % or more | {sum(sure)} of {len(sure)} | |")
    print(f"\nseconds: median {np.median(seconds):.2f}, longest {max(seconds):.2f}")


def show(title: str, tallies: dict[str, Tally]) -> None:
    print(f"\n{title}\n\n| question | right | |\n|---|---|---|")
    for what, tally in tallies.items():
        print(tally.line(what))
    for what, tally in tallies.items():
        for wrong, number in tally.wrong.most_common():
            print(f"  {what}: {wrong}{f' ({number} times)' if number > 1 else ''}")


def natives(registry: Registry, folder: Path) -> None:
    """Files in no mode of ours have a machine all the same, that of their format."""
    tallies = {what: Tally() for what in ("mode", "machine", "mode, given as the file", "machine, given as the file")}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        try:
            native = read_native(registry, path.read_bytes(), path)
        except FormatError as error:
            print(f"  left out: {error}")
            continue
        if native is None or path.suffix.lower() == ".png":
            continue
        name, shown = path.relative_to(folder), native.shown
        seen = images.as_bytes(native.repeated())
        ways = [("", recognise(seen, registry=registry))]
        if isinstance(shown, Picture):
            ways.append((", given as the file", recognise(shown, registry=registry)))
        # A format that no mode has is of the machine that its plugin is about.
        plugin = registry.formats.origins[native.form.name]
        of_plugin = [mode for mode in registry.modes if registry.modes.origins[mode] == plugin]
        machines = {registry.modes[mode].machine for mode in native.form.modes or of_plugin if mode in registry.modes}
        for way, found in ways:
            if isinstance(shown, Picture):
                machines = {shown.mode.machine}
                tallies[f"mode{way}"].add(found.mode == shown.mode.name, f"{name}: {_as(shown.mode.name, found)}")
            tallies[f"machine{way}"].add(found.machine in machines, f"{name}: {_as('/'.join(machines), found)}")
    show(f"native files of {folder.name}", tallies)


def _as(wanted: str, found: Recognised) -> str:
    return f"{wanted} as {found.mode} ({found.machine}{', shows this picture as well' if found.exact else ''})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", nargs="*", metavar="IMAGE")
    parser.add_argument("--samples", type=int, default=1, help="renderings of each mode")
    parser.add_argument("--best", type=int, default=4, help="renderings of the search")
    parser.add_argument("--scenes", type=int, default=8, help="scenes besides the images given")
    parser.add_argument("--mode", action="append", help="these modes alone")
    parser.add_argument("--native", type=Path, metavar="FOLDER")
    parser.add_argument("--keep", type=Path, metavar="FOLDER")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    registry = load()
    number = len(chosen.images) + chosen.scenes
    if chosen.samples or chosen.best:
        modes = chosen.mode or list(registry.modes)
        samples = plan(registry, modes, chosen.samples, chosen.best, number, chosen.seed)
        measure(registry, samples, Sources(chosen.images), chosen.keep)
    if chosen.native is not None:
        natives(registry, chosen.native)


if __name__ == "__main__":
    main()
