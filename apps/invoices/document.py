"""What an invoice says, as it is printed: read from the invoice, its lines and its snapshot, and from nothing else."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any

from apps.core.formats import NO_BREAK, format_short
from apps.invoices.figures import Figures, figures_for
from apps.invoices.models import Invoice, InvoiceLine
from apps.invoices.reasons import explain

_COLOR = re.compile(r"\A#[0-9a-fA-F]{6}\Z")
_INK = "#1f2937"
_MOST_CHARTS = 3
_ONE_DAY = timedelta(days=1)
_ADJUSTMENT = InvoiceLine.Kind.ADJUSTMENT
# Lines of which there is one, and nothing to count.
_UNCOUNTED = frozenset(
    {
        InvoiceLine.Kind.MINIMUM,
        InvoiceLine.Kind.MAXIMUM,
        InvoiceLine.Kind.DISCOUNT,
        InvoiceLine.Kind.TRUE_UP,
        InvoiceLine.Kind.ADVANCE,
        InvoiceLine.Kind.CREDITS,
    }
)


@dataclass(frozen=True, slots=True)
class Party:
    name: str
    lines: tuple[str, ...]
    tax_number: str


@dataclass(frozen=True, slots=True)
class Row:
    """A line; `carried` is the sum of all lines up to and with it."""

    name: str
    detail: str
    quantity: str
    unit: str
    unit_price: str
    amount: str
    reasons: tuple[str, ...]
    carried: str


@dataclass(frozen=True, slots=True)
class Group:
    product: str
    rows: tuple[Row, ...]
    subtotal_label: str
    subtotal: str


@dataclass(frozen=True, slots=True)
class CreditRow:
    name: str
    unit: str
    used: str
    left: str
    expires: str


@dataclass(frozen=True, slots=True)
class Chart:
    """The daily quantities of one meter; `most` names the busiest day's."""

    name: str
    total: str
    most: str
    first: str
    last: str
    quantities: tuple[Decimal, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """One invoice in its customer's language, every figure written out."""

    figures: Figures
    is_draft: bool
    number: str
    headline: str
    facts: tuple[tuple[str, str], ...]
    seller: Party
    customer: Party
    contacts: tuple[str, ...]
    logo_svg: str
    color: str
    amount_label: str
    groups: tuple[Group, ...]
    credits: tuple[CreditRow, ...]
    charts: tuple[Chart, ...]
    subtotal: str
    tax: tuple[str, str, str] | None
    total: str
    terms: str
    bank: tuple[str, ...]
    reference_text: str
    printed_terms: tuple[str, ...]
    made_on: date


def document_of(invoice: Invoice, lines: Sequence[InvoiceLine], *, language: str = "") -> Document:
    """Return what the invoice prints, in its customer's language unless one is named.

    A draft says that it is one and asks for no money.
    """
    snapshot: Mapping[str, Any] = invoice.snapshot
    seller, customer, contract = snapshot["seller"], snapshot["customer"], snapshot["contract"]
    figures = figures_for(
        language=language or customer["language"],
        currency=invoice.currency,
        countries=frozenset({seller["country"], customer["country"]}),
    )
    return Document(
        figures=figures,
        is_draft=invoice.number is None,
        number=invoice.number or "",
        headline=_headline(invoice, figures),
        facts=_facts(invoice, figures, contract, customer),
        seller=_party(seller, figures),
        customer=_party(customer, figures),
        contacts=tuple(text for text in (seller["email"], seller["website"]) if text),
        logo_svg=seller["logo_svg"],
        color=seller["brand_color"] if _COLOR.match(seller["brand_color"]) else _INK,
        amount_label=figures.words.amount_in.format(currency=invoice.currency),
        groups=_groups(lines, figures, snapshot["credit_units"]),
        credits=tuple(_credit_row(row, figures) for row in snapshot["credits"] if Decimal(row["used"])),
        charts=tuple(_chart(days, invoice, figures) for days in snapshot["days"][:_MOST_CHARTS]),
        subtotal=figures.amount(invoice.subtotal),
        tax=_tax(invoice, figures, customer),
        total=figures.total(invoice.total),
        terms=_terms(invoice, figures, contract),
        bank=tuple(line.strip() for line in seller["bank_details"].splitlines() if line.strip()),
        reference_text=figures.words.reference_text.format(number=invoice.number or ""),
        printed_terms=tuple(
            line.strip() for line in contract.get("printed_terms", "").splitlines() if line.strip()
        ),
        made_on=invoice.issued_on or invoice.period_end_on,
    )


def _headline(invoice: Invoice, figures: Figures) -> str:
    if not invoice.total:
        return figures.words.nothing_due
    if invoice.due_on is None:
        return figures.total(invoice.total)
    return figures.words.amount_due_by.format(
        amount=figures.total(invoice.total), day=figures.day(invoice.due_on)
    )


def _facts(
    invoice: Invoice, figures: Figures, contract: Mapping[str, Any], customer: Mapping[str, Any]
) -> tuple[tuple[str, str], ...]:
    words = figures.words
    period = figures.period(invoice.period_start_on, invoice.period_end_on)
    if invoice.kind == Invoice.Kind.OPENING:
        period = words.in_advance.format(period=period)
    facts = (
        (words.number, invoice.number or ""),
        (words.issued, figures.day(invoice.issued_on) if invoice.issued_on else ""),
        (words.due, figures.day(invoice.due_on) if invoice.due_on else ""),
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
    return Party(party["name"], tuple(line.strip() for line in lines if line.strip()), party["tax_number"])


def _groups(
    lines: Sequence[InvoiceLine], figures: Figures, credit_units: Mapping[str, str]
) -> tuple[Group, ...]:
    """Group the lines by account and product, in the order of their first line; what is of no product comes last."""
    order = {heading: place for place, heading in reversed(list(enumerate(map(_heading, lines))))}
    ordered = sorted(lines, key=lambda line: (*_place(line, order), line.position))
    carried = Decimal(0)
    groups = []
    for (account, name), members in groupby(ordered, key=_heading):
        product = " · ".join(text for text in (account, name or figures.words.whole_contract) if text)
        rows, subtotal = [], Decimal(0)
        for line in members:
            carried, subtotal = carried + line.amount, subtotal + line.amount
            rows.append(_row(line, figures, credit_units, carried))
        label = figures.words.subtotal_of.format(product=product)
        groups.append(Group(product, tuple(rows), label, figures.amount(subtotal)))
    return tuple(groups)


def _heading(line: InvoiceLine) -> tuple[str, str]:
    return line.account_name, line.product_name


def _place(line: InvoiceLine, order: Mapping[tuple[str, str], int]) -> tuple[int, bool, int]:
    """Sort the invoice's own lines before those of the accounts on it, each account's together."""
    account, product = heading = _heading(line)
    first_of_account = min(place for other, place in order.items() if other[0] == account)
    return (first_of_account if account else -1, not product, order[heading])


def _row(line: InvoiceLine, figures: Figures, credit_units: Mapping[str, str], carried: Decimal) -> Row:
    credit_unit = credit_units.get(line.price_unit, "") if line.price_unit != figures.currency else ""
    explained = explain(line.steps, figures=figures, unit=line.unit, credit_unit=credit_unit)
    is_counted = line.kind not in _UNCOUNTED and not (line.kind == _ADJUSTMENT and _is_amount(line))
    return Row(
        name=_name(line, figures),
        detail=_detail(line, figures),
        quantity=figures.quantity(line.quantity) if is_counted else "",
        unit=line.unit if is_counted else "",
        unit_price=f"{explained.unit_price} {credit_unit}".strip() if explained.unit_price else "",
        amount=figures.amount(line.amount),
        reasons=explained.reasons,
        carried=figures.total(carried),
    )


def _is_amount(line: InvoiceLine) -> bool:
    """Tell whether an adjustment is of an amount alone, and of no units."""
    return bool(line.key) or not line.quantity


def _name(line: InvoiceLine, figures: Figures) -> str:
    words = figures.words
    match line.kind:
        case InvoiceLine.Kind.MINIMUM:
            return words.minimum_of.format(name=line.name)
        case InvoiceLine.Kind.MAXIMUM:
            return words.maximum_of.format(name=line.name)
        case InvoiceLine.Kind.ADVANCE:
            return words.advance
        case InvoiceLine.Kind.CREDITS:
            return words.paid_from.format(name=line.name)
        case _:
            return line.name


def _detail(line: InvoiceLine, figures: Figures) -> str:
    """Return the dimension values of a line, and its days where they are not the invoice's."""
    values = [value for value in line.dimensions.values() if value != "*"]
    if line.starts_on and line.ends_on and line.kind != InvoiceLine.Kind.ADVANCE:
        days = figures.days(line.starts_on, line.ends_on)
        values.append(figures.words.in_advance.format(period=days) if line.in_advance else days)
    return " · ".join(values)


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


def _chart(days: Mapping[str, Any], invoice: Invoice, figures: Figures) -> Chart:
    of_day = {date.fromisoformat(day): Decimal(quantity) for day, quantity in days["quantities"].items()}
    length = (invoice.period_end_on - invoice.period_start_on).days
    quantities = tuple(
        of_day.get(invoice.period_start_on + timedelta(days=place), Decimal(0)) for place in range(length)
    )
    return Chart(
        name=days["name"],
        total=f"{format_short(sum(quantities, Decimal(0)), figures.locale)}{NO_BREAK}{days['unit']}",
        most=figures.words.usage_most.format(quantity=format_short(max(quantities), figures.locale)),
        first=figures.short_day(invoice.period_start_on),
        last=figures.short_day(invoice.period_end_on - _ONE_DAY),
        quantities=quantities,
    )


def _tax(invoice: Invoice, figures: Figures, customer: Mapping[str, Any]) -> tuple[str, str, str] | None:
    """Return label, amount and note of the tax line; none where there is neither a rate nor a note."""
    if not invoice.tax_rate and not customer["tax_note"]:
        return None
    label = figures.words.tax.format(
        rate=figures.percent(invoice.tax_rate), base=figures.total(invoice.subtotal)
    )
    return label, figures.amount(invoice.tax_amount), customer["tax_note"]


def _terms(invoice: Invoice, figures: Figures, contract: Mapping[str, Any]) -> str:
    if invoice.due_on is None or not invoice.total:
        return ""
    words = figures.words
    terms = words.payment_terms if contract["payment_days"] else words.payment_terms_now
    said = terms.format(days=contract["payment_days"], day=figures.day(invoice.due_on))
    if percent := contract.get("late_interest_percent"):
        return f"{said} {words.late_interest.format(percent=figures.percent(Decimal(percent)))}"
    return said
