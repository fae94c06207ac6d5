"""Noting how far contracts are billed, and until when usage of theirs was received that is on an invoice."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from apps.contracts.errors import BilledOutOfOrder
from apps.contracts.models import Contract
from apps.core import db


@dataclass(frozen=True, slots=True)
class Billed:
    """Days of a contract that are on a finalized invoice, from `starts_on` up to, not with, `ends_on`."""

    contract: Contract
    starts_on: date
    ends_on: date


@dataclass(frozen=True, slots=True)
class Counted:
    """A contract whose usage was counted for an invoice, as far as it was received until, and with, an instant."""

    contract: Contract
    until_at: datetime


def mark_billed(billed: Sequence[Billed], counted: Sequence[Counted] = ()) -> None:
    """Note of locked contracts which days are on finalized invoices, and until when usage is, in one statement.

    A step of finalize. Usage of these days is closed from the commit on, and all that comes then is received after what was
    counted. Refuses days that do not follow on those billed before: no day is billed twice, and none is left out.
    """
    db.require_transaction()
    for one in billed:
        contract = one.contract
        expected_on = contract.billed_until_on or contract.starts_on
        if one.starts_on != expected_on:
            raise BilledOutOfOrder(contract.number, one.starts_on, expected_on)
        contract.billed_until_on = one.ends_on
    for known in counted:
        known.contract.counted_until_at = known.until_at
    changed = [*(one.contract for one in billed), *(one.contract for one in counted)]
    db.update_rows(list({one.pk: one for one in changed}.values()), ["billed_until_on", "counted_until_at"])
