"""What becomes of credits that a cancelled contract leaves: kept, expired, or owed back."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from apps.contracts import locks
from apps.contracts.amend import locked
from apps.contracts.cancel import When, write_cancellation
from apps.contracts.models import Amendment, Contract
from apps.core import audit, db
from apps.core.money import rounded_to_minor_unit
from apps.credits import post
from apps.credits.errors import NothingToRefund
from apps.credits.models import CreditGrant, CreditReservation, RefundOwed
from apps.credits.queries import unbilled_while_good
from apps.ledger import post as ledger


class Unused(StrEnum):
    """What becomes of what is left after the final invoice."""

    KEEP = "keep"
    EXPIRE = "expire"
    REFUND = "refund"


@transaction.atomic(durable=True)
def cancel(
    *, contract_id: UUID, when: When, unused: Unused, reason: str, at: datetime, actor: str
) -> Amendment:
    """End a contract at once or with its period, and say what becomes of the credits that are left then.

    Credits still pay for the final invoice, whatever is chosen. Then they are kept until they expire by themselves, are gone, or
    are gone and what was paid for them is owed back: see `count_refunds`. Nothing more that the contract promises is granted.
    """
    locks.hold(contract_id)
    contract = locked(contract_id)
    amendment = write_cancellation(contract, when=when, reason=reason, at=at, actor=actor)
    assert contract.ends_on
    grants = list(left_after(contract, contract.ends_on).select_for_update(of=("self",)).order_by("pk"))
    if unused != Unused.KEEP:
        _let_expire(grants, contract.ends_on)
    if unused == Unused.REFUND:
        refunds = [
            RefundOwed(
                grant=grant,
                contract=contract,
                currency=grant.cost_currency,
                reason=reason.strip(),
                asked_at=at,
            )
            for grant in grants
            if grant.cost
        ]
        # Of a contract that was cancelled before, to a later end, they are owed already.
        RefundOwed.objects.bulk_create(refunds, ignore_conflicts=True)
    audit.record(
        at=at,
        actor=actor,
        action="credits.cancel",
        subject_type="contract",
        subject_key=contract.number,
        after={
            "ends_on": str(contract.ends_on),
            "unused_credits": unused.value,
            "grants": [grant.key for grant in grants],
        },
        reason=reason.strip(),
    )
    return amendment


def left_after(contract: Contract, ends_on: date) -> QuerySet[CreditGrant]:
    """Return the grants that would hold something after a contract's end, were nothing more drawn from them.

    Those for any contract of the customer are among them, unless another contract follows.
    """
    others = Contract.objects.filter(customer_id=contract.customer_id).exclude(pk=contract.pk)
    follows = others.exclude(status=Contract.Status.DRAFT).filter(Q(ends_on=None) | Q(ends_on__gt=ends_on))
    of_contract = Q(contract=contract) if follows.exists() else Q(contract=contract) | Q(contract=None)
    return CreditGrant.objects.filter(
        of_contract,
        Q(expires_on=None) | Q(expires_on__gt=ends_on),
        customer_id=contract.customer_id,
        left__gt=0,
    )


def refundable(grant: CreditGrant, left: Decimal) -> Decimal:
    """Return what was paid for what is left of a grant: cost x left / amount, rounded to the minor unit, half up."""
    exact = Fraction(grant.cost) * Fraction(left) / Fraction(grant.amount)
    return rounded_to_minor_unit(exact, grant.cost_currency)


def count_refunds(*, at: datetime, actor: str) -> int:
    """Say how much is owed back of each grant that no invoice can draw on any more; return how many there are.

    That is once the contract is wholly billed; and of a grant for any contract of the customer, once all days on which it was
    good are billed under the others too.
    """
    others = unbilled_while_good("grant__").filter(customer=OuterRef("grant__customer"))
    waiting = (
        RefundOwed.objects.filter(amount=None, contract__ends_on__lte=F("contract__billed_until_on"))
        .exclude(Exists(others), grant__contract=None)
        .exclude(Exists(CreditReservation.objects.filter(grant=OuterRef("grant"))))
        .values_list("pk", flat=True)
    )
    return sum(_count(refund_id, at=at, actor=actor) for refund_id in waiting)


@transaction.atomic(durable=True)
def note_refunded(*, refund_id: UUID, note: str, at: datetime, actor: str) -> RefundOwed:
    """Note that staff paid back what is owed, and how; refuse what is not counted yet, and what was paid back before."""
    refund = _locked(refund_id)
    if refund.amount is None:
        raise NothingToRefund(refund.grant.name, "the final invoice may still draw on it. Wait for that.")
    if refund.refunded_at:
        raise NothingToRefund(refund.grant.name, "it was refunded already.")
    if not note.strip():
        raise NothingToRefund(refund.grant.name, "say how it was refunded, such as the bank's reference.")
    refund.refunded_at, refund.note = at, note.strip()
    refund.save(update_fields=["refunded_at", "note"])
    ledger.post([post.refunded_entry(refund, at.date())], at=at, actor=actor)
    _record("credits.refund", refund, at=at, actor=actor, note=refund.note)
    return refund


@transaction.atomic(durable=True)
def _count(refund_id: UUID, *, at: datetime, actor: str) -> bool:
    refund = _locked(refund_id)
    if refund.amount is not None:
        return False
    grant = CreditGrant.objects.select_for_update().get(pk=refund.grant_id)
    refund.left, refund.counted_at = grant.left, at
    refund.amount = refundable(grant, grant.left)
    refund.save(update_fields=["left", "counted_at", "amount"])
    ledger.post([post.refund_owed_entry(refund, cost=post.owed(grant), on=at.date())], at=at, actor=actor)
    # It is money owed from now on, no credits.
    grant.left = 0
    grant.save(update_fields=["left"])
    _record("credits.owe_refund", refund, at=at, actor=actor, note=refund.reason)
    return True


def _locked(refund_id: UUID) -> RefundOwed:
    return (
        RefundOwed.objects.select_for_update(of=("self",))
        .select_related("grant__customer", "grant__legal_entity")
        .get(pk=refund_id)
    )


def _let_expire(grants: list[CreditGrant], ends_on: date) -> None:
    """Let grants pay for nothing after the end; those that begin later pay for nothing at all, as nothing is billed then."""
    db.require_transaction()
    for grant in grants:
        grant.expires_on = max(ends_on, date.fromordinal(grant.effective_on.toordinal() + 1))
    CreditGrant.objects.bulk_update(grants, ["expires_on"])


def _record(action: str, refund: RefundOwed, *, at: datetime, actor: str, note: str) -> None:
    audit.record(
        at=at,
        actor=actor,
        action=action,
        subject_type="credit grant",
        subject_key=refund.grant.key,
        after={"amount": f"{refund.amount:f}", "currency": refund.currency},
        reason=note,
    )
