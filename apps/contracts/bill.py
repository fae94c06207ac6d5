"""Noting how far contracts are billed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from apps.contracts.errors import BilledOutOfOrder
from apps.contracts.models import Contract
from apps.core import db


@dataclass(frozen=True, slots=True)
class Billed:
    """Days of a contract that are on a finalized invoice, from `starts_on` up to, not with, `ends_on`."""

    contract: Contract
    starts_on: date
    ends_on: date


def mark_billed(billed: Sequence[Billed]) -> None:
    """Note which days of locked contracts are on finalized invoices, in one statement.

    A step of finalize. Usage of these days is closed from the commit on. Refuses days that do not follow on those
    billed before: no day is billed twice, and none is left out.
    """
    db.require_transaction()
    for one in billed:
        contract = one.contract
        expected_on = contract.billed_until_on or contract.starts_on
        if one.starts_on != expected_on:
            raise BilledOutOfOrder(contract.number, one.starts_on, expected_on)
        contract.billed_until_on = one.ends_on
    db.update_rows([one.contract for one in billed], ["billed_until_on"])
