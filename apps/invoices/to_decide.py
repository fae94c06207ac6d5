"""Reading what a month's close asks of finance: drafts by filter, page by page, what they come to, and what each filter holds.

One statement answers for any number of drafts: totals and counts are summed in the database, and only the rows of a page are
read. A draft belongs to the month in which its period ends; one of fees in advance to the month in which it begins.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db import connection

from apps.core.money import Money
from apps.invoices import missing_data
from apps.invoices.approve import NEEDED
from apps.invoices.kept_forecasts import COMES_TO_SQL, Compared, compared
from apps.invoices.kinds import kind_words

PAGE = 50


class Show(StrEnum):
    """Which drafts of a month are shown."""

    ALL = "all"
    DIFFERS = "differs"
    FIRST = "first"
    ZERO = "zero"
    NEGATIVE = "negative"
    DATA = "data"
    APPROVAL = "approval"
    HELD = "held"
    READY = "ready"


class Order(StrEnum):
    """What the drafts are sorted by."""

    DIFFERENCE = "difference"
    TOTAL = "total"
    CUSTOMER = "customer"
    UNTIL = "until"


@dataclass(frozen=True, slots=True)
class Filter:
    """What is asked for; `month` is its first day, `over` the share that a draft may differ by before it stands out."""

    month: date | None = None
    entity: str = ""
    show: Show = Show.ALL
    over: Decimal = Decimal("0.25")
    text: str = ""
    order: Order = Order.DIFFERENCE


@dataclass(frozen=True, slots=True)
class DraftRow:
    """A draft as the close shows it; `before` is the invoice of the period before, `forecast` what was expected while it ran."""

    id: UUID
    customer_key: str
    customer_name: str
    contract_number: str
    kind: str
    period_start_on: date
    period_end_on: date
    total: Money
    tax: Decimal
    before_id: UUID | None
    before: Money | None
    before_tax: Decimal
    forecast: Compared | None
    review_until_at: datetime
    held: str
    approvals: int
    needs_approval: bool
    lacks_data: bool
    edited_by: str
    is_unlike_before: bool
    is_unlike_forecast: bool
    key: str

    @property
    def kind_words(self) -> str:
        """Return its kind in words, nothing for that of a period."""
        return kind_words(self.kind)

    @property
    def missing_approvals(self) -> int:
        """Return how many people are still to approve it."""
        return max(NEEDED - self.approvals, 0) if self.needs_approval else 0

    @property
    def differs(self) -> bool:
        """Tell whether it stands out, beside the period before or beside what was expected."""
        return self.is_unlike_before or self.is_unlike_forecast

    @property
    def difference(self) -> Money | None:
        """Return how much more than the period before it asks for, less being negative."""
        return None if self.before is None else self.total - self.before

    @property
    def change(self) -> Decimal | None:
        """Return the difference as a share of the period before; None where that was nothing."""
        if self.difference is None or self.before is None or self.before.is_zero:
            return None
        return self.difference.amount / abs(self.before.amount)


@dataclass(frozen=True, slots=True)
class Sum:
    """How many drafts, and what they come to in one currency."""

    count: int
    total: Money


@dataclass(frozen=True, slots=True)
class Summary:
    """What a month's drafts come to: those of the filter, those of the whole month, and how many each filter holds.

    Of those of the filter, so many are `ready` to be finalized, and so many are `waiting` for approval.
    """

    shown: tuple[Sum, ...]
    all: tuple[Sum, ...]
    counts: dict[Show, int]
    ready: int
    waiting: int


@dataclass(frozen=True, slots=True)
class Chip:
    """A value that drafts can be filtered by, and how many it holds."""

    key: str
    label: str
    count: int


_MONTH = "date_trunc('month', CASE WHEN i.kind = 'opening' THEN i.period_start_on ELSE i.period_end_on - 1 END)::date"
# Invoices of a day wait for none, nor any for them.
_OF_A_DAY = "('one_off', 'credit_purchase')"
_WAITING = "i.status = 'draft' AND i.kind <> 'credit_note'"
_DRAFTS = f"""
WITH d AS (
    SELECT i.id, i.kind, i.period_start_on, i.period_end_on, i.currency, i.total, i.tax_amount, i.review_until_at, i.edited_by, i.edition,
           i.legal_entity_id, c.id AS customer_id, c.key AS customer_key, c.name AS customer_name, c.billing_email,
           k.number AS contract_number, e.key AS entity_key, e.name AS entity_name,
           f.before_id, f.before, f.before_tax,
           i.timezone, g.forecast_at, g.so_far, g.expected, g.low, g.high, o.comes_to,
           coalesce(h.reason, '') AS held, a.approvals, a.mine,
           e.approval_above IS NOT NULL AND abs(i.total) > e.approval_above AS needs,
           {missing_data.MISSING_SQL} AS lacks_data,
           {_MONTH} AS month,
           EXISTS (
               SELECT FROM invoices_invoice p WHERE p.contract_id = i.contract_id AND p.status = 'draft'
                 AND p.period_start_on < i.period_start_on AND i.kind NOT IN {_OF_A_DAY} AND p.kind NOT IN {_OF_A_DAY}
           ) AS has_earlier
    FROM invoices_invoice i
    JOIN customers_customer c ON c.id = i.customer_id
    JOIN customers_legalentity e ON e.id = i.legal_entity_id
    JOIN contracts_contract k ON k.id = i.contract_id
    LEFT JOIN invoices_drafthold h ON h.invoice_id = i.id
    CROSS JOIN LATERAL {missing_data.SUPPLIED_SQL} t
    CROSS JOIN LATERAL (
        SELECT count(*) AS approvals, count(*) FILTER (WHERE p.approved_by = %(actor)s) AS mine FROM invoices_approval p
        WHERE p.invoice_id = i.id AND p.total = i.total AND p.edition = i.edition AND p.approved_by <> i.edited_by
    ) a
    LEFT JOIN LATERAL (
        SELECT p.id AS before_id, p.total AS before, p.tax_amount AS before_tax FROM invoices_invoice p
        WHERE p.contract_id = i.contract_id AND p.kind = 'period' AND p.status <> 'void' AND i.kind = 'period'
          AND p.period_end_on = i.period_start_on AND p.currency = i.currency
        ORDER BY p.finalized_at DESC NULLS LAST, p.id LIMIT 1
    ) f ON true
    LEFT JOIN invoices_keptforecast g ON g.contract_id = i.contract_id AND g.period_start_on = i.period_start_on
      AND g.currency = i.currency AND i.kind = 'period'
    LEFT JOIN LATERAL {COMES_TO_SQL} o ON g.id IS NOT NULL
    WHERE {_WAITING}
)
"""  # noqa: S608 put together from constants
_UNLIKE_BEFORE = "(before IS NOT NULL AND abs(total - before) > %(over)s * abs(before))"
# A wide range says that nobody could know: within it nothing stands out.
_UNLIKE_FORECAST = """
    (expected IS NOT NULL AND (comes_to < low OR comes_to > high) AND abs(comes_to - expected) > %(over)s * abs(expected))
