"""How recurring revenue moved between two days, and how much of earlier customers' revenue is still there; pure.

Movements are told by customer, as the public ones of SaaS metrics are: new, expansion, contraction, churn and reactivation
(https://help.chartmogul.com/hc/en-us/articles/203299912). What the customers had at the first day and the movements come to what they have
at the second, by construction.
"""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

Amounts = Mapping[UUID, Decimal]
KINDS = ("new", "reactivation", "expansion", "contraction", "churn")
_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Move:
    """How one customer's recurring revenue changed; less is negative."""

    customer_id: UUID
    kind: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Movement:
    """What moved between two days, by kind; contraction and churn are negative. `customers` have some at the second."""

    opening: Decimal
    moved: Mapping[str, Decimal]
    customers: int

    @property
    def closing(self) -> Decimal:
        """Return what the customers have at the second day."""
        return sum(self.moved.values(), self.opening)

    def of(self, kind: str) -> Decimal:
        """Return what one kind of moves came to."""
        return self.moved.get(kind, _NOTHING)


@dataclass(frozen=True, slots=True)
class Retention:
    """What customers of an earlier time bring now, and what of that is no more than they brought then."""

    before: Decimal
    now: Decimal
    kept: Decimal

    @property
    def net(self) -> Decimal:
        """Return the share of their revenue that is there now, growth included: 1.1 is a tenth more."""
        return self.now / self.before

    @property
    def gross(self) -> Decimal:
        """Return the share of their revenue that was kept, growth left out: never above 1."""
        return self.kept / self.before


def moves(before: Amounts, after: Amounts, *, ever: Container[UUID] = ()) -> list[Move]:
    """Return what moved from one day to another, by customer, the largest first.

    `ever` names who had recurring revenue at any time before the first day. Who had none at the first day is new, or comes
    back; who has none at the second has churned.
    """
    found = []
    for customer in before.keys() | after.keys():
        was, now = before.get(customer, _NOTHING), after.get(customer, _NOTHING)
        if was != now:
            found.append(Move(customer, _kind(was, now, is_known=customer in ever), now - was))
    return sorted(found, key=lambda move: (-abs(move.amount), move.customer_id))


def movement(before: Amounts, after: Amounts, *, ever: Container[UUID] = ()) -> Movement:
    """Return the moves from one day to another, added up by kind."""
    moved = dict.fromkeys(KINDS, _NOTHING)
    for move in moves(before, after, ever=ever):
        moved[move.kind] += move.amount
    return Movement(_sum(before.values()), moved, sum(1 for amount in after.values() if amount))


def retention(before: Amounts, after: Amounts) -> Retention | None:
    """Return what of the revenue of customers of an earlier time is there now; None where they brought nothing then.

    Customers who came since do not count. One whose credit notes outweighed its invoices then brought nothing.
    """
    had = {customer: was for customer, was in before.items() if was > 0}
    if not had:
        return None
    now = {customer: max(after.get(customer, _NOTHING), _NOTHING) for customer in had}
    return Retention(
        before=_sum(had.values()),
        now=_sum(now.values()),
        kept=_sum(min(was, now[customer]) for customer, was in had.items()),
    )


def _kind(was: Decimal, now: Decimal, *, is_known: bool) -> str:
    if not was:
        return "reactivation" if is_known else "new"
    if not now:
        return "churn"
    return "expansion" if now > was else "contraction"


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, _NOTHING)
