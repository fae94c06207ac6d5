"""Taking back credits that were sold, as far as a correction gives back what was paid for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from django.db.models import Sum

from apps.core import db
from apps.core.digits import AMOUNT
from apps.core.money import EXACT, Money, rounded_to, rounded_to_minor_unit
from apps.core.periods import local_day
from apps.credits.models import CreditGrant
from apps.credits.take_back import free_of, take_back
from apps.invoices.crediting import Part
from apps.invoices.errors import CreditsUsed
from apps.invoices.models import CreditPurchase, Invoice, InvoiceLine

_CORRECTION = Invoice.Because.CORRECTION


@dataclass(frozen=True, slots=True)
class SoldBack:
    """How much of a locked grant is taken back."""

    grant: CreditGrant
    amount: Decimal


def sold_back(
    invoice: Invoice, lines: Sequence[InvoiceLine], parts: Sequence[Part], because: Invoice.Because
) -> SoldBack | None:
    """Return what crediting these parts takes back of the credits that the invoice sold; None where that is nothing.

    A correction takes back the share of the credits that it gives back of their price; goodwill leaves them. A step of crediting
    an invoice, before its credit note is written; it locks the grant. Refuses more than is neither used nor counted on by a draft.
    """
    db.require_transaction()
    if because != _CORRECTION or invoice.kind != Invoice.Kind.CREDIT_PURCHASE:
        return None
    bought = CreditPurchase.objects.select_for_update(of=("self",)).get(invoice=invoice)
    line = next(one for one in lines if one.kind == InvoiceLine.Kind.CREDIT_PURCHASE)
    given = sum((part.amount for part in parts if part.line_id == line.pk), Decimal(0))
    if bought.grant_id is None or not given:
        return None
    grant = (
        CreditGrant.objects.select_for_update(of=("self",))
        .select_related("customer", "legal_entity", "credit_unit")
        .get(pk=bought.grant_id)
    )
    free = free_of(grant)
    most = rounded_to_minor_unit(
        Fraction(line.amount) * Fraction(free) / Fraction(grant.amount), invoice.currency
    )
    if given > most:
        raise CreditsUsed(str(invoice), free, grant.amount, Money(most, invoice.currency))
    before = _corrected(line)
    amount = EXACT.subtract(_share(grant, before + given, line), _share(grant, before, line))
    # Money in whole minor units may stand for a little more than is left.
    return SoldBack(grant, min(amount, free))


def given_for_credits(note: Invoice, lines: Sequence[InvoiceLine]) -> Decimal:
    """Return what a credit note with these lines gives back of the price of credits, without tax."""
    return sum(
        (
            (line.tax_amount if note.tax_included else Decimal(0)) - line.amount
            for line in lines
            if line.kind == InvoiceLine.Kind.CREDIT_PURCHASE
        ),
        Decimal(0),
    )


def take_back_corrected(grant: CreditGrant, line: InvoiceLine, *, at: datetime, actor: str) -> None:
    """Take off credits just granted what corrections gave back of the line that sold them while its payment was waited for. A step."""
    before, on = Decimal(0), local_day(at, line.invoice.timezone)
    found = InvoiceLine.objects.filter(credits_line=line, invoice__because=_CORRECTION)
    for given in found.select_related("invoice").order_by("invoice__finalized_at", "pk"):
        amount = EXACT.subtract(_share(grant, before - given.amount, line), _share(grant, before, line))
        before -= given.amount
        take_back(
            grant,
            amount,
            given=given_for_credits(given.invoice, [given]),
            credit_note=str(given.invoice.number),
            on=on,
            at=at,
            actor=actor,
        )


def _corrected(line: InvoiceLine) -> Decimal:
    found = InvoiceLine.objects.filter(credits_line=line, invoice__because=_CORRECTION)
    return -(found.aggregate(sum=Sum("amount"))["sum"] or Decimal(0))


def _share(grant: CreditGrant, given: Decimal, line: InvoiceLine) -> Decimal:
    return rounded_to(
        Fraction(grant.amount) * Fraction(given) / Fraction(line.amount), AMOUNT["decimal_places"]
    )
