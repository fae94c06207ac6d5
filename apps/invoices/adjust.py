"""Late usage and corrections of invoiced days: the closed period is priced again, less what was billed of it.

What differs goes onto the contract's next invoice, line by line, and names the invoice that it adjusts. What was billed
includes earlier adjustments, so nothing is adjusted twice, and what could not be given back yet comes up again by itself. Where
no invoice follows any more, it is told for staff to settle by hand.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, localcontext
from uuid import UUID

from django.db.models import Exists, F, OuterRef, Q, Subquery

from apps.contracts.models import Contract
from apps.contracts.queries import wholly_billed
from apps.core import db
from apps.core.money import EXACT, Money
from apps.core.periods import Period
from apps.invoices import billing
from apps.invoices.models import Invoice, InvoiceLine
from apps.plans.queries import PlannedCharge
from apps.rating.lines import LineKind
from apps.rating.usage import Usage
from apps.usage.models import LateDay

# A charge and its dimension values.
Key = tuple[str, tuple[tuple[str, str], ...]]
_NOTHING = (Decimal(0), Decimal(0))
# Whoever changes usage reads the clock first, and may then have to wait for an invoice.
_WAITED = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Adjustment:
    """The difference of one line of a closed period: to be billed, or in credits to be priced with the running period."""

    adjusted: Invoice
    planned: PlannedCharge
    dimensions: Mapping[str, str]
    quantity: Decimal
    amount: Decimal
    rated: Decimal
    billed: Decimal

    @property
    def is_in_credits(self) -> bool:
        """Tell whether the quantity is priced within the running period, by its credits."""
        return self.planned.charge.credit_unit is not None

    @property
    def usage(self) -> Usage:
        """Return what joins the running period's usage."""
        return Usage(self.planned.charge.key, abs(self.quantity), tuple(self.dimensions.items()))


@dataclass(frozen=True, slots=True)
class ToSettle:
    """A difference of an ended contract: to credit where it is below zero, else to bill; in credits it has no amount."""

    customer_key: str
    customer_name: str
    contract_id: UUID
    contract: str
    invoice_id: UUID
    invoice: str
    name: str
    dimensions: Mapping[str, str]
    quantity: Decimal
    unit: str
    amount: Money | None


def adjustments(contract: Contract, starts_on: date) -> list[Adjustment]:
    """Return what the invoice of the period from `starts_on` has to adjust of earlier ones. A step.

    Only the next invoice to be finalized carries adjustments. Takes one query where no day changed after its invoice, and
    the price of each period in which one did.
    """
    db.require_transaction()
    if contract.billed_until_on != starts_on:
        return []
    return _changed(contract)


def to_settle(*, customer_id: UUID | None = None, most: int = 100) -> list[ToSettle]:
    """Return what no invoice can adjust any more, of one customer or of all: staff credit or bill it by hand.

    It is what changed of contracts that ended, or could not be given back by their last invoice; nothing is written. Takes
    one query where there is none, else also the price of each changed period, of up to so many contracts, those that changed
    last.
    """
    ended = wholly_billed() if customer_id is None else wholly_billed().filter(customer=customer_id)
    of_contract = LateDay.objects.filter(contract=OuterRef("pk")).order_by("-changed_at")
    finalized = Invoice.objects.filter(contract=OuterRef("pk"), status=Invoice.Status.FINALIZED)
    last = finalized.order_by("-period_start_on")
    found = (
        ended.annotate(
            changed_at=Subquery(of_contract.values("changed_at")[:1]),
            finalized_at=Subquery(last.values("finalized_at")[:1]),
            last_id=Subquery(last.values("pk")[:1]),
            subtotal=Subquery(last.values("subtotal")[:1]),
        )
        .filter(changed_at__isnull=False)
        # What came before the last invoice is on it, unless that came down to nothing on the way.
        .filter(
            Q(changed_at__gt=F("finalized_at") - _WAITED)
            | Q(subtotal=0)
            | Exists(
                InvoiceLine.objects.filter(invoice=OuterRef("last_id"), kind=InvoiceLine.Kind.ADJUSTMENT)
            )
        )
        .select_related("customer", "plan_version")
        .order_by("-changed_at", "number")
    )
    return [_to_settle(contract, left) for contract in found[:most] for left in _changed(contract)]


