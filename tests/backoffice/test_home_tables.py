"""The home page's tables are saved as files with the figures of the page."""

import csv
from io import StringIO

import pytest
from django.test import Client

from tests.backoffice.conftest import Month
from tests.builders import make_member


def saved(staff: Client, key: str, kind: str = "csv") -> list[list[str]]:
    response = staff.get(f"/admin/home/{key}.{kind}")
    assert response.status_code == 200
    return list(csv.reader(StringIO(response.getvalue().decode("utf-8-sig"))))


@pytest.mark.parametrize(
    "key", ["revenue", "recurring", "products", "collections", "used", "customers", "retention", "owed"]
)
def test_each_table_is_saved_with_its_heads(staff: Client, key: str) -> None:
    rows = saved(staff, key)

    assert len(rows[0]) > 1
    assert all(len(row) == len(rows[0]) for row in rows)


def test_a_customers_months_are_there_exactly(staff: Client) -> None:
    heads, row = saved(staff, "customers")

    assert heads[:2] == ["Customer", "Key"]
    assert row[:2] == ["Acme <b>Ltd</b>", "acme"]
    assert "120.00" in row


def test_estimates_are_called_so(staff: Client) -> None:
    assert "In drafts (estimate), USD" in saved(staff, "revenue")[0]


def test_an_xlsx_file_is_offered_too(staff: Client) -> None:
    response = staff.get("/admin/home/owed.xlsx")

    assert response.headers["Content-Disposition"] == 'attachment; filename="owed.xlsx"'
    response.close()


@pytest.mark.parametrize("address", ["/admin/home/none.csv", "/admin/home/owed.pdf"])
def test_there_is_no_other_table_or_kind(staff: Client, address: str) -> None:
    assert staff.get(address).status_code == 404


def test_members_of_customers_do_not_reach_them(month: Month, client: Client) -> None:
    client.force_login(make_member(month.contract.customer, "other@acme.example"))

    assert client.get("/admin/home/owed.csv").status_code in {302, 403}
