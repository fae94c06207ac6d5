"""Finalizing drafts: rated once more, numbered, chained, fixed for ever, credits drawn, posted, their follow-ups written down."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction

from apps.contracts import bill
from apps.contracts.bill import Billed, Counted
from apps.core import audit, db, outbox
from apps.core.models import AuditEntry
from apps.core.periods import Period, local_midnight
from apps.credits import burn, reserve
from apps.invoices import (
    approve,
    credit_notes,
    draft,
    numbering,
    post,
    purchase,
    snapshot,
    store,
    tax_answers,
    taxes,
)
from apps.invoices.compose import Composed, Wanted, compose
from apps.invoices.errors import AdvanceNotFinalized, PeriodNotOver
from apps.invoices.models import Invoice, ParkedClose
from apps.ledger import post as ledger
from apps.usage import counted

_OF_USAGE = frozenset({Invoice.Kind.PERIOD, Invoice.Kind.THRESHOLD})
_FIXED = (
    *("status", "number", "finalized_at", "counted_until_at", "issued_on", "due_on"),
    *("snapshot_hash", "previous_hash"),
)


@tax_answers.asks_first
@transaction.atomic(durable=True)
def finalize(*, invoice_id: UUID, at: datetime, actor: str) -> Invoice:
    """Turn a draft into the invoice; see `finalize_each`."""
    return finalize_each([invoice_id], at=at, actor=actor)[0]


def finalize_each(invoice_ids: Collection[UUID], *, at: datetime, actor: str) -> list[Invoice]:
    """Turn drafts into invoices, each dated on the local day of `at` in its contract's time zone. A step.

    The contracts are locked first, with their parents' and their children's, so no usage of their days arrives while they are
    rated: an event is on its invoice or kept as late, never both and never neither, and is told apart by when it was received,
    whatever clocks say. Then invoices, credit grants and at
    last number series are locked, in this order everywhere. No two are of one customer or one family; see `apart`.

    Refuses an invoice that is finalized, a period that is not over or whose forerunner is not finalized, a draft that is not
    approved, a credit grant that another invoice emptied in between, and an invoice whose fees were billed in advance by a draft;
    then none of them is written and no number is used up.
    """
    db.require_transaction()
    wanted = draft.locked_drafts(invoice_ids)
    drafted_totals = {one.invoice.pk: one.invoice.total for one in wanted if one.invoice}
    composed = compose(wanted, at=at)
    for one in composed:
        _require_due(one, at)
    approve.refuse_undecided([one.invoice for one in composed])
    store.write(composed)
    bill.mark_billed([days for one in composed for days in _billed(one)], _counted(wanted, at))
    ParkedClose.objects.filter(contract__in=[held for one in composed for held in one.contracts]).delete()
    _fix(composed, at=at, actor=actor)
    purchase.grant_finalized([one.invoice for one in composed], at=at, actor=actor)
    audit.record_all([_entry(one.invoice, drafted_totals[one.invoice.pk], at, actor) for one in composed])
    outbox.enqueue_many(
        task="invoices.render_pdf",
        at=at,
        messages=[(str(one.invoice.pk), {"invoice_id": str(one.invoice.pk)}) for one in composed],
    )
    credit_notes.ring([one.invoice for one in composed], at=at)
    return [one.invoice for one in composed]


def _require_due(composed: Composed, at: datetime) -> None:
    """Refuse what has to wait for its period's end or for another invoice."""
    invoice, contract = composed.invoice, composed.contracts[0]
    if composed.waits_for:
        raise AdvanceNotFinalized(contract.number)
    # A contract that was to end may run on since the draft was written.
    if _closes_period(invoice) and local_midnight(invoice.period_end_on, invoice.timezone) > at:
        raise PeriodNotOver(contract.number, invoice.period_end_on, invoice.timezone)


