"""Giving back the credits that an invoice drew, once it is wholly credited."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from apps.core import audit, db
from apps.credits.models import CreditBurn, CreditGrant
from apps.ledger import post
from apps.ledger.manual import reversal_of
from apps.ledger.models import Account, Entry


@dataclass(frozen=True, slots=True)
class Restored:
    """A credit note of a day that gives back what the invoice with a number drew, for days from `drawn_for` on."""

    invoice_number: str
    credit_note_number: str
    on: date
    drawn_for: date


def restore(restored: Restored, *, at: datetime, actor: str) -> list[CreditGrant]:
    """Give back what an invoice drew: a grant for each that it drew on, of exactly what it drew, with its unit and priority.

    It is good for as many days from the credit note on as the grant drawn on was from the first day that was billed: credits of a
    month that is over would else be gone before anything could draw on them. What the draw released of the cost goes with it, to
    the cent, and the entry that posted it is reversed: so the books owe for the new grant what they owed before the invoice. A
    step of crediting an invoice.
    """
    db.require_transaction()
    burns = list(
        CreditBurn.objects.filter(source_key=restored.invoice_number)
        .select_related("grant__legal_entity")
        .order_by("grant_id")
    )
    if not burns:
        return []
    entries = {
        entry.source_key: entry
        for entry in Entry.objects.filter(
            kind=Entry.Kind.BURN, source_key__in=[str(burn.pk) for burn in burns], reversed_by=None
        ).select_related("legal_entity")
    }
    released = _released(entries)
    granted = [_again(burn, restored, cost=released.get(str(burn.pk), Decimal(0))) for burn in burns]
    CreditGrant.objects.bulk_create(granted)
    post.post(
        [
            reversal_of(entry, on=max(restored.on, entry.document_on), reason=restored.credit_note_number)
            for entry in entries.values()
        ],
        at=at,
        actor=actor,
    )
    for grant in granted:
        audit.record(
            at=at,
            actor=actor,
            action="credits.restore",
            subject_type="credit grant",
            subject_key=grant.key,
            after={"amount": f"{grant.amount:f}", "drawn_by": restored.invoice_number},
            reason=restored.credit_note_number,
        )
    return granted


def _released(entries: Mapping[str, Entry]) -> dict[str, Decimal]:
    """Return what each draw released, by the burn's id."""
    found = [entry.pk for entry in entries.values()]
    amounts: dict[UUID, Decimal] = dict(
        Entry.objects.filter(pk__in=found, postings__account__role=Account.Role.CREDITS).values_list(
            "pk", "postings__amount"
        )
    )
    return {key: amounts[entry.pk] for key, entry in entries.items()}


def _again(burn: CreditBurn, restored: Restored, *, cost: Decimal) -> CreditGrant:
    grant = burn.grant
    # Not the key of the grant drawn on, which may be as long as a key can be.
    return CreditGrant(
        key=f"{restored.credit_note_number}:{grant.pk}",
        name=grant.name,
        customer_id=grant.customer_id,
        legal_entity=grant.legal_entity,
        credit_unit_id=grant.credit_unit_id,
        currency=grant.currency,
        contract_id=grant.contract_id,
        charge_keys=grant.charge_keys,
        amount=burn.amount,
        left=burn.amount,
        cost=cost,
        cost_currency=grant.cost_currency if cost else "",
        priority=grant.priority,
        effective_on=grant.effective_on,
        expires_on=_end_of(grant.expires_on, restored),
    )


def _end_of(expires_on: date | None, restored: Restored) -> date | None:
    if expires_on is None:
        return None
    later = max(restored.on.toordinal() - restored.drawn_for.toordinal(), 0)
    # Some write the last day that there is for never.
    return date.fromordinal(min(expires_on.toordinal() + later, date.max.toordinal()))
