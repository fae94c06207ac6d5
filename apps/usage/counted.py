"""Which usage an invoice knows, and which came after it: told by instants that the contract's lock puts in order, not by clocks.

Whoever finalizes and whoever sends usage read clocks of their own, and then wait for each other. So an invoice knows what was
received until the latest instant that was noted under its contracts' locks, and whatever comes next is received after it.
"""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection
from django.db.models import Max

from apps.contracts.models import Contract
from apps.core import db
from apps.usage import sql

_MICROSECOND = timedelta(microseconds=1)
# Whatever counts usage, or takes it off, leaves a receipt, under any name of the customer.
_LAST = """
    SELECT named.customer_id, max(newest.received_at)
    FROM (
        SELECT id AS customer_id, key AS name FROM customers_customer WHERE id = ANY(%(ids)s::uuid[])
        UNION SELECT customer_id, key FROM customers_customeralias WHERE customer_id = ANY(%(ids)s::uuid[])
        UNION SELECT customer_id, number FROM contracts_contract WHERE customer_id = ANY(%(ids)s::uuid[])
    ) AS named
    CROSS JOIN LATERAL (
        SELECT received_at FROM usage_receipt WHERE customer_key = named.name ORDER BY received_at DESC LIMIT 1
    ) AS newest
    GROUP BY named.customer_id
"""


def last_received(customer_ids: Collection[UUID]) -> dict[UUID, datetime]:
    """Return when usage of each customer was last counted or voided; none where nothing was. A step.

    One query. The caller holds the customers' contracts, so that nothing comes in between.
    """
    db.require_transaction()
    if not customer_ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_LAST, {"ids": sql.array(sorted(map(str, customer_ids)))})
        return dict(cursor.fetchall())


def received_at(at: datetime, counted_until: Iterable[datetime | None]) -> datetime:
    """Return as of when usage is received: now, but after all that is counted on invoices already. Pure."""
    return max([at, *(until + _MICROSECOND for until in counted_until if until)])


def received_by(customer_id: UUID, *, at: datetime) -> datetime:
    """Return as of when a customer's usage is changed, whose contracts are locked; see `received_at`. A step."""
    db.require_transaction()
    until = Contract.objects.filter(customer_id=customer_id).aggregate(last=Max("counted_until_at"))["last"]
    return received_at(at, [until])
