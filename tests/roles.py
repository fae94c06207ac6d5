"""The tests' two roles: the owner makes and empties the database, all else is done as the application's role."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import connection, connections
from psycopg.conninfo import make_conninfo

from billing_site.embedded.postgres import APPLICATION

PASSWORD = "tests-only"


def make_role(url: str) -> None:
    """Let the application's role be there, for a login of its own as for `SET ROLE`."""
    with psycopg.connect(url, autocommit=True) as owner:
        known = owner.execute("SELECT FROM pg_roles WHERE rolname = %s", [APPLICATION]).fetchall()
        verb = "ALTER" if known else "CREATE"
        owner.execute(f"{verb} ROLE {APPLICATION} LOGIN PASSWORD '{PASSWORD}'".encode())
        owner.execute(f"GRANT {APPLICATION} TO CURRENT_USER".encode())


@contextmanager
def every_connection_as_application() -> Iterator[None]:
    """Let all threads' connections take the application's role as they are opened."""
    options = connection.settings_dict["OPTIONS"]
    options["assume_role"] = APPLICATION
    connections.close_all()
    try:
        yield
    finally:
        del options["assume_role"]
        connections.close_all()


@contextmanager
def as_owner() -> Iterator[None]:
    """Be the owner of the database on this connection, for what a test prepares or breaks."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        (before,) = cursor.fetchone()
        cursor.execute("RESET ROLE")
        try:
            yield
        finally:
            cursor.execute(f"SET ROLE {before}")


def owners(do: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function as one that the owner does."""

    def done_by_owner(*arguments: Any, **options: Any) -> Any:
        with as_owner():
            return do(*arguments, **options)

    return done_by_owner


def login(role: str | None = APPLICATION) -> psycopg.Connection[tuple[Any, ...]]:
    """Open a connection to the tests' database that belongs to the role itself; None: to the owner."""
    address = connection.settings_dict
    names = {"host": "HOST", "port": "PORT", "dbname": "NAME", "user": "USER", "password": "PASSWORD"}
    parts = {key: address[name] for key, name in names.items() if address[name]}
    if role:
        parts |= {"user": role, "password": PASSWORD}
    return psycopg.connect(make_conninfo(**parts))
