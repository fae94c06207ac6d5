"""What periods were expected to come to while they ran: kept until shortly before their ends, and compared with their drafts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.db import connection, transaction

from apps.core import audit
from apps.core.money import Money
from apps.core.periods import local_day
from apps.invoices.models import Invoice, KeptForecast

# What a forecast foresees is what its period is rated to: the lines of the draft's own contract, less the credits that pay.
# Nobody could foresee what is of another period, what staff add by hand, or which accounts are billed with it.
# It is of an invoice `i`.
COMES_TO_SQL = """(
    SELECT coalesce(sum(l.amount), 0) AS comes_to FROM invoices_invoiceline l
    WHERE l.invoice_id = i.id AND l.of_contract_id IS NULL AND NOT l.in_advance
      AND l.kind NOT IN ('adjustment', 'advance', 'manual')
)"""


@dataclass(frozen=True, slots=True)
class Expected:
    """What a contract's period came to so far, and is expected to come to at its end, in one currency."""

    contract_id: UUID
    period_start_on: date
    so_far: Money
    expected: Money
    low: Money
    high: Money


@dataclass(frozen=True, slots=True)
class Compared:
    """A forecast beside what its period comes to: at the contract's prices, after credits and before tax is added."""

    on: date
    so_far: Money
    expected: Money
    low: Money
    high: Money
    comes_to: Money

    @property
    def is_range(self) -> bool:
        """Tell whether it left anything open."""
        return self.low < self.high

    @property
    def is_outside(self) -> bool:
        """Tell whether the period came to more or less than the range."""
        return not self.low <= self.comes_to <= self.high

    @property
    def share(self) -> Decimal | None:
        """Return the difference as a share of what was expected; None where that was nothing."""
        if self.expected.is_zero:
            return None
        return (self.comes_to.amount - self.expected.amount) / abs(self.expected.amount)

    @property
    def was_to_come(self) -> Money:
        """Return what was expected to be added after the forecast."""
        return self.expected - self.so_far

    @property
    def came(self) -> Money:
        """Return what was added after it: by usage, also of earlier days that was counted later, and by what was agreed."""
        return self.comes_to - self.so_far


@transaction.atomic(durable=True)
def keep(*, forecasts: Sequence[Expected], at: datetime, actor: str) -> None:
    """Keep the forecasts of an instant, in the place of earlier ones of the same periods; one statement for all."""
    if not forecasts:
        return
    # In one order, so that two who keep the same ones wait for each other instead of in a circle.
    rows = [_row(one, at) for one in sorted(forecasts, key=lambda one: one.contract_id)]
    KeptForecast.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["contract", "period_start_on"],
        update_fields=["forecast_at", "currency", "so_far", "expected", "low", "high"],
    )
    audit.record(
        at=at,
        actor=actor,
        action="invoices.keep_forecasts",
        subject_type="forecasts",
        subject_key=at.date().isoformat(),
        after={"contracts": len(rows)},
    )


def of_draft(draft: Invoice) -> Compared | None:
    """Return the forecast of a draft's period beside the draft, where one was kept; one query."""
    if draft.kind != Invoice.Kind.PERIOD:
        return None
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT g.forecast_at, g.so_far, g.expected, g.low, g.high, {COMES_TO_SQL} "  # noqa: S608 a constant
            "FROM invoices_invoice i JOIN invoices_keptforecast g "
            "ON g.contract_id = i.contract_id AND g.period_start_on = i.period_start_on AND g.currency = i.currency "
            "WHERE i.id = %s",
            [draft.pk],
        )
        row = cursor.fetchone()
    return compared(*row, currency=draft.currency, timezone=draft.timezone) if row else None


def compared(at: datetime, *amounts: Decimal, currency: str, timezone: str) -> Compared:
    """Return a kept forecast, its amounts in their order with what the draft comes to last, by its local day."""
    so_far, expected, low, high, comes_to = (Money(amount, currency).rounded() for amount in amounts)
    return Compared(local_day(at, timezone), so_far, expected, low, high, comes_to)


def _row(one: Expected, at: datetime) -> KeptForecast:
    return KeptForecast(
        contract_id=one.contract_id,
        period_start_on=one.period_start_on,
        forecast_at=at,
        currency=one.expected.currency,
        so_far=one.so_far.amount,
        expected=one.expected.amount,
        low=one.low.amount,
        high=one.high.amount,
    )
