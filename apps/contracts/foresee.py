"""What a contract would be with changes that are not made: they are written, looked at, and taken back."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db import transaction

from apps.contracts.apply import apply
from apps.contracts.changes import Change
from apps.contracts.models import Amendment, Contract
from apps.core.ids import uuid7


@dataclass(frozen=True, slots=True)
class Foreseen:
    """A contract as it would be, and what changes in words."""

    contract: Contract
    sentences: tuple[str, ...]


@contextmanager
def foreseen(
    *, contract_id: UUID, effective_on: date, changes: Sequence[Change], at: datetime
) -> Iterator[Foreseen]:
    """Give the contract as an amendment would leave it; whatever is read inside sees it so, and nothing stays written.

    Refuses what the amendment would refuse of the changes, by the same mistakes.
    """
    with transaction.atomic():
        try:
            contract = Contract.objects.select_related("customer", "plan_version__plan").get(pk=contract_id)
            # Its key is checked at the end of a transaction, which this one never reaches.
            amendment = Amendment(contract=contract, effective_on=effective_on)
            sentences = tuple(
                apply(contract, change, on=effective_on, amendment=amendment, at=at) for change in changes
            )
            # Another stamp, so that nothing read here is kept as what is agreed.
            contract.terms_stamp = uuid7()
            contract.save(update_fields=["terms_stamp"])
            yield Foreseen(contract, sentences)
        finally:
            transaction.set_rollback(True)
