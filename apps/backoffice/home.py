"""The home page: what the month brings, what recurs, who pays it, what is owed, and what waits for a decision."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.http import HttpRequest

from apps.backoffice import home_charts, queries
from apps.backoffice.figures import collections, customers, invoiced, movements, recurring, waiting
from apps.backoffice.figures.invoiced import Ahead, ByMonth, Invoiced, Sold
from apps.backoffice.figures.months import last_day, month_of, months_to
from apps.backoffice.figures.movements import Movement, Retention
from apps.backoffice.figures.recurring import Stretch
from apps.contracts.queries import running
from apps.controls.forecast import Sum, added_up, forecast
from apps.controls.spend import Spend, spend_to_date
from apps.core import clock, formats
from apps.core.charts import Chart
from apps.core.money import Money
from apps.core.periods import months_after
from apps.customers.models import Customer

# The months before the running one; and those that they are compared with.
MONTHS = 12
MOST_MOVES = 6
_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Retained:
    """What customers of a year before bring in a month: of their fees (MRR) and of all revenue; None is not known."""

    month: date
    currency: str
    recurring: Retention | None
    invoiced: Retention | None

    @property
    def invoiced_then(self) -> Money:
        """Return what the customers of a year before brought then."""
        return Money(self.invoiced.before if self.invoiced else _NOTHING, self.currency)

    @property
    def invoiced_now(self) -> Money:
        """Return what the same customers bring this month."""
        return Money(self.invoiced.now if self.invoiced else _NOTHING, self.currency)


@dataclass(frozen=True, slots=True)
class Moved:
    """How a customer's recurring revenue changed in a month."""

    month: date
    customer: Customer
    kind: str
    amount: Money

    @property
    def what(self) -> str:
        """Say what happened, as the chart does."""
        return home_charts.MOVES[self.kind]


@dataclass(frozen=True, slots=True)
class Bar:
    """A month of a customer's small chart: what is read, and its height in hundredths of the largest."""

    title: str
    height: int


@dataclass(frozen=True, slots=True)
class Top:
    """One of the customers that bring the most."""

    customer: Customer
    figures: customers.Ranked
    last: Money
    so_far: Money
    total: Money
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """What the page shows of one currency."""

    currency: str
    forecast: Sum | None
    contracts: int
    invoiced: Money
    invoices: int
    recurring: Money
    yearly: Money
    running_month: Movement
    retained: tuple[Retained, ...]
    moved: tuple[Moved, ...]
    top: tuple[Top, ...]
    collections: collections.Collections | None
    charts: Mapping[str, Chart]
    months: tuple[date, ...]

    @property
    def files(self) -> dict[str, tuple[tuple[str, str], ...]]:
        """Return the addresses of its tables as files."""
        return {key: home_charts.files(key, self.currency) for key in ("customers", "retention", "owed")}

    @property
    def last_retained(self) -> Retained | None:
        """Return the newest month of which any retention is known."""
        return next((one for one in reversed(self.retained) if one.recurring or one.invoiced), None)

    @property
    def compares_from(self) -> date | None:
        """Return the month in which retention is first known, a year after the first revenue; None without any."""
        return self._first and months_after(self._first, MONTHS)

    @property
    def _first(self) -> date | None:
        revenue = self.charts["revenue"]
        for place, month in enumerate(self.months):
            if any(one.values[place] for one in revenue.series):
                return month
        return None


@dataclass(frozen=True, slots=True)
class Home:
    """All that the home page shows; without a section nothing is sold yet."""

    at: datetime
    currencies: tuple[str, ...]
    section: Section | None
    last_received_at: datetime | None
    used: Chart
    waiting: tuple[waiting.Waiting, ...]


@dataclass(frozen=True, slots=True)
class _Read:
    """What is read once for whichever currency."""

    at: datetime
    months: tuple[date, ...]
    spends: Mapping[UUID, Spend]
    forecasts: Mapping[str, Sum]
    stretches: Sequence[Stretch]
    invoiced: Invoiced
    drafts: Mapping[str, ByMonth]
    ahead: Sequence[Ahead]
    collections: Mapping[str, collections.Collections]

    @property
    def today(self) -> date:
        return self.at.date()

    def revenue(self, currency: str) -> ByMonth:
        """Return what customers brought: drafts count as they are, or a month that is being closed would seem to bring nothing."""
        nothing: ByMonth = {}
        return invoiced.together(
            self.invoiced.customers.get(currency, nothing), self.drafts.get(currency, nothing)
        )


