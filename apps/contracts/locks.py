"""Who may count usage under a contract while it is billed: nobody.

Advisory locks queue fairly, which row locks do not: PostgreSQL lets new sharers of a row pass a waiting writer, so steady
usage could keep an invoice waiting for ever.
"""

from collections.abc import Collection
from uuid import UUID

from django.db import connection

from apps.core import db
from apps.customers.queries import IDS_BY_KEY

# Customers in the order of their ids, and the contracts of each in theirs, so that no two transactions wait in a circle. The transaction gets its number here: whoever asks
# which are under way must find it before it has read anything else.
_SHARE = f"""
    SELECT named.key, named.id::text, (
        SELECT array_agg(CASE WHEN is_shared THEN live.id::text END)
        FROM (
            SELECT id, {{lock}}(hashtextextended(id::text, 0))::text <> 'false' AS is_shared FROM (
                SELECT id FROM contracts_contract
                WHERE customer_id = named.id AND status <> 'draft' ORDER BY id
            ) AS signed
        ) AS live
    ), rank, pg_current_xact_id()
    FROM (
        SELECT key, id, 0 AS rank FROM ({IDS_BY_KEY}) AS customer
        UNION ALL
        SELECT number, customer_id, 1 FROM contracts_contract WHERE number = ANY(%s::text[]) AND status <> 'draft'
        ORDER BY id
    ) AS named
"""  # noqa: S608 put together from constants
_WAIT = _SHARE.format(lock="pg_advisory_xact_lock_shared")
_TRY = _SHARE.format(lock="pg_try_advisory_xact_lock_shared")
_HOLD_CUSTOMER = """
    SELECT pg_advisory_xact_lock(hashtextextended(live.id::text, 0))
    FROM (SELECT id FROM contracts_contract WHERE customer_id = %s AND status <> 'draft' ORDER BY id) AS live
"""
_HOLD = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
# In the order in which usage of several customers is counted.
_HOLD_FAMILIES = """
    WITH own AS (SELECT id, customer_id, parent_id FROM contracts_contract WHERE id = ANY(%s::uuid[]))
    SELECT id, pg_advisory_xact_lock(hashtextextended(id::text, 0)) FROM (
        SELECT id, customer_id FROM own
        UNION SELECT kin.id, kin.customer_id FROM own
        JOIN contracts_contract kin ON kin.parent_id = own.id AND kin.status <> 'draft'
        UNION SELECT kin.id, kin.customer_id FROM own
        JOIN contracts_contract kin ON kin.parent_id = own.parent_id AND kin.status <> 'draft'
        UNION SELECT kin.id, kin.customer_id FROM own JOIN contracts_contract kin ON kin.id = own.parent_id
        ORDER BY customer_id, id
    ) AS family
"""


class Held(Exception):
    """A contract is being billed or changed, and the caller does not wait."""


def share(keys: Collection[str], *, waits: bool = True) -> tuple[dict[str, str], list[str]]:
    """Count usage of the customers with these keys until the transaction ends; wait for a contract that is being billed.

    Returns the customers' ids by key, and those of their signed contracts, all of them locked. A key may be an alias, or
    the number of a contract. Raises Held instead of waiting, if it is not to wait.
    """
    db.require_transaction()
    asked = sorted(keys)
    with connection.cursor() as cursor:
        cursor.execute(_WAIT if waits else _TRY, [asked, asked, asked])
        rows = cursor.fetchall()
    contracts = [one for row in rows for one in row[2] or ()]
    if None in contracts:
        raise Held
    # A key or an alias goes before a number.
    by_rank = sorted(rows, key=lambda row: -row[3])
    return {row[0]: row[1] for row in by_rank}, contracts


def hold(contract_id: UUID) -> None:
    """Bill or change the contract alone until the transaction ends; wait for usage that is being counted."""
    db.require_transaction()
    with connection.cursor() as cursor:
        cursor.execute(_HOLD, [str(contract_id)])


def hold_families(contract_ids: Collection[UUID]) -> list[UUID]:
    """Bill contracts together with their parents' and their children's alone; return the ids of all of them, in one query.

    They are locked in one order whoever asks, so that no two transactions that bill many wait in a circle.
    """
    db.require_transaction()
    with connection.cursor() as cursor:
        cursor.execute(_HOLD_FAMILIES, [list(contract_ids)])
        return [row[0] for row in cursor.fetchall()]


def hold_customer(customer_id: UUID) -> None:
    """Change what a customer used alone until the transaction ends; wait for usage that is being counted."""
    db.require_transaction()
    with connection.cursor() as cursor:
        cursor.execute(_HOLD_CUSTOMER, [customer_id])
