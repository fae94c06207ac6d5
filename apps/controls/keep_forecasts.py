"""Keeping what running periods are expected to come to, while that is still a forecast and not nearly the result."""

import logging
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from apps.contracts.models import Contract
from apps.contracts.queries import live, running
from apps.contracts.terms import period_on
from apps.controls.forecast import Forecast, forecast
from apps.controls.spend import Spend, spend_to_date
from apps.core import db
from apps.core.periods import Period, local_day
from apps.invoices import kept_forecasts
from apps.invoices.kept_forecasts import Expected

logger = logging.getLogger(__name__)
_BATCH = 200
# So near its end, a period is nearly what it will be: then the last forecast stays.
_END = timedelta(days=7)
_END_OF_SHORT = 4


def keep_next(*, after: UUID | None, at: datetime, actor: str) -> UUID | None:
    """Keep the forecasts of the next 200 contracts by id; return the last of them, or None when none is left."""
    following = live().order_by("pk") if after is None else live().filter(pk__gt=after).order_by("pk")
    ids = list(following.values_list("pk", flat=True)[:_BATCH])
    keep(contract_ids=ids, at=at, actor=actor)
    return ids[-1] if len(ids) == _BATCH else None


def keep(*, contract_ids: Collection[UUID], at: datetime, actor: str) -> int:
    """Keep the forecasts of these contracts' running periods, in bulk, and return how many were kept.

    None is kept in a period's last seven days, or the last quarter of a short one: the one before them stays. A contract without
    charges by usage has none, since its fees are known; nor has one that is priced with other accounts, of which a forecast is
    as if it were alone. One that cannot be priced is logged and left out.
    """
    early = [
        contract
        for contract in running(at=at, contract_ids=contract_ids)
        if is_early(period_on(contract, local_day(at, contract.timezone)), at=at)
    ]
    found = _foreseen(early, at=at)
    kept_forecasts.keep(forecasts=[_expected(*one) for one in found], at=at, actor=actor)
    return len(found)


def is_early(period: Period, *, at: datetime) -> bool:
    """Tell whether enough of a period is left to foresee: more than its last seven days, or last quarter if it is short."""
    return period.ends_at - at > min(_END, (period.ends_at - period.starts_at) / _END_OF_SHORT)


def _foreseen(contracts: Sequence[Contract], *, at: datetime) -> list[tuple[Spend, Forecast]]:
    """Forecast many at once; what stops them is found by halving them."""
    try:
        spends = [
            spend
            for spend in spend_to_date(contracts=contracts, at=at).values()
            if not spend.is_shared and any(planned.meter_id for planned in spend.charges)
        ]
        found = forecast(spends=spends, at=at)
    except Exception as problem:  # one contract must not stop the others, whatever is wrong with it
        if db.is_away(problem):
            raise
        if len(contracts) == 1:
            logger.exception("Contract %s could not be forecast", contracts[0].pk)
            return []
        half = len(contracts) // 2
        return [*_foreseen(contracts[:half], at=at), *_foreseen(contracts[half:], at=at)]
    return [(spend, found[spend.contract_id]) for spend in spends]


def _expected(spend: Spend, found: Forecast) -> Expected:
    return Expected(
        contract_id=spend.contract_id,
        period_start_on=spend.period.starts_on,
        so_far=found.so_far,
        expected=found.expected,
        low=found.low,
        high=found.high,
    )
