"""Noting how far a contract is billed."""

from datetime import date

from apps.contracts.errors import BilledOutOfOrder
from apps.contracts.models import Contract
from apps.core import db


def mark_billed(*, contract: Contract, starts_on: date, ends_on: date) -> None:
    """Note that the locked contract's days from `starts_on` up to, not with, `ends_on` are on a finalized invoice.

    A step of finalize. Usage of these days is closed from the commit on. Refuses days that do not follow on those
    billed before: no day is billed twice, and none is left out.
    """
    db.require_transaction()
    expected_on = contract.billed_until_on or contract.starts_on
    if starts_on != expected_on:
        raise BilledOutOfOrder(contract.number, starts_on, expected_on)
    contract.billed_until_on = ends_on
    contract.save(update_fields=["billed_until_on"])
