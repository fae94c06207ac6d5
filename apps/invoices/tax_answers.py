"""Answers of outside tax services: kept, found again, and asked for while no transaction is open.

Rating, locking and numbering never wait for a service. A draft that needs an answer which is not there stops with TaxToAsk and is
rolled back; the service is then asked, its answer kept, and the draft written again, now from what is kept. Finalizing does the
same: it asks again only if what is sold, to whom or where has changed since.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from django.db import transaction

from apps.core.money import minor_digits
from apps.customers.models import LegalEntity
from apps.invoices import stripe_tax, taxing
from apps.invoices.errors import TaxProviderFailed
from apps.invoices.labels import words_for
from apps.invoices.models import Invoice, TaxCalculation
from apps.invoices.tax_asked import AnsweredLine, AskedLine, TaxProvider, TaxRequest, TaxToAsk
from apps.invoices.tax_rules import TaxRules, place_of
from apps.invoices.taxing import Category, Treatment

_Given = ParamSpec("_Given")
_Made = TypeVar("_Made")
PROVIDERS: Mapping[str, Callable[[], TaxProvider]] = {
    LegalEntity.TaxProvider.STRIPE.value: stripe_tax.StripeTax
}
# How often a draft may change while it waits for an answer, before that is refused and left to the next close.
_MOST_QUESTIONS = 5
# The word for it, and its code.
_REASONS = {
    Category.REVERSE_CHARGE: ("reverse_charge", taxing.REVERSE_CHARGE),
    Category.EXPORT: ("export", taxing.EXPORT),
    Category.OUTSIDE_SCOPE: ("outside", taxing.OUTSIDE),
}


def asks_first(action: Callable[_Given, _Made]) -> Callable[_Given, _Made]:
    """Let an action of its own transaction ask a tax service, outside of it, and begin anew with the answer."""

    @wraps(action)
    def asking(*args: _Given.args, **given: _Given.kwargs) -> _Made:
        for _ in range(_MOST_QUESTIONS):
            try:
                return action(*args, **given)
            except TaxToAsk as question:
                at: Any = given["at"]
                ask(question.request, at=at)
        try:
            return action(*args, **given)
        except TaxToAsk as question:
            provider = PROVIDERS[question.request.provider]()
            raise TaxProviderFailed(
                provider.name, "what is sold changed each time that it was asked."
            ) from None

    return asking


def ask(request: TaxRequest, *, at: datetime) -> TaxCalculation:
    """Ask the service, and keep its answer. Takes no transaction while it waits.

    Refuses with TaxProviderFailed, also where it left something of what is sold out: that would go untaxed.
    """
    provider = PROVIDERS[request.provider]()
    answer = provider.calculate(request)
    if left_out := {line.tax_class for line in request.lines} - {line.tax_class for line in answer.lines}:
        raise TaxProviderFailed(
            provider.name, f"its answer leaves out what is {', '.join(sorted(left_out))}."
        )
    with transaction.atomic():
        kept, _ = TaxCalculation.objects.get_or_create(
            key=request.key,
            defaults={
                "provider": request.provider,
                "calculation": answer.calculation,
                "request": _plain(asdict(request)),
                "answer": [_plain(asdict(line)) for line in answer.lines],
                "asked_at": at,
                "expires_at": answer.expires_at,
            },
        )
    return kept


def of_invoice(
    invoice: Invoice, amounts: Mapping[str, Decimal], on: date, rules: TaxRules
) -> TaxCalculation | None:
    """Return what was answered for an invoice that sells these amounts by tax class; None where there is nothing to tax.

    Raises TaxToAsk where it was not asked yet.
    """
    request = request_of(invoice, amounts, on, rules)
    if not request.lines:
        return None
    kept = TaxCalculation.objects.filter(pk=request.key).first()
    if kept is None:
        raise TaxToAsk(request)
    return kept


def lines_of(kept: TaxCalculation | None) -> Mapping[str, AnsweredLine]:
    """Return an answer by tax class."""
    return {
        line["tax_class"]: AnsweredLine(
            **{**line, "rate": Decimal(line["rate"]), "amount": Decimal(line["amount"])}
        )
        for line in (kept.answer if kept else ())
    }


def request_of(invoice: Invoice, amounts: Mapping[str, Decimal], on: date, rules: TaxRules) -> TaxRequest:
    """Return the question for an invoice's tax; classes that come to nothing or less are left out."""
    customer = invoice.customer
    entity, place = customer.legal_entity, place_of(customer)
    address = {
        "line1": customer.address.replace("\n", ", "),
        "postal_code": customer.postal_code,
        "city": customer.city,
        "state": place.region,
        "country": place.country,
    }
    digits = minor_digits(invoice.currency)
    exemptions = rules.buyer(customer).exemptions
    return TaxRequest(
        provider=entity.tax_provider,
        seller=entity.key,
        sale=_sale_of(invoice),
        currency=invoice.currency,
        is_included=entity.prices_include_tax,
        on=on,
        address=tuple((name, value) for name, value in address.items() if value),
        tax_number=customer.tax_number,
        is_exempt=any(on in one.days and one.place.covers(place) for one in exemptions),
        lines=tuple(
            AskedLine(tax_class, int(amount.scaleb(digits)))
            for tax_class, amount in sorted(amounts.items())
            if amount > 0
        ),
    )


def _sale_of(invoice: Invoice) -> str:
    """Name an invoice by its contract, kind, first day, and place among those alike.

    Its id would not do: a draft that waits for an answer is given up, and has another when it is written again.
    """
    kind, starts_on = invoice.kind, invoice.period_start_on
    alike = Invoice.objects.filter(contract=invoice.contract_id, kind=kind, period_start_on=starts_on)
    return f"{invoice.contract_id} {kind} {starts_on} {alike.filter(pk__lt=invoice.pk).count()}"


def treatment_of(answer: AnsweredLine, language: str) -> Treatment:
    """Return an answer as a treatment, with its reason in the customer's language."""
    key, code = _REASONS.get(Category(answer.category), ("", ""))
    words = getattr(words_for(language), key) if key else ""
    return Treatment(answer.category, answer.rate, answer.name, answer.place, words, code)


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: str(value) if isinstance(value, Decimal) or hasattr(value, "isoformat") else value
        for name, value in values.items()
    }
