"""What a page of the books is asked for: whose books, in which currency, and which days; all of it stands in the address."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from urllib.parse import urlencode

from django.http import HttpRequest

from apps.core.formats import format_days
from apps.customers.models import LegalEntity
from apps.ledger.post import month_after
from apps.ledger.queries import Books, currencies

PERIODS = {
    "month": "This month",
    "last-month": "Last month",
    "quarter": "This quarter",
    "last-quarter": "Last quarter",
    "year": "This year",
    "last-year": "Last year",
}
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Chip:
    """A choice: what it says, its address, and whether it is the one that was made."""

    label: str
    address: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """The books and days that a page is about; `more` is what else its address says."""

    entity: LegalEntity
    entities: Sequence[LegalEntity]
    currency: str
    currencies: Sequence[str]
    period: str
    starts_on: date
    ends_on: date
    today: date
    more: Mapping[str, str]

    @property
    def books(self) -> Books:
        """Return the books to read."""
        return Books(self.entity.pk, self.currency)

    @property
    def last_on(self) -> date:
        """Return the last of the days."""
        return self.ends_on - _DAY

    @property
    def as_of(self) -> date:
        """Return the day of a report that is about one: the last of the days, or today where that is to come."""
        return min(self.last_on, self.today)

    @property
    def days(self) -> str:
        """Return the days in words."""
        return format_days(self.starts_on, self.ends_on, "en")

    def address(self, **changes: str) -> str:
        """Return the query of this page's address with something changed."""
        days = (
            {"period": self.period}
            if self.period
            else {"from": self.starts_on.isoformat(), "to": self.last_on.isoformat()}
        )
        return "?" + urlencode(
            {"entity": self.entity.key, "currency": self.currency, **days, **self.more, **changes}
        )

    def elsewhere(self, starts_on: date | None = None, ends_on: date | None = None, **more: str) -> str:
        """Return the query of another page's address, about the same books, and the same days or others."""
        days = {
            "from": (starts_on or self.starts_on).isoformat(),
            "to": ((ends_on or self.ends_on) - _DAY).isoformat(),
        }
        return "?" + urlencode({"entity": self.entity.key, "currency": self.currency, **days, **more})

    @property
    def entity_chips(self) -> list[Chip]:
        """Return whose books can be chosen."""
        return [Chip(one.name, self.address(entity=one.key), one == self.entity) for one in self.entities]

    @property
    def currency_chips(self) -> list[Chip]:
        """Return the currencies that the books are in."""
        return [Chip(one, self.address(currency=one), one == self.currency) for one in self.currencies]

    @property
    def period_chips(self) -> list[Chip]:
        """Return the periods that can be chosen; other days are typed."""
        return [
            Chip(
                label,
                Asked(
                    self.entity,
                    self.entities,
                    self.currency,
                    self.currencies,
                    key,
                    self.starts_on,
                    self.ends_on,
                    self.today,
                    self.more,
                ).address(),
                key == self.period,
            )
            for key, label in PERIODS.items()
        ]


def read(request: HttpRequest, *, today: date, more: Sequence[str] = ()) -> Asked | None:
    """Return what is asked for, with the first legal entity, its first currency and this month where nothing else is said.

    `more` names what else this page's address may say. None where there is no legal entity yet. What makes no sense is as if it
    were not said.
    """
    entities = list(LegalEntity.objects.order_by("name"))
    if not entities:
        return None
    said = request.GET
    entity = next((one for one in entities if one.key == said.get("entity")), entities[0])
    known = currencies(entity.pk) or ["USD"]
    currency = said.get("currency", "")
    period, starts_on, ends_on = _days(
        said.get("period", ""), said.get("from", ""), said.get("to", ""), today
    )
    return Asked(
        entity=entity,
        entities=entities,
        currency=currency if currency in known else known[0],
        currencies=known,
        period=period,
        starts_on=starts_on,
        ends_on=ends_on,
        today=today,
        more={name: said[name] for name in more if said.get(name)},
    )


def _days(period: str, first: str, last: str, today: date) -> tuple[str, date, date]:
    try:
        starts_on, last_on = date.fromisoformat(first), date.fromisoformat(last)
    except ValueError:
        pass
    else:
        if starts_on <= last_on < date.max:
            return "", starts_on, last_on + _DAY
    chosen = period if period in PERIODS else "month"
    return chosen, *period_of(chosen, today)


def period_of(period: str, today: date) -> tuple[date, date]:
    """Return the days of a period that is named by its distance from today."""
    name = period.removeprefix("last-")
    months = {"month": 1, "quarter": 3, "year": 12}[name]
    month = (today.month - 1) // months * months + 1
    starts_on = today.replace(month=month, day=1)
    if period != name:
        ends_on = starts_on
        starts_on = _months_before(starts_on, months)
        return starts_on, ends_on
    ends_on = starts_on
    for _ in range(months):
        ends_on = month_after(ends_on)
    return starts_on, ends_on


def _months_before(month: date, months: int) -> date:
    for _ in range(months):
        month = (month - _DAY).replace(day=1)
    return month
