"""Reads that only the back office's pages need."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from django.db.models import Sum

from apps.contracts.models import Contract
from apps.customers.models import Membership
from apps.usage.models import UsageDay


@dataclass(frozen=True, slots=True)
class UsedOn:
    """How many events of one type count on each of some days."""

    event_type: str
    events: tuple[Decimal, ...]


@dataclass(frozen=True, slots=True)
class Member:
    """A person who sees the customer's portal."""

    email: str
    role: str


def events_by_day(*, days: Sequence[date]) -> list[UsedOn]:
    """Return the counted events of each type on these local days, the most used first, in one query.

    An event that feeds several meters is one: of a type's meters, the one that counted the most events tells.
    """
    rows = (
        UsageDay.objects.filter(day__gte=days[0], day__lte=days[-1])
        .values_list("meter__event_type", "meter_id", "day")
        .annotate(total=Sum("events"))
        .order_by("meter__event_type")
    )
    counted: dict[str, dict[date, int]] = {}
    for event_type, _, day, total in rows:
        of_type = counted.setdefault(event_type, {})
        of_type[day] = max(of_type.get(day, 0), total)
    used = [
        UsedOn(event_type, tuple(Decimal(of_type.get(day, 0)) for day in days))
        for event_type, of_type in counted.items()
    ]
    return sorted(used, key=lambda one: (-sum(one.events), one.event_type))


def last_days(today: date, count: int = 30) -> list[date]:
    """Return so many days up to and with today."""
    return [today - timedelta(days=back) for back in range(count - 1, -1, -1)]


def contracts_of(customer_id: UUID) -> list[Contract]:
    """Return a customer's contracts, the newest first, with their plans; one query."""
    return list(
        Contract.objects.filter(customer_id=customer_id)
        .select_related("customer", "plan_version__plan")
        .order_by("-starts_on", "number")
    )


def members_of(customer_id: UUID) -> list[Member]:
    """Return who sees a customer's portal; one query."""
    found = Membership.objects.filter(customer_id=customer_id).select_related("user").order_by("user__email")
    return [Member(membership.user.email, membership.get_role_display()) for membership in found]
