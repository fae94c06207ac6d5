"""Free units: a charge's own, and those that charges share."""

from collections.abc import Sequence
from decimal import Decimal

from apps.rating.lines import AllowanceUse
from apps.rating.metering import Metered, Place
from apps.rating.steps import Step
from apps.rating.terms import Terms

_ZERO = Decimal(0)
# By place, how much is free by which allowance; None is the charge's own.
Free = dict[Place, list[tuple[str | None, Decimal]]]


class Allowances:
    """The free units of one period while they are used up: a charge's own first, then the shared ones in list order."""

    def __init__(self, terms: Terms) -> None:
        self._shared = terms.allowances
        self._left = [allowance.quantity for allowance in terms.allowances]
        self._own: list[AllowanceUse] = []

    def free(self, used: Metered, places: Sequence[Place]) -> Free:
        """Take what is free of a charge's usage, place after place, and return it by place."""
        free: Free = {}
        if any(segment.included for segment in used.segments):
            self._take_own(used, places, free)
        if any(used.charge.key in allowance.charges for allowance in self._shared):
            self._take_shared(used, places, free)
        return free

    def uses(self) -> tuple[AllowanceUse, ...]:
        """Return what was used of every allowance: the charges' own in their order, then the shared ones."""
        shared = (
            AllowanceUse(allowance.key, allowance.quantity - left, left)
            for allowance, left in zip(self._shared, self._left, strict=True)
        )
        return (*self._own, *shared)

    def _take_own(self, used: Metered, places: Sequence[Place], free: Free) -> None:
        """Take the allowance of each segment; what those before took counts against it, unless the charge restarts."""
        total = taken = _ZERO
        at, last = 0, len(used.segments) - 1
        for place in places:
            if place[0] != at:
                at = place[0]
                taken = _ZERO if used.charge.restarts else taken
            part = min(used.quantities[place], max(used.segments[at].included - taken, _ZERO))
            if part:
                free[place] = [(None, part)]
                taken += part
                total += part
        if used.charge.restarts and at != last:
            taken = _ZERO
        left = max(used.segments[last].included - taken, _ZERO)
        self._own.append(AllowanceUse(used.charge.key, total, left))

    def _take_shared(self, used: Metered, places: Sequence[Place], free: Free) -> None:
        for place in places:
            wanted = used.quantities[place] - paid_for(free, place)
            for nth, allowance in enumerate(self._shared):
                if used.charge.key in allowance.charges:
                    part = min(wanted, self._left[nth])
                    if part:
                        free.setdefault(place, []).append((allowance.key, part))
                        self._left[nth] -= part
                        wanted -= part


def paid_for(free: Free, place: Place) -> Decimal:
    """Return how many units of a place are free."""
    return sum((part for _, part in free.get(place, ())), _ZERO)


def free_steps(free: Free, places: Sequence[Place]) -> tuple[Step, ...]:
    """Return a reason for each allowance that was used at these places, of one line together."""
    sums: dict[str | None, Decimal] = {}
    for place in places:
        for key, part in free.get(place, ()):
            sums[key] = sums.get(key, _ZERO) + part
    return tuple(
        Step(part, _ZERO, (("included", True), *((("allowance", key),) if key is not None else ())))
        for key, part in sums.items()
    )
