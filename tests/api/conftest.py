from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import time_machine

from apps.api import auth

NOW = datetime(2026, 10, 20, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def it_is_noon_of_20_october() -> Iterator[None]:
    """The API reads the clock; keys that another test made are not remembered."""
    auth.forget()
    with time_machine.travel(NOW, tick=False):
        yield
