"""Writing a draft invoice from a contract's terms and usage, and writing it again while it is one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from apps.contracts import locks
from apps.contracts.models import Contract
from apps.contracts.terms import period_on, terms_in
from apps.core import audit, db
from apps.core.money import EXACT, Money
from apps.core.periods import Period
from apps.credits import reserve
from apps.credits.paying import may_be_paid
from apps.invoices import adjust, advance, billing, lines, pool, snapshot, taxes
from apps.invoices.adjust import Adjustment
from apps.invoices.advance import Ahead, BilledAhead
from apps.invoices.billing import Asked, Priced
from apps.invoices.errors import AlreadyFinalized, Voided
from apps.invoices.models import Invoice, InvoiceLine, InvoiceTax
from apps.invoices.pool import Family
from apps.usage import levels


@dataclass(frozen=True, slots=True)
class Written:
    """An invoice just written, its lines, and what it draws from each credit grant.

    `contracts` are those whose period it bills: its own first, then the accounts on it. `waits_for` are drafts whose fees in
    advance it takes off.
    """

    invoice: Invoice
    lines: tuple[InvoiceLine, ...]
    taxes: tuple[InvoiceTax, ...]
    credits_used: dict[str, Decimal]
    contracts: tuple[Contract, ...]
    waits_for: tuple[Invoice, ...] = ()


@transaction.atomic(durable=True)
def draft_next(*, contract_id: UUID, at: datetime, actor: str) -> Invoice | None:
    """Draft what the contract is to be invoiced for next by `at`; return None if there is nothing.

    At its start that is the fees in advance of its first period, then its oldest period that is over and has no invoice. The
    contract is locked first, so of many callers at once one writes the draft and the others find it.
    """
    family = locked_family(contract_id)
    contract = family.contract
    if opens(contract, family, at=at) and not _of_periods(contract).exists():
        invoice = _write_opening(family, None, at).invoice
        _record("invoices.draft", invoice, contract, at=at, actor=actor)
        return invoice
    starts_on = undrafted_on(contract)
    if starts_on is None:
        return None
    period = period_on(contract, starts_on)
    if period.ends_at > at or family.is_guest_in(period):
        return None
    invoice = write(family=family, starts_on=starts_on, invoice=None, at=at).invoice
    _record("invoices.draft", invoice, contract, at=at, actor=actor)
    return invoice


@transaction.atomic(durable=True)
def refresh(*, invoice_id: UUID, at: datetime, actor: str) -> Invoice:
    """Rate a draft again from the usage, terms and addresses of now; its review time runs on. Refuses a finalized one."""
    family = locked_family(Invoice.objects.values_list("contract_id", flat=True).get(pk=invoice_id))
    invoice = Invoice.objects.select_for_update().get(pk=invoice_id)
    if invoice.number:
        raise AlreadyFinalized(invoice.number)
    if invoice.status == Invoice.Status.VOID:
        raise Voided(family.contract.number)
    before = invoice.total
    write(family=family, starts_on=invoice.period_start_on, invoice=invoice, at=at)
    if invoice.total != before:
        _record(
            "invoices.refresh",
            invoice,
            family.contract,
            at=at,
            actor=actor,
            before={"total": f"{before:f}"},
        )
    return invoice


def locked_family(contract_id: UUID) -> Family:
    """Return the contract with its parent's and children's, all locked against ingest and other closes, in two queries."""
    ids = locks.hold_family(contract_id)
    kin = list(
        Contract.objects.select_for_update(of=("self",))
        .select_related("customer__legal_entity", "plan_version__plan")
        .filter(pk__in=ids)
        .order_by("customer_id", "pk")
    )
    return pool.family_among(next(one for one in kin if one.pk == contract_id), kin)


def undrafted_on(contract: Contract) -> date | None:
    """Return the first day of the contract that is on no invoice, draft or not; None when all its days are."""
    latest_on = (
        Invoice.objects.filter(contract=contract, kind=Invoice.Kind.PERIOD)
        .order_by("-period_start_on")
        .values_list("period_end_on", flat=True)
        .first()
    )
    first_on = max(latest_on or contract.starts_on, contract.billed_until_on or contract.starts_on)
    return first_on if contract.covers(first_on) else None


def _of_periods(contract: Contract) -> QuerySet[Invoice]:
    return Invoice.objects.filter(contract=contract, kind__in=[Invoice.Kind.PERIOD, Invoice.Kind.OPENING])


def opens(contract: Contract, family: Family, *, at: datetime) -> bool:
    """Tell whether the contract is in its first period, and has fees in advance of it to bill; takes no query.

    Once the period is over, its own invoice bills them.
    """
    if contract.billed_until_on is not None:
        return False
    first = period_on(contract, contract.starts_on)
    if not first.starts_at <= at < first.ends_at or family.is_guest_in(first):
        return False
    return any(ahead.rated.subtotal.amount > 0 for ahead in _ahead_at_start(family, first))


def write(*, family: Family, starts_on: date, invoice: Invoice | None, at: datetime) -> Written:
    """Rate the locked contract's period from `starts_on` and write it as a new draft, or into the given one.

    A step. Lines that staff added to a draft stay on it.
    """
    db.require_transaction()
    if invoice is not None and invoice.kind == Invoice.Kind.OPENING:
        return _write_opening(family, invoice, at)
    contract = family.contract
    period = period_on(contract, starts_on)
    contracts = (contract, *family.guests_in(period))
    _carry_levels(family, period, at)
    is_new = invoice is None
    invoice = invoice or _new(contract, period, Invoice.Kind.PERIOD, at)
    ended = family.ended_guests(starts_on)
    changed = {
        one.pk: adjust.adjustments(one, max(starts_on, one.starts_on), family=_seen_from(family, one))
        for one in contracts
    }
    if contract.billed_until_on == starts_on:
        changed |= {one.pk: adjust.changed(one, _seen_from(family, one)) for one in ended}
    parts: list[Priced] = []
    for one in contracts:
        asked = Asked(source_key=str(invoice.pk), drawn=_credits_used(parts))
        parts.append(_price(one, family, period, changed[one.pk], asked))
    ahead = [fees for one in contracts if (fees := advance.fees_ahead(one, period.ends_on))]
    subtotal = sum((part.rated.total.amount for part in parts), Decimal(0))
    subtotal += sum((fees.rated.total.amount for fees in ahead), Decimal(0))
    found = [one for of_contract in changed.values() for one in of_contract.adjustments]
    taken = _taken_off(invoice, (*contracts, *ended), parts, subtotal + adjust.asked_for(found))
    # What an account that ended used in credits has no running period to be priced with.
    in_credits = [one for one in found if one.is_in_credits and one.contract not in ended]
    adjusted = adjust.within(found, subtotal + sum((amount for *_, amount in taken), Decimal(0)))
    written = _save(
        invoice,
        contracts,
        _lines(invoice, parts, ahead, taken, [*adjusted, *in_credits]),
        kept=snapshot.of_period(parts),
        parts=parts,
        is_new=is_new,
    )
    return replace(written, waits_for=tuple(one.invoice for one, *_ in taken if one.invoice.number is None))


def _write_opening(family: Family, invoice: Invoice | None, at: datetime) -> Written:
    """Write the fees in advance of the contract's first period."""
    contract = family.contract
    first = period_on(contract, contract.starts_on)
    is_new = invoice is None
    invoice = invoice or _new(contract, first, Invoice.Kind.OPENING, at)
    # The period may have been billed as a whole meanwhile: then nothing is left to ask for in advance.
    ahead = [] if contract.billed_until_on else _ahead_at_start(family, first)
    found = [line for fees in ahead for line in lines.of_fees_ahead(invoice, fees)]
    return _save(
        invoice,
        (contract,),
        found,
        kept=snapshot.of_opening(contract),
        parts=(),
        is_new=is_new,
    )


