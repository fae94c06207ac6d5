"""Which grant burns first, and how grants pay."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from apps.rating.lines import GrantUse
from apps.rating.terms import Grant

_LAST = (1, 0)


class Pool:
    """The grants of one period while they are drawn down; each draw takes them in burn order.

    The order: the lowest priority number (none is last), then the earliest expiry (none is last), then grants that cost
    nothing, then list order. A grant that expires on or before the period's first day pays nothing.
    """

    def __init__(self, grants: Sequence[Grant], *, starts_on: date) -> None:
        self._grants = grants
        self._left = [grant.balance for grant in grants]
        usable = [
            place
            for place, grant in enumerate(grants)
            if grant.expires_on is None or grant.expires_on > starts_on
        ]
        self._order = sorted(usable, key=lambda place: (*_burn_order(grants[place]), place))
        self._charges = [frozenset(grant.charges) for grant in grants]
        # The grants that may pay for a charge in a unit, the next one last: those that are used up are never asked again.
        self._stacks: dict[tuple[str, str], list[int]] = {}

    def draw(self, *, unit: str, charge: str, wanted: Decimal) -> Decimal:
        """Take up to `wanted` from the grants of a unit that may pay for a charge; return what was taken."""
        taken = Decimal(0)
        stack = self._stack(unit, charge)
        while stack and taken < wanted:
            place = stack[-1]
            part = min(wanted - taken, self._left[place])
            self._left[place] -= part
            taken += part
            if not self._left[place]:
                stack.pop()
        return taken

    def _stack(self, unit: str, charge: str) -> list[int]:
        stack = self._stacks.get((unit, charge))
        if stack is None:
            stack = [
                place
                for place in reversed(self._order)
                if self._grants[place].unit == unit and self._may_pay(place, charge)
            ]
            self._stacks[unit, charge] = stack
        return stack

    def _may_pay(self, place: int, charge: str | None) -> bool:
        return not self._charges[place] or charge in self._charges[place]

    def pay(self, *, unit: str, owed: Sequence[tuple[str | None, Decimal]]) -> Decimal:
        """Let each grant of a unit in turn pay what is owed, in its order; return what was paid.

        What no charge owes (None: a true-up) is paid by grants that name no charges.
        """
        left = [amount for _, amount in owed]
        paid = Decimal(0)
        for place in self._order:
            grant = self._grants[place]
            if grant.unit != unit:
                continue
            for nth, (charge, _) in enumerate(owed):
                if self._may_pay(place, charge):
                    part = min(left[nth], self._left[place])
                    self._left[place] -= part
                    left[nth] -= part
                    paid += part
        return paid

    def uses(self) -> tuple[GrantUse, ...]:
        """Return what every grant paid, in list order."""
        return tuple(
            GrantUse(grant.key, grant.unit, grant.balance - left, left)
            for grant, left in zip(self._grants, self._left, strict=True)
        )


def _burn_order(grant: Grant) -> tuple[tuple[int, int], tuple[int, int], bool]:
    return (
        _LAST if grant.priority is None else (0, grant.priority),
        _LAST if grant.expires_on is None else (0, grant.expires_on.toordinal()),
        grant.cost > 0,
    )
