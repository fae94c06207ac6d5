"""What contracts used in a period, as the pricing engine takes it: the one way from stored usage to a price."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from apps.contracts.models import Contract
from apps.contracts.terms import PeriodTerms
from apps.rating.usage import Usage
from apps.usage import queries
from apps.usage.by_event import is_by_event, usage_by_event
from apps.usage.combine import Total, as_usage
from apps.usage.stored import StoredEvent


@dataclass(frozen=True, slots=True)
class Used:
    """A contract's usage in a period: its totals, and what the engine prices."""

    totals: tuple[Total, ...]
    usage: tuple[Usage, ...]


# Yields the events of months that are out of the database, anew each time.
Archived = Callable[[], Iterable[StoredEvent]]


def used_in(asked: Sequence[tuple[Contract, PeriodTerms]], *, archived: Archived = tuple) -> dict[UUID, Used]:
    """Return what each contract used in its period, by contract: one query for all, and one for each priced by events.

    Totals stay when a month is archived. What is priced by events of such a month is priced from those that are `archived`.
    """
    totals = queries.totals_in(asked)
    return {
        contract.pk: Used(totals[contract.pk], tuple(_usage(contract, terms, totals[contract.pk], archived)))
        for contract, terms in asked
    }


def _usage(
    contract: Contract, terms: PeriodTerms, totals: Sequence[Total], archived: Archived
) -> list[Usage]:
    by_event = {planned.charge.key for planned in terms.charges if planned.meter_id and is_by_event(planned)}
    summed = as_usage(terms, totals)
    if not by_event:
        return summed
    return [one for one in summed if one.charge not in by_event] + list(
        usage_by_event(contract, terms, archived())
    )