def _fix(composed: Sequence[Composed], *, at: datetime, actor: str) -> None:
    """Number the invoices, draw their credits, chain each to the one before and post them."""
    by_series: dict[tuple[str, int], list[Composed]] = {}
    for one in composed:
        _date(one, at)
        by_series.setdefault(_series_of(one.invoice), []).append(one)
    # From the first of these locks to the commit, others that finalize in the series wait.
    for prefix, year in sorted(by_series):
        of_series = by_series[prefix, year]
        series = numbering.locked_series(
            legal_entity=of_series[0].invoice.legal_entity, prefix=prefix, year=year
        )
        for one in of_series:
            invoice = one.invoice
            numbering.take(series, invoice)
            invoice.status = Invoice.Status.FINALIZED
            series.last_hash = invoice.snapshot_hash = snapshot.hash_of(invoice, one.lines, one.taxes)
        series.save(update_fields=["next_number", "last_hash"])
    for one in composed:
        if one.credits_used:
            reserve.release(source_key=str(one.invoice.pk))
    draws = [_draw(one) for one in composed]
    burn.burn_many(draws, at=at, actor=actor)
    db.update_rows([one.invoice for one in composed], _FIXED)
    ledger.post([post.entry_of(one.invoice, one.lines) for one in composed], at=at, actor=actor)
    for one in composed:
        taxes.report_later(one.invoice, at=at)


def _draw(composed: Composed) -> burn.Draw:
    invoice = composed.invoice
    assert invoice.issued_on, "what draws has a day"
    return burn.Draw(str(invoice.number), invoice.issued_on, composed.credits_used)


def _series_of(invoice: Invoice) -> tuple[str, int]:
    assert invoice.issued_on
    return numbering.prefix_of(invoice), invoice.issued_on.year


def _billed(composed: Composed) -> Iterator[Billed]:
    """Yield the period for the contract and for the accounts on its invoice, those as far as their days go."""
    invoice = composed.invoice
    if _closes_period(invoice):
        period = Period(invoice.period_start_on, invoice.period_end_on, invoice.timezone)
        for contract in composed.contracts:
            covered = period.overlap(contract.starts_on, contract.ends_on) or period
            yield Billed(contract, covered.starts_on, covered.ends_on)


def _counted(wanted: Sequence[Wanted], at: datetime) -> list[Counted]:
    """Note of each invoice that is priced from usage until when that was received; return the contracts that were counted.

    Usage of the whole family may be in its prices.
    """
    families = {
        one.invoice: (one.family.root, *one.family.children)
        for one in wanted
        if one.invoice and one.kind in _OF_USAGE
    }
    last = counted.last_received({contract.customer_id for those in families.values() for contract in those})
    found: list[Counted] = []
    for invoice, contracts in families.items():
        known = [at, *(one.counted_until_at or at for one in contracts)]
        until = max(known + [last.get(one.customer_id, at) for one in contracts])
        invoice.counted_until_at = until
        found += [Counted(one, until) for one in contracts]
    return found


def _closes_period(invoice: Invoice) -> bool:
    """Tell whether the period is billed by it; one that is issued again is of days that are billed already."""
    return invoice.kind == Invoice.Kind.PERIOD and invoice.replaces_id is None


def _date(composed: Composed, at: datetime) -> None:
    invoice, contract = composed.invoice, composed.contracts[0]
    invoice.finalized_at = at
    invoice.issued_on = at.astimezone(ZoneInfo(contract.timezone)).date()
    invoice.due_on = invoice.issued_on + timedelta(days=contract.payment_days)


def _entry(invoice: Invoice, drafted_total: Decimal, at: datetime, actor: str) -> AuditEntry:
    return audit.entry(
        at=at,
        actor=actor,
        action="invoices.finalize",
        subject_type="invoice",
        subject_key=str(invoice.number),
        before={"total": f"{drafted_total:f}"},
        after={"total": f"{invoice.total:f}", "currency": invoice.currency, "due_on": str(invoice.due_on)},
    )
