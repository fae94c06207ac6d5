"""Amending a signed contract, and agreeing on the same things while it is a draft."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Max

from apps.contracts import locks
from apps.contracts.apply import apply
from apps.contracts.changes import Change, PromiseGrant
from apps.contracts.errors import AmendmentRefused, ContractIsSigned, NotLive
from apps.contracts.models import Amendment, Contract
from apps.contracts.sign import GRANT_PROMISED
from apps.core import audit, db, outbox
from apps.core.ids import uuid7


@transaction.atomic(durable=True)
def amend(
    *,
    contract_id: UUID,
    effective_on: date,
    changes: Sequence[Change],
    reason: str,
    at: datetime,
    actor: str,
) -> Amendment:
    """Change a signed contract from a day on: past, today or to come; all changes hold, or none.

    What was billed of days since then is priced again, and the difference goes onto the next invoice. Refuses a day outside
    of the term, an amendment without a reason, and changes that contradict the contract, each by the field that is wrong.
    """
    locks.hold(contract_id)
    contract = locked(contract_id)
    if contract.status == Contract.Status.DRAFT:
        raise NotLive(contract.number, contract.status)
    mistakes = {}
    if not reason.strip():
        mistakes["reason"] = "Say why it is changed: auditors and the customer ask."
    if not contract.covers(effective_on):
        mistakes["effective_on"] = f"{effective_on} is outside of its term; choose a day within it."
    if not changes:
        mistakes["changes"] = "Nothing is changed; say what is."
    if mistakes:
        raise AmendmentRefused(contract.number, mistakes)
    return write_amendment(
        contract, effective_on=effective_on, changes=changes, reason=reason, at=at, actor=actor
    )


def write_amendment(
    contract: Contract,
    *,
    effective_on: date,
    changes: Sequence[Change],
    later: Sequence[tuple[date, Change]] = (),
    reason: str,
    at: datetime,
    actor: str,
) -> Amendment:
    """Write an amendment of a locked contract: a step of `amend`, of renewals and of cancellations.

    Unlike there, the day may be the one on which the contract would have ended, as a change of its end lets it run on, and some
    changes may hold from later days.
    """
    db.require_transaction()
    last = contract.amendments.aggregate(last=Max("number"))["last"] or 0
    amendment = Amendment(
        contract=contract,
        number=last + 1,
        effective_on=effective_on,
        reason=reason.strip(),
        changes=[],
        actor=actor,
        at=at,
    )
    # The rows name the amendment, and it tells them in words: its key is known, and checked when the transaction ends.
    dated = [*((effective_on, change) for change in changes), *later]
    sentences = [apply(contract, change, on=on, amendment=amendment, at=at) for on, change in dated]
    amendment.changes = sentences
    amendment.save(force_insert=True)
    _stamp(contract)
    if any(isinstance(change, PromiseGrant) for change in changes):
        outbox.enqueue(
            task=GRANT_PROMISED, key=str(contract.terms_stamp), at=at, contract_id=str(contract.pk)
        )
    _record(contract, "contracts.amend", sentences, effective_on, at=at, actor=actor, reason=reason)
    return amendment


@transaction.atomic(durable=True)
def agree(*, contract_id: UUID, on: date, changes: Sequence[Change], at: datetime, actor: str) -> Contract:
    """Write into a draft what else is agreed, from a day on; refuse a signed contract, which is amended."""
    contract = locked(contract_id)
    if contract.status != Contract.Status.DRAFT:
        raise ContractIsSigned(contract.number)
    if not contract.covers(on):
        raise AmendmentRefused(
            contract.number, {"effective_on": f"{on} is outside of its term; choose a day within it."}
        )
    sentences = [apply(contract, change, on=on, amendment=None, at=at) for change in changes]
    _stamp(contract)
    _record(contract, "contracts.agree", sentences, on, at=at, actor=actor, reason="")
    return contract


def locked(contract_id: UUID) -> Contract:
    """Return the contract with its customer and plan, its row locked."""
    return (
        Contract.objects.select_for_update(of=("self",))
        .select_related("customer", "plan_version__plan")
        .get(pk=contract_id)
    )


def _stamp(contract: Contract) -> None:
    contract.terms_stamp = uuid7()
    contract.save(update_fields=["terms_stamp"])


def _record(
    contract: Contract,
    action: str,
    sentences: Sequence[str],
    on: date,
    *,
    at: datetime,
    actor: str,
    reason: str,
) -> None:
    audit.record(
        at=at,
        actor=actor,
        action=action,
        subject_type="contract",
        subject_key=contract.number,
        reason=reason,
        after={"from": on.isoformat(), "changes": list(sentences)},
    )
