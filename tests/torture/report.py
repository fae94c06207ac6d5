"""The figures of a torture run: check, figure, seed, duration."""

import os
import random
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar

Amount = TypeVar("Amount")
# Small in every run of the tests; full by `make torture`.
FULL = os.environ.get("METERBOOK_TORTURE") == "full"


@dataclass(slots=True)
class Torture:
    """From which seed a check tortures, and the properties of its report, where its figures go."""

    seed: int
    properties: list[tuple[str, object]]
    begun: float = field(default_factory=time.monotonic)

    def size(self, small: Amount, full: Amount) -> Amount:
        return full if FULL else small

    def dice(self, name: str) -> random.Random:
        return random.Random(f"{self.seed}-{name}")

    def found(self, check: str, figure: str) -> None:
        """Note a figure for the table."""
        took = f"{time.monotonic() - self.begun:,.0f} s"
        self.properties.append(("torture", [check, figure, str(self.seed), took]))


def table(properties: Iterable[tuple[str, object]]) -> list[str]:
    """Return the figures among the properties as lines of one Markdown table; none if there are none."""
    found = sorted(value for name, value in properties if name == "torture" and isinstance(value, list))
    rows = [["check", "figure", "seed", "duration"], ["---"] * 4, *found]
    return [f"| {' | '.join(row)} |" for row in rows] if found else []
