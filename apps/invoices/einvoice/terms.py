"""An invoice in the business terms of EN 16931-1:2017, read from the invoice, its lines, its taxes and its snapshot alone.

The keys are the standard's own: BT-1 is the invoice's number, BG-25 are its lines. Amounts are decimal strings. A credit note
states what it gives back above zero, as the standard asks, and is told apart by its type.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from stdnum import iban

from apps.core.money import EXACT, minor_digits, rounded_to_minor_unit
from apps.customers import tax_numbers
from apps.invoices.einvoice.errors import EInvoiceIncomplete
from apps.invoices.models import Invoice, InvoiceLine, InvoiceTax

Terms = dict[str, Any]
_CATEGORY = InvoiceTax.Category
_INVOICE, _CREDIT_NOTE = "380", "381"
_SEPA, _TRANSFER = "58", "30"
_PIECE = "C62"
_EMAIL = "EM"
_ONE_DAY = timedelta(days=1)
# UN/ECE Recommendation 20, for what is commonly counted; all else is told in words beside "one".
_UNITS = {"months": "MON", "days": "DAY", "hours": "HUR", "minutes": "MIN", "seconds": "SEC", "gb": "E34"}
# What may be said where an invoice has no tax summary: it is of no tax's business.
_UNTAXED = "Not subject to VAT"
# Who has to have which number, by category (BR-S-2, BR-G-2, BR-IC-2, BR-AE-2 and their like).
_WITHOUT_SELLERS_NUMBER = {_CATEGORY.OUTSIDE_SCOPE}
_BY_SELLERS_VAT_NUMBER = {_CATEGORY.EXPORT, _CATEGORY.INTRA_COMMUNITY}
_BY_CUSTOMERS_VAT_NUMBER = {_CATEGORY.REVERSE_CHARGE, _CATEGORY.INTRA_COMMUNITY}
# BR-DEC: amounts have two decimals at most.
_MOST_DIGITS = 2
# BR-CO-17: a tax is less than this off the rounded tax on the whole.
_MOST_OFF = 1


@dataclass(frozen=True, slots=True)
class Taxed:
    """A row of the tax summary as the standard has it: amounts above zero on invoice and credit note alike."""

    category: str
    rate: Decimal
    base: Decimal
    amount: Decimal
    reason: str
    reason_code: str


def terms_of(invoice: Invoice, lines: Sequence[InvoiceLine], taxes: Sequence[InvoiceTax]) -> Terms:
    """Return the business terms of a finalized invoice or credit note.

    Refuses, with what is missing, one that the standard has no form for: a currency of more than two decimals, a party without
    a country, an electronic address, or the tax number that how it is taxed asks for, and tax that was rounded on so many lines
    that it is off the tax on their sum.
    """
    assert invoice.number, "what is sent has a number"
    snapshot: Mapping[str, Any] = invoice.snapshot
    sign = -1 if invoice.kind == Invoice.Kind.CREDIT_NOTE else 1
    rows = _taxed(invoice, lines, taxes, sign)
    _refuse_incomplete(invoice, rows)
    is_outside = rows[0].category == _CATEGORY.OUTSIDE_SCOPE
    net = sum((row.base for row in rows), Decimal(0))
    tax = sum((row.amount for row in rows), Decimal(0))
    return {
        "BT-1": invoice.number,
        "BT-2": invoice.issued_on,
        "BT-3": _CREDIT_NOTE if sign < 0 else _INVOICE,
        "BT-5": invoice.currency,
        "BT-9": invoice.due_on if sign > 0 else None,
        "BT-10": snapshot["contract"]["purchase_order"] or snapshot["customer"]["key"],
        "BT-12": snapshot["contract"]["number"],
        "BT-13": snapshot["contract"]["purchase_order"] or None,
        "BT-20": _payment_terms(invoice, snapshot) if sign > 0 else None,
        "BG-1": [{"BT-22": note} for note in _notes(invoice, rows)],
        "BG-3": _credited(invoice),
        "BG-4": _party(snapshot["seller"], "email", with_vat=not is_outside, is_seller=True),
        "BG-7": _party(snapshot["customer"], "billing_email", with_vat=not is_outside, is_seller=False),
        "BG-13": _delivered_to(snapshot["customer"])
        if any(row.category == _CATEGORY.INTRA_COMMUNITY for row in rows)
        else None,
        "BT-72": invoice.period_end_on - _ONE_DAY,
        "BT-73": invoice.period_start_on,
        "BT-74": invoice.period_end_on - _ONE_DAY,
        **_payment(invoice, snapshot["seller"]["bank_details"]),
        "BT-106": _money(net),
        "BT-109": _money(net),
        "BT-110": _money(tax),
        "BT-112": _money(net + tax),
        "BT-115": _money(net + tax),
        "BG-23": [_tax_row(row) for row in rows],
        "BG-25": [_line(line, place, rows, invoice, sign) for place, line in enumerate(lines, start=1)],
    }


def _refuse_incomplete(invoice: Invoice, rows: Sequence[Taxed]) -> None:
    seller, customer = invoice.snapshot["seller"], invoice.snapshot["customer"]
    categories = {row.category for row in rows}
    problems = [
        text
        for is_missing, text in (
            (not seller["country"], f"the country of {seller['name']}"),
            (not seller["email"], f"the billing e-mail of {seller['name']}"),
            (not customer["country"], f"the country of {customer['name']}"),
            (not customer["billing_email"], f"the billing e-mail of {customer['name']}"),
            (
                bool(categories - _WITHOUT_SELLERS_NUMBER) and not seller["tax_number"],
                f"the tax number of {seller['name']}",
            ),
            (
                bool(categories & _BY_SELLERS_VAT_NUMBER) and bool(seller["tax_number"]) and not _vat(seller),
                f"a VAT number of {seller['name']}",
            ),
            (
                bool(categories & _BY_CUSTOMERS_VAT_NUMBER) and not _vat(customer),
                f"the VAT number of {customer['name']}",
            ),
            (
                any(_is_far_off(row, invoice.currency) for row in rows),
                "tax that is rounded once a rate, as on each of so many lines it comes to another than on their sum",
            ),
        )
        if is_missing
    ]
    if problems:
        raise EInvoiceIncomplete(str(invoice.number), problems)
    if minor_digits(invoice.currency) > _MOST_DIGITS:
        raise EInvoiceIncomplete(
            str(invoice.number), [f"a currency of two decimals at most instead of {invoice.currency}"]
        )


def _is_far_off(row: Taxed, currency: str) -> bool:
    """Tell whether a tax is off that on the whole by so much that the standard's rules take it for wrong."""
    on_the_whole = rounded_to_minor_unit(EXACT.multiply(row.base, row.rate.scaleb(-2)), currency)
    return abs(row.amount - on_the_whole) >= _MOST_OFF


