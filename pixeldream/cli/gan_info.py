"""What ``pixeldream gan info`` says of a run of one of the GAN's siblings."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from pixeldream.cli import gan_enlarge, gan_sibling, gan_translate
from pixeldream.cli.common import tell
from pixeldream.cli.gan_run import Folder
from pixeldream.plugin.registry import Registry


def inform(registry: Registry, folder: Folder, kind: str, figures: int, json_: bool) -> None:
    """What a run was trained on, how far it is, and how good it is by so many pictures, 0 for none."""
    from pixeldream.neural.gan import enlarging, translating
    from pixeldream.neural.gan.loop import kept

    run = gan_sibling.about(folder, kind)
    module: Any = {"enlarge": enlarging, "translate": translating}[kind]
    found = kept(partial(module.begin, run.settings), folder.checkpoints)
    seconds, curve = float(found.facts["seconds"]), found.facts["curve"]
    facts = run.facts() | {"steps": found.step, "minutes": round(seconds / 60, 2), "figures": None}
    facts["curve"] = dict(zip(("step", *module.FIGURES), curve[-1], strict=True)) if curve else {}
    lines: list[str] = []
    if figures and kind == "enlarge":
        count, facts["figures"] = gan_enlarge.measure(registry, folder, run, figures)
        lines = gan_enlarge.report(count, facts["figures"])
    elif figures:
        facts["figures"] = gan_translate.measure(registry, folder, run, figures)
        lines = gan_translate.report(facts["figures"])
    if json_:
        return tell(json.dumps(facts, indent=1))
    for line in [*_lines(run, facts), *lines]:
        tell(line)
    return None


def _lines(run: gan_sibling.SiblingRun, facts: dict[str, Any]) -> list[str]:
    settings, side = run.settings, run.settings.side
    parts = " and ".join(f"{count} of {source}" for source, count in run.sources.items())
    within = "" if run.rules is None else f" within {run.rules.mode}"
    lines = [
        f"learnt from squares of {side}x{side} pixels{within}: {parts}",
        f"{settings.blocks} residual blocks, {settings.width} channels, batch {settings.batch}, rate {settings.rate:g}",
        f"{facts['steps']} steps, {facts['minutes']} minutes",
    ]
    if run.skipped:
        lines.append(f"skipped {len(run.skipped)}: {'; '.join(run.skipped[:5])}")
    if facts["curve"]:
        lines.append("last: " + ", ".join(f"{name} {value:.4g}" for name, value in facts["curve"].items()))
    return lines
