"""`manage.py migrate`: Django's, run as the owner of the database, which then grants the application what it needs."""

from typing import Any

from django.core.management.commands.migrate import Command as Migrate
from django.db import DEFAULT_DB_ALIAS, connection

from apps.core import roles
from apps.core.owner import acting_as_owner


class Command(Migrate):
    def handle(self, *arguments: Any, **options: Any) -> None:
        """Migrate as the owner; then fix the triggers' search path, and grant what the application's role may do."""
        if options["database"] != DEFAULT_DB_ALIAS:
            super().handle(*arguments, **options)
            return
        role = _current_user()
        with acting_as_owner():
            super().handle(*arguments, **options)
            if options["plan"]:
                return
            roles.pin_triggers()
            if role == _current_user():
                return
            roles.grant_to(role)
            if left := roles.powers(role):
                self.stderr.write(f"The role {role} can still change history: it {', '.join(left)}.")


def _current_user() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        (name,) = cursor.fetchone()
    return str(name)
