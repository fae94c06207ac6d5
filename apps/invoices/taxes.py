"""The tax of an invoice: what each line is taxed at, and the summary by category and rate."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from apps.core.money import rounded_to_minor_unit
from apps.invoices.models import Invoice, InvoiceLine, InvoiceTax

_PERCENT = Decimal(100)


@dataclass(frozen=True, slots=True)
class Treatment:
    """How a line is taxed: category of EN 16931, rate in percent, and what is printed."""

    category: InvoiceTax.Category
    rate: Decimal
    name: str = ""
    place: str = ""
    reason: str = ""
    reason_code: str = ""


def tax(invoice: Invoice, lines: Sequence[InvoiceLine]) -> list[InvoiceTax]:
    """Tax the lines of a draft and return the summary's rows; fills tax and total of the invoice, and of each line its share.

    A row's tax is rounded once, half up to the currency's minor unit; shares of lines add up to it.
    """
    by_treatment: dict[Treatment, list[InvoiceLine]] = {}
    for line in lines:
        treatment = _treatment(invoice)
        if treatment is not None:
            by_treatment.setdefault(treatment, []).append(line)
    rows = [
        _row(invoice, treatment, taxed, position)
        for position, (treatment, taxed) in enumerate(by_treatment.items(), start=1)
    ]
    invoice.tax_amount = sum((row.amount for row in rows), Decimal(0))
    invoice.tax_rate = rows[0].rate if len(rows) == 1 else Decimal(0)
    invoice.total = invoice.subtotal if invoice.tax_included else invoice.subtotal + invoice.tax_amount
    return rows


def _treatment(invoice: Invoice) -> Treatment | None:
    customer = invoice.customer
    if customer.tax_rate:
        return Treatment(InvoiceTax.Category.STANDARD, customer.tax_rate)
    if customer.tax_note:
        return Treatment(InvoiceTax.Category.OUTSIDE_SCOPE, Decimal(0), reason=customer.tax_note)
    return None


def _row(invoice: Invoice, treatment: Treatment, lines: Sequence[InvoiceLine], position: int) -> InvoiceTax:
    """Share the tax of the sum among its lines: each has the tax of all up to it, less that of all before it."""
    so_far, taxed = Decimal(0), Decimal(0)
    for line in lines:
        so_far += line.amount
        of_all = _tax_of(so_far, treatment.rate, invoice)
        line.tax_category, line.tax_rate, line.tax_amount = treatment.category, treatment.rate, of_all - taxed
        taxed = of_all
    return InvoiceTax(
        invoice=invoice,
        position=position,
        category=treatment.category,
        rate=treatment.rate,
        name=treatment.name,
        place=treatment.place,
        base=so_far - taxed if invoice.tax_included else so_far,
        amount=taxed,
        reason=treatment.reason,
        reason_code=treatment.reason_code,
    )


def _tax_of(amount: Decimal, rate: Decimal, invoice: Invoice) -> Decimal:
    whole = _PERCENT + rate if invoice.tax_included else _PERCENT
    return rounded_to_minor_unit(Fraction(amount) * Fraction(rate) / Fraction(whole), invoice.currency)
