import json

import pytest
from django.db import OperationalError

from apps.api.problems import problem_response
from tests.api.calls import problem


def test_a_database_away_is_answered_with_when_to_come_back() -> None:
    answer = problem_response(OperationalError("connection refused"), {})

    assert problem(answer) == (503, "unavailable")
    assert answer["Retry-After"] == "2"


def test_a_mistake_of_ours_is_logged_and_tells_nothing(caplog: pytest.LogCaptureFixture) -> None:
    answer = problem_response(ZeroDivisionError("secret"), {"view": None})

    assert problem(answer) == (500, "server-error")
    assert "secret" not in json.dumps(answer.content.decode())
    assert "secret" in caplog.text
