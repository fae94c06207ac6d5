"""Finalizing a draft: rated once more, numbered, chained, fixed for ever, its credits drawn, posted, its follow-ups written down."""

from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction

from apps.contracts import bill
from apps.contracts.models import Contract
from apps.core import audit, outbox
from apps.core.periods import Period, local_midnight
from apps.credits import burn, reserve
from apps.invoices import draft, numbering, post, snapshot
from apps.invoices.errors import AdvanceNotFinalized, AlreadyFinalized, PeriodNotOver, Voided
from apps.invoices.models import Invoice, ParkedClose
from apps.ledger import post as ledger


@transaction.atomic(durable=True)
def finalize(*, invoice_id: UUID, at: datetime, actor: str) -> Invoice:
    """Turn a draft into the invoice, dated on the local day of `at` in the contract's time zone.

    The contract is locked first, with its parent's and its children's, so no usage of its days arrives while it is rated: an
    event is on this invoice or refused as late, never both and never neither. Then invoice, credit grants and number series
    are locked, in this order everywhere. Refuses an invoice that is finalized, a period that is not over or whose forerunner is not finalized, and a credit grant that
    another invoice emptied in between, and an invoice whose fees were billed in advance by a draft; then nothing is written and no number is used up.
    """
    family = draft.locked_family(Invoice.objects.values_list("contract_id", flat=True).get(pk=invoice_id))
    contract = family.contract
    invoice = Invoice.objects.select_for_update().get(pk=invoice_id)
    if invoice.number:
        raise AlreadyFinalized(invoice.number)
    if invoice.status == Invoice.Status.VOID:
        raise Voided(contract.number)
    drafted_total = invoice.total
    written = draft.write(family=family, starts_on=invoice.period_start_on, invoice=invoice, at=at)
    if written.waits_for:
        raise AdvanceNotFinalized(contract.number)
    if invoice.kind == Invoice.Kind.PERIOD:
        # A contract that was to end may run on since the draft was written.
        if local_midnight(invoice.period_end_on, invoice.timezone) > at:
            raise PeriodNotOver(contract.number, invoice.period_end_on, invoice.timezone)
        _mark_billed(invoice, written.contracts)
    _date(invoice, contract, at)
    _fix(invoice, written, at=at, actor=actor)
    ParkedClose.objects.filter(contract__in=written.contracts).delete()
    audit.record(
        at=at,
        actor=actor,
        action="invoices.finalize",
        subject_type="invoice",
        subject_key=str(invoice.number),
        before={"total": f"{drafted_total:f}"},
        after={"total": f"{invoice.total:f}", "currency": invoice.currency, "due_on": str(invoice.due_on)},
    )
    outbox.enqueue(task="invoices.render_pdf", key=str(invoice.pk), at=at, invoice_id=str(invoice.pk))
    return invoice


def _fix(invoice: Invoice, written: draft.Written, *, at: datetime, actor: str) -> None:
    """Number the invoice, draw its credits, chain it to the one before and post it."""
    assert invoice.issued_on
    series = numbering.locked_series(
        legal_entity=invoice.legal_entity, prefix=numbering.prefix_of(invoice), year=invoice.issued_on.year
    )
    numbering.take(series, invoice)
    assert invoice.number
    if written.credits_used:
        reserve.release(source_key=str(invoice.pk))
    burn.burn(source_key=invoice.number, used=written.credits_used, at=at)
    invoice.status = Invoice.Status.FINALIZED
    series.last_hash = invoice.snapshot_hash = snapshot.hash_of(invoice, written.lines, written.taxes)
    invoice.save()
    series.save(update_fields=["next_number", "last_hash"])
    ledger.post([post.entry_of(invoice, written.lines)], at=at, actor=actor)


def _mark_billed(invoice: Invoice, contracts: tuple[Contract, ...]) -> None:
    """Note the period as billed for the contract and for the accounts on its invoice, those as far as their days go."""
    period = Period(invoice.period_start_on, invoice.period_end_on, invoice.timezone)
    for contract in contracts:
        covered = period.overlap(contract.starts_on, contract.ends_on) or period
        bill.mark_billed(contract=contract, starts_on=covered.starts_on, ends_on=covered.ends_on)


def _date(invoice: Invoice, contract: Contract, at: datetime) -> None:
    invoice.finalized_at = at
    invoice.issued_on = at.astimezone(ZoneInfo(contract.timezone)).date()
    invoice.due_on = invoice.issued_on + timedelta(days=contract.payment_days)
