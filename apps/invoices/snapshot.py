"""What an invoice keeps of its time: seller, customer, contract and usage as they were, and the hash over all of it."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Max

from apps.contracts.models import Amendment, Contract
from apps.core.periods import written_instant
from apps.credits import queries as credit_queries
from apps.invoices.billing import Priced
from apps.invoices.models import Invoice, InvoiceLine, InvoiceTax
from apps.invoices.taxing import Registration
from apps.plans.models import CreditUnit
from apps.plans.queries import PlannedCharge
from apps.rating.steps import written
from apps.usage.combine import Total
from apps.usage.queries import daily_quantities

_PLACE = ("name", "address", "postal_code", "city", "region", "country", "tax_number")


def parties(contract: Contract, registered: Registration | None = None) -> dict[str, Any]:
    """Return seller, customer and contract as the invoice prints them: the seller by what it is registered by where it charges tax."""
    customer = contract.customer
    seller = customer.legal_entity
    return {
        "version": 2,
        "seller": {
            **{name: getattr(seller, name) for name in _PLACE},
            "key": seller.key,
            "email": seller.email,
            "website": seller.website,
            "bank_details": seller.bank_details,
            "logo_svg": seller.logo_svg,
            "brand_color": seller.brand_color,
            **(_number(registered) if registered else {}),
        },
        "customer": {
            **{name: getattr(customer, name) for name in _PLACE},
            "key": customer.key,
            "language": customer.language,
            "billing_email": customer.billing_email,
            "einvoice": customer.einvoice,
            "tax_note": customer.tax_note,
        },
        "contract": {
            "number": contract.number,
            "plan": str(contract.plan_version),
            "purchase_order": contract.purchase_order,
            "payment_days": contract.payment_days,
            "late_interest_percent": _percent(contract.late_interest_percent),
            "timezone": contract.timezone,
            "printed_terms": contract.printed_terms,
        },
    }


def _number(registered: Registration) -> dict[str, str]:
    return {"tax_number": registered.number, "tax_country": registered.place.country}


def _percent(percent: Decimal | None) -> str | None:
    return None if percent is None else f"{percent.normalize():f}"


def of_period(parts: Sequence[Priced]) -> dict[str, Any]:
    """Return what the prices of a period came from: of the invoice's own contract first, then of the accounts on it.

    With it the invoice can be priced again: by the terms that were known when it was, `priced_with` naming the last amendment
    of each contract, from the totals, and with what the period before brought into it.
    """
    own = parts[0]
    return {
        "credit_units": _credit_units(parts),
        "credits": _credits(parts),
        "usage": _usage(own),
        "days": _days(own),
        "brought": own.terms.brought.as_json(),
        "forward": own.forward.as_json(),
        "accounts": [_account(part) for part in parts[1:]],
        "pool": _pool(own),
        "priced_with": _priced_with(parts),
    }


def of_opening(contract: Contract) -> dict[str, Any]:
    """Return what an invoice of fees in advance came from: no usage and no credits, the terms alone."""
    return {
        "credit_units": {},
        "credits": [],
        "usage": [],
        "days": [],
        "priced_with": _last_amendments([contract]),
    }


def hash_of(invoice: Invoice, lines: Sequence[InvoiceLine], taxes: Sequence[InvoiceTax]) -> bytes:
    """Return the SHA-256 over everything that a finalized invoice says and the hash before it, in one canonical form."""
    return hashlib.sha256(_canonical(content_of(invoice, lines, taxes))).digest()


def content_of(invoice: Invoice, lines: Sequence[InvoiceLine], taxes: Sequence[InvoiceTax]) -> dict[str, Any]:
    """Return everything that the hash of an invoice is over, as JSON; docs/concepts/proof.md tells its canonical form."""
    return {
        "previous": bytes(invoice.previous_hash).hex() if invoice.previous_hash else None,
        "number": invoice.number,
        "kind": invoice.kind,
        "contract": str(invoice.contract_id),
        "period": [invoice.period_start_on.isoformat(), invoice.period_end_on.isoformat(), invoice.timezone],
        "issued_on": str(invoice.issued_on),
        "due_on": str(invoice.due_on),
        # Those from before it was noted were sealed without it.
        **({"counted_until": written_instant(invoice.counted_until_at)} if invoice.counted_until_at else {}),
        "currency": invoice.currency,
        "tax_included": invoice.tax_included,
        "taxes": [_tax(row) for row in taxes],
        "reason": invoice.reason,
        "credits": str(invoice.credits_id) if invoice.credits_id else None,
        "replaces": str(invoice.replaces_id) if invoice.replaces_id else None,
        "amounts": [plain(amount) for amount in (invoice.subtotal, invoice.tax_amount, invoice.total)],
        "lines": [_line(line) for line in lines],
        "snapshot": invoice.snapshot,
    }


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
        "key": line.key,
        "account": line.account_name,
        "days": [str(line.starts_on), str(line.ends_on)] if line.starts_on else None,
        "in_advance": line.in_advance,
        "dimensions": line.dimensions,
        "quantity": plain(line.quantity),
        "unit": line.unit,
        "price_unit": line.price_unit,
        "credits": None if line.credits is None else plain(line.credits),
        "exact": plain(line.exact),
        "amount": plain(line.amount),
        "steps": line.steps,
        "tax": [line.tax_category, plain(line.tax_rate), plain(line.tax_amount)],
        **({"adjusts": str(line.adjusts_id)} if line.adjusts_id else {}),
        **({"credits_line": str(line.credits_line_id)} if line.credits_line_id else {}),
    }


def _tax(row: InvoiceTax) -> list[str]:
    return [
        row.category,
        plain(row.rate),
        row.name,
        row.place,
        plain(row.base),
        plain(row.amount),
        row.reason,
        row.reason_code,
    ]


def _canonical(content: Mapping[str, object]) -> bytes:
    return json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def _credit_units(parts: Sequence[Priced]) -> dict[str, str]:
    keys = {one.charge.credit_unit for part in parts for one in part.charges if one.charge.credit_unit}
    return dict(CreditUnit.objects.filter(key__in=keys).values_list("key", "name")) if keys else {}


def _credits(parts: Sequence[Priced]) -> list[dict[str, Any]]:
    used = [use for part in parts for use in part.rated.grants if use.used]
    rows = credit_queries.named(keys=[use.grant for use in used]) if used else {}
    return [
        {
            "grant": use.grant,
            "name": rows[use.grant].name,
            "unit": rows[use.grant].unit_name,
            "used": written(use.used),
            "left": written(use.left),
            "expires_on": expires_on.isoformat() if (expires_on := rows[use.grant].expires_on) else None,
        }
        for use in used
    ]


def _usage(priced: Priced) -> list[dict[str, Any]]:
    """Return the totals that were rated, by the meter's key: with the terms they are the whole proof of the lines."""
    return _totals(priced.charges, priced.totals)