"""
_DIFFERS = f"({_UNLIKE_BEFORE} OR {_UNLIKE_FORECAST})"
_LACKS_APPROVAL = f"(needs AND approvals < {NEEDED})"
_SHOWN = {
    Show.ALL: "true",
    Show.DIFFERS: _DIFFERS,
    Show.FIRST: "before IS NULL",
    Show.ZERO: "total = 0",
    Show.NEGATIVE: "total < 0",
    Show.DATA: "lacks_data",
    Show.APPROVAL: _LACKS_APPROVAL,
    Show.HELD: "held <> ''",
    Show.READY: f"(held = '' AND NOT {_LACKS_APPROVAL})",
}
READY = _SHOWN[Show.READY]
DIFFERS = _DIFFERS
LACKS_APPROVAL = _LACKS_APPROVAL
# What a page begins after, and in which direction; ids break ties.
_ORDERS = {
    Order.DIFFERENCE: ("abs(total - coalesce(before, 0))", "DESC", "numeric"),
    Order.TOTAL: ("total", "DESC", "numeric"),
    Order.CUSTOMER: ("lower(customer_name)", "ASC", "text"),
    Order.UNTIL: ("review_until_at", "ASC", "timestamptz"),
}


def summary(asked: Filter) -> Summary:
    """Return what the drafts come to, by currency, with the number that each filter holds, in one query."""
    shown = _SHOWN[asked.show]
    wanted = [
        *(_SHOWN[show] for show in Show),
        f"{shown} AND {READY}",
        f"{shown} AND held = '' AND {LACKS_APPROVAL}",
    ]
    counts = ", ".join(f"count(*) FILTER (WHERE {one})" for one in wanted)
    rows = ask(
        asked,
        f"SELECT currency, count(*) FILTER (WHERE {shown}), coalesce(sum(total) FILTER (WHERE {shown}), 0), count(*), sum(total), "  # noqa: S608 put together from constants
        f"{counts} FROM d WHERE {where(asked)} GROUP BY currency ORDER BY currency",
    )
    return Summary(
        shown=tuple(Sum(row[1], Money(row[2], row[0]).rounded()) for row in rows if row[1]),
        all=tuple(Sum(row[3], Money(row[4], row[0]).rounded()) for row in rows),
        counts={show: sum(row[5 + place] for row in rows) for place, show in enumerate(Show)},
        ready=sum(row[-2] for row in rows),
        waiting=sum(row[-1] for row in rows),
    )


def page(asked: Filter, *, after: str = "") -> tuple[list[DraftRow], str]:
    """Return up to 50 drafts of the filter after a row's key, and the key that the next page begins after; one query."""
    by, direction, cast = _ORDERS[asked.order]
    begins, more = _after(after, by, direction, cast)
    rows = ask(
        asked,
        "SELECT id, customer_key, customer_name, contract_number, kind, period_start_on, period_end_on, total, currency, "  # noqa: S608 put together from constants
        "tax_amount, before_id, before, before_tax, review_until_at, held, approvals, needs, lacks_data, edited_by, "
        f"{_UNLIKE_BEFORE}, {_UNLIKE_FORECAST}, ({by})::text || '~' || id::text, "
        "timezone, forecast_at, so_far, expected, low, high, comes_to "
        f"FROM d WHERE {where(asked)} AND {_SHOWN[asked.show]} AND {begins} "
        f"ORDER BY {by} {direction}, id {direction} LIMIT {PAGE + 1}",
        **more,
    )
    found = [_row(row) for row in rows[:PAGE]]
    return found, found[-1].key if len(rows) > PAGE else ""


