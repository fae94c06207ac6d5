"""Acting as the owner of the database, for the few commands that must: migrations, and taking a month of events out."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import connection


@contextmanager
def acting_as_owner() -> Iterator[None]:
    """Let this thread's connection be the owner's until the block ends; without an owner's address it stays as it is.

    The web server and the workers are not given that address (METERBOOK_OWNER_DATABASE_URL).
    """
    if not settings.OWNER_DATABASE:
        yield
        return
    if connection.in_atomic_block:
        raise RuntimeError("A transaction has one role from its beginning; become the owner before it.")
    own = connection.settings_dict
    connection.close()
    connection.settings_dict = {**own, **settings.OWNER_DATABASE}
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict = own
