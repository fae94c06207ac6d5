"""Writing drafts from contracts' terms and usage, and writing one again while it is one."""

from collections.abc import Collection, Mapping
from datetime import date, datetime
from uuid import UUID

from django.db import transaction

from apps.contracts import locks
from apps.contracts.models import Contract
from apps.contracts.terms import period_on
from apps.core import audit
from apps.core.models import AuditEntry
from apps.invoices import pool, store, tax_answers
from apps.invoices.compose import Composed, Wanted, compose, opens
from apps.invoices.errors import AlreadyFinalized, Voided
from apps.invoices.models import Invoice
from apps.invoices.pool import Family


@tax_answers.asks_first
@transaction.atomic(durable=True)
def draft_next(*, contract_id: UUID, at: datetime, actor: str) -> Invoice | None:
    """Draft what the contract is to be invoiced for next by `at`; return None if there is nothing.

    The contract is locked first, so of many callers at once one writes the draft and the others find it.
    """
    return next(iter(draft_each([contract_id], at=at, actor=actor)), None)


def draft_each(contract_ids: Collection[UUID], *, at: datetime, actor: str) -> list[Invoice]:
    """Draft what each of the contracts is to be invoiced for next by `at`, if there is anything. A step.

    At its start that is the fees in advance of its first period, then its oldest period that is over and has no invoice. No two
    of the contracts are of one customer or one family; see `apart`.
    """
    families = locked_families(contract_ids)
    drafted = drafted_until([family.contract for family in families])
    wanted = [found for family in families if (found := _next(family, drafted, at))]
    composed = compose(wanted, at=at)
    store.write(composed)
    audit.record_all([_entry("invoices.draft", one, at=at, actor=actor) for one in composed])
    return [one.invoice for one in composed]


@tax_answers.asks_first
@transaction.atomic(durable=True)
def refresh(*, invoice_id: UUID, at: datetime, actor: str) -> Invoice:
    """Rate a draft again from the usage, terms and addresses of now; its review time runs on. Refuses a finalized one."""
    (wanted,) = locked_drafts([invoice_id])
    invoice = wanted.invoice
    assert invoice is not None
    before = invoice.total
    (composed,) = compose([wanted], at=at)
    store.write([composed])
    if invoice.total != before:
        total: dict[str, object] = {"total": f"{before:f}"}
        audit.record_all([_entry("invoices.refresh", composed, at=at, actor=actor, before=total)])
    return invoice


def locked_families(contract_ids: Collection[UUID]) -> list[Family]:
    """Return the contracts with their parents' and children's, all locked against ingest and other closes, in two queries.

    They come in the order in which they are locked, by customer.
    """
    ids = locks.hold_families(contract_ids)
    kin = list(
        # Not against those who only refer to a contract, such as whoever writes down the list of another run.
        Contract.objects.select_for_update(of=("self",), no_key=True)
        .select_related("customer__legal_entity", "plan_version__plan")
        .filter(pk__in=ids)
        .order_by("customer_id", "pk")
    )
    asked = set(contract_ids)
    return pool.families_among([one for one in kin if one.pk in asked], kin)


def locked_drafts(invoice_ids: Collection[UUID]) -> list[Wanted]:
    """Return drafts to compose again, with their contracts' families locked before them, in four queries. A step.

    Refuses an invoice that is finalized or void.
    """
    of_contract = dict(Invoice.objects.filter(pk__in=invoice_ids).values_list("contract_id", "pk"))
    if len(of_contract) != len(set(invoice_ids)):
        raise Invoice.DoesNotExist(
            f"Not all of {len(invoice_ids)} drafts are there, each of another contract."
        )
    families = locked_families(of_contract.keys())
    # In one order, as the contracts are.
    found = {
        one.pk: one for one in Invoice.objects.select_for_update().filter(pk__in=invoice_ids).order_by("pk")
    }
    wanted = []
    for family in families:
        invoice = found[of_contract[family.contract.pk]]
        if invoice.number:
            raise AlreadyFinalized(invoice.number)
        if invoice.status == Invoice.Status.VOID:
            raise Voided(family.contract.number)
        wanted.append(Wanted(family, invoice.period_start_on, invoice, invoice.kind))
    return wanted


def drafted_until(contracts: Collection[Contract]) -> dict[UUID, date | None]:
    """Return up to which day each contract's periods are on invoices, drafts too; one query.

    None for one that has an invoice of fees in advance alone; one without any invoice is left out.
    """
    found = (
        Invoice.objects.filter(contract__in=contracts, kind__in=[Invoice.Kind.OPENING, Invoice.Kind.PERIOD])
        .order_by("contract", "kind", "-period_start_on")
        .distinct("contract", "kind")
        .values_list("contract_id", "kind", "period_end_on")
    )
    # What is of a period comes after what is of an opening.
    return {
        contract_id: end_on if kind == Invoice.Kind.PERIOD else None for contract_id, kind, end_on in found
    }


def undrafted_on(contract: Contract, drafted_until_on: date | None) -> date | None:
    """Return the first day of the contract that is on no invoice, draft or not; None when all its days are."""
    starts_on = contract.starts_on
    first_on = max(drafted_until_on or starts_on, contract.billed_until_on or starts_on)
    return first_on if contract.covers(first_on) else None


def goes_on(invoice: Invoice, *, at: datetime) -> bool:
    """Tell whether the contract of an invoice just drafted may have another to draft by `at`; takes no query."""
    contract = invoice.contract
    is_period = invoice.kind == Invoice.Kind.PERIOD
    next_on = invoice.period_end_on if is_period else invoice.period_start_on
    return contract.covers(next_on) and period_on(contract, next_on).ends_at <= at


def _next(family: Family, drafted: Mapping[UUID, date | None], at: datetime) -> Wanted | None:
    contract = family.contract
    if contract.pk not in drafted and opens(contract, family, at=at):
        return Wanted(family, contract.starts_on, kind=Invoice.Kind.OPENING)
    starts_on = undrafted_on(contract, drafted.get(contract.pk))
    if starts_on is None:
        return None
    period = period_on(contract, starts_on)
    if period.ends_at > at or family.is_guest_in(period):
        return None
    return Wanted(family, starts_on)


def _entry(
    action: str,
    composed: Composed,
    *,
    at: datetime,
    actor: str,
    before: dict[str, object] | None = None,
) -> AuditEntry:
    invoice = composed.invoice
    return audit.entry(
        at=at,
        actor=actor,
        action=action,
        subject_type="contract",
        subject_key=composed.contracts[0].number,
        before=before,
        after={
            "period": f"{invoice.period_start_on} to {invoice.period_end_on}",
            "total": f"{invoice.total:f} {invoice.currency}",
        },
    )
