"""What an invoice says, as it is printed: read from the invoice, its lines, taxes and snapshot, and from nothing else."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from apps.invoices.daily import Chart, Table, tables_of
from apps.invoices.document_lines import Group, groups_of
from apps.invoices.document_taxes import TaxRow, taxes_of
from apps.invoices.figures import Figures, figures_for
from apps.invoices.models import Invoice, InvoiceLine, InvoiceTax

_COLOR = re.compile(r"\A#[0-9a-fA-F]{6}\Z")
_INK = "#1f2937"
_ONE_DAY = timedelta(days=1)
# The number of a qualified invoice issuer.
_REGISTERED_IN_JAPAN = re.compile(r"\AT[0-9]{13}\Z")


@dataclass(frozen=True, slots=True)
class Party:
    name: str
    lines: tuple[str, ...]
    tax_label: str
    tax_number: str


@dataclass(frozen=True, slots=True)
class CreditRow:
    name: str
    unit: str
    used: str
    left: str
    expires: str


@dataclass(frozen=True, slots=True)
class Document:
    """One invoice or credit note in its customer's language, every figure written out.

    A credit note says what it gives back in amounts above zero, as tax offices and bookkeepers expect of one.
    """

    figures: Figures
    title: str
    note: str
    is_draft: bool
    is_credit_note: bool
    number: str
    headline: str
    period: str
    facts: tuple[tuple[str, str], ...]
    seller: Party
    customer: Party
    contacts: tuple[str, ...]
    logo_svg: str
    color: str
    amount_label: str
    groups: tuple[Group, ...]
    credits: tuple[CreditRow, ...]
    usage: tuple[Table, ...]
    subtotal: str
    taxes: tuple[TaxRow, ...]
    prices_include_tax: bool
    total: str
    terms: str
    bank: tuple[str, ...]
    reference_text: str
    printed_terms: tuple[str, ...]
    made_on: date

    @property
    def charts(self) -> tuple[Chart, ...]:
        """Return the charts of all meters that were used."""
        return tuple(meter.chart for table in self.usage for meter in table.meters)


def document_of(
    invoice: Invoice,
    lines: Sequence[InvoiceLine],
    *,
    language: str = "",
    is_pro_forma: bool = False,
    taxes: Sequence[InvoiceTax] | None = None,
) -> Document:
    """Return what the invoice prints, in its customer's language unless one is named.

    A draft says that it is one, or that it is a pro forma invoice, and asks for no money. `taxes` are those of an invoice that is
    not written.
    """
    snapshot: Mapping[str, Any] = invoice.snapshot
    seller, customer, contract = snapshot["seller"], snapshot["customer"], snapshot["contract"]
    figures = figures_for(
        language=language or customer["language"],
        currency=invoice.currency,
        countries=frozenset({seller["country"], customer["country"]}),
    )
    words, sign = figures.words, sign_of(invoice)
    buyer = _party(customer, figures)
    return Document(
        figures=figures,
        title=_title(invoice, figures, is_pro_forma=is_pro_forma),
        note="" if invoice.number else words.pro_forma_note if is_pro_forma else words.draft_note,
        is_draft=invoice.number is None,
        is_credit_note=invoice.kind == Invoice.Kind.CREDIT_NOTE,
        number=invoice.number or "",
        headline=_headline(invoice, figures),
        period=figures.period(invoice.period_start_on, invoice.period_end_on),
        facts=_facts(invoice, figures, contract, customer),
        seller=_party(seller, figures),
        customer=replace(buyer, name=words.addressee.format(name=buyer.name)),
        contacts=tuple(text for text in (seller["email"], seller["website"]) if text),
        logo_svg=seller["logo_svg"],
        color=seller["brand_color"] if _COLOR.match(seller["brand_color"]) else _INK,
        amount_label=words.amount_in.format(currency=figures.currency_name),
        groups=groups_of(
            lines,
            figures,
            snapshot.get("credit_units", {}),
            sign,
            is_interim=(invoice.credits or invoice).kind == Invoice.Kind.THRESHOLD,
        ),
        credits=tuple(
            _credit_row(row, figures) for row in snapshot.get("credits", ()) if Decimal(row["used"])
        ),
        usage=tables_of(invoice, figures),
        subtotal=figures.amount(invoice.subtotal * sign),
        taxes=taxes_of(invoice, figures, sign, taxes),
        prices_include_tax=invoice.tax_included,
        total=figures.total(invoice.total * sign),
        terms=_terms(invoice, figures, contract),
        bank=tuple(line.strip() for line in seller["bank_details"].splitlines() if line.strip()),
        reference_text=words.reference_text.format(number=invoice.number or ""),
        printed_terms=tuple(
            line.strip() for line in contract.get("printed_terms", "").splitlines() if line.strip()
        ),
        made_on=invoice.issued_on or invoice.period_end_on,
    )


def sign_of(invoice: Invoice) -> int:
    """Return -1 for a credit note, whose amounts are kept below zero and said above it."""
    return -1 if invoice.kind == Invoice.Kind.CREDIT_NOTE else 1


def _title(invoice: Invoice, figures: Figures, *, is_pro_forma: bool) -> str:
    words, kind = figures.words, Invoice.Kind(invoice.kind)
    if invoice.number is None and is_pro_forma:
        return words.title_pro_forma
    if invoice.number is None:
        return words.draft_credit_note if kind == Invoice.Kind.CREDIT_NOTE else words.draft
    return {
        Invoice.Kind.PERIOD: words.invoice,
        Invoice.Kind.OPENING: words.title_opening,
        Invoice.Kind.THRESHOLD: words.title_threshold,
        Invoice.Kind.ONE_OFF: words.title_one_off,
        Invoice.Kind.CREDIT_PURCHASE: words.title_credit_purchase,
        Invoice.Kind.CREDIT_NOTE: words.title_credit_note,
    }[kind]


def _headline(invoice: Invoice, figures: Figures) -> str:
    total = figures.total(invoice.total * sign_of(invoice))
    if invoice.kind == Invoice.Kind.CREDIT_NOTE:
        return total
    if not invoice.total:
        return figures.words.nothing_due
    if invoice.due_on is None:
        return total
    return figures.words.amount_due_by.format(amount=total, day=figures.day(invoice.due_on))


def _facts(
    invoice: Invoice, figures: Figures, contract: Mapping[str, Any], customer: Mapping[str, Any]
) -> tuple[tuple[str, str], ...]:
    words = figures.words
    period = figures.period(invoice.period_start_on, invoice.period_end_on)
    if invoice.kind == Invoice.Kind.OPENING:
        period = words.in_advance.format(period=period)
    is_credit_note = invoice.kind == Invoice.Kind.CREDIT_NOTE
    facts = (
        (words.credit_note_number if is_credit_note else words.number, invoice.number or ""),
        (words.issued, figures.day(invoice.issued_on) if invoice.issued_on else ""),
        (words.due, figures.day(invoice.due_on) if invoice.due_on and not is_credit_note else ""),
        (words.corrects, str(invoice.credits.number) if invoice.credits else ""),
        (words.reason, invoice.reason if invoice.number else ""),
        (words.period, period),
        (words.contract, contract["number"]),
        (words.plan, contract["plan"]),
        (words.purchase_order, contract["purchase_order"]),
        (words.customer_number, customer["key"]),
    )
    return tuple((label, value) for label, value in facts if value)


def _party(party: Mapping[str, Any], figures: Figures) -> Party:
    """Lay the address out as post of its country does: the postal code before the city, or after the state."""
    after = party["country"] in {"US", "CA", "GB", "AU"}
    place = (
        (", ".join(text for text in (party["city"], party["region"]) if text), party["postal_code"])
        if after
        else (party["postal_code"], party["city"], party["region"])
    )
    lines = (
        *party["address"].splitlines(),
        " ".join(text for text in place if text),
        figures.country(party["country"]),
    )
    number = party["tax_number"]
    # The seller's may be another country's than its own.
    is_registered = party.get("tax_country", party["country"]) == "JP" and _REGISTERED_IN_JAPAN.match(number)
    return Party(
        name=party["name"],
        lines=tuple(line.strip() for line in lines if line.strip()),
        tax_label=figures.words.registration_number if is_registered else figures.words.tax_number,
        tax_number=number,
    )


def _credit_row(row: Mapping[str, Any], figures: Figures) -> CreditRow:
    """Name the last day that the grant is good on, which is the day before it is gone."""
    gone_on = date.fromisoformat(row["expires_on"]) if row["expires_on"] else None
    return CreditRow(
        name=row["name"],
        unit=row["unit"],
        used=figures.quantity(Decimal(row["used"])),
        left=figures.quantity(Decimal(row["left"])),
        expires=figures.day(gone_on - _ONE_DAY) if gone_on else figures.words.never,
    )


def _terms(invoice: Invoice, figures: Figures, contract: Mapping[str, Any]) -> str:
    words = figures.words
    if invoice.kind == Invoice.Kind.CREDIT_NOTE:
        return {
            Invoice.Remainder.REFUND: words.refund_follows,
            Invoice.Remainder.BALANCE: words.kept_as_balance,
            Invoice.Remainder.NEXT_INVOICE: words.next_invoice_less,
        }[Invoice.Remainder(invoice.remainder)]
    if invoice.due_on is None or invoice.total <= 0:
        return ""
    terms = words.payment_terms if contract["payment_days"] else words.payment_terms_now
    said = terms.format(days=contract["payment_days"], day=figures.day(invoice.due_on))
    if percent := contract.get("late_interest_percent"):
        return f"{said} {words.late_interest.format(percent=figures.percent(Decimal(percent)))}"
    return said
