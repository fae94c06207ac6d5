"""What an invoice keeps of its time: seller, customer, contract and usage as they were, and the hash over all of it."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from apps.contracts.models import Contract
from apps.invoices.models import Invoice, InvoiceLine

_PLACE = ("name", "address", "postal_code", "city", "region", "country", "tax_number")


def parties(contract: Contract) -> dict[str, Any]:
    """Return seller, customer and contract as the invoice prints them."""
    customer = contract.customer
    seller = customer.legal_entity
    return {
        "version": 1,
        "seller": {
            **{name: getattr(seller, name) for name in _PLACE},
            "key": seller.key,
            "email": seller.email,
            "website": seller.website,
            "bank_details": seller.bank_details,
            "logo_svg": seller.logo_svg,
            "brand_color": seller.brand_color,
        },
        "customer": {
            **{name: getattr(customer, name) for name in _PLACE},
            "key": customer.key,
            "language": customer.language,
            "billing_email": customer.billing_email,
            "tax_note": customer.tax_note,
        },
        "contract": {
            "number": contract.number,
            "plan": str(contract.plan_version),
            "purchase_order": contract.purchase_order,
            "payment_days": contract.payment_days,
            "timezone": contract.timezone,
        },
    }


def hash_of(invoice: Invoice, lines: Sequence[InvoiceLine]) -> bytes:
    """Return the SHA-256 over everything that a finalized invoice says, in one canonical form."""
    content = {
        "number": invoice.number,
        "contract": str(invoice.contract_id),
        "period": [invoice.period_start_on.isoformat(), invoice.period_end_on.isoformat(), invoice.timezone],
        "issued_on": str(invoice.issued_on),
        "due_on": str(invoice.due_on),
        "currency": invoice.currency,
        "tax_rate": plain(invoice.tax_rate),
        "amounts": [plain(amount) for amount in (invoice.subtotal, invoice.tax_amount, invoice.total)],
        "lines": [_line(line) for line in lines],
        "snapshot": invoice.snapshot,
    }
    return hashlib.sha256(_canonical(content)).digest()


def plain(number: Decimal) -> str:
    """Write a number in one way only, whatever trailing zeros it came with."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _line(line: InvoiceLine) -> dict[str, object]:
    return {
        "position": line.position,
        "charge": line.charge_key,
        "product": line.product_name,
        "name": line.name,
        "kind": line.kind,
        "dimensions": line.dimensions,
        "quantity": plain(line.quantity),
        "unit": line.unit,
        "price_unit": line.price_unit,
        "credits": None if line.credits is None else plain(line.credits),
        "exact": plain(line.exact),
        "amount": plain(line.amount),
        "steps": line.steps,
        **({"adjusts": str(line.adjusts_id)} if line.adjusts_id else {}),
    }


def _canonical(content: Mapping[str, object]) -> bytes:
    return json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
