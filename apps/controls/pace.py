"""How fast contracts use what adds up: the mean of the last days that are over, and how far days lie apart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db import connection

from apps.contracts.models import Contract
from apps.usage import reads

# Two weeks, so that weekdays and weekends weigh as they do in a month.
WINDOW_DAYS = 14
# Of days that are over in every time zone.
_ONE_DAY = timedelta(days=1)
_USED = """
    WITH used AS (
        SELECT used.contract_id, used.meter_id, used.dimensions, used.day, used.quantity
        FROM unnest(%s::uuid[], %s::uuid[]) AS asked (customer_id, contract_id)
        JOIN usage_usageday used ON used.customer_id = asked.customer_id AND used.contract_id = asked.contract_id
            AND used.day >= %s AND used.day < %s
        JOIN plans_meter meter ON meter.id = used.meter_id
            AND meter.aggregation IN ('count', 'sum') AND meter.level = ''
    ),
    squares AS (
        SELECT contract_id, meter_id, sum(quantity * quantity) AS of_days
        FROM (SELECT contract_id, meter_id, day, sum(quantity) AS quantity FROM used GROUP BY 1, 2, 3) AS days
        GROUP BY 1, 2
    )
    SELECT used.contract_id, used.meter_id, used.dimensions, sum(used.quantity), max(squares.of_days)
    FROM used JOIN squares USING (contract_id, meter_id)
    GROUP BY 1, 2, 3
"""


@dataclass(frozen=True, slots=True)
class Pace:
    """How much of one meter, with one set of dimension values, was used in `days` days that are over.

    `squares` is the sum of the squares of the meter's days, over all its dimension values.
    """

    meter_id: UUID
    dimensions: Mapping[str, str]
    used: Decimal
    squares: Decimal
    days: int


def window(at: datetime) -> tuple[date, date]:
    """Return the first of the last fourteen days that are over in every time zone, and the day after them."""
    end = at.astimezone(UTC).date() - _ONE_DAY
    return end - WINDOW_DAYS * _ONE_DAY, end


def paces(*, contracts: Sequence[Contract], at: datetime) -> dict[UUID, list[Pace]]:
    """Return the paces of contracts, by contract; one query. One that began within the window has fewer days."""
    first, end = window(at)
    days = {one.pk: min((end - one.starts_on).days, WINDOW_DAYS) for one in contracts}
    found: dict[UUID, list[Pace]] = {}
    with connection.cursor() as cursor:
        customer_ids = [one.customer_id for one in contracts]
        cursor.execute(_USED, (customer_ids, [one.pk for one in contracts], first, end))
        for contract_id, meter_id, dimensions, used, squares in cursor.fetchall():
            pace = Pace(meter_id, reads.read_json(dimensions), used, squares, days[contract_id])
            found.setdefault(contract_id, []).append(pace)
    return found
