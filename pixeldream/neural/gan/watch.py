"""What goes wrong in GANs, noticed while it happens: a critic that dominates, a generator that collapses."""

from __future__ import annotations

from collections.abc import Mapping

DOMINATES = 0.995
"""The part of all pictures that a critic tells apart when it has won."""

COLLAPSED = 0.3
"""The part of the real pictures' variety below which the generator draws the same picture again and again."""

_MEMORY = 0.99
"""What the averages keep in a step: they hold about the last hundred."""

_PATIENCE = 300
"""Steps before anything is said, and between two warnings of a kind."""

_BEGINNING = 1000
"""Steps in which drawings may be all alike, as they are at first; unless they differed before."""

_VARIED = 0.5
"""The part of the real pictures' variety from which on drawings count as different."""


class Watch:
    """Follows the figures of the steps and says in words when something is wrong."""

    def __init__(self) -> None:
        self.right, self.variety, self.most, self.steps = 0.5, 0.0, 0.0, 0
        self._said: dict[str, int] = {}

    def see(self, figures: Mapping[str, float]) -> list[str]:
        """Warnings after a step: none, most of the time."""
        self.steps += 1
        if not all(abs(value) < float("inf") for value in figures.values()):
            return self._say("numbers", "the losses are no numbers any more; begin anew with lower rates")
        self.right = _MEMORY * self.right + (1 - _MEMORY) * figures["right"]
        self.variety = _MEMORY * self.variety + (1 - _MEMORY) * figures["variety"]
        self.most = max(self.most, self.variety)
        found = []
        if self.right > DOMINATES:
            found += self._say(
                "critic",
                f"the critic dominates: it tells {self.right:.1%} of the pictures apart, and the generator has nothing "
                "to learn from; try --augment, --r1 1, or a lower --critic-rate",
            )
        if self.variety < COLLAPSED and (self.steps > _BEGINNING or self.most > _VARIED):
            found += self._say(
                "collapse",
                f"mode collapse: drawings differ by {self.variety:.0%} of what real pictures do; "
                "try --loss relativistic --r1 1, --spectral, or a larger --batch",
            )
        return found

    def _say(self, kind: str, text: str) -> list[str]:
        urgent = kind == "numbers" and kind not in self._said
        if not urgent and self.steps - self._said.get(kind, 0) < _PATIENCE:
            return []
        self._said[kind] = self.steps
        return [text]

    def facts(self) -> dict[str, float]:
        """What a checkpoint keeps."""
        return {"right": self.right, "variety": self.variety, "most": self.most, "steps": self.steps}

    def restore(self, facts: Mapping[str, float]) -> None:
        """Goes on from those."""
        self.right, self.variety, self.most = (float(facts[name]) for name in ("right", "variety", "most"))
        self.steps = int(facts["steps"])
