"""Drawing an invoice's credits from the grants that pay for them."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from apps.core import db
from apps.credits.errors import GrantOverdrawn
from apps.credits.models import CreditBurn, CreditGrant


def burn(*, source_key: str, used: Mapping[str, Decimal], at: datetime) -> tuple[CreditBurn, ...]:
    """Draw `used` (grant key to amount in its unit) for the invoice numbered `source_key`.

    A step of finalize. The grants are locked in the order of their ids, so two invoices of a customer never draw the
    same credit. Refuses a grant that no longer holds enough; then nothing of the invoice is written.
    """
    db.require_transaction()
    drawn = {key: amount for key, amount in used.items() if amount}
    if not drawn:
        return ()
    grants = list(CreditGrant.objects.select_for_update().filter(key__in=drawn).order_by("pk"))
    for grant in grants:
        if grant.left < drawn[grant.key]:
            raise GrantOverdrawn(grant.key, grant.left, drawn[grant.key])
        grant.left -= drawn[grant.key]
    # A grant that vanished would be paid out of nothing.
    assert {grant.key for grant in grants} == set(drawn)
    burns = [
        CreditBurn(grant=grant, source_key=source_key, amount=drawn[grant.key], burned_at=at)
        for grant in grants
    ]
    CreditBurn.objects.bulk_create(burns)
    CreditGrant.objects.bulk_update(grants, ["left"])
    return tuple(burns)
