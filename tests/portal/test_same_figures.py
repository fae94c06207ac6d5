"""A customer reads the same quantity in the portal and from the API as on the invoice, whatever the meter's rule."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from django.test import Client

from apps.api import auth
from apps.contracts.models import Contract
from apps.customers.models import Customer
from apps.invoices.models import InvoiceLine
from apps.plans.compose import NewPrice
from tests.api.calls import Backend, said
from tests.builders import make_api_key, make_contract, make_meter, make_plan_version, usage_charge
from tests.invoices.months import drafted
from tests.usage.events import event, take

UNTIL = datetime.fromisoformat("2026-10-21T12:00:00Z")


class Case(NamedTuple):
    """A meter's shape, and what October comes to, for all and for team A and B."""

    shape: dict[str, Any]
    total: int
    team_a: int
    team_b: int


# Team A says 10 on the 3rd and 8 on the 20th, team B 5 on the 10th.
CASES = {
    "count": Case({"aggregation": "count"}, 3, 2, 1),
    "sum": Case({"aggregation": "sum"}, 23, 18, 5),
    "highest": Case({"aggregation": "max"}, 10, 10, 5),
    "latest": Case({"aggregation": "latest"}, 8, 8, 5),
    # A's users are u1 and u2, B's is u1.
    "different values": Case({"aggregation": "unique_count", "value_property": "user"}, 2, 2, 1),
    "outcomes": Case({"aggregation": "outcomes", "outcome_states": {"succeeded": "1"}}, 3, 2, 1),
    "highest level": Case({"aggregation": "max", "level": "set"}, 15, 10, 5),
    "highest level by changes": Case({"aggregation": "max", "level": "change"}, 15, 10, 5),
    "latest level": Case({"aggregation": "latest", "level": "set"}, 13, 8, 5),
    "latest level by changes": Case({"aggregation": "latest", "level": "change"}, 13, 8, 5),
    # A has 10 for the 17 days from the 3rd and 8 for the last 12, B has 5 for the last 22: 170 + 96 and 110.
    "level over time": Case({"aggregation": "time_weighted", "level": "set", "per": "day"}, 376, 266, 110),
    "level over time by changes": Case(
        {"aggregation": "time_weighted", "level": "change", "per": "day"}, 376, 266, 110
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_the_whole_is_the_same_everywhere(member: Client, acme: Customer, case: Case) -> None:
    line = drafted(used(acme, case, usage_charge("things"))).lines.get()

    (read,) = read_back("")
    page = shown(member)

    assert {line.quantity, read, page.total} == {Decimal(case.total)}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_every_value_of_a_dimension_is_the_same_everywhere(
    member: Client, acme: Customer, case: Case
) -> None:
    prices = [NewPrice(model="per_unit", unit_amount=Decimal(1), match={"team": team}) for team in "AB"]
    charge = usage_charge("things", dimensions=["team"], prices=prices)
    lines = InvoiceLine.objects.filter(invoice=drafted(used(acme, case, charge))).order_by("dimensions__team")

    read = read_back("&group=team")
    page = shown(member)

    assert [line.quantity for line in lines] == [case.team_a, case.team_b]
    assert read == [case.team_a, case.team_b]
    assert sorted((row.value, row.quantity) for row in page.rows) == [("A", case.team_a), ("B", case.team_b)]


def test_only_what_adds_up_has_shares_and_totals(member: Client, acme: Customer) -> None:
    used(acme, CASES["highest"], usage_charge("things"))

    html = member.get("/portal/c/acme/usage/?range=last").content.decode()

    assert "Share" not in html
    assert "<tfoot>" not in html
    assert [one.name for one in shown(member).chart.series] == ["Things"]


def used(acme: Customer, case: Case, charge: Any) -> Contract:
    """Sell the meter to Acme, whose teams use it."""
    make_meter("things", name="Things", unit="things", event_type="thing", dimensions=["team"], **case.shape)
    contract = make_contract(acme, make_plan_version([charge]), starts_on=date(2026, 10, 1))
    second = -2 if case.shape.get("level") == "change" else 8
    taken = take(
        said_by("A", 3, 10, user="u1"),
        said_by("A", 20, second, user="u2"),
        said_by("B", 10, 5, user="u1"),
        at=UNTIL,
    )
    assert taken.counted == 3, taken
    return contract


def said_by(team: str, day: int, quantity: int, *, user: str) -> dict[str, Any]:
    key = f"{team}-{day}"
    said = {"team": team, "user": user, "outcome": key, "state": "succeeded"}
    return event(key, type="thing", time=f"2026-10-{day:02}T00:00:00Z", quantity=quantity, properties=said)


def read_back(more: str) -> list[Decimal]:
    """October's quantities, by the API."""
    auth.forget()
    answer = Backend(make_api_key()).get(f"/customers/acme/usage?from=2026-10-01&to=2026-11-01{more}")
    return [Decimal(row["quantity"]) for row in said(answer)["data"]]


def shown(member: Client) -> Any:
    """October's page."""
    return member.get("/portal/c/acme/usage/?range=last").context["page"]
