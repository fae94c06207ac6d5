"""What is final stays as it is, whatever is tried with the application's own role and password."""

from contextlib import closing

import psycopg
import pytest

from tests.application_role.attempts import ATTEMPTS, FINAL, IN_VAIN, Attempt
from tests.application_role.conftest import Books
from tests.roles import login

pytestmark = pytest.mark.django_db
# Refused by rights, by a trigger, or by a constraint: not because the attempt was misspelt.
_REFUSALS = (
    psycopg.errors.InsufficientPrivilege,
    psycopg.errors.RestrictViolation,
    psycopg.errors.UniqueViolation,
    psycopg.errors.ForeignKeyViolation,
    psycopg.errors.CheckViolation,
    psycopg.errors.InvalidParameterValue,
)


def named(attempt: Attempt) -> str:
    return attempt.name


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=named)
def test_it_is_refused(attempt: Attempt, books: Books) -> None:
    before = content()

    with pytest.raises(_REFUSALS):
        make(attempt, books)

    assert content() == before


@pytest.mark.parametrize("attempt", IN_VAIN, ids=named)
def test_it_comes_to_nothing(attempt: Attempt, books: Books) -> None:
    before = content()

    make(attempt, books)

    assert content() == before


def make(attempt: Attempt, books: Books) -> None:
    """Do the statements in a session of their own, several as one transaction."""
    words = [statement.replace("{owner}", books.owner).encode() for statement in attempt.statements]
    # The commit, too, may be what is refused.
    with closing(login()) as session, session:
        session.autocommit = len(words) == 1
        for word in words:
            names = books.names if b"%(" in word else None
            # Named values of a prepared statement's call can't be bound; all are bound here by the client.
            psycopg.ClientCursor(session).execute(word, names)


def content() -> dict[str, object]:
    """Return a digest of each table with its rights and triggers, as the owner sees them."""
    with login(None) as owner:
        found: dict[str, object] = {
            table: owner.execute(
                f"SELECT count(*), md5(coalesce(string_agg(r::text, '|' ORDER BY r::text), '')) FROM {table} r".encode()
            ).fetchone()
            for table in FINAL
        }
        found["rights"] = owner.execute(
            "SELECT md5(string_agg(relname || coalesce(relacl::text, ''), '|' ORDER BY relname)) FROM pg_class"
            " WHERE relname = ANY(%s)",
            [list(FINAL)],
        ).fetchone()
        found["triggers"] = owner.execute(
            "SELECT md5(string_agg(concat_ws(' ', tgrelid, tgname, tgenabled, prosrc, proconfig, proowner), '|'"
            " ORDER BY pg_trigger.oid)) FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid"
        ).fetchone()
    return found
