"""Tables whose rows are history: declared at their model, refused by a trigger, and not granted to the application's role.

    @append_only
    class Posting(Model): ...

The trigger is `refuse_change()`, in a migration of the model's room; `manage.py check --database default` tells where
the two differ.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from django.db.models import Model

M = TypeVar("M", bound=type[Model])


@dataclass(frozen=True, slots=True)
class History:
    """What the application may not do to the rows of a table, though it may read and add them."""

    refused: frozenset[str]
    # A row is locked to let its users take turns, for which PostgreSQL asks for the right to update one column.
    rows_are_locked: bool = False


_tables: dict[str, History] = {}


def append_only(model: M) -> M:
    """Declare that no row of the model is ever changed or removed."""
    return _declared(History(frozenset({"UPDATE", "DELETE"})))(model)


def append_only_with_locks(model: M) -> M:
    """Declare the same of a model whose rows transactions lock, to take turns."""
    return _declared(History(frozenset({"UPDATE", "DELETE"}), rows_are_locked=True))(model)


def never_removed(model: M) -> M:
    """Declare that rows of the model may be changed, but stay."""
    return _declared(History(frozenset({"DELETE"})))(model)


def histories() -> dict[str, History]:
    """Return what was declared, by table."""
    return dict(_tables)


def _declared(history: History) -> Callable[[M], M]:
    def declare(model: M) -> M:
        _tables[model._meta.db_table] = history
        return model

    return declare
