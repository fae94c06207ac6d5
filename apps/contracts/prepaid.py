"""Noting that money was given in advance for a contract."""

from uuid import UUID

from apps.contracts.models import Contract
from apps.core import db


def note_money_grant(*, contract_id: UUID) -> None:
    """Let pricing look for grants of money whenever it prices the contract. A step of granting."""
    db.require_transaction()
    Contract.objects.filter(pk=contract_id, has_money_grants=False).update(has_money_grants=True)
