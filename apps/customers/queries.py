"""Reading customers: by the keys under which their usage comes in."""

from collections.abc import Collection
from uuid import UUID

from django.db import connection

IDS_BY_KEY = """
    SELECT key, id FROM customers_customer WHERE key = ANY(%s::text[])
    UNION ALL SELECT key, customer_id FROM customers_customeralias WHERE key = ANY(%s::text[])
"""


def ids_by_key(keys: Collection[str]) -> dict[str, UUID]:
    """Return the customers that have these keys or aliases, by the key that was asked for; one query."""
    with connection.cursor() as cursor:
        cursor.execute(IDS_BY_KEY, [list(keys), list(keys)])
        return dict(cursor.fetchall())
