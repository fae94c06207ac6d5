"""The hand-written statements that read usage: stored events, daily totals, different values."""

from collections.abc import Iterable
from datetime import date
from uuid import UUID

import orjson

from apps.contracts.models import Contract
from apps.core.periods import Period

_EVENTS = """
    SELECT customer_id, "time", key, contract_id, type, quantity, properties::text, day, received_at,
           EXISTS (SELECT FROM usage_reversal gone WHERE gone.customer_id = event.customer_id AND gone.key = event.key)
    FROM usage_event event
"""
FIRST_EVENTS = f'{_EVENTS} ORDER BY customer_id, "time", key LIMIT %s'
EVENTS_AFTER = (
    f'{_EVENTS} WHERE (customer_id, "time", key) > (%s, %s, %s) ORDER BY customer_id, "time", key LIMIT %s'
)
EVENTS_OF_MONTH = f"""
    {_EVENTS}
    WHERE "time" >= %s::date::timestamp AT TIME ZONE 'UTC' AND "time" < %s::date::timestamp AT TIME ZONE 'UTC'
      AND (customer_id, "time", key) > (%s, %s, %s)
    ORDER BY customer_id, "time", key LIMIT %s
"""
EVENTS_NAMED = f"""
    {_EVENTS} JOIN unnest(%s::uuid[], %s::timestamptz[], %s::text[]) AS named (customer_id, "time", key)
    USING (customer_id, "time", key)
"""
EVENTS_BY_KEY = f"""
    {_EVENTS} JOIN usage_eventkey USING (customer_id, key, "time")
    WHERE customer_id = %s AND key = ANY(%s::text[]) ORDER BY "time", key
"""
# No local day begins or ends further than 14 hours from UTC's.
EVENTS_OF_DAY = f"""
    {_EVENTS}
    WHERE customer_id = %s AND "time" >= %s::date - interval '1 day' AND "time" < %s::date + interval '2 days'
      AND day = %s AND type = ANY(%s::text[])
    ORDER BY "time", key
"""
EVENTS_OF_PERIOD = f"""
    {_EVENTS}
    WHERE customer_id = %s AND "time" >= %s::date - interval '1 day' AND "time" < %s::date + interval '1 day'
      AND contract_id = %s AND day >= %s AND day < %s AND type = ANY(%s::text[])
    ORDER BY "time", key
"""
EVENTS_OF_TYPES = f'{_EVENTS} WHERE customer_id = %s AND type = ANY(%s::text[]) ORDER BY "time", key'
# Property values are compared as text, as dimensions are. Decisions of staff have no type, and no filter names them.
EVENTS_WHERE = f"""
    {_EVENTS}
    WHERE customer_id = %s AND "time" >= %s AND "time" < %s AND type <> '' AND (%s = '' OR type = %s)
      AND NOT EXISTS (
          SELECT FROM jsonb_each_text(%s::jsonb) AS asked (name, value)
          WHERE event.properties ->> asked.name IS DISTINCT FROM asked.value
      )
    ORDER BY "time", key LIMIT %s
"""  # noqa: S608 put together from constants
# The newest of some customers, since the table's key leads with them.
LATEST_EVENTS = f"""
    {_EVENTS}
    JOIN LATERAL (SELECT id FROM customers_customer ORDER BY id DESC LIMIT 50) AS newest ON newest.id = event.customer_id
    WHERE type = ANY(%s::text[]) LIMIT %s
"""  # noqa: S608 put together from constants
COUNT_OF_TYPES = """
    SELECT coalesce(sum(events), 0)::bigint, count(DISTINCT customer_id), count(*), min(day), max(day)
    FROM (
        SELECT customer_id, day, count(*) AS events FROM usage_event WHERE type = ANY(%s::text[]) GROUP BY 1, 2
    ) AS days
"""
# Of customers from one on; also days with totals, or stages of outcomes, that may be of no event.
DAYS_OF_TYPES = """
    SELECT customer_id, array_agg(day ORDER BY day) FROM (
        SELECT customer_id, day FROM usage_event WHERE type = ANY(%(types)s::text[]) AND customer_id >= %(from)s
        UNION SELECT customer_id, day FROM usage_usageday WHERE meter_id = %(meter)s AND customer_id >= %(from)s
        UNION SELECT customer_id, day FROM usage_outcomestage WHERE meter_id = %(meter)s AND customer_id >= %(from)s
    ) AS days
    GROUP BY customer_id ORDER BY customer_id
"""

