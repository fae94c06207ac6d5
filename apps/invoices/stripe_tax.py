"""Stripe Tax as a tax service: the only place that knows its API, and the names that it has for things."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time
from decimal import Decimal
from functools import cache
from typing import Any

from django.conf import settings

from apps.core.money import minor_digits, rounded_to
from apps.customers.tax_numbers import EU, vat_country
from apps.invoices.errors import TaxProviderFailed
from apps.invoices.tax_asked import AnsweredLine, AskedLine, TaxAnswer, TaxRequest
from apps.invoices.taxing import Category

# A draft is written again after the answer, so a slow one delays its own contract only.
_TIMEOUT_SECONDS = 10
_RETRIES = 2
# Currencies that Stripe counts in hundredths, and ISO 4217 without decimals.
_IN_HUNDREDTHS = frozenset(("ISK", "UGX"))
_NON_TAXABLE = "txcd_00000000"
_RATE_DIGITS = 3
_NAMES = {"gst": "GST", "hst": "HST", "igst": "IGST", "jct": "JCT", "pst": "PST", "qst": "QST", "vat": "VAT"}
_NUMBER_TYPES = {
    "AU": "au_abn",
    "BR": "br_cnpj",
    "CA": "ca_bn",
    "CH": "ch_vat",
    "GB": "gb_vat",
    "IN": "in_gst",
    "JP": "jp_trn",
    "KR": "kr_brn",
    "MX": "mx_rfc",
    "NO": "no_vat",
    "NZ": "nz_gst",
    "SG": "sg_gst",
    "US": "us_ein",
}
_CATEGORIES = {
    "reverse_charge": Category.REVERSE_CHARGE,
    "customer_exempt": Category.EXEMPT,
    "product_exempt": Category.EXEMPT,
    "product_exempt_holiday": Category.EXEMPT,
    "portion_product_exempt": Category.EXEMPT,
    "zero_rated": Category.ZERO,
}


@dataclass(frozen=True, slots=True)
class StripeTax:
    """Stripe Tax, by the key that the environment gives."""

    name: str = "Stripe Tax"

    def calculate(self, request: TaxRequest) -> TaxAnswer:
        """Return the tax of a sale; every tax class is a line item, referred to by its name."""
        params = _asked(request)
        with _failures():
            made = _client().v1.tax.calculations.create(params, {"idempotency_key": f"tax-{request.key}"})
            items = [item.to_dict() for item in made.line_items.data] if made.line_items else []
        assert made.id, "a calculation that is asked for is kept"
        expires_at = datetime.fromtimestamp(made.expires_at or 0, UTC)
        return TaxAnswer(made.id, tuple(_answered(items, request)), expires_at)

    def commit(self, calculation: str, *, reference: str) -> str:
        """Report a sale under its invoice's number."""
        with _failures():
            made = _client().v1.tax.transactions.create_from_calculation(
                {"calculation": calculation, "reference": reference},
                {"idempotency_key": f"tax-commit-{reference}"},
            )
        return str(made.id)

    def reverse(self, transaction: str, *, reference: str, currency: str, total: int) -> str:
        """Report that a part of a sale was given back."""
        with _failures():
            made = _client().v1.tax.transactions.create_reversal(
                {
                    "mode": "partial",
                    "original_transaction": transaction,
                    "reference": reference,
                    "flat_amount": total * _scale(currency),
                },
                {"idempotency_key": f"tax-reverse-{reference}"},
            )
        return str(made.id)


def _asked(request: TaxRequest) -> Any:
    details: dict[str, Any] = {"address": dict(request.address), "address_source": "billing"}
    if number_type := _number_type(request):
        details["tax_ids"] = [{"type": number_type, "value": request.tax_number}]
    if request.is_exempt:
        details["taxability_override"] = "customer_exempt"
    return {
        "currency": request.currency.lower(),
        "customer_details": details,
        "expand": ["line_items.data.tax_breakdown"],
        "line_items": [_item(line, request) for line in request.lines],
        "tax_date": int(datetime.combine(request.on, time(12), UTC).timestamp()),
    }


