import json

import psycopg
import pytest
from django.db import InterfaceError, InternalError, OperationalError

from apps.api.problems import problem_response
from tests.api.calls import problem


def test_a_database_away_is_answered_with_when_to_come_back() -> None:
    answer = problem_response(OperationalError("connection refused"), {})

    assert problem(answer) == (503, "unavailable")
    assert answer["Retry-After"] == "2"


@pytest.mark.parametrize(
    "problem_of_the_database",
    [
        InterfaceError("the connection is closed"),
        psycopg.errors.DiskFull("could not extend file"),
        psycopg.errors.AdminShutdown("terminating connection"),
        psycopg.InterfaceError("the connection is closed"),
    ],
)
def test_whatever_passes_by_itself_is_answered_with_when_to_come_back(
    problem_of_the_database: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    answer = problem_response(problem_of_the_database, {})

    assert problem(answer) == (503, "unavailable")
    assert answer["Retry-After"] == "2"
    assert str(problem_of_the_database) in caplog.text


def test_a_database_that_is_only_a_standby_now_is_answered_with_when_to_come_back() -> None:
    read_only = InternalError("cannot execute INSERT in a read-only transaction")
    read_only.__cause__ = psycopg.errors.ReadOnlySqlTransaction()

    assert problem(problem_response(read_only, {})) == (503, "unavailable")


def test_another_inner_error_of_the_database_is_no_reason_to_come_back() -> None:
    corrupted = InternalError("invalid page in block 7")
    corrupted.__cause__ = psycopg.errors.DataCorrupted()

    assert problem(problem_response(corrupted, {"view": None})) == (500, "server-error")


def test_a_mistake_of_ours_is_logged_and_tells_nothing(caplog: pytest.LogCaptureFixture) -> None:
    answer = problem_response(ZeroDivisionError("secret"), {"view": None})

    assert problem(answer) == (500, "server-error")
    assert "secret" not in json.dumps(answer.content.decode())
    assert "secret" in caplog.text