def months() -> list[tuple[date, int]]:
    """Return the months that have drafts, with their number, the latest first, in one query."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {_MONTH} AS month, count(*) FROM invoices_invoice i WHERE {_WAITING} "  # noqa: S608 put together from constants
            "GROUP BY month ORDER BY month DESC"
        )
        return [(row[0], row[1]) for row in cursor.fetchall()]


def entities(month: date | None) -> list[Chip]:
    """Return the legal entities that have drafts in a month, or in any, with their number, in one query."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT e.key, e.name, count(*) FROM invoices_invoice i "  # noqa: S608 put together from constants
            f"JOIN customers_legalentity e ON e.id = i.legal_entity_id WHERE {_WAITING} "
            f"AND (%(month)s::date IS NULL OR {_MONTH} = %(month)s) GROUP BY e.key, e.name ORDER BY e.name",
            {"month": month},
        )
        return [Chip(*row) for row in cursor.fetchall()]


def ask(asked: Filter, statement: str, *, actor: str = "", **more: Any) -> list[tuple[Any, ...]]:
    """Return the rows of a statement over `d`, the drafts, with the filter's values as parameters."""
    values: dict[str, Any] = {
        "actor": actor,
        "union": missing_data.EUROPEAN_UNION,
        "month": asked.month,
        "entity": asked.entity,
        "over": asked.over,
        "text": f"%{_plain(asked.text.strip())}%",
        **more,
    }
    with connection.cursor() as cursor:
        cursor.execute(_DRAFTS + statement, values)
        return list(cursor.fetchall())


def where(asked: Filter, *, shown: bool = False) -> str:
    """Return the condition of the filter's month, legal entity and text; with `shown` also of what is shown."""
    parts = ["true"]
    if asked.month:
        parts.append("month = %(month)s")
    if asked.entity:
        parts.append("entity_key = %(entity)s")
    if asked.text.strip():
        parts.append(
            "(customer_name ILIKE %(text)s OR customer_key ILIKE %(text)s OR contract_number ILIKE %(text)s)"
        )
    if shown:
        parts.append(_SHOWN[asked.show])
    return " AND ".join(parts)


def _after(after: str, by: str, direction: str, cast: str) -> tuple[str, dict[str, Any]]:
    """Return the condition of what comes after a row's key; one that cannot be read begins at the start."""
    value, _, text = after.rpartition("~")
    try:
        row_id = UUID(text)
        if cast == "numeric":
            Decimal(value)
        if cast == "timestamptz":
            datetime.fromisoformat(value)
    except (ValueError, InvalidOperation):
        return "true", {}
    sign = "<" if direction == "DESC" else ">"
    return f"({by}, id) {sign} (%(after)s::{cast}, %(after_id)s)", {"after": value, "after_id": row_id}


def _plain(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _money(amount: Decimal | None, currency: str) -> Money | None:
    return None if amount is None else Money(amount, currency).rounded()


def _row(row: Sequence[Any]) -> DraftRow:
    currency = row[8]
    timezone, at, *amounts = row[22:]
    return DraftRow(
        id=row[0],
        customer_key=row[1],
        customer_name=row[2],
        contract_number=row[3],
        kind=row[4],
        period_start_on=row[5],
        period_end_on=row[6],
        total=Money(row[7], currency).rounded(),
        tax=row[9],
        before_id=row[10],
        before=_money(row[11], currency),
        before_tax=row[12] or Decimal(0),
        forecast=None if at is None else compared(at, *amounts, currency=currency, timezone=timezone),
        review_until_at=row[13],
        held=row[14],
        approvals=row[15],
        needs_approval=row[16],
        lacks_data=row[17],
        edited_by=row[18],
        is_unlike_before=row[19],
        is_unlike_forecast=row[20],
        key=row[21],
    )
