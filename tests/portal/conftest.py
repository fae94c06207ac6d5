"""A member who is signed in, on a Tuesday in November."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import time_machine
from django.test import Client

from apps.customers.models import Customer
from tests.builders import make_customer, make_member

NOW = datetime(2026, 11, 10, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _on_a_tuesday() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def acme(db: None) -> Customer:
    return make_customer("acme", name="Acme")


@pytest.fixture
def member(acme: Customer, client: Client) -> Client:
    client.force_login(make_member(acme), backend="django.contrib.auth.backends.ModelBackend")
    return client