def _totals(charges: Sequence[PlannedCharge], totals: Sequence[Total]) -> list[dict[str, Any]]:
    keys = {planned.meter_id: planned.meter_key for planned in charges}
    return [
        {
            "meter": keys.get(total.meter_id),
            "dimensions": dict(total.dimensions),
            "quantity": written(total.quantity),
            "events": total.events,
            **({"since": total.since.isoformat()} if total.since else {}),
        }
        for total in sorted(
            totals,
            key=lambda total: (
                keys.get(total.meter_id, ""),
                sorted(total.dimensions.items()),
                total.since or date.min,
            ),
        )
    ]


def _days(priced: Priced) -> list[dict[str, Any]]:
    """Return the daily quantities of each meter in the order of the charges, for the chart."""
    quantities = priced.days if priced.days is not None else _read_days(priced)
    metered = {planned.meter_id: planned for planned in reversed(priced.charges) if planned.meter_id}
    return [
        {
            "meter": planned.meter_key,
            "name": planned.charge.name,
            "unit": planned.unit,
            "quantities": {
                day.isoformat(): written(quantity) for day, quantity in quantities[meter_id].items()
            },
        }
        for meter_id, planned in reversed(metered.items())
        if meter_id in quantities
    ]


def _read_days(priced: Priced) -> Mapping[UUID, Mapping[date, Decimal]]:
    contract = priced.contract
    return daily_quantities([(contract, priced.period)])[contract.pk] if priced.totals else {}


def _account(part: Priced) -> dict[str, Any]:
    return {
        "contract": part.contract.number,
        "customer": part.contract.customer.name,
        "usage": _usage(part),
        "brought": part.terms.brought.as_json(),
        "forward": part.forward.as_json(),
    }


def _pool(priced: Priced) -> list[dict[str, Any]]:
    """Return what each account used of what was priced together."""
    if priced.pool is None:
        return []
    return [
        {
            "contract": use.contract.number,
            "customer": use.contract.customer.name,
            "usage": _totals(priced.pool.terms.charges, use.totals),
        }
        for use in priced.pool.accounts
    ]


def _priced_with(parts: Sequence[Priced]) -> dict[str, int]:
    pool = parts[0].pool
    pooled = [use.contract for use in pool.accounts] if pool else []
    return _last_amendments([*(part.contract for part in parts), *pooled])


def _last_amendments(contracts: Sequence[Contract]) -> dict[str, int]:
    """Return the number of each contract's last amendment, for those that have one; no query if none was ever amended."""
    ever = [contract.pk for contract in contracts if contract.terms_stamp]
    if not ever:
        return {}
    last = Amendment.objects.filter(contract__in=ever).values_list("contract__number").order_by()
    return dict(last.annotate(last=Max("number")))