TOTALS = """
    SELECT used.contract_id, asked.starts_on, used.meter_id, meter.aggregation, used.dimensions,
           CASE meter.aggregation
               WHEN 'max' THEN max(used.quantity)
               WHEN 'latest' THEN (array_agg(used.quantity ORDER BY used.day DESC, used.as_of DESC, used.quantity DESC))[1]
               ELSE sum(used.quantity) END,
           sum(used.events)::bigint, max(used.last_received_at), max(used.day), max(used.as_of)
    FROM unnest(%s::uuid[], %s::uuid[], %s::date[], %s::date[]) AS asked (customer_id, contract_id, starts_on, ends_on)
    JOIN usage_usageday used ON used.customer_id = asked.customer_id AND used.contract_id = asked.contract_id
        AND used.day >= asked.starts_on AND used.day < asked.ends_on
    JOIN plans_meter meter ON meter.id = used.meter_id
    GROUP BY used.contract_id, asked.starts_on, used.meter_id, meter.aggregation, used.dimensions
    ORDER BY used.contract_id, asked.starts_on, used.meter_id, used.dimensions
"""
BY_DAY = """
    SELECT used.contract_id, used.meter_id, meter.aggregation, used.day, sum(used.quantity)
    FROM unnest(%s::uuid[], %s::uuid[], %s::date[], %s::date[]) AS asked (customer_id, contract_id, starts_on, ends_on)
    JOIN usage_usageday used ON used.customer_id = asked.customer_id AND used.contract_id = asked.contract_id
        AND used.day >= asked.starts_on AND used.day < asked.ends_on
    JOIN plans_meter meter ON meter.id = used.meter_id
    GROUP BY used.contract_id, used.meter_id, meter.aggregation, used.day
    ORDER BY used.contract_id, used.meter_id, used.day
"""
# A customer's usage by meter, and as asked by day and by the values of some dimensions. As on the bill, one rule joins days and
# dimensions, but levels with other dimension values are things of their own, so they are joined by themselves and then add up.
USAGE = """
    WITH apart AS (
        SELECT used.meter_id, CASE WHEN %(by_day)s THEN used.day END AS day, ARRAY[{values}]::text[] AS values,
               CASE WHEN meter.level <> '' THEN used.dimensions END AS level_of,
               CASE meter.aggregation
                   WHEN 'max' THEN max(used.quantity)
                   WHEN 'latest' THEN
                       (array_agg(used.quantity ORDER BY used.day DESC, used.as_of DESC, used.quantity DESC))[1]
                   ELSE sum(used.quantity) END AS quantity,
               sum(used.events) AS events, max(used.last_received_at) AS last_received_at
        FROM usage_usageday used JOIN plans_meter meter ON meter.id = used.meter_id
        WHERE used.customer_id = %(customer)s AND used.day >= %(start)s AND used.day < %(end)s
          AND (%(meter)s = '' OR meter.key = %(meter)s)
        GROUP BY used.meter_id, 2, 3, 4, meter.aggregation
    )
    SELECT meter.key, meter.name, meter.unit, apart.day, apart.values, sum(apart.quantity), sum(apart.events)::bigint,
           max(apart.last_received_at), meter.aggregation
    FROM apart JOIN plans_meter meter ON meter.id = apart.meter_id
    GROUP BY meter.id, apart.day, apart.values
    ORDER BY meter.key, apart.day, apart.values
"""
# The different values of a period, by some of the dimensions.
DIFFERENT_VALUES = """
    SELECT priced.dimensions, count(DISTINCT kept.value), sum(kept.events)::bigint, max(kept.day), max(total.last_received_at)
    FROM usage_usagevalue kept
    JOIN usage_usageday total USING (customer_id, contract_id, meter_id, day, dimensions)
    CROSS JOIN LATERAL (
        SELECT coalesce(jsonb_object_agg(name, kept.dimensions -> name) FILTER (WHERE kept.dimensions ? name), '{}')
        FROM unnest(%s::text[]) AS names (name)
    ) AS priced (dimensions)
    WHERE kept.customer_id = %s AND kept.contract_id = %s AND kept.meter_id = %s AND kept.day >= %s AND kept.day < %s
    GROUP BY priced.dimensions ORDER BY priced.dimensions
"""
# How many values of each day are the first of their kind in a period.
NEW_VALUES = """
    SELECT meter.key, first.day, first.dimensions, count(*)
    FROM (
        SELECT DISTINCT ON (meter_id, value) meter_id, value, day, dimensions FROM usage_usagevalue
        WHERE customer_id = %s AND contract_id = %s AND day >= %s AND day < %s
        ORDER BY meter_id, value, day, dimensions
    ) AS first
    JOIN plans_meter meter ON meter.id = first.meter_id
    GROUP BY 1, 2, 3
"""


def asked(periods: Iterable[tuple[Contract, Period]]) -> list[list[UUID | date]]:
    """Return contracts and their periods as the columns that TOTALS takes."""
    listed = list(periods)
    return [
        [contract.customer_id for contract, _ in listed],
        [contract.pk for contract, _ in listed],
        [period.starts_on for _, period in listed],
        [period.ends_on for _, period in listed],
    ]


def read_json(value: object) -> dict[str, str]:
    """Return a jsonb column of a raw statement as Python; Django's connections leave it as text."""
    read: dict[str, str] = orjson.loads(value) if isinstance(value, str | bytes) else value  # type: ignore[assignment]
    return read
