"""Who may count usage under a contract while it is billed: nobody.

Advisory locks queue fairly, which row locks do not: PostgreSQL lets new sharers of a row pass a waiting writer, so steady
usage could keep an invoice waiting for ever.
"""

from collections.abc import Collection
from uuid import UUID

from django.db import connection

from apps.core import db

_SHARE = """
    SELECT pg_advisory_xact_lock_shared(hashtextextended(live.id::text, 0))
    FROM (
        SELECT id FROM contracts_contract WHERE customer_id = ANY(%s::uuid[]) AND status <> 'draft' ORDER BY id
    ) AS live
"""
_HOLD_CUSTOMER = """
    SELECT pg_advisory_xact_lock(hashtextextended(live.id::text, 0))
    FROM (SELECT id FROM contracts_contract WHERE customer_id = %s AND status <> 'draft' ORDER BY id) AS live
"""
_HOLD = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"


def share(customer_ids: Collection[str]) -> None:
    """Count usage of these customers' live contracts until the transaction ends; wait for one that is being billed."""
    db.require_transaction()
    with connection.cursor() as cursor:
        cursor.execute(_SHARE, [sorted(customer_ids)])


def hold(contract_id: UUID) -> None:
    """Bill or change the contract alone until the transaction ends; wait for usage that is being counted."""
    db.require_transaction()
    with connection.cursor() as cursor:
        cursor.execute(_HOLD, [str(contract_id)])


def hold_customer(customer_id: UUID) -> None:
    """Change what a customer used alone until the transaction ends; wait for usage that is being counted."""
    db.require_transaction()
    with connection.cursor() as cursor:
        cursor.execute(_HOLD_CUSTOMER, [customer_id])
