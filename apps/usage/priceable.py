"""What contracts used in a period, as the pricing engine takes it: the one way from stored usage to a price."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from apps.contracts.models import Contract
from apps.contracts.terms import PeriodTerms
from apps.rating.usage import Usage
from apps.usage import queries
from apps.usage.archives import Archives
from apps.usage.by_event import is_by_event, usage_by_event
from apps.usage.combine import Total, as_usage


@dataclass(frozen=True, slots=True)
class Used:
    """A contract's usage in a period: its totals, and what the engine prices."""

    totals: tuple[Total, ...]
    usage: tuple[Usage, ...]


def used_in(
    asked: Sequence[tuple[Contract, PeriodTerms]], *, archives: Archives | None = None
) -> dict[UUID, Used]:
    """Return what each contract used in its period, by contract: one query for all, and four for each priced by events.

    Totals stay when a month is archived. What is priced by events of such a month is priced from `archives`, or else from the
    folder of METERBOOK_ARCHIVE; refuses where the month is in neither, since it would be priced wrong.
    """
    totals = queries.totals_in(asked)
    return {
        contract.pk: Used(totals[contract.pk], tuple(_usage(contract, terms, totals[contract.pk], archives)))
        for contract, terms in asked
    }


def _usage(
    contract: Contract, terms: PeriodTerms, totals: Sequence[Total], archives: Archives | None
) -> list[Usage]:
    by_event = {planned.charge.key for planned in terms.charges if planned.meter_id and is_by_event(planned)}
    summed = as_usage(terms, totals)
    if not by_event:
        return summed
    return [one for one in summed if one.charge not in by_event] + list(
        usage_by_event(contract, terms, archives)
    )
