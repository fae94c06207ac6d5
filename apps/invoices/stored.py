"""Reading the steps that are stored with a line."""

from collections.abc import Mapping
from decimal import Decimal

Step = Mapping[str, object]


def decimal_in(step: Step, name: str) -> Decimal:
    """Return a number of a step, 0 if it has none of that name."""
    return Decimal(str(step.get(name) or 0))
