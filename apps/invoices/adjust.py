"""Late usage and corrections of invoiced days: the closed period is priced again, less what was billed of it.

What differs goes onto the contract's next invoice, line by line, and names the invoice that it adjusts. What was billed
includes earlier adjustments, so nothing is adjusted twice, and what could not be given back yet comes up again by itself.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, localcontext

from apps.contracts.models import Contract
from apps.core import db
from apps.core.money import EXACT
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


def adjustments(contract: Contract, starts_on: date) -> list[Adjustment]:
    """Return what the invoice of the period from `starts_on` has to adjust of earlier ones. A step.

    Only the next invoice to be finalized carries adjustments. Takes one query where no day changed after its invoice, and
    the price of each period in which one did.
    """
    db.require_transaction()
    if contract.billed_until_on != starts_on:
        return []
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


def _of(contract: Contract, invoice: Invoice) -> Iterable[Adjustment]:
    priced = billing.price(contract, Period(invoice.period_start_on, invoice.period_end_on, invoice.timezone))
    planned = {charge.charge.key: charge for charge in priced.charges}
    rated: dict[Key, tuple[Decimal, Decimal]] = {}
    for line in priced.rated.lines:
        if line.kind is LineKind.USAGE:
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
