"""What a close page is asked for, read from its address, and the addresses of its chips."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from django.http import QueryDict
from django.utils.http import urlencode

from apps.core.formats import format_month, plain
from apps.invoices.to_decide import Chip, Filter, Order, Show

LOCALE = "en"
EVERY_MONTH = "all"
_LABELS = {
    Show.ALL: "All",
    Show.DIFFERS: "Differ",
    Show.FIRST: "First invoice",
    Show.ZERO: "Zero",
    Show.NEGATIVE: "Negative",
    Show.DATA: "Tax or address data missing",
    Show.APPROVAL: "Wait for approval",
    Show.HELD: "Held",
    Show.READY: "Ready",
}
ORDERS = {
    Order.DIFFERENCE: "Largest difference",
    Order.TOTAL: "Largest total",
    Order.CUSTOMER: "Customer",
    Order.UNTIL: "Finalized soonest",
}
_LEAST, _MOST = Decimal(1), Decimal(1000)


@dataclass(frozen=True, slots=True)
class Link:
    """A chip: its label, how many drafts it holds, where it leads, and whether it is the one that is shown."""

    label: str
    count: int
    address: str
    is_here: bool


def asked(query: QueryDict, *, newest: date | None) -> Filter:
    """Read a filter; what cannot be read is as if it were not given. Without a month it is the newest that has drafts."""
    return Filter(
        month=_month(query.get("month", ""), newest),
        entity=query.get("entity", ""),
        show=_one_of(Show, query.get("show", ""), Show.ALL),
        over=_percent(query.get("over", "")) / 100,
        text=query.get("q", "")[:200],
        order=_one_of(Order, query.get("order", ""), Order.DIFFERENCE),
    )


def address(filtered: Filter, **more: str) -> str:
    """Return the query that asks for a filter again."""
    values = {
        "month": f"{filtered.month:%Y-%m}" if filtered.month else EVERY_MONTH,
        "entity": filtered.entity,
        "show": "" if filtered.show is Show.ALL else filtered.show.value,
        "over": "" if filtered.over == Filter().over else percent(filtered),
        "q": filtered.text,
        "order": "" if filtered.order is Order.DIFFERENCE else filtered.order.value,
        **more,
    }
    return "?" + urlencode({name: value for name, value in values.items() if value})


def percent(filtered: Filter) -> str:
    """Return the share above which a draft stands out, in percent."""
    return f"{plain(filtered.over * 100):f}"


def month_links(filtered: Filter, months: list[tuple[date, int]]) -> list[Link]:
    """Return a chip for each month that has drafts, and for the one that is shown."""
    counts = dict(months)
    if filtered.month:
        counts.setdefault(filtered.month, 0)
    links = [
        Link(
            format_month(month, LOCALE),
            count,
            address(replace(filtered, month=month)),
            month == filtered.month,
        )
        for month, count in sorted(counts.items(), reverse=True)
    ]
    if len(months) > 1:
        total = sum(count for _, count in months)
        links.append(Link("Every month", total, address(replace(filtered, month=None)), not filtered.month))
    return links


def entity_links(filtered: Filter, entities: list[Chip]) -> list[Link]:
    """Return a chip for each legal entity, where there are several."""
    if len(entities) < 2 and not filtered.entity:
        return []
    total = sum(one.count for one in entities)
    return [
        Link("All legal entities", total, address(replace(filtered, entity="")), not filtered.entity),
        *(
            Link(one.label, one.count, address(replace(filtered, entity=one.key)), one.key == filtered.entity)
            for one in entities
        ),
    ]


def show_links(filtered: Filter, counts: dict[Show, int]) -> list[Link]:
    """Return a chip for each filter that holds something, and for the one that is shown."""
    return [
        Link(
            f"{_LABELS[show]} by over {percent(filtered)}%" if show is Show.DIFFERS else _LABELS[show],
            counts[show],
            address(replace(filtered, show=show)),
            show is filtered.show,
        )
        for show in Show
        if counts[show] or show in {Show.ALL, filtered.show}
    ]


def bounds(month: date | None, *, now: datetime) -> tuple[datetime, datetime]:
    """Return the instants between which events of a month happened, in UTC; of every month all until now."""
    if month is None:
        return datetime(1970, 1, 1, tzinfo=UTC), now
    begins = datetime(month.year, month.month, 1, tzinfo=UTC)
    following = (month.replace(day=28) + timedelta(days=4)).replace(day=1)
    return begins, datetime(following.year, following.month, 1, tzinfo=UTC)


def _month(text: str, newest: date | None) -> date | None:
    if text == EVERY_MONTH:
        return None
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        return newest


def _percent(text: str) -> Decimal:
    default = Filter().over * 100
    try:
        given = Decimal(text)
    except InvalidOperation:
        return default
    return given if given.is_finite() and _LEAST <= given <= _MOST else default


def _one_of(choices: Any, text: str, default: Any) -> Any:
    return choices(text) if text in set(choices) else default
