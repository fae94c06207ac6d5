"""What actions and steps say about their transaction."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.db import InterfaceError, OperationalError, connection
from django.db.models import BinaryField, Field, Model
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


def is_away(problem: BaseException) -> bool:
    """Tell whether the database is away, so that nothing can be noted of a problem; a statement that took too long is another one."""
    return isinstance(problem, (OperationalError, InterfaceError)) and not connection.is_usable()


def update_rows(rows: Sequence[Model], fields: Sequence[str]) -> None:
    """Write these fields of stored rows of one model, in one statement however many they are. A step.

    Django's own update of many grows with the square of rows and fields. Raises RuntimeError where a row is not there.
    """
    require_transaction()
    if not rows:
        return
    meta = rows[0]._meta
    by_name = {column.name: column for column in meta.concrete_fields}
    columns = [by_name[name] for name in ("id", *fields)]
    quote = connection.ops.quote_name
    names = [quote(column.column or "") for column in columns]
    casts = ", ".join(f"%s::{column.db_type(connection)}[]" for column in columns)
    sets = ", ".join(f"{name} = changed.{name}" for name in names[1:])
    table, key = quote(meta.db_table), names[0]
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} SET {sets} FROM unnest({casts}) AS changed ({', '.join(names)}) "  # noqa: S608 names of columns
            f"WHERE {table}.{key} = changed.{key}",
            [[_stored(column, row) for row in rows] for column in columns],
        )
        if cursor.rowcount != len(rows):
            raise RuntimeError(f"{len(rows)} rows of {meta.db_table} were to change, {cursor.rowcount} did.")


def _stored(column: "Field[Any, Any]", row: Model) -> object:
    value = getattr(row, column.attname)
    if isinstance(column, BinaryField):
        return None if value is None else bytes(value)
    return column.get_db_prep_save(value, connection)
