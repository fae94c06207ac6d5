"""Voiding a draft: its period is not invoiced, and the next one goes on."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from apps.contracts import bill
from apps.contracts.bill import Billed
from apps.contracts.models import Contract
from apps.core import audit
from apps.core.money import Money
from apps.core.periods import Period, local_midnight
from apps.credits import reserve
from apps.credits.models import CreditReservation
from apps.invoices import draft
from apps.invoices.errors import NotADraft, PeriodNotOver, ReasonMissing
from apps.invoices.models import Invoice, InvoiceLine, ParkedClose
from apps.invoices.pool import Family


@dataclass(frozen=True, slots=True)
class Effect:
    """What voiding a draft means: what is not asked for, and which credits stay with the customer."""

    invoice: Invoice
    closes_period: bool
    forgone: Money
    taken_off: Money
    credits: tuple[tuple[str, str, Decimal], ...]


def effect(*, invoice_id: UUID) -> Effect:
    """Return what voiding would mean, with figures; three queries.

    `taken_off` is what was billed in advance for the period: it comes off the next invoice instead.
    """
    invoice = Invoice.objects.select_related("customer", "contract").get(pk=invoice_id)
    ahead = invoice.lines.filter(kind=InvoiceLine.Kind.ADVANCE).values_list("amount", flat=True)
    reserved = CreditReservation.objects.filter(source_key=str(invoice.pk)).select_related(
        "grant__credit_unit"
    )
    return Effect(
        invoice=invoice,
        closes_period=_closes_period(invoice),
        forgone=Money(invoice.total, invoice.currency).rounded(),
        taken_off=Money(-sum(ahead, Decimal(0)), invoice.currency).rounded(),
        credits=tuple(
            (
                one.grant.name,
                one.grant.credit_unit.name if one.grant.credit_unit else one.grant.currency,
                one.amount,
            )
            for one in reserved
        ),
    )


@transaction.atomic(durable=True)
def void(*, invoice_id: UUID, reason: str, at: datetime, actor: str) -> Invoice:
    """Void a draft for good, with a reason; it stays to be looked at.

    The period of a period's draft is closed without an invoice: usage that comes later is flagged as late, and nothing is adjusted
    or billed of it any more. Credits that the draft reserved are free again, and what was billed in advance for the period comes
    off the next invoice. Refuses a finalized invoice, a period that is not over, one whose forerunner is still a draft, and a
    missing reason; then nothing is written.
    """
    if not reason.strip() or len(reason) > 500:
        raise ReasonMissing("void a draft")
    family = draft.locked_families(
        [Invoice.objects.values_list("contract_id", flat=True).get(pk=invoice_id)]
    )[0]
    invoice = Invoice.objects.select_for_update().get(pk=invoice_id)
    if invoice.status != Invoice.Status.DRAFT:
        raise NotADraft(invoice.number or "The invoice that was voided")
    if _closes_period(invoice):
        _close_period(invoice, family, at=at)
    reserve.release(source_key=str(invoice.pk))
    invoice.status, invoice.reason = Invoice.Status.VOID, reason.strip()
    invoice.save(update_fields=["status", "reason"])
    audit.record(
        at=at,
        actor=actor,
        action="invoices.void",
        subject_type="contract",
        subject_key=family.contract.number,
        before={"total": f"{invoice.total:f} {invoice.currency}"},
        after={"period": f"{invoice.period_start_on} to {invoice.period_end_on}"},
        reason=invoice.reason,
    )
    return invoice


def _closes_period(invoice: Invoice) -> bool:
    return invoice.kind == Invoice.Kind.PERIOD and invoice.replaces_id is None


def _close_period(invoice: Invoice, family: Family, *, at: datetime) -> None:
    """Note the period as done for the contract and the accounts on its invoice, which refuses all but the oldest."""
    if local_midnight(invoice.period_end_on, invoice.timezone) > at:
        raise PeriodNotOver(family.contract.number, invoice.period_end_on, invoice.timezone)
    period = Period(invoice.period_start_on, invoice.period_end_on, invoice.timezone)
    contracts: tuple[Contract, ...] = (family.contract, *family.guests_in(period))
    days = [(one, period.overlap(one.starts_on, one.ends_on) or period) for one in contracts]
    bill.mark_billed([Billed(one, covered.starts_on, covered.ends_on) for one, covered in days])
    ParkedClose.objects.filter(contract__in=contracts).delete()
