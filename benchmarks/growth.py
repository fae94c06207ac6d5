"""Whether ingest, and reading a month's usage, stay as fast when many events are stored."""

import os
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import connection

from apps.core import clock
from apps.core.owner import acting_as_owner
from apps.customers.models import ApiKey, Customer
from apps.usage import explore
from apps.usage.queries import usage_rows
from benchmarks.clients import BATCH
from benchmarks.harness import Context, Figure
from benchmarks.ingest import posted, real_events
from benchmarks.seller import CUSTOMERS, api_key

FEW = 1_000_000
MANY = int(os.environ.get("METERBOOK_BENCH_STORED", "2000000"))
READS = 20


def measure(context: Context) -> list[Figure]:
    """Return the rate of ingest, and of what people look up, with many events beside few."""
    key = api_key(ApiKey.Scope.EVENTS_WRITE)
    rates: list[dict[str, float]] = []
    for stored in (FEW, MANY):
        with acting_as_owner():
            _fill_to(stored)
        load = posted(context, key, real_events(), batch=BATCH, clients=context.clients)
        found = {f"events a second with {MANY:,} stored": load.events / load.seconds}
        rates.append(found | {name: _a_second(look) for name, look in _looks().items()})
    few, many = rates
    return [Figure(name, many[name], "/s", few[name], f"the same with {FEW:,} stored") for name in few]


def _looks() -> dict[str, Callable[[], object]]:
    """Return what people look up, by its name."""
    customer, now = Customer.objects.get(key=CUSTOMERS[0]), clock.now()
    today = now.date()

    def usage() -> object:
        start = today - timedelta(days=31)
        return usage_rows(customer_id=customer.pk, start=start, end=today, by_day=True, dimensions=["model"])

    def explorer(**question: Any) -> Callable[[], object]:
        return lambda: explore.events(question=explore.Question(**question), at=now, limit=50)

    return {
        "usage of a month, one customer": usage,
        "explorer: a customer's newest": explorer(customer_key=customer.key),
        "explorer: everybody's newest": explorer(),
        "explorer: an id, of whomever": explorer(key="fill-1000"),
        "explorer: a type that never came": explorer(customer_key=customer.key, type="never.came"),
    }


def _fill_to(many: int) -> None:
    """Store plain events of the benchmark's customers over the last two months until there are so many."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM usage_eventkey")
        (there,) = cursor.fetchone()
        begin = clock.now() - timedelta(days=55)
        for start in range(there, many, 500_000):
            end = min(start + 500_000, many)
            cursor.execute(
                """
                CREATE TEMP TABLE more ON COMMIT PRESERVE ROWS AS
                SELECT customer.id AS customer_id, 'fill-' || n AS key, contract.id AS contract_id,
                       %s::timestamptz + n * interval '1 millisecond' * (4320000000.0 / %s) AS "time"
                FROM generate_series(%s::bigint, %s::bigint) AS n
                JOIN customers_customer customer ON customer.key = 'bench-' || (1 + n %% %s)
                JOIN contracts_contract contract ON contract.customer_id = customer.id
                """,
                [begin, many, start, end - 1, len(CUSTOMERS)],
            )
            cursor.execute(
                "SELECT usage_make_month(month::date) FROM (SELECT DISTINCT date_trunc('month', \"time\") FROM more) AS m (month)"
            )
            cursor.execute(
                """
                INSERT INTO usage_eventkey (customer_id, key, fingerprint, "time")
                SELECT customer_id, key, decode(md5(key), 'hex'), "time" FROM more
                """
            )
            cursor.execute(
                """
                INSERT INTO usage_event (customer_id, "time", key, contract_id, type, quantity, properties, day, received_at)
                SELECT customer_id, "time", key, contract_id, 'llm.request', 1,
                       '{"model": "claude-opus-4-6", "input_tokens": 1, "output_tokens": 1}', "time"::date, "time"
                FROM more
                """
            )
            cursor.execute("DROP TABLE more")
        # What filling left to be done is not the rate's to pay for.
        cursor.execute("VACUUM (ANALYZE) usage_event, usage_eventkey")
        cursor.execute("CHECKPOINT")


def _a_second(look: Callable[[], object]) -> float:
    look()
    begun = time.perf_counter()
    for _ in range(READS):
        look()
    return READS / (time.perf_counter() - begun)
