"""The live page and the parts of it that renew themselves."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from apps.core import clock
from tests.backoffice.test_look import seen_on
from tests.backoffice.test_rights import reader
from tests.builders import make_contract, make_staff
from tests.usage.events import event, take

pytestmark = pytest.mark.django_db

PATHS = ["/admin/live/", "/admin/live/rates/", "/admin/live/shares/"]


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(make_staff())
    return client


def some_usage() -> None:
    make_contract(starts_on=(clock.now() - timedelta(days=3)).date())
    ago = clock.now() - timedelta(seconds=12)
    time = (ago - timedelta(seconds=3)).isoformat()
    take(*(event(f"e{n}", time=time) for n in range(50)), event("lost", type="unknown", time=time), at=ago)


@pytest.mark.parametrize("path", PATHS)
def test_an_empty_database_has_a_live_page_too(path: str, staff: Client) -> None:
    page = staff.get(path)

    assert page.status_code == 200


def test_the_page_tells_what_came_in(staff: Client) -> None:
    some_usage()

    page = seen_on(staff.get("/admin/live/").content.decode())

    assert "50 of 51 received" in " ".join(page.split())
    assert "acme" in page
    assert "api.call" in page
    assert "No meter counts this type" in page
    assert "3.0 s" in page


def test_the_parts_are_fragments_that_ask_for_themselves(staff: Client) -> None:
    some_usage()

    page = staff.get("/admin/live/").content.decode()
    parts = [staff.get(path).content.decode() for path in PATHS[1:]]

    assert all(f'hx-get="{path}"' in page for path in PATHS[1:])
    assert all("<html" not in part and 'class="' in part for part in parts)
    assert "rates-data" in parts[0]
    assert "js/live.js" in page


@pytest.mark.parametrize(("path", "most"), [("/admin/live/rates/", 4), ("/admin/live/shares/", 6)])
def test_a_part_takes_few_queries(
    path: str, most: int, staff: Client, django_assert_max_num_queries: Any
) -> None:
    """Two of them find out who asks."""
    some_usage()

    with django_assert_max_num_queries(most):
        staff.get(path)


@pytest.mark.parametrize("path", PATHS)
def test_only_staff_with_the_right_see_it(path: str, client: Client) -> None:
    assert "/accounts/login/" in client.get(path, follow=True).redirect_chain[-1][0]
    reader(client)
    assert client.get(path).status_code == 403
    reader(client, "view_receipt")
    assert client.get(path).status_code == 200
