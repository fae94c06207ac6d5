"""The figures of a torture run: check, figure, seed, duration."""

import random
import time
from dataclasses import dataclass, field
from typing import TypeVar

Amount = TypeVar("Amount")


@dataclass(frozen=True, slots=True)
class Figure:
    """What one check came to."""

    check: str
    figure: str
    seed: int
    seconds: float


@dataclass(slots=True)
class Torture:
    """How hard a check tortures, from which seed, and where it puts its figures."""

    full: bool
    seed: int
    figures: list[Figure]
    begun: float = field(default_factory=time.monotonic)

    def size(self, small: Amount, full: Amount) -> Amount:
        return full if self.full else small

    def dice(self, name: str) -> random.Random:
        return random.Random(f"{self.seed}-{name}")

    def found(self, check: str, figure: str) -> None:
        """Note a figure for the table."""
        self.figures.append(Figure(check, figure, self.seed, time.monotonic() - self.begun))


def table(figures: list[Figure]) -> list[str]:
    """Return the figures as lines of one Markdown table."""
    rows = [
        ("check", "figure", "seed", "duration"),
        ("---", "---", "---", "---"),
        *((one.check, one.figure, str(one.seed), f"{one.seconds:,.0f} s") for one in figures),
    ]
    return [f"| {' | '.join(row)} |" for row in rows]
