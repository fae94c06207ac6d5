"""Reading contracts: which are live, which have a finished period to close."""

from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from django.db.models import F, Q, QuerySet

from apps.contracts.models import Contract
from apps.contracts.terms import period_on
from apps.core.periods import local_day
from apps.customers.queries import ids_by_key


def live(*, customer_ids: Collection[UUID] | None = None) -> QuerySet[Contract]:
    """Return the signed contracts, of these customers or of all, with customer and plan at hand."""
    found = Contract.objects.exclude(status=Contract.Status.DRAFT).select_related(
        "customer", "plan_version__plan"
    )
    return found if customer_ids is None else found.filter(customer_id__in=customer_ids)


def customers_named(keys: Collection[str]) -> dict[str, UUID]:
    """Return the customers that have these keys or aliases, or contracts with these numbers; at most two queries.

    A key or an alias goes before a contract's number.
    """
    found = ids_by_key(keys)
    if len(found) < len(set(keys)):
        numbers = live().filter(number__in=set(keys) - found.keys())
        found |= dict(numbers.values_list("number", "customer_id"))
    return found


def running(*, at: datetime, contract_ids: Collection[UUID] | None = None) -> list[Contract]:
    """Return the contracts, of these or of all, that cover their own local day of `at`, by number."""
    day = at.astimezone(UTC).date()
    # Local days differ from UTC's by one at most.
    near = (
        live()
        .filter(starts_on__lte=day + timedelta(days=1))
        .filter(Q(ends_on=None) | Q(ends_on__gt=day - timedelta(days=1)))
    )
    if contract_ids is not None:
        near = near.filter(pk__in=contract_ids)
    return [
        contract for contract in near.order_by("number") if contract.covers(local_day(at, contract.timezone))
    ]


def due(*, at: datetime) -> list[Contract]:
    """Return the contracts with a period that ended before `at` and is not on a finalized invoice, by number."""
    day = at.astimezone(UTC).date() + timedelta(days=1)
    open_ones = (
        live()
        .filter(starts_on__lt=day)
        .filter(Q(ends_on=None) | Q(billed_until_on=None) | Q(billed_until_on__lt=F("ends_on")))
    )
    return [contract for contract in open_ones.order_by("number") if next_period_ended(contract, at)]


def next_period_ended(contract: Contract, at: datetime) -> bool:
    """Tell whether the contract's first unbilled period lies wholly before `at`."""
    first_on = contract.billed_until_on or contract.starts_on
    return contract.covers(first_on) and period_on(contract, first_on).ends_at <= at


def overlapping(contract: Contract) -> Contract | None:
    """Return a signed contract of the same customer that covers some of the same days, if there is one; one query."""
    others = Contract.objects.filter(customer_id=contract.customer_id).exclude(pk=contract.pk)
    found = others.exclude(status=Contract.Status.DRAFT).filter(
        Q(ends_on=None) | Q(ends_on__gt=contract.starts_on)
    )
    if contract.ends_on:
        found = found.filter(starts_on__lt=contract.ends_on)
    return found.order_by("starts_on").first()


def wholly_billed() -> QuerySet[Contract]:
    """Return the contracts that ended and whose last invoice is finalized: none follows to adjust it."""
    return Contract.objects.filter(ends_on__lte=F("billed_until_on"))


def is_wholly_billed(*, ends_on: date | None, billed_until_on: date | None) -> bool:
    """Tell whether no invoice follows for a contract with these days; see `wholly_billed`."""
    return bool(ends_on and billed_until_on and ends_on <= billed_until_on)
