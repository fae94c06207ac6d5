"""What actions and steps say about their transaction."""

from django.db import connection
from django.db.transaction import get_connection


def require_transaction() -> None:
    """Refuse to go on outside a transaction that an action opened; a test's own one does not count."""
    if not connection.in_atomic_block or all(
        getattr(block, "_from_testcase", False) for block in get_connection().atomic_blocks
    ):
        raise RuntimeError("This step belongs inside an action's transaction; call the action instead.")
