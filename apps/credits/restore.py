"""Giving back the credits that an invoice drew, once it is wholly credited."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction

from apps.core import audit, db
from apps.core.money import rounded_to_minor_unit
from apps.credits.models import CreditBurn, CreditGrant
from apps.customers.models import Customer
from apps.ledger import post
from apps.ledger.models import Account, Entry
from apps.ledger.post import NewEntry, NewPosting


@dataclass(frozen=True, slots=True)
class Restored:
    """A credit note that gives back what the invoice with a number drew."""

    invoice_number: str
    credit_note_number: str
    customer: Customer
    on: date
    currency: str


def restore(restored: Restored, *, at: datetime, actor: str) -> list[CreditGrant]:
    """Give back what an invoice drew: a grant for each that it drew on, of exactly what it drew, with its unit, days and priority.

    A step of crediting an invoice. What was paid for a grant goes with it in proportion. The entries that posted the draw are
    reversed in the journal.
    """
    db.require_transaction()
    burns = list(
        CreditBurn.objects.filter(source_key=restored.invoice_number)
        .select_related("grant")
        .order_by("grant_id")
    )
    granted = [_again(burn, restored) for burn in burns]
    CreditGrant.objects.bulk_create(granted)
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
    if granted:
        _post(restored, at=at, actor=actor)
    return granted


def _again(burn: CreditBurn, restored: Restored) -> CreditGrant:
    grant = burn.grant
    share = Fraction(grant.cost) * Fraction(burn.amount) / Fraction(grant.amount)
    return CreditGrant(
        key=f"{grant.key[:80]}:{restored.credit_note_number}",
        name=grant.name,
        customer_id=grant.customer_id,
        credit_unit_id=grant.credit_unit_id,
        currency=grant.currency,
        contract_id=grant.contract_id,
        charge_keys=grant.charge_keys,
        amount=burn.amount,
        left=burn.amount,
        cost=rounded_to_minor_unit(share, grant.currency or restored.currency) if grant.cost else Decimal(0),
        priority=grant.priority,
        effective_on=grant.effective_on,
        expires_on=grant.expires_on,
    )


def _post(restored: Restored, *, at: datetime, actor: str) -> None:
    """Reverse what the draw posted, if it did: credits that were given for nothing post nothing."""
    drawn = Entry.objects.filter(
        kind=Entry.Kind.BURN, source_key=restored.invoice_number, reversed_by=None
    ).select_related("legal_entity")
    post.post(
        [
            NewEntry(
                kind=Entry.Kind.REVERSAL,
                source_key=restored.credit_note_number,
                description=f"Credits given back by {restored.credit_note_number}",
                document_on=max(restored.on, entry.document_on),
                customer=restored.customer,
                legal_entity=entry.legal_entity,
                postings=[
                    NewPosting(Account.Role(one.account.role), one.currency, -one.amount, one.product_name)
                    for one in entry.postings.select_related("account")
                ],
                reverses=entry.pk,
            )
            for entry in drawn
        ],
        at=at,
        actor=actor,
    )
