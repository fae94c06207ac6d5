"""Granting the credits that contracts promise, each when it is due."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import count
from uuid import UUID

from django.db import transaction

from apps.contracts.models import Contract, PromisedGrant
from apps.core.money import rounded_to_minor_unit
from apps.core.periods import local_day, months_after
from apps.credits.errors import GrantExists
from apps.credits.grant import write_grant
from apps.credits.models import CreditGrant


@dataclass(frozen=True, slots=True)
class Due:
    """A grant that is due on a local day of its contract."""

    promise: PromisedGrant
    on: date
    expires_on: date | None

    @property
    def key(self) -> str:
        """Return the grant's key, which no other promise and day has."""
        return f"{self.promise.contract.number}:{self.promise.key}:{self.on}"


def grant_due(*, at: datetime, actor: str) -> int:
    """Grant what every contract promises up to its local day of `at`, also what was missed; return how many are new."""
    return sum(
        grant_due_under(contract_id=contract_id, at=at, actor=actor) for contract_id in contracts_due(at=at)
    )


@transaction.atomic(durable=True)
def grant_due_under(*, contract_id: UUID, at: datetime, actor: str) -> int:
    """Grant what one contract promises up to its local day of `at` and has not given; return how many grants are new.

    Once, whoever asks and however often: the key of a grant is made of contract, promise and day. Promises of a day on or after
    the end of the contract are not due.
    """
    new = 0
    for due in _missing(_promises([contract_id]), at):
        try:
            write_grant(_as_grant(due), at=at, actor=actor)
        except GrantExists:
            # Somebody else granted it a moment ago.
            continue
        new += 1
    return new


def contracts_due(*, at: datetime) -> list[UUID]:
    """Return the signed contracts that have something to give; one query where nothing is promised."""
    missing = _missing(_promises(None), at)
    return list(dict.fromkeys(due.promise.contract_id for due in missing))


def days_of(promise: PromisedGrant, *, until: date) -> Iterator[tuple[date, date | None]]:
    """Return each day on which a promise is due up to and with a day, and on which that grant is gone.

    The days are counted from the first one, so promises from the 31st return to it after shorter months.
    """
    contract = promise.contract
    for nth in count() if promise.every_months else (0,):
        months = nth * (promise.every_months or 0)
        day = months_after(promise.starts_on, months)
        is_over = any(end is not None and day >= end for end in (promise.ends_on, contract.ends_on))
        if day > until or is_over:
            return
        gone_on = (
            months_after(promise.starts_on, months + promise.valid_months) if promise.valid_months else None
        )
        yield day, gone_on


def _promises(contract_ids: Sequence[UUID] | None) -> list[PromisedGrant]:
    found = PromisedGrant.objects.filter(removed_by=None).exclude(contract__status=Contract.Status.DRAFT)
    if contract_ids is not None:
        found = found.filter(contract__in=contract_ids)
    return list(
        found.select_related("contract__plan_version").order_by("contract__number", "starts_on", "key")
    )


def _missing(promises: Sequence[PromisedGrant], at: datetime) -> list[Due]:
    due = [
        Due(promise, day, gone_on)
        for promise in promises
        for day, gone_on in days_of(promise, until=local_day(at, promise.contract.timezone))
    ]
    given = set(CreditGrant.objects.filter(key__in=[one.key for one in due]).values_list("key", flat=True))
    return [one for one in due if one.key not in given]


def _as_grant(due: Due) -> CreditGrant:
    promise = due.promise
    return CreditGrant(
        key=due.key,
        name=promise.name,
        customer_id=promise.contract.customer_id,
        credit_unit_id=promise.credit_unit_id,
        contract_id=promise.contract_id,
        charge_keys=list(promise.charge_keys),
        amount=promise.amount,
        left=promise.amount,
        cost=rounded_to_minor_unit(promise.cost, promise.contract.plan_version.currency),
        priority=promise.priority,
        effective_on=due.on,
        expires_on=due.expires_on,
    )
