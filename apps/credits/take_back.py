"""Taking back credits that were sold, when what was paid for them is given back."""

from datetime import date, datetime
from decimal import Decimal

from django.db.models import Sum

from apps.core import db
from apps.core.money import EXACT
from apps.credits import post
from apps.credits.models import CreditBurn, CreditGrant, CreditReservation
from apps.ledger import post as ledger


def free_of(grant: CreditGrant) -> Decimal:
    """Return how much of a grant is neither used nor counted on by a draft; one query."""
    reserved = CreditReservation.objects.filter(grant=grant).aggregate(sum=Sum("amount"))["sum"]
    return max(EXACT.subtract(grant.left, reserved or Decimal(0)), Decimal(0))


def take_back(
    grant: CreditGrant,
    amount: Decimal,
    *,
    given: Decimal,
    credit_note: str,
    on: date,
    at: datetime,
    actor: str,
) -> CreditBurn:
    """Take an amount off a locked grant for the credit note with a number. A step of crediting the invoice that sold it.

    It stands among what was drawn. In the books, what was `given` for it without tax, in the currency of its cost, was not billed then.
    """
    db.require_transaction()
    before, grant.left = grant.left, EXACT.subtract(grant.left, amount)
    drawn = CreditBurn.objects.create(
        grant=grant, source_key=credit_note, amount=amount, burned_at=at, taken_back=True
    )
    grant.save(update_fields=["left"])
    entry = post.taken_back_entry(grant, drawn, before=before, given=given, on=on)
    ledger.post([entry], at=at, actor=actor)
    return drawn