def _ahead_at_start(family: Family, first: Period) -> list[Ahead]:
    contracts = (family.contract, *family.guests_in(first))
    return [
        fees
        for one in contracts
        if one.starts_on == first.starts_on and (fees := advance.fees_ahead(one, first.starts_on))
    ]


def _new(contract: Contract, period: Period, kind: str, at: datetime) -> Invoice:
    review = timedelta(hours=contract.customer.legal_entity.review_hours)
    return Invoice(
        contract=contract,
        kind=kind,
        period_start_on=period.starts_on,
        currency=contract.plan_version.currency,
        drafted_at=at,
        review_until_at=at + review,
    )


def _seen_from(family: Family, contract: Contract) -> Family | None:
    """Return the family as one of its contracts sees it; None for a contract that has none."""
    if not family.children and family.parent is None:
        return None
    return pool.family_among(contract, (family.root, *family.children))


def _carry_levels(family: Family, period: Period, at: datetime) -> None:
    own = {family.contract.pk: family.contract}
    together = own | {one.pk: one for one in (*family.guests_in(period), *family.pool_in(period))}
    for contract in together.values():
        covered = period.overlap(contract.starts_on, contract.ends_on)
        if covered and any(planned.is_level for planned in terms_in(contract, covered).charges):
            levels.carry(contract.customer_id, [contract], at=at)


