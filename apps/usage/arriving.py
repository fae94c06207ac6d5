"""Whether usage of a month still arrives: what came in for it lately, whose it was, and how much of all that is."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import Max, Q, Sum

from apps.contracts.queries import customers_named
from apps.customers.models import Customer
from apps.usage.models import Receipt

RECENT = timedelta(minutes=15)
LATELY = timedelta(hours=1)
_MOST_CUSTOMERS = 3


@dataclass(frozen=True, slots=True)
class ArrivingFrom:
    """A customer whose usage of the month came in lately."""

    key: str
    name: str
    events: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Arriving:
    """Events received for the month: in the last minutes, and of all that came in the last hour.

    A request counts to the month in which the newest of its events happened.
    """

    recent: int
    lately: int
    lately_of_all: int
    last_at: datetime | None
    customers: tuple[ArrivingFrom, ...]

    @property
    def share(self) -> Decimal | None:
        """Return which share of what came in the last hour was of the month; None where nothing came."""
        return Decimal(self.lately) / Decimal(self.lately_of_all) if self.lately_of_all else None


def arriving(*, start: datetime, end: datetime, at: datetime) -> Arriving:
    """Return what came in lately for events from `start` up to, not with, `end`, in four queries at most."""
    received = Receipt.objects.filter(received_at__gt=at - LATELY, received_at__lte=at, received__gt=0)
    of_month = Q(newest_time__gte=start, newest_time__lt=end)
    sums = received.aggregate(
        recent=Sum("received", filter=of_month & Q(received_at__gt=at - RECENT), default=0),
        lately=Sum("received", filter=of_month, default=0),
        all=Sum("received", default=0),
        last=Max("received_at", filter=of_month),
    )
    rows = list(
        received.filter(of_month)
        .values_list("customer_key")
        .annotate(events=Sum("received"), last=Max("received_at"))
        .order_by("-last", "customer_key")[:_MOST_CUSTOMERS]
    )
    return Arriving(sums["recent"], sums["lately"], sums["all"], sums["last"], _named(rows))


def _named(rows: list[tuple[str, int, datetime]]) -> tuple[ArrivingFrom, ...]:
    if not rows:
        return ()
    ids = customers_named([key for key, *_ in rows])
    known = {one.pk: one for one in Customer.objects.filter(pk__in=ids.values()).only("key", "name")}
    found = []
    for key, events, last_at in rows:
        customer = known.get(ids[key]) if key in ids else None
        found.append(
            ArrivingFrom(
                customer.key if customer else "", customer.name if customer else key, events, last_at
            )
        )
    return tuple(found)
