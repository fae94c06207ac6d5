"""What actions and steps say about their transaction."""

from datetime import timedelta

from django.db import connection
from django.db.transaction import get_connection


def require_transaction() -> None:
    """Refuse to go on outside a transaction that an action opened; a test's own one does not count."""
    if not connection.in_atomic_block or all(
        getattr(block, "_from_testcase", False) for block in get_connection().atomic_blocks
    ):
        raise RuntimeError("This step belongs inside an action's transaction; call the action instead.")


def wait_at_most(longest: timedelta) -> None:
    """Let the transaction fail with OperationalError where it had to wait for a lock longer than this. A step."""
    require_transaction()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('lock_timeout', %s, true)", [f"{longest // timedelta(milliseconds=1)}ms"]
        )
