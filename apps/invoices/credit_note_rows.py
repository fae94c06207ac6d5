"""The rows of a credit note, made from those of the invoice that it credits."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from apps.core.money import rounded_to_minor_unit
from apps.invoices.crediting import Part
from apps.invoices.models import Invoice, InvoiceLine, InvoiceTax

_AS_BILLED = (
    *("of_contract_id", "account_name", "charge_key", "key", "product_name", "name", "kind", "dimensions"),
    *("starts_on", "ends_on", "in_advance", "unit", "price_unit", "tax_category", "tax_rate", "adjusts_id"),
)


def note_of(invoice: Invoice, at: datetime) -> Invoice:
    """Return a credit note without amounts: seller, customer and contract stand on it as they stand on the invoice."""
    kept = invoice.snapshot
    return Invoice(
        kind=Invoice.Kind.CREDIT_NOTE,
        credits=invoice,
        legal_entity=invoice.legal_entity,
        customer=invoice.customer,
        contract_id=invoice.contract_id,
        period_start_on=invoice.period_start_on,
        period_end_on=invoice.period_end_on,
        timezone=invoice.timezone,
        currency=invoice.currency,
        tax_rate=invoice.tax_rate,
        tax_included=invoice.tax_included,
        drafted_at=at,
        review_until_at=at,
        snapshot={
            **{name: kept[name] for name in ("version", "seller", "customer", "contract")},
            "credit_units": kept.get("credit_units", {}),
            "credits": [],
            "usage": [],
            "days": [],
            "credited": {"number": invoice.number, "issued_on": str(invoice.issued_on)},
        },
    )


def lines_of(note: Invoice, lines: Sequence[InvoiceLine], parts: Sequence[Part]) -> list[InvoiceLine]:
    """Return a line for each part, as the invoice's was but below zero; of a part of a line's amount no quantity is told."""
    by_id = {line.pk: line for line in lines}
    return [
        InvoiceLine(
            invoice=note,
            position=position,
            credits_line=by_id[part.line_id],
            quantity=-by_id[part.line_id].quantity if part.is_whole else Decimal(0),
            credits=_negative(by_id[part.line_id].credits) if part.is_whole else None,
            exact=-part.amount,
            amount=-part.amount,
            tax_amount=-part.tax,
            **{name: getattr(by_id[part.line_id], name) for name in _AS_BILLED},
        )
        for position, part in enumerate(parts, start=1)
    ]


def taxes_of(note: Invoice, lines: Sequence[InvoiceLine], billed: Sequence[InvoiceTax]) -> list[InvoiceTax]:
    """Return the tax summary: the rows of the invoice, each with what the lines give back of it.

    Where several taxes are of one category and rate, they share it as they shared it on the invoice.
    """
    rows: list[InvoiceTax] = []
    for category, rate in dict.fromkeys((row.category, row.rate) for row in billed):
        of_rate = [line for line in lines if (line.tax_category, line.tax_rate) == (category, rate)]
        if not of_rate:
            continue
        tax = sum((line.tax_amount for line in of_rate), Decimal(0))
        base = sum((line.amount for line in of_rate), Decimal(0)) - (tax if note.tax_included else Decimal(0))
        alike = [row for row in billed if (row.category, row.rate) == (category, rate)]
        bases = _shared(base, [row.base for row in alike], note.currency)
        taxes = _shared(tax, [row.amount for row in alike], note.currency)
        rows += [
            InvoiceTax(
                invoice=note,
                position=row.position,
                category=category,
                rate=rate,
                name=row.name,
                place=row.place,
                base=of_base,
                amount=of_tax,
                reason=row.reason,
                reason_code=row.reason_code,
            )
            for row, of_base, of_tax in zip(alike, bases, taxes, strict=True)
        ]
    return rows


def _shared(amount: Decimal, weights: Sequence[Decimal], currency: str) -> list[Decimal]:
    whole = sum(weights, Decimal(0))
    if len(weights) == 1 or not whole:
        return [amount, *[Decimal(0)] * (len(weights) - 1)]
    shares, weighed, given = [], Decimal(0), Decimal(0)
    for weight in weights:
        weighed += weight
        so_far = rounded_to_minor_unit(Fraction(amount) * Fraction(weighed) / Fraction(whole), currency)
        shares.append(so_far - given)
        given = so_far
    return shares


def _negative(credits_: Decimal | None) -> Decimal | None:
    return None if credits_ is None else -credits_
