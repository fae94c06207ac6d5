"""The list of collections: who owes what for how long, and what is sent next."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from apps.dunning import pause, queries
from apps.dunning.models import Case
from tests.builders import fee_charge, make_contract, make_customer, make_plan_version, make_staff
from tests.dunning.test_advance import DUE, on_day, overdue_invoice, pay
from tests.invoices.months import invoiced

ADDRESS = "/admin/dunning/case/"


def next_steps() -> list[tuple[int | None, str | None]]:
    found = queries.with_figures(Case.objects.all())
    return list(found.values_list("next_days", "next_tone"))  # type: ignore[misc]


@pytest.mark.django_db
def test_the_next_step_is_the_first_after_the_one_taken_last() -> None:
    overdue_invoice()

    on_day(1)
    assert next_steps() == [(3, "friendly")]
    on_day(3)
    assert next_steps() == [(14, "firm")]
    on_day(30)
    assert next_steps() == [(None, None)]


@pytest.mark.django_db
def test_the_list_shows_days_overdue_what_is_open_and_the_next_step(client: Client) -> None:
    """Due on 2 December: on the 7th it is 5 days late; of 100.00 USD 60.00 are paid; the firm reminder is 14 days after."""
    invoice = overdue_invoice()
    on_day(3)
    pay(invoice, "60")

    with time_machine.travel(DUE + timedelta(days=5), tick=False):
        client.force_login(make_staff())
        page = client.get(ADDRESS).content.decode()

    assert re.search(r"field-overdue[^>]*>(<[^>]*>|\s)*5\s*<", page)
    assert "$40.00" in page
    assert "Firm reminder, " in page
    assert "Dec 16, 2026" in page


@pytest.mark.django_db
def test_a_paused_case_has_no_next_step(client: Client) -> None:
    overdue_invoice()
    on_day(3)
    pause.pause(case_id=Case.objects.get().pk, reason="disputed", at=DUE, actor="tests")
    client.force_login(make_staff())

    assert "Firm reminder" not in client.get(ADDRESS).content.decode()


@pytest.mark.django_db
def test_the_figures_of_many_cases_are_read_in_one_query(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    overdue_invoice()
    invoiced(make_contract(make_customer("globex"), make_plan_version([fee_charge("9")])))
    on_day(3)

    with django_assert_num_queries(1):
        cases = list(queries.with_figures(Case.objects.select_related("invoice")))

    assert len(cases) == 2
