"""Posting documents that the journal does not have: those from before there was one, and what check_books finds missing."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import CharField, Exists, Func, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Cast, Concat

from apps.backoffice.books.check import unposted
from apps.core import audit
from apps.core.periods import local_day
from apps.credits import post as of_credits
from apps.credits.models import CreditBurn, CreditExpiry, CreditGrant, RefundOwed
from apps.customers.models import LegalEntity
from apps.invoices.models import Invoice
from apps.invoices.post import entry_of
from apps.invoices.sold_back import given_for_credits
from apps.ledger.models import Entry
from apps.ledger.post import NewEntry, post
from apps.payments import post as of_payments
from apps.payments.models import Allocation, Payment, Refund, WriteOff

_AT_ONCE = 500
_KIND = Entry.Kind


def post_missing(*, legal_entity_id: UUID, at: datetime, actor: str) -> Counter[str]:
    """Post every document of a legal entity that has no entry; return how many there were of each kind.

    Each is posted on its own day; where the books of that month are closed, on the first day of the next month that is open. Some
    hundred are one transaction, so it may be stopped and begun again; a second time there is nothing to do.
    """
    entity = LegalEntity.objects.get(pk=legal_entity_id)
    made: Counter[str] = Counter()
    for missing in _DOCUMENTS:
        entries = missing(entity)
        while some := list(islice(entries, _AT_ONCE)):
            made += _post(entity, some, at=at, actor=actor)
    return made


@transaction.atomic(durable=True)
def _post(entity: LegalEntity, entries: list[NewEntry], *, at: datetime, actor: str) -> Counter[str]:
    # Two that do this at once take turns, and the second one looks again.
    LegalEntity.objects.select_for_update(no_key=True).get(pk=entity.pk)
    keys = [one.source_key for one in entries]
    there = set(Entry.objects.filter(source_key__in=keys).values_list("kind", "source_key"))
    made = post([one for one in entries if (one.kind, one.source_key) not in there], at=at, actor=actor)
    counted = Counter(str(_KIND(one.kind).label) for one in made)
    if made:
        audit.record(
            at=at,
            actor=actor,
            action="ledger.post_missing",
            subject_type="legal entity",
            subject_key=entity.key,
            after=counted,
        )
    return counted


def _without_entry(found: QuerySet[Any], *kinds: Entry.Kind, key: Any = "pk") -> Iterator[Any]:
    """Yield the documents that no entry of these kinds is of, in any books."""
    named = Cast(key, CharField())
    entries = Entry.objects.filter(kind__in=kinds, source_key=OuterRef("entry_key"))
    missing = found.annotate(entry_key=named).filter(~Exists(entries)).order_by("pk")
    return iter(missing.iterator(_AT_ONCE))


def _grants(entity: LegalEntity) -> Iterator[NewEntry]:
    """Yield what was paid for grants; what a credit note gave back is posted by the reversal of its draw."""
    # The key of such a grant begins with the credit note's number; it ended with it once.
    given_back = Entry.objects.filter(
        Q(reason=_part_of_key(1)) | Q(reason=_part_of_key(-1)),
        kind=_KIND.REVERSAL,
        reverses__kind=_KIND.BURN,
        legal_entity=entity,
    )
    found = CreditGrant.objects.filter(~Exists(given_back), legal_entity=entity, cost__gt=0)
    for grant in _without_entry(found.select_related("customer", "legal_entity"), _KIND.GRANT, key="key"):
        yield of_credits.grant_entry(grant, grant.created_at.date())


def _part_of_key(place: int) -> Func:
    return Func(OuterRef("key"), Value(":"), Value(place), function="split_part", output_field=CharField())


def _invoices(entity: LegalEntity) -> Iterator[NewEntry]:
    found = (
        unposted(entity.pk)
        .select_related("customer", "legal_entity", "credits")
        .prefetch_related("lines__adjusts")
        .defer("snapshot", "credits__snapshot")
        .order_by("pk")
    )
    for invoice in found.iterator(_AT_ONCE):
        yield entry_of(invoice, list(invoice.lines.all()))


def _burns(entity: LegalEntity) -> Iterator[NewEntry]:
    """Yield what draws released, each after those before it of the same grant."""
    grants = CreditGrant.objects.filter(legal_entity=entity, cost__gt=0)
    missing = {
        one.pk: one.grant_id
        for one in _without_entry(CreditBurn.objects.filter(grant__in=grants), _KIND.BURN)
    }
    for grant in grants.filter(pk__in=set(missing.values())).select_related(
        "customer", "legal_entity", "credit_unit"
    ):
        left = grant.amount
        for burn in grant.burns.order_by("burned_at", "pk"):
            before, left = left, left - burn.amount
            if burn.pk in missing:
                grant.left = left
                yield _burn(grant, burn, before=before)


def _burn(grant: CreditGrant, burn: CreditBurn, *, before: Decimal) -> NewEntry:
    drawn_by = Invoice.objects.filter(number=burn.source_key).defer("snapshot").first()
    on = drawn_by.issued_on if drawn_by and drawn_by.issued_on else burn.burned_at.date()
    if drawn_by and burn.taken_back:
        given = given_for_credits(drawn_by, list(drawn_by.lines.all()))
        return of_credits.taken_back_entry(grant, burn, before=before, given=given, on=on)
    return of_credits.burn_entry(grant, burn, before=before, on=on)


def _expiries(entity: LegalEntity) -> Iterator[NewEntry]:
    found = CreditExpiry.objects.filter(grant__legal_entity=entity)
    for expiry in _without_entry(_with_grant(found), _KIND.EXPIRY, key="grant__key"):
        yield of_credits.expiry_entry(expiry, expiry.expired_at.date())


def _credits_owed_back(entity: LegalEntity) -> Iterator[NewEntry]:
    found = _with_grant(RefundOwed.objects.filter(grant__legal_entity=entity))
    for refund in _without_entry(found.filter(counted_at__isnull=False), _KIND.REFUND):
        cost = of_credits.owed(refund.grant, refund.left)
        yield of_credits.refund_owed_entry(refund, cost=cost, on=refund.counted_at.date())
    for refund in _without_entry(found.filter(refunded_at__isnull=False), _KIND.REFUND, key=_PAID):
        yield of_credits.refunded_entry(refund, refund.refunded_at.date())


def _with_grant(found: QuerySet[Any]) -> QuerySet[Any]:
    return found.select_related("grant__customer", "grant__legal_entity")


def _payments(entity: LegalEntity) -> Iterator[NewEntry]:
    found = Payment.objects.filter(customer__legal_entity=entity).select_related("customer__legal_entity")
    for payment in _without_entry(found, _KIND.PAYMENT):
        yield of_payments.of_payment(payment)


def _allocations(entity: LegalEntity) -> Iterator[NewEntry]:
    found = Allocation.objects.filter(invoice__legal_entity=entity, write_off=None).select_related(
        "payment", "credit_note", "invoice__customer", "invoice__legal_entity"
    )
    for allocation in _without_entry(
        found.defer("invoice__snapshot", "credit_note__snapshot"), _KIND.ALLOCATION
    ):
        yield of_payments.of_allocation(allocation, on=_day_paid(allocation))


def _day_paid(allocation: Allocation) -> date:
    """Return the day that a payment or credit note paid: its own, or a later one on which it was applied or the invoice issued."""
    invoice, payment, note = allocation.invoice, allocation.payment, allocation.credit_note
    days = [invoice.issued_on, payment.received_on if payment else None, note.issued_on if note else None]
    recorded_at = payment.recorded_at if payment else note.finalized_at if note else None
    if allocation.allocated_at != recorded_at:
        days.append(local_day(allocation.allocated_at, invoice.timezone))
    return max(day for day in days if day)


def _write_offs(entity: LegalEntity) -> Iterator[NewEntry]:
    found = WriteOff.objects.filter(invoice__legal_entity=entity, reverses=None)
    for written in _without_entry(_with_invoice(found), _KIND.WRITE_OFF):
        yield of_payments.of_write_off(written)


def _recoveries(entity: LegalEntity) -> Iterator[NewEntry]:
    found = WriteOff.objects.filter(invoice__legal_entity=entity, reverses__isnull=False)
    for recovery in _without_entry(_with_invoice(found), _KIND.REVERSAL, _KIND.WRITE_OFF):
        taken_back = Entry.objects.filter(kind=_KIND.WRITE_OFF, source_key=str(recovery.reverses_id)).first()
        yield of_payments.of_recovery(recovery, reverses=taken_back.pk if taken_back else None)


def _with_invoice(found: QuerySet[Any]) -> QuerySet[Any]:
    return found.select_related("invoice__customer", "invoice__legal_entity").defer("invoice__snapshot")


def _refunds(entity: LegalEntity) -> Iterator[NewEntry]:
    is_own = Q(credit_note__legal_entity=entity) | Q(credit_note=None, customer__legal_entity=entity)
    found = (
        Refund.objects.filter(is_own)
        .select_related("customer__legal_entity", "payment", "credit_note__legal_entity")
        .defer("credit_note__snapshot")
    )
    for refund in _without_entry(found, _KIND.REFUND):
        yield of_payments.of_refund(refund)
    for refund in _without_entry(found.filter(paid_on__isnull=False), _KIND.REFUND, key=_PAID):
        yield of_payments.of_refund_paid(refund)


_PAID = Concat(Cast("pk", CharField()), Value(":paid"))
# A write-off before what takes it back.
_DOCUMENTS: Iterable[Callable[[LegalEntity], Iterator[NewEntry]]] = (
    _grants,
    _invoices,
    _burns,
    _expiries,
    _credits_owed_back,
    _payments,
    _allocations,
    _write_offs,
    _recoveries,
    _refunds,
)