def _taxed(
    invoice: Invoice, lines: Sequence[InvoiceLine], taxes: Sequence[InvoiceTax], sign: int
) -> list[Taxed]:
    """Return the rows of the summary; what is outside of the scope of tax is exempt where other lines are not (BR-O-11)."""
    known = [
        Taxed(one.category, one.rate, sign * one.base, sign * one.amount, one.reason, one.reason_code)
        for one in taxes
    ]
    untaxed = [line.amount for line in lines if not line.tax_category]
    if untaxed or not known:
        base = sign * sum(untaxed, Decimal(0))
        known.append(Taxed(_CATEGORY.OUTSIDE_SCOPE, Decimal(0), base, Decimal(0), _UNTAXED, ""))
    is_mixed = len({one.category == _CATEGORY.OUTSIDE_SCOPE for one in known}) > 1
    # Two taxes of one category and rate, in two places, are one row here (BR-S-8).
    rows: dict[tuple[str, Decimal], Taxed] = {}
    for one in known:
        is_exempt = is_mixed and one.category == _CATEGORY.OUTSIDE_SCOPE
        category, code = (_CATEGORY.EXEMPT.value, "") if is_exempt else (one.category, one.reason_code)
        before = rows.get((category, one.rate), Taxed(category, one.rate, Decimal(0), Decimal(0), "", code))
        rows[category, one.rate] = Taxed(
            category,
            one.rate,
            before.base + one.base,
            before.amount + one.amount,
            "; ".join(dict.fromkeys(text for text in (before.reason, one.reason) if text)),
            before.reason_code,
        )
    return list(rows.values())


def _tax_row(row: Taxed) -> Terms:
    found: Terms = {"BT-116": _money(row.base), "BT-117": _money(row.amount), "BT-118": row.category}
    if row.category != _CATEGORY.OUTSIDE_SCOPE:
        found["BT-119"] = _rate(row.rate)
    if row.category not in {_CATEGORY.STANDARD, _CATEGORY.ZERO}:
        found["BT-120"] = row.reason or str(_CATEGORY(row.category).label)
        if row.reason_code:
            found["BT-121"] = row.reason_code
    return found


def _line(line: InvoiceLine, place: int, rows: Sequence[Taxed], invoice: Invoice, sign: int) -> Terms:
    net = line.amount - line.tax_amount if invoice.tax_included else line.amount
    net *= sign
    category = line.tax_category or _CATEGORY.OUTSIDE_SCOPE.value
    if category == _CATEGORY.OUTSIDE_SCOPE and rows[0].category != category:
        category = _CATEGORY.EXEMPT.value
    quantity, unit, price = _counted(line, net, sign)
    detail = " · ".join(value for value in line.dimensions.values() if value != "*")
    found: Terms = {
        "BT-126": str(place),
        "BT-129": f"{quantity:f}",
        "BT-130": unit,
        "BT-131": _money(net),
        "BT-146": f"{price:f}",
        "BT-151": category,
        "BT-153": line.name,
        "BT-154": _described(line, detail, is_whole=quantity in {1, -1}) or None,
        "BT-155": line.charge_key or None,
    }
    if category != _CATEGORY.OUTSIDE_SCOPE:
        found["BT-152"] = _rate(line.tax_rate)
    if line.starts_on and line.ends_on:
        found |= {"BT-134": line.starts_on, "BT-135": line.ends_on - _ONE_DAY}
    return found


