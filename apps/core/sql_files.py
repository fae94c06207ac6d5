"""Migrations whose SQL stands in files of its own: NAME.sql with its way back in NAME.reverse.sql."""

from collections.abc import Sequence
from pathlib import Path

from django.db.migrations import RunSQL
from django.db.migrations.operations.base import Operation


def run_sql(beside: str, name: str, *, state: Sequence[Operation] = ()) -> RunSQL:
    """Return the operation that runs `name`.sql of the folder sql/ next to the migration file `beside`."""
    folder = Path(beside).parent / "sql"
    return RunSQL(
        (folder / f"{name}.sql").read_text(),
        (folder / f"{name}.reverse.sql").read_text(),
        state_operations=list(state),
    )