def _item(line: AskedLine, request: TaxRequest) -> dict[str, Any]:
    """Return a line item; standard products have the tax code that the account is set to."""
    item = {
        "amount": line.amount * _scale(request.currency),
        "reference": line.tax_class,
        "tax_behavior": "inclusive" if request.is_included else "exclusive",
    }
    return {**item, "tax_code": _NON_TAXABLE} if line.tax_class == "zero" else item


def _number_type(request: TaxRequest) -> str | None:
    if not request.tax_number:
        return None
    country = dict(request.address).get("country", "")
    is_of_eu = country in EU or vat_country(request.tax_number)
    return "eu_vat" if is_of_eu else _NUMBER_TYPES.get(country)


def _answered(items: Sequence[dict[str, Any]], request: TaxRequest) -> Iterator[AnsweredLine]:
    digits = minor_digits(request.currency)
    for item in items:
        taxes = [one for one in item.get("tax_breakdown") or [] if one.get("tax_rate_details")]
        due = [one for one in taxes if one["amount"]]
        amount = Decimal(item["amount_tax"]) / _scale(request.currency)
        yield AnsweredLine(
            tax_class=item["reference"],
            category=Category.STANDARD if due else _untaxed(item),
            rate=rounded_to(sum((_percent(one) for one in due), Decimal(0)), _RATE_DIGITS),
            amount=amount.scaleb(-digits),
            name=" + ".join(dict.fromkeys(_name(one) for one in due)),
            place=_place(due or item.get("tax_breakdown") or [], request),
        )


def _untaxed(item: dict[str, Any]) -> Category:
    reasons = [one["taxability_reason"] for one in item.get("tax_breakdown") or []]
    return next((_CATEGORIES[one] for one in reasons if one in _CATEGORIES), Category.OUTSIDE_SCOPE)


def _percent(tax: dict[str, Any]) -> Decimal:
    return Decimal(tax["tax_rate_details"]["percentage_decimal"])


def _name(tax: dict[str, Any]) -> str:
    kind = str(tax["tax_rate_details"]["tax_type"])
    return _NAMES.get(kind, kind.replace("_", " ").capitalize())


def _place(taxes: Sequence[dict[str, Any]], request: TaxRequest) -> str:
    """Return the country, with the state where that or a part of it takes the tax."""
    for tax in taxes:
        jurisdiction = tax["jurisdiction"]
        if jurisdiction["level"] != "country" and jurisdiction.get("state"):
            return f"{jurisdiction['country']}-{jurisdiction['state']}"
    return taxes[0]["jurisdiction"]["country"] if taxes else dict(request.address).get("country", "")


def _scale(currency: str) -> int:
    return 100 if currency in _IN_HUNDREDTHS else 1


@cache
def _client() -> Any:
    import stripe  # noqa: PLC0415  takes a third of a second to import, and few sellers ask it

    if not settings.STRIPE_KEY:
        raise TaxProviderFailed("Stripe Tax", "it has no key: set METERBOOK_STRIPE_KEY.")
    return stripe.StripeClient(
        settings.STRIPE_KEY,
        base_addresses={"api": settings.STRIPE_URL} if settings.STRIPE_URL else {},
        http_client=stripe.RequestsClient(timeout=_TIMEOUT_SECONDS),
        max_network_retries=_RETRIES,
    )


@contextmanager
def _failures() -> Iterator[None]:
    """Turn what Stripe answers instead of a tax into a refusal with its words."""
    import stripe  # noqa: PLC0415

    try:
        yield
    except stripe.StripeError as failure:
        words = failure.user_message or str(failure) or type(failure).__name__
        raise TaxProviderFailed("Stripe Tax", words if words.endswith(".") else f"{words}.") from failure
