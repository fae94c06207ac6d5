"""Where each line's units lie in the period, so that tiers, packages and free events run on."""

from collections.abc import Mapping
from decimal import Decimal

from apps.rating.metering import Metered, Place
from apps.rating.price_models.base import Part
from apps.rating.price_models.matrix import Dimensions

_ZERO = Decimal(0)
# What runs on as one: a cell, by what it matches; in a charge that restarts, of one segment.
_Run = tuple[int, Dimensions]


class Parts:
    """Hands out the parts of a period in the order of their places, each after those before it."""

    def __init__(self, used: Metered, paid: Mapping[Place, Decimal], *, of_days: int) -> None:
        self._used = used
        self._whole = Part(of_days=of_days)
        self._before: dict[_Run, tuple[Decimal, int]] = {}
        self._totals: dict[_Run, Decimal] = {}
        if used.is_cut:
            for place, quantity in paid.items():
                run = self._run(place)
                self._totals[run] = self._totals.get(run, _ZERO) + quantity

    def next_at(self, place: Place, quantity: Decimal) -> Part:
        """Return the part of the units to pay at a place; those of later places come after them."""
        events, of_days = self._used.events_at(place), self._whole.of_days
        if not self._used.is_cut:
            return Part(events=events, of_days=of_days) if events else self._whole
        run = self._run(place)
        before, events_before = self._before.get(run, (_ZERO, 0))
        self._before[run] = (before + quantity, events_before + len(events))
        return Part(before, self._totals[run], events, events_before, of_days)

    def _run(self, place: Place) -> _Run:
        return (place[0] if self._used.charge.restarts else 0, self._used.dimensions_at(place))