def within(adjustments: Iterable[Adjustment], subtotal: Decimal) -> list[Adjustment]:
    """Return the adjustments in money that can be billed: together they never bring the subtotal below zero.

    What is left of one that is cut stays for the invoice after.
    """
    fitting = []
    for adjustment in adjustments:
        if adjustment.is_in_credits:
            continue
        amount = max(adjustment.amount, -subtotal)
        if amount:
            subtotal += amount
            fitting.append(
                Adjustment(
                    adjusted=adjustment.adjusted,
                    planned=adjustment.planned,
                    dimensions=adjustment.dimensions,
                    quantity=adjustment.quantity,
                    amount=amount,
                    rated=adjustment.rated,
                    billed=adjustment.billed,
                )
            )
    return fitting


def _changed(contract: Contract) -> list[Adjustment]:
    """Return what is rated otherwise now than it was billed, of the periods in which a day changed after its invoice."""
    days = list(LateDay.objects.filter(contract=contract).values_list("day", flat=True))
    if not days:
        return []
    closed = Invoice.objects.filter(contract=contract, status=Invoice.Status.FINALIZED).order_by(
        "period_start_on"
    )
    return [
        adjustment
        for invoice in closed.prefetch_related("lines")
        if any(invoice.period_start_on <= day < invoice.period_end_on for day in days)
        for adjustment in _of(contract, invoice)
    ]


def _to_settle(contract: Contract, left: Adjustment) -> ToSettle:
    return ToSettle(
        customer_key=contract.customer.key,
        customer_name=contract.customer.name,
        contract_id=contract.pk,
        contract=contract.number,
        invoice_id=left.adjusted.pk,
        invoice=left.adjusted.number or "",
        name=left.planned.charge.name,
        dimensions=left.dimensions,
        quantity=left.quantity,
        unit=left.planned.unit,
        amount=None if left.is_in_credits else Money(left.amount, left.adjusted.currency).rounded(),
    )


def _of(contract: Contract, invoice: Invoice) -> Iterable[Adjustment]:
    priced = billing.price(contract, Period(invoice.period_start_on, invoice.period_end_on, invoice.timezone))
    planned = {charge.charge.key: charge for charge in priced.charges}
    rated: dict[Key, tuple[Decimal, Decimal]] = {}
    for line in priced.rated.lines:
        if line.kind is LineKind.USAGE and line.charge is not None:
            rated[line.charge, tuple(sorted(line.dimensions))] = (line.quantity, line.amount.amount)
    billed = _billed(invoice)
    for key in [*rated, *(key for key in billed if key not in rated)]:
        charge = planned.get(key[0])
        (quantity, amount), (before, paid) = rated.get(key, _NOTHING), billed.get(key, _NOTHING)
        if charge and (amount != paid or (charge.charge.credit_unit and quantity != before)):
            with localcontext(EXACT):
                yield Adjustment(
                    invoice, charge, dict(key[1]), quantity - before, amount - paid, amount, paid
                )


def _billed(invoice: Invoice) -> dict[Key, tuple[Decimal, Decimal]]:
    """Return quantity and amount of each line of an invoice, with all finalized adjustments of it."""
    later = InvoiceLine.objects.filter(adjusts=invoice, invoice__status=Invoice.Status.FINALIZED)
    sums: dict[Key, tuple[Decimal, Decimal]] = {}
    with localcontext(EXACT):
        for line in (*invoice.lines.filter(kind=InvoiceLine.Kind.USAGE), *later):
            key = (line.charge_key, tuple(sorted(line.dimensions.items())))
            quantity, amount = sums.get(key, _NOTHING)
            sums[key] = (quantity + line.quantity, amount + line.amount)
    return sums
