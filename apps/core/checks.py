"""Checks of the database: histories that are declared and not kept, and a role that could rewrite them."""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Info, Tags, Warning, register  # noqa: A004
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from apps.core import roles


@register(Tags.database)
def histories_are_kept(databases: Sequence[str] | None = None, **_more: Any) -> list[CheckMessage]:
    """Compare the models that say `append_only` with the triggers of a migrated database."""
    if "default" not in (databases or ()):
        return []
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        return []
    hint = "Declare the model by apps.core.append_only, and let a migration make the trigger."
    return [Error(difference, hint=hint, id="core.E001") for difference in roles.undeclared()]


@register(Tags.security, deploy=True)
def history_is_out_of_reach(**_more: Any) -> list[CheckMessage]:
    """Warn where the role that serves could change what is final, whatever the triggers say."""
    try:
        found = roles.powers()
    except DatabaseError:
        return [Info("The database did not answer, so what its role may do is not known.", id="core.I001")]
    if not found:
        return []
    return [
        Warning(
            f"The database role of DATABASE_URL can change finalized invoices and other history: it {', '.join(found)}.",
            hint="Give DATABASE_URL a role of its own and the owner METERBOOK_OWNER_DATABASE_URL, then run "
            "`manage.py migrate`: docs/guides/production.md.",
            id="core.W001",
        )
    ]
