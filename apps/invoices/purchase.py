"""Selling credits by an invoice: drafted by staff, granted once the invoice is finalized, or once it is paid."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, Max, QuerySet, Sum

from apps.contracts.models import Contract
from apps.core import db
from apps.core.money import rounded_to_minor_unit
from apps.core.periods import local_day
from apps.credits.models import CreditGrant
from apps.credits.sold import grant_sold
from apps.invoices import draft, tax_answers
from apps.invoices.compose import begun
from apps.invoices.errors import NotALine
from apps.invoices.models import CreditPurchase, Invoice, InvoiceLine
from apps.invoices.one_off import record_draft, require_reason, require_signed, undone, write_begun
from apps.invoices.preview import Previewed
from apps.invoices.sold_back import take_back_corrected

_WHEN = CreditPurchase.When


@dataclass(frozen=True, slots=True)
class NewPurchase:
    """The credits to sell: `amount` of a unit, or of money without one, for `price` before tax."""

    name: str
    amount: Decimal
    price: Decimal
    credit_unit_id: UUID | None = None
    good_days: int | None = None
    priority: int = 50
    charge_keys: tuple[str, ...] = ()
    granted_when: str = _WHEN.FINALIZED


@tax_answers.asks_first
@transaction.atomic(durable=True)
def draft_purchase(
    *, contract_id: UUID, bought: NewPurchase, reason: str, at: datetime, actor: str
) -> Invoice:
    """Draft the invoice of credits that a customer buys for a contract; it waits for review like any other.

    Refuses a contract that is not signed, no name or reason, an amount of nothing, and money that is not in whole minor units.
    """
    (family,) = draft.locked_families([contract_id])
    require_reason(reason)
    invoice = _begin(family.contract, bought, reason, at=at)
    write_begun(family, invoice, at=at)
    record_draft(invoice, family.contract, at=at, actor=actor)
    return invoice


@tax_answers.asks_first
def foresee_purchase(*, contract: Contract, bought: NewPurchase, at: datetime) -> Previewed:
    """Return the invoice that these credits would be drafted as, with its taxes; nothing is kept. Refuses what drafting refuses."""
    with transaction.atomic():
        invoice = _begin(contract, bought, "", at=at)
        return undone(contract, invoice, at=at)


def _begin(contract: Contract, bought: NewPurchase, reason: str, *, at: datetime) -> Invoice:
    require_signed(contract)
    _check(bought, contract.plan_version.currency)
    invoice = begun(contract, Invoice.Kind.CREDIT_PURCHASE, on=local_day(at, contract.timezone), at=at)
    invoice.reason = reason.strip()
    invoice.save(force_insert=True)
    CreditPurchase.objects.create(
        invoice=invoice,
        name=bought.name.strip(),
        credit_unit_id=bought.credit_unit_id,
        amount=bought.amount,
        price=bought.price,
        priority=bought.priority,
        good_days=bought.good_days,
        charge_keys=list(bought.charge_keys),
        granted_when=bought.granted_when,
    )
    return invoice


def grant_finalized(invoices: Sequence[Invoice], *, at: datetime, actor: str) -> None:
    """Grant what invoices just finalized sell, where that does not wait for the payment. A step of finalizing."""
    db.require_transaction()
    ids = [one.pk for one in invoices if one.kind == Invoice.Kind.CREDIT_PURCHASE]
    if ids:
        for bought in _waiting(_WHEN.FINALIZED, ids):
            _grant(bought, at=at, actor=actor)


@transaction.atomic(durable=True)
def grant_paid(*, invoice_id: UUID, at: datetime, actor: str) -> CreditGrant | None:
    """Grant what a paid invoice sells, once; return None if that is done, or was not to wait for the payment.

    What corrections gave back of the price meanwhile is taken off, and all of it given back grants nothing; goodwill leaves it.
    """
    for bought in _waiting(_WHEN.PAID, [invoice_id]):
        if _given_back().filter(credits_line__invoice=invoice_id).exists():
            break
        grant = _grant(bought, at=at, actor=actor)
        take_back_corrected(grant, _line_of(bought.invoice), at=at, actor=actor)
        return grant
    return None


def unpaid_purchases() -> list[UUID]:
    """Return the finalized invoices whose credits wait for their payment, but those wholly given back; one query."""
    found = CreditPurchase.objects.filter(
        granted_when=_WHEN.PAID, grant=None, invoice__status=Invoice.Status.FINALIZED
    ).exclude(invoice__in=_given_back())
    return list(found.order_by("invoice__finalized_at").values_list("invoice_id", flat=True))


def _given_back() -> QuerySet[InvoiceLine, Any]:
    """Return the invoices of credits not granted yet of which corrections gave back the whole price."""
    sold = {"credits_line__kind": InvoiceLine.Kind.CREDIT_PURCHASE, "credits_line__amount__gt": 0}
    return (
        InvoiceLine.objects.filter(
            **sold,
            credits_line__invoice__credit_purchase__grant=None,
            invoice__because=Invoice.Because.CORRECTION,
        )
        .values("credits_line__invoice")
        .annotate(given=Sum("amount"), price=Max("credits_line__amount"))
        .filter(given=-F("price"))
        .values("credits_line__invoice")
    )


def _line_of(invoice: Invoice) -> InvoiceLine:
    return invoice.lines.get(kind=InvoiceLine.Kind.CREDIT_PURCHASE)


def _waiting(when: str, invoice_ids: Sequence[UUID]) -> list[CreditPurchase]:
    found = CreditPurchase.objects.select_for_update(of=("self",)).select_related(
        "invoice__customer", "invoice__contract__plan_version"
    )
    return list(
        found.filter(
            invoice__in=invoice_ids, granted_when=when, grant=None, invoice__status=Invoice.Status.FINALIZED
        ).order_by("pk")
    )


def _grant(bought: CreditPurchase, *, at: datetime, actor: str) -> CreditGrant:
    invoice = bought.invoice
    begins_on = local_day(at, invoice.timezone)
    line = _line_of(invoice)
    bought.grant = grant_sold(
        number=str(invoice.number),
        name=bought.name,
        customer_id=invoice.customer_id,
        contract_id=invoice.contract_id,
        credit_unit_id=bought.credit_unit_id,
        charge_keys=bought.charge_keys,
        amount=bought.amount,
        price=line.amount - line.tax_amount if invoice.tax_included else line.amount,
        currency=invoice.currency,
        priority=bought.priority,
        effective_on=begins_on,
        expires_on=begins_on + timedelta(days=bought.good_days) if bought.good_days else None,
        at=at,
        actor=actor,
    )
    bought.save(update_fields=["grant"])
    return bought.grant


def _check(bought: NewPurchase, currency: str) -> None:
    if not bought.name.strip():
        raise NotALine("name", "The credits need a name: what the customer reads.")
    if bought.amount <= 0:
        raise NotALine("amount", f"{bought.amount:f} cannot be sold: give an amount above 0.")
    if bought.price < 0 or rounded_to_minor_unit(bought.price, currency) != bought.price:
        raise NotALine("price", f"{bought.price:f} is no price: give whole minor units of {currency}.")
    if bought.credit_unit_id is None and rounded_to_minor_unit(bought.amount, currency) != bought.amount:
        raise NotALine("amount", f"{bought.amount:f} is no money: give whole minor units of {currency}.")
