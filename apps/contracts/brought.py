"""What one billing period brings forward into the next: units that were not used, and what counts towards commitments."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from apps.rating.lines import LineKind, Rated
from apps.rating.steps import written


@dataclass(frozen=True, slots=True)
class Brought:
    """What earlier periods left.

    `left` are the units left of allowances, by the key of the charge, shared allowance or discount. `counted` is what earlier
    periods counted and trued up of commitments over several periods, by the commitment's key and first day.
    """

    left: Mapping[str, Decimal] = field(default_factory=dict)
    counted: Mapping[str, Decimal] = field(default_factory=dict)

    def after(self, rated: Rated, *, terms_of: Mapping[str, str]) -> "Brought":
        """Return what a rated period brings forward; `terms_of` gives the name here of each commitment over several periods.

        What a true-up billed counts as well, so that a later one only asks for the rest.
        """
        left = dict(self.left) | {use.key: use.left for use in rated.allowances}
        counted = dict(self.counted)
        trued_up = [(line.key, line.amount.amount) for line in rated.lines if line.kind is LineKind.TRUE_UP]
        for key, amount in (*((use.key, use.counted) for use in rated.commitments), *trued_up):
            if name := terms_of.get(key or ""):
                counted[name] = counted.get(name, Decimal(0)) + amount
        return Brought(left, counted)

    def as_json(self) -> dict[str, dict[str, str]]:
        """Return it as it is kept with the invoice."""
        return {
            "left": {key: written(units) for key, units in sorted(self.left.items())},
            "counted": {key: written(amount) for key, amount in sorted(self.counted.items())},
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Mapping[str, str]]) -> "Brought":
        """Return what was kept with an invoice."""
        return cls(
            {key: Decimal(units) for key, units in kept.get("left", {}).items()},
            {key: Decimal(amount) for key, amount in kept.get("counted", {}).items()},
        )


NOTHING = Brought()
