"""Ways to change what is final, as they occur to somebody who has the application's password and no good intention.

`attempts.sql` has them, each under its name; several statements are one transaction, which is committed. What stands in brackets
is filled in: ids of a finalized `invoice`, its `line`, `tax` row and journal `entry`, its `number`, a `draft`, the `customer`, the
`contract`, and the role of the `owner`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from apps.core import roles
from apps.core.append_only import histories


@dataclass(frozen=True, slots=True)
class Attempt:
    """One way, as its statements in order."""

    name: str
    statements: tuple[str, ...]


def written() -> Iterator[Attempt]:
    """Yield the attempts of the file."""
    text = Path(__file__).with_suffix(".sql").read_text()
    for part in text.split("\n-- ")[1:]:
        name, _, statements = part.partition("\n")
        statements = statements.partition("\n\n---")[0]
        yield Attempt(name, tuple(filter(None, (one.strip() for one in statements.split(";\n")))))


# Rows of these are final with their invoice, and free to change before.
_PARTS = ("invoices_invoiceline", "invoices_invoicetax", "invoices_manualline")
FINAL = ("invoices_invoice", *_PARTS, *sorted(histories()))

# The same for every table that is final.
_EVERYWHERE = {
    "truncate": "TRUNCATE {} CASCADE",
    "disable triggers": "ALTER TABLE {} DISABLE TRIGGER ALL",
    "own": "ALTER TABLE {} OWNER TO CURRENT_USER",
    "drop": "DROP TABLE {} CASCADE",
}

ATTEMPTS = [
    *written(),
    *(
        Attempt(f"{name} {table}", (statement.format(table),))
        for table in FINAL
        for name, statement in _EVERYWHERE.items()
    ),
    *(Attempt(f"delete {table}", (f"DELETE FROM {table}",)) for table in sorted(histories())),
    *(
        Attempt(f"update {table}", (f"UPDATE {table} SET {column} = {column}",))
        for table, column in roles._our_tables().items()
        if table in histories() and "UPDATE" in histories()[table].refused
    ),
]
# PostgreSQL answers these with a warning, and does nothing.
IN_VAIN = [
    Attempt("give oneself rights", ("GRANT ALL ON invoices_invoice TO CURRENT_USER",)),
    Attempt("give everybody rights", ("GRANT TRUNCATE ON invoices_invoicepdf TO PUBLIC",)),
    Attempt("maintain it", ("VACUUM invoices_invoice",)),
    Attempt("analyse it", ("ANALYZE invoices_invoice",)),
]
