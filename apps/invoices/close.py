"""Closing a contract: a draft invoice for every finished period, once each, whoever closes it and however often."""

import logging
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db import transaction
from django.db.models import F

from apps.contracts.models import Contract
from apps.core import audit, db
from apps.core.errors import Refusal
from apps.core.models import AuditEntry
from apps.invoices import draft
from apps.invoices.models import Invoice, ParkedClose

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Closed:
    """What a close of one contract came to: the drafts it made, and why it stopped if it was parked."""

    drafts: tuple[Invoice, ...]
    parked: ParkedClose | None


def close_contract(*, contract_id: UUID, at: datetime, actor: str) -> Closed:
    """Draft every period of the contract that ended by `at` and has no invoice, oldest first, one transaction each.

    A period that is refused, or that an error stops, parks the contract with the reason, and drafts made before stay;
    a later close that gets through removes it from parking. A lost database connection is not parked but raised.
    """
    drafts: list[Invoice] = []
    try:
        while made := draft.draft_next(contract_id=contract_id, at=at, actor=actor):
            drafts.append(made)
    except Exception as problem:  # one contract must not stop the others, whatever is wrong with it
        if db.is_away(problem):
            raise
        return Closed(tuple(drafts), park(contract_id=contract_id, problem=problem, at=at, actor=actor))
    unpark(contract_id=contract_id, at=at, actor=actor)
    return Closed(tuple(drafts), None)


@transaction.atomic(durable=True)
def park(*, contract_id: UUID, problem: Exception, at: datetime, actor: str) -> ParkedClose:
    """Set a contract aside with what stopped its close, for staff to see and to close again."""
    return set_aside(contract_id=contract_id, problem=problem, at=at, actor=actor)


def set_aside(*, contract_id: UUID, problem: Exception, at: datetime, actor: str) -> ParkedClose:
    """Park a contract. A step."""
    db.require_transaction()
    contract = Contract.objects.select_for_update(no_key=True).get(pk=contract_id)
    code, reason = _words(problem)
    starts_on = _stopped_on(contract)
    parked, is_new = ParkedClose.objects.get_or_create(
        contract=contract,
        defaults={
            "period_start_on": starts_on,
            "code": code,
            "reason": reason,
            "first_parked_at": at,
            "parked_at": at,
        },
    )
    if not is_new:
        ParkedClose.objects.filter(pk=parked.pk).update(
            period_start_on=starts_on, code=code, reason=reason, parked_at=at, attempts=F("attempts") + 1
        )
        parked.refresh_from_db()
    if is_new:
        audit.record_all([_entry(contract.number, "invoices.park", at=at, actor=actor, reason=reason)])
    return parked


@transaction.atomic(durable=True)
def unpark(*, contract_id: UUID, at: datetime, actor: str) -> bool:
    """Take a contract out of parking, and tell whether it was there."""
    return bool(release([contract_id], at=at, actor=actor))


def release(contract_ids: Collection[UUID], *, at: datetime, actor: str) -> list[str]:
    """Take contracts that got through out of parking, and return the numbers of those that were there. A step."""
    db.require_transaction()
    parked = ParkedClose.objects.filter(contract__in=contract_ids)
    numbers = list(parked.values_list("contract__number", flat=True))
    if numbers:
        parked.delete()
        audit.record_all([_entry(number, "invoices.unpark", at=at, actor=actor) for number in numbers])
    return numbers


def _words(problem: Exception) -> tuple[str, str]:
    if isinstance(problem, Refusal):
        return problem.code, str(problem)
    logger.error("A close stopped on an unexpected error", exc_info=problem)
    return "unexpected-error", f"{type(problem).__name__}: {problem}"


def _stopped_on(contract: Contract) -> date:
    """Return the first day of the oldest period that is not on a finalized invoice."""
    drafted_until_on = draft.drafted_until([contract]).get(contract.pk)
    return draft.undrafted_on(contract, drafted_until_on) or contract.billed_until_on or contract.starts_on


def _entry(number: str, action: str, *, at: datetime, actor: str, reason: str = "") -> AuditEntry:
    return audit.entry(
        at=at, actor=actor, action=action, subject_type="contract", subject_key=number, reason=reason
    )
