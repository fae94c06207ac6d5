"""Drawing the credits of invoices from the grants that pay for them, and posting what they had cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from apps.core import db
from apps.credits import post
from apps.credits.errors import GrantOverdrawn
from apps.credits.models import CreditBurn, CreditGrant
from apps.ledger import post as ledger


@dataclass(frozen=True, slots=True)
class Draw:
    """What an invoice draws: its number, its day, and from each grant, by its key, how much in the grant's unit."""

    source_key: str
    on: date
    used: Mapping[str, Decimal]


def burn(
    *, source_key: str, used: Mapping[str, Decimal], on: date, at: datetime, actor: str
) -> tuple[CreditBurn, ...]:
    """Draw `used` (grant key to amount in its unit) for the invoice numbered `source_key` of the day `on`.

    A step of finalize, as `burn_many` is.
    """
    return burn_many([Draw(source_key, on, used)], at=at, actor=actor)


def burn_many(draws: Sequence[Draw], *, at: datetime, actor: str) -> tuple[CreditBurn, ...]:
    """Draw for invoices, one after the other, and post each burn on its invoice's day. A step of finalize.

    The grants are locked in the order of their ids, so two invoices of a customer never draw the same credit. Refuses a grant
    that no longer holds enough; then nothing is written. A number of queries that does not grow with the invoices, and none
    where no credits are used.
    """
    db.require_transaction()
    wanted = {key for draw in draws for key, amount in draw.used.items() if amount}
    if not wanted:
        return ()
    grants = {
        grant.key: grant
        for grant in CreditGrant.objects.select_for_update(of=("self",))
        .filter(key__in=wanted)
        .select_related("customer", "legal_entity", "credit_unit")
        .order_by("pk")
    }
    # A grant that vanished would be paid out of nothing.
    assert set(grants) == wanted
    burns, entries = [], []
    for draw in draws:
        for key, amount in draw.used.items():
            if not amount:
                continue
            grant = grants[key]
            if grant.left < amount:
                raise GrantOverdrawn(key, grant.left, amount)
            before, grant.left = grant.left, grant.left - amount
            burned = CreditBurn(grant=grant, source_key=draw.source_key, amount=amount, burned_at=at)
            burns.append(burned)
            entries.append(post.burn_entry(grant, burned, before=before, on=draw.on))
    CreditBurn.objects.bulk_create(burns)
    CreditGrant.objects.bulk_update(grants.values(), ["left"])
    ledger.post(entries, at=at, actor=actor)
    return tuple(burns)
