"""What credits post to the journal: what was paid for a grant is owed to the customer until it is used, expires or is paid back.

Gifts cost nothing and post nothing. What is used of a grant releases its cost by what was used of it in all, less what was
released before: so a grant that is used up has released exactly what it cost, however it was rounded on the way.
"""

from datetime import date
from decimal import Decimal
from fractions import Fraction

from apps.core.money import EXACT, rounded_to_minor_unit
from apps.credits.models import CreditBurn, CreditExpiry, CreditGrant, RefundOwed
from apps.ledger.models import Account, Entry
from apps.ledger.post import NewEntry, NewPosting, credit, debit

_ROLE = Account.Role


def released(grant: CreditGrant, left: Decimal) -> Decimal:
    """Return how much of its cost a grant with `left` has released: cost x used / amount, to the minor unit, half up."""
    if not grant.cost:
        return Decimal(0)
    used = Fraction(grant.amount) - Fraction(left)
    return rounded_to_minor_unit(Fraction(grant.cost) * used / Fraction(grant.amount), grant.cost_currency)


def owed(grant: CreditGrant, left: Decimal | None = None) -> Decimal:
    """Return what the books owe for a grant: the part of its cost that is not released; of one with `left`, if that is given."""
    return EXACT.subtract(released(grant, Decimal(0)), released(grant, grant.left if left is None else left))


def grant_entry(grant: CreditGrant, on: date) -> NewEntry:
    """Return the entry of a new grant: until it is invoiced, the other side is what is not billed yet."""
    cost = owed(grant, grant.amount)
    return _entry(
        grant,
        kind=Entry.Kind.GRANT,
        source_key=grant.key,
        description=grant.name,
        on=on,
        postings=[
            debit(_ROLE.UNBILLED, grant.cost_currency, cost),
            credit(_ROLE.CREDITS, grant.cost_currency, cost),
        ],
    )


def burn_entry(grant: CreditGrant, burn: CreditBurn, *, before: Decimal, on: date) -> NewEntry:
    """Return the entry of a burn by which a grant came from `before` to what is left.

    Credits of a unit are revenue when they are used. Money pays for what the invoice has as revenue already, and which its line
    "Paid by credits" has among the discounts: what was paid for it comes off those.
    """
    cost = EXACT.subtract(owed(grant, before), owed(grant))
    unit = grant.credit_unit
    return _entry(
        grant,
        kind=Entry.Kind.BURN,
        source_key=str(burn.pk),
        description=f"{burn.source_key}: {grant.name}",
        on=on,
        postings=[
            debit(_ROLE.CREDITS, grant.cost_currency, cost),
            credit(_ROLE.REVENUE, grant.cost_currency, cost, unit.name)
            if unit
            else credit(_ROLE.DISCOUNTS, grant.cost_currency, cost),
        ],
    )


def taken_back_entry(
    grant: CreditGrant, drawn: CreditBurn, *, before: Decimal, given: Decimal, on: date
) -> NewEntry:
    """Return the entry of credits that a credit note took back, whose own entry has what it gave for them as not billed again.

    A rounding difference to what they had cost goes where expiry goes.
    """
    cost = EXACT.subtract(owed(grant, before), owed(grant))
    return _entry(
        grant,
        kind=Entry.Kind.BURN,
        source_key=str(drawn.pk),
        description=f"{drawn.source_key}: {grant.name} taken back",
        on=on,
        postings=[
            debit(_ROLE.CREDITS, grant.cost_currency, cost),
            credit(_ROLE.UNBILLED, grant.cost_currency, given),
            credit(_ROLE.BREAKAGE, grant.cost_currency, EXACT.subtract(cost, given)),
        ],
    )


def expiry_entry(expiry: CreditExpiry, on: date) -> NewEntry:
    """Return the entry of what expired: it is earned without having been used."""
    grant = expiry.grant
    return _entry(
        grant,
        kind=Entry.Kind.EXPIRY,
        source_key=grant.key,
        description=f"Expired: {grant.name}",
        on=on,
        postings=[
            debit(_ROLE.CREDITS, grant.cost_currency, expiry.cost),
            credit(_ROLE.BREAKAGE, grant.cost_currency, expiry.cost),
        ],
    )


def refund_owed_entry(refund: RefundOwed, *, cost: Decimal, on: date) -> NewEntry:
    """Return the entry of a refund that is counted, of credits that had `cost`; a rounding difference goes where expiry goes."""
    assert refund.amount is not None, "what is posted is counted"
    return _entry(
        refund.grant,
        kind=Entry.Kind.REFUND,
        source_key=str(refund.pk),
        description=f"Refund owed: {refund.grant.name}",
        on=on,
        postings=[
            debit(_ROLE.CREDITS, refund.currency, cost),
            credit(_ROLE.REFUNDS, refund.currency, refund.amount),
            credit(_ROLE.BREAKAGE, refund.currency, EXACT.subtract(cost, refund.amount)),
        ],
    )


def refunded_entry(refund: RefundOwed, on: date) -> NewEntry:
    """Return the entry of a refund that was paid."""
    assert refund.amount is not None, "what is paid is counted"
    return _entry(
        refund.grant,
        kind=Entry.Kind.REFUND,
        source_key=f"{refund.pk}:paid",
        description=f"Refunded: {refund.grant.name}",
        on=on,
        postings=[
            debit(_ROLE.REFUNDS, refund.currency, refund.amount),
            credit(_ROLE.CASH, refund.currency, refund.amount),
        ],
    )


def _entry(
    grant: CreditGrant,
    *,
    kind: Entry.Kind,
    source_key: str,
    description: str,
    on: date,
    postings: list[NewPosting],
) -> NewEntry:
    return NewEntry(
        kind=kind,
        source_key=source_key,
        description=description[:200],
        document_on=on,
        customer=grant.customer,
        legal_entity=grant.legal_entity,
        postings=postings,
    )