def home(*, at: datetime, currency: str = "") -> Home:
    """Return the home page at an instant, in a number of queries that does not grow with customers or invoices.

    It shows one currency: the one asked for, or that of the most contracts.
    """
    read = _read(at)
    currencies = _currencies(read)
    chosen = currency if currency in currencies else next(iter(currencies), "")
    return Home(
        at=at,
        currencies=tuple(sorted(currencies)),
        section=_section(read, chosen) if chosen else None,
        last_received_at=max(
            (spend.last_received_at for spend in read.spends.values() if spend.last_received_at), default=None
        ),
        used=home_charts.used(today=read.today),
        waiting=tuple(waiting.waiting(stretches=read.stretches, at=at)),
    )


def context(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Give the admin's index page what it shows."""
    may_see = all(
        request.user.has_perm(right) for right in ("invoices.view_invoice", "customers.view_customer")
    )
    shown = home(at=clock.now(), currency=request.GET.get("currency", "")) if may_see else None
    return {**context, "home": shown, "title": "Home"}


def _read(at: datetime) -> _Read:
    spends = spend_to_date(contracts=running(at=at), at=at)
    months = months_to(month_of(at.date()), MONTHS + 1)
    return _Read(
        at=at,
        months=months,
        spends=spends,
        forecasts=added_up(forecast(spends=spends.values(), at=at).values()),
        stretches=recurring.stretches(until=at.date()),
        invoiced=invoiced.invoiced(since=months_after(months[0], -MONTHS)),
        drafts=invoiced.in_drafts(),
        ahead=invoiced.ahead_of({spend.contract_id: spend.period for spend in spends.values()}),
        collections=collections.collections(months=months, today=at.date()),
    )


def _currencies(read: _Read) -> list[str]:
    """Return the currencies that anything is in, that of the most contracts first."""
    many = Counter(spend.rated.subtotal.currency for spend in read.spends.values())
    known = {*many, *read.invoiced.customers, *read.collections, *(one.currency for one in read.stretches)}
    return sorted(known, key=lambda currency: (-many[currency], currency))


def _section(read: _Read, currency: str) -> Section:
    spends = [spend for spend in read.spends.values() if spend.rated.subtotal.currency == currency]
    by_month = _monthly(read, currency)
    found = read.collections.get(currency)
    moved = _movements(read, by_month, currency)
    return Section(
        currency=currency,
        forecast=read.forecasts.get(currency),
        contracts=len(spends),
        invoiced=Money(found.issued[-1] if found else _NOTHING, currency).rounded(),
        invoices=found.invoices if found else 0,
        recurring=Money(moved[-1].closing, currency).rounded(),
        yearly=Money(recurring.yearly(read.stretches, read.today, currency), currency).rounded(),
        running_month=moved[-1],
        retained=_retained(read, by_month, currency),
        moved=_moved(read, by_month, currency),
        top=_top(read, spends, currency),
        collections=found,
        charts=_charts(read, spends, moved, currency),
        months=read.months,
    )


def _charts(
    read: _Read, spends: Sequence[Spend], moved: Sequence[Movement], currency: str
) -> dict[str, Chart]:
    sold = [one for one in read.invoiced.sold if one.currency == currency]
    sold += [
        replace(one.sold, amount=-one.sold.amount) for one in read.ahead if one.sold.currency == currency
    ]
    sold += _spent(spends, read.months[-1])
    drafts = {month: sum(of.values(), _NOTHING) for month, of in read.drafts.get(currency, {}).items()}
    found = read.collections.get(currency)
    charts = [
        home_charts.revenue(
            sold, months=read.months, drafts=drafts, forecast=read.forecasts.get(currency), currency=currency
        ),
        home_charts.recurring(moved, months=read.months, currency=currency),
        home_charts.products(sold, months=read.months, slots=queries.product_slots(), currency=currency),
    ]
    if found:
        charts.append(
            home_charts.money_in(found.issued, found.collected, months=read.months, currency=currency)
        )
    return {chart.key: chart for chart in charts}


def _spent(spends: Iterable[Spend], month: date) -> list[Sold]:
    """Return what running periods came to so far, as lines of the running month."""
    sold = []
    for spend in spends:
        products = {planned.charge.key: planned.product_name for planned in spend.charges}
        currency = spend.rated.subtotal.currency
        sold += [
            Sold(currency, month, line.kind, products.get(line.charge or "", ""), line.amount.amount)
            for line in spend.rated.lines
        ]
        applied = spend.rated.credits_applied.amount
        if applied:
            sold.append(Sold(currency, month, "credits", "", -applied))
    return sold


def _monthly(read: _Read, currency: str) -> dict[date, dict[UUID, Decimal]]:
    """Return each customer's MRR at the end of each month, of the running one today, and of a year before."""
    months = (*months_to(months_after(read.months[0], -1), MONTHS), *read.months)
    return {
        month: recurring.monthly(read.stretches, min(last_day(month), read.today), currency)
        for month in months
    }


def _movements(read: _Read, by_month: Mapping[date, Mapping[UUID, Decimal]], currency: str) -> list[Movement]:
    return [
        movements.movement(
            by_month[months_after(month, -1)],
            by_month[month],
            ever=recurring.before(read.stretches, month, currency),
        )
        for month in read.months
    ]


def _moved(read: _Read, by_month: Mapping[date, Mapping[UUID, Decimal]], currency: str) -> tuple[Moved, ...]:
    """Return the largest moves of the running month and the one before."""
    found = []
    for month in reversed(read.months[-2:]):
        ever = recurring.before(read.stretches, month, currency)
        moves = movements.moves(by_month[months_after(month, -1)], by_month[month], ever=ever)
        found += [(month, move) for move in moves]
    found = found[:MOST_MOVES]
    names = Customer.objects.in_bulk([move.customer_id for _, move in found])
    return tuple(
        Moved(month, names[move.customer_id], move.kind, Money(move.amount, currency).rounded())
        for month, move in found
    )


def _retained(
    read: _Read, by_month: Mapping[date, Mapping[UUID, Decimal]], currency: str
) -> tuple[Retained, ...]:
    """Return retention of the whole months, against the same month a year before."""
    revenue = read.revenue(currency)
    return tuple(
        Retained(
            month,
            currency,
            movements.retention(by_month[before], by_month[month]),
            movements.retention(revenue.get(before, {}), revenue.get(month, {})),
        )
        for month in read.months[:-1]
        for before in [months_after(month, -MONTHS)]
    )


def _top(read: _Read, spends: Iterable[Spend], currency: str) -> tuple[Top, ...]:
    so_far: dict[UUID, Decimal] = {}
    for spend in spends:
        customer = spend.contract.customer_id
        so_far[customer] = so_far.get(customer, _NOTHING) + spend.rated.total.amount
    for one in read.ahead:
        if one.sold.currency == currency and one.sold.month != read.months[-1]:
            so_far[one.customer_id] = so_far.get(one.customer_id, _NOTHING) - one.sold.amount
    rows = customers.ranked(read.revenue(currency), read.months[:-1], so_far)
    names = Customer.objects.in_bulk([row.customer_id for row in rows])
    return tuple(
        Top(
            names[row.customer_id],
            row,
            Money(row.last, currency).rounded(),
            Money(row.so_far, currency).rounded(),
            Money(row.total, currency).rounded(),
            _bars(read.months, row.months, currency),
        )
        for row in rows
    )


def _bars(months: Sequence[date], amounts: Sequence[Decimal], currency: str) -> tuple[Bar, ...]:
    largest = max(*amounts, _NOTHING)
    return tuple(
        Bar(
            f"{formats.format_short_month(month, home_charts.LOCALE)}: "
            f"{formats.format_money(Money(amount, currency), home_charts.LOCALE)}",
            int(max(amount, _NOTHING) * 100 / largest) if largest else 0,
        )
        for month, amount in zip(months[: len(amounts)], amounts, strict=True)
    )
