"""The first page: what was spent so far, what is to pay, and where it comes from."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from apps.contracts import queries as contracts
from apps.contracts.models import Contract
from apps.controls.spend import Spend, spend_to_date
from apps.core.charts import Chart
from apps.core.money import Money
from apps.core.periods import local_day
from apps.plans.queries import PlannedCharge
from apps.portal import queries
from apps.portal.queries import ExpiredRow, GrantRow, InvoiceRow
from apps.portal.spend_by_day import spend_chart
from apps.rating.lines import LineKind
from apps.rating.terms import ChargeKind
from apps.usage.queries import day_rows


@dataclass(frozen=True, slots=True)
class SpendRow:
    """A charge's part of the spend; `credits` is what it took in the credit unit, if it is priced in one."""

    name: str
    meter_key: str
    quantity: Decimal
    unit: str
    credits: Decimal | None
    credit_unit: str
    amount: Money


@dataclass(frozen=True, slots=True)
class IncludedRow:
    """How far the quantity that a charge includes is used up."""

    name: str
    unit: str
    used: Decimal
    included: Decimal

    @property
    def share(self) -> Decimal:
        """Return the used share of what is included; above one when more was used."""
        return self.used / self.included

    @property
    def permille(self) -> int:
        """Return the share as a bar draws it, full at most."""
        return _permille(self.share)

    @property
    def beyond(self) -> Decimal:
        """Return how much was used beyond what is included."""
        return max(self.used - self.included, Decimal(0))

    @property
    def left(self) -> Decimal:
        """Return what is left of what is included."""
        return max(self.included - self.used, Decimal(0))


@dataclass(frozen=True, slots=True)
class CreditRow:
    """A grant, and what is left of it after the running period's usage."""

    name: str
    unit: str
    amount: Decimal
    left: Decimal
    expires_on: date | None

    @property
    def share(self) -> Decimal:
        """Return the share that is left."""
        return self.left / self.amount

    @property
    def permille(self) -> int:
        """Return the share as a bar draws it."""
        return _permille(self.share)

    @property
    def last_day(self) -> date | None:
        """Return the last day on which it can be used; None for ever."""
        return self.expires_on - timedelta(days=1) if self.expires_on else None


@dataclass(frozen=True, slots=True)
class Running:
    """The running period of the live contract."""

    contract: Contract
    spend: Spend
    rows: tuple[SpendRow, ...]
    included: tuple[IncludedRow, ...]
    chart: Chart

    @property
    def last_day(self) -> date:
        """Return the last day of the period."""
        return self.spend.period.ends_on - timedelta(days=1)

    @property
    def credits_applied(self) -> Money:
        """Return what grants in the currency paid, as what it takes off."""
        return -self.spend.rated.credits_applied

    @property
    def has_credits(self) -> bool:
        """Tell whether anything is priced in credits."""
        return any(row.credits is not None for row in self.rows)


@dataclass(frozen=True, slots=True)
class DueRow:
    """What is to pay in one currency."""

    open: Money
    invoices: tuple[InvoiceRow, ...]


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything that the first page shows; `running` is None for a customer without a live contract.

    It is None, too, while `is_unpriced`: a contract runs, and is priced by events that are archived and not at hand.
    """

    today: date
    running: Running | None
    is_unpriced: bool
    credits: tuple[CreditRow, ...]
    expired: tuple[ExpiredRow, ...]
    due: tuple[DueRow, ...]


def overview(*, customer_id: UUID, at: datetime, locale: str) -> Overview:
    """Return a customer's first page as of `at`, in a bounded number of queries."""
    live = contracts.live(customer_ids=[customer_id]).order_by("-starts_on")
    contract = next((one for one in live if one.covers(local_day(at, one.timezone))), None)
    today = local_day(at, contract.timezone if contract else "UTC")
    running = _running(contract, at=at, today=today, locale=locale) if contract else None
    grants = queries.grants_left(customer_id=customer_id, today=today)
    return Overview(
        today=today,
        running=running,
        is_unpriced=contract is not None and running is None,
        credits=_credits(grants, running),
        expired=queries.grants_expired(customer_id=customer_id, today=today),
        due=_due(queries.invoice_rows(customer_id=customer_id)),
    )


def _running(contract: Contract, *, at: datetime, today: date, locale: str) -> Running | None:
    spend = spend_to_date(contracts=[contract], at=at).get(contract.pk)
    if spend is None:
        return None
    charges = spend.charges
    rows = _spend_rows(charges, spend)
    period = spend.period
    return Running(
        contract=contract,
        spend=spend,
        rows=rows,
        included=_included(charges, rows),
        chart=spend_chart(
            contract=contract,
            period=period,
            charges=charges,
            rows=day_rows(contract=contract, period=period),
            today=today,
            credit_unit=_only_credit_unit(charges),
            locale=locale,
        ),
    )


def _spend_rows(charges: Sequence[PlannedCharge], spend: Spend) -> tuple[SpendRow, ...]:
    rows = []
    for planned in charges:
        lines = [line for line in spend.rated.lines if line.charge == planned.charge.key]
        used = [line for line in lines if line.kind is not LineKind.OVERAGE]
        in_credits = planned.charge.credit_unit
        rows.append(
            SpendRow(
                name=planned.charge.name,
                meter_key=planned.meter_key,
                quantity=sum((line.quantity for line in used), Decimal(0)),
                unit=planned.unit,
                credits=sum((line.credits or Decimal(0) for line in used), Decimal(0))
                if in_credits
                else None,
                credit_unit=in_credits or "",
                amount=Money.total((line.amount for line in lines), spend.rated.subtotal.currency),
            )
        )
    return tuple(rows)


def _included(charges: Sequence[PlannedCharge], rows: Sequence[SpendRow]) -> tuple[IncludedRow, ...]:
    return tuple(
        IncludedRow(planned.charge.name, planned.unit, row.quantity, planned.charge.included)
        for planned, row in zip(charges, rows, strict=True)
        if planned.charge.included
    )


def _only_credit_unit(charges: Sequence[PlannedCharge]) -> str:
    """Return the credit unit that all usage is priced in, or nothing if some is priced in money."""
    units = {planned.charge.credit_unit for planned in charges if planned.charge.kind is ChargeKind.USAGE}
    return (units.pop() or "") if len(units) == 1 else ""


def _credits(grants: Sequence[GrantRow], running: Running | None) -> tuple[CreditRow, ...]:
    left = {use.grant: use.left for use in running.spend.rated.grants} if running else {}
    return tuple(
        CreditRow(grant.name, grant.unit, grant.amount, left.get(grant.key, grant.left), grant.expires_on)
        for grant in grants
    )


def _due(invoices: Sequence[InvoiceRow]) -> tuple[DueRow, ...]:
    unpaid = [invoice for invoice in invoices if invoice.open.amount > 0]
    return tuple(
        DueRow(
            open=Money.total((one.open for one in unpaid if one.open.currency == currency), currency),
            invoices=tuple(
                sorted((one for one in unpaid if one.open.currency == currency), key=lambda one: one.due_on)
            ),
        )
        for currency in sorted({invoice.open.currency for invoice in unpaid})
    )


def _permille(share: Decimal) -> int:
    return int(min(share, Decimal(1)) * 1000)