def _price(
    contract: Contract, family: Family, period: Period, changed: adjust.Changed, asked: Asked
) -> Priced:
    covered = period.overlap(contract.starts_on, contract.ends_on)
    assert covered is not None, "accounts on an invoice have days in its period"
    priced = {planned.charge.key for planned in terms_in(contract, covered).charges}
    more = [one for one in changed.in_credits if one[0].charge in priced]
    asked = replace(asked, more=more, brought=changed.brought)
    return billing.price(contract, covered, family=_seen_from(family, contract), asked=asked)


def _credits_used(parts: Sequence[Priced]) -> dict[str, Decimal]:
    """Return what each grant pays of several contracts: two of the same customer may draw on the same one."""
    sums: dict[str, Decimal] = {}
    for part in parts:
        for grant, used in part.credits_used.items():
            sums[grant] = EXACT.add(sums.get(grant, Decimal(0)), used)
    return sums


def _taken_off(
    invoice: Invoice, contracts: Sequence[Contract], parts: Sequence[Priced], subtotal: Decimal
) -> list[tuple[BilledAhead, Contract, Decimal]]:
    """Return what was billed in advance with what is taken off of each: all, unless that brings the subtotal below zero."""
    is_alone = len(contracts) == len(parts)
    if is_alone and not any(advance.may_be_billed_ahead(part.contract, part.terms) for part in parts):
        return []
    by_id = {contract.pk: contract for contract in contracts}
    taken = []
    for billed in advance.billed_ahead(contracts, invoice):
        amount = -min(billed.left, max(subtotal, Decimal(0)))
        subtotal += amount
        taken.append((billed, by_id[billed.contract_id], amount))
    return taken


def _lines(
    invoice: Invoice,
    parts: Sequence[Priced],
    ahead: Sequence[Ahead],
    taken: Sequence[tuple[BilledAhead, Contract, Decimal]],
    adjusted: Sequence[Adjustment],
) -> list[InvoiceLine]:
    return [
        *(line for part in parts for line in lines.of_period(invoice, part)),
        *(lines.taken_off(invoice, billed, contract, amount) for billed, contract, amount in taken if amount),
        *(line for fees in ahead for line in lines.of_fees_ahead(invoice, fees)),
        *(lines.of_adjustment(invoice, one) for one in adjusted),
        *lines.paid_in_advance(invoice, parts),
    ]


def _save(
    invoice: Invoice,
    contracts: tuple[Contract, ...],
    found: Sequence[InvoiceLine],
    *,
    kept: dict[str, object],
    parts: Sequence[Priced],
    is_new: bool,
) -> Written:
    contract = contracts[0]
    if not is_new:
        found = [*found, *map(lines.by_hand, invoice.manual_lines.all())]
    amount = sum((line.amount for line in found), Decimal(0))
    _fill(invoice, contract, amount)
    taxed = taxes.tax(invoice, found)
    invoice.snapshot = {**snapshot.parties(contract), **kept}
    invoice.save(force_insert=is_new)
    for position, line in enumerate(found, start=1):
        line.position = position
    if not is_new:
        invoice.lines.all().delete()
        invoice.taxes.all().delete()
    InvoiceLine.objects.bulk_create(found)
    InvoiceTax.objects.bulk_create(taxed)
    credits_used = _credits_used(parts)
    # Before an amendment its prices may have been in credits, and the draft has them reserved still.
    had_others = not is_new and any(part.contract.terms_stamp for part in parts)
    if had_others or any(may_be_paid(part.contract, part.terms) for part in parts):
        reserve.reserve(source_key=str(invoice.pk), used=credits_used)
    return Written(invoice, tuple(found), tuple(taxed), credits_used, contracts)


def _fill(invoice: Invoice, contract: Contract, amount: Decimal) -> None:
    customer = contract.customer
    period = period_on(contract, invoice.period_start_on)
    currency = contract.plan_version.currency
    invoice.customer = customer
    invoice.legal_entity = customer.legal_entity
    invoice.period_start_on, invoice.period_end_on = period.starts_on, period.ends_on
    invoice.timezone = contract.timezone
    invoice.currency = currency
    invoice.subtotal = (Money.zero(currency) + Money(amount, currency)).amount


def _record(
    action: str,
    invoice: Invoice,
    contract: Contract,
    *,
    at: datetime,
    actor: str,
    before: dict[str, object] | None = None,
) -> None:
    audit.record(
        at=at,
        actor=actor,
        action=action,
        subject_type="contract",
        subject_key=contract.number,
        before=before,
        after={
            "period": f"{invoice.period_start_on} to {invoice.period_end_on}",
            "total": f"{invoice.total:f} {invoice.currency}",
        },
    )