def _counted(line: InvoiceLine, net: Decimal, sign: int) -> tuple[Decimal, str, Decimal]:
    """Return quantity, unit and net price, which multiply to the line's net amount.

    Where one price for all units does not, as with tiers and allowances, the line is one of its whole amount, and its description says
    the quantity. A price is never below zero (BR-27): what takes off is so many of less than none.
    """
    price = _unit_price(line)
    if price is not None and line.quantity:
        quantity = sign * line.quantity
        with_price = rounded_to_minor_unit(EXACT.multiply(quantity, price), line.invoice.currency)
        if with_price == net:
            return _plain(quantity), _UNITS.get(line.unit.lower(), _PIECE), _plain(price)
    return Decimal(-1 if net < 0 else 1), _PIECE, abs(net)


def _unit_price(line: InvoiceLine) -> Decimal | None:
    """Return the price of a line that has one for all its units."""
    steps = [step for step in line.steps if "amount" in step]
    if len(steps) != 1 or line.price_unit != line.invoice.currency or "unit_amount" not in steps[0]:
        return None
    return Decimal(str(steps[0]["unit_amount"]))


def _described(line: InvoiceLine, detail: str, *, is_whole: bool) -> str:
    counted = (
        f"{_plain(line.quantity):f} {line.unit}".strip() if is_whole and line.quantity not in {0, 1} else ""
    )
    return ", ".join(text for text in (line.product_name, detail, counted) if text)


def _party(party: Mapping[str, Any], email: str, *, with_vat: bool, is_seller: bool) -> Terms:
    number = party["tax_number"].replace(" ", "")
    vat_number = _vat(party)
    address = [text.strip() for text in party["address"].splitlines() if text.strip()]
    found: Terms = {
        "name": party["name"],
        "addr_l1": address[0] if address else None,
        "addr_l2": ", ".join(address[1:]) or None,
        "city": party["city"] or None,
        "postcode": party["postal_code"] or None,
        "country_subdivision": party["region"] or None,
        "country_code": party["country"],
        "einvoicing_addr": party[email],
        "einvoicing_addr_schemeid": _EMAIL,
    }
    if is_seller:
        # One of the identifiers has to be there (BR-CO-26).
        found["identifiers"] = {None: party["key"]}
        found["contacts"] = [{"name": party["name"], "email": party[email]}]
    # What is no VAT number is one of the tax office.
    if with_vat and vat_number:
        found["vat_identifier"] = vat_number
    elif with_vat and number and is_seller:
        found["tax_identifier"] = number
    return {name: value for name, value in found.items() if value is not None}


def _vat(party: Mapping[str, Any]) -> str:
    # The seller's may be another country's than its own.
    return tax_numbers.vat_identifier(party["tax_number"], party.get("tax_country", party["country"]))


def _delivered_to(customer: Mapping[str, Any]) -> Terms:
    return {"name": customer["name"], "country_code": customer["country"]}


def _credited(invoice: Invoice) -> list[Terms] | None:
    if invoice.credits is None:
        return None
    return [{"BT-25": invoice.credits.number, "BT-26": invoice.credits.issued_on}]


def _notes(invoice: Invoice, rows: Sequence[Taxed]) -> list[str]:
    reasons = [row.reason for row in rows if row.category == _CATEGORY.OUTSIDE_SCOPE and row.reason]
    return [*([invoice.reason] if invoice.reason else []), *reasons]


def _payment_terms(invoice: Invoice, snapshot: Mapping[str, Any]) -> str:
    days = snapshot["contract"]["payment_days"]
    return f"{days} days, by {invoice.due_on:%Y-%m-%d}" if days else "Due at once"


def _payment(invoice: Invoice, bank_details: str) -> Terms:
    """Return how to pay, where the seller's bank details have an IBAN (BR-61)."""
    number = next((word for word in map(_iban, bank_details.splitlines()) if word), "")
    if not number:
        return {}
    means = _SEPA if invoice.currency == "EUR" else _TRANSFER
    return {"BT-81": means, "BT-83": invoice.number, "BT-84": number}


def _iban(line: str) -> str:
    """Return the IBAN that a line of bank details holds."""
    text = line.upper().replace("IBAN", "").replace(":", "").strip()
    return str(iban.compact(text)) if iban.is_valid(text) else ""


def _money(amount: Decimal) -> str:
    return f"{amount:.2f}"


def _rate(rate: Decimal) -> str:
    return f"{_plain(rate):f}"


def _plain(number: Decimal) -> Decimal:
    text = f"{number:f}"
    return Decimal(text.rstrip("0").rstrip(".") if "." in text else text)
