"""Cancelling a contract before its term is over: on which day it ends then, and ending it by an amendment."""

from datetime import date, datetime
from enum import StrEnum

from apps.contracts.amend import write_amendment
from apps.contracts.changes import Change, ChangeEnd, ChangeFields
from apps.contracts.errors import CancellationRefused
from apps.contracts.models import Amendment, Contract
from apps.contracts.sign import earliest_end
from apps.contracts.terms import period_on
from apps.core import db
from apps.core.periods import local_day


class When(StrEnum):
    """When a contract that is cancelled ends."""

    AT_ONCE = "at_once"
    PERIOD_END = "period_end"


def end_if_cancelled(contract: Contract, when: When, *, at: datetime) -> date:
    """Return the first day that the contract would no longer cover.

    At once means that today is its last day, or tomorrow in the last hour of today, since usage may come an hour ahead. Refuses
    a contract that is not live, and an end that is not earlier than the one it has.
    """
    today = local_day(at, contract.timezone)
    if contract.status != Contract.Status.ACTIVE or (contract.ends_on and contract.ends_on <= today):
        raise CancellationRefused(contract.number, "it is not live, so there is nothing to cancel.")
    earliest = earliest_end(contract, at=at)
    ends_on = earliest
    if when == When.PERIOD_END:
        ends_on = max(period_on(contract, max(today, contract.starts_on)).ends_on, earliest)
    if contract.ends_on and ends_on >= contract.ends_on:
        raise CancellationRefused(
            contract.number, f"it ends on {contract.ends_on} anyway. Decline its renewal, if it has one."
        )
    return ends_on


def write_cancellation(contract: Contract, *, when: When, reason: str, at: datetime, actor: str) -> Amendment:
    """End a locked contract by an amendment; it does not renew. A step of the action that also settles its credits.

    Usage up to the end is billed by the close as always: its last period is cut there.
    """
    db.require_transaction()
    if not reason.strip():
        raise CancellationRefused(contract.number, "say why it is cancelled: auditors and the customer ask.")
    ends_on = end_if_cancelled(contract, when, at=at)
    changes: list[Change] = [ChangeEnd(ends_on)]
    if contract.renewal != Contract.Renewal.NONE:
        changes.append(ChangeFields({"renewal": Contract.Renewal.NONE}))
    return write_amendment(
        contract,
        effective_on=date.fromordinal(ends_on.toordinal() - 1),
        changes=changes,
        reason=reason,
        at=at,
        actor=actor,
    )
