"""Single events over the API: found, and told with all that became of them."""

import base64
import json
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import time_machine

from apps.core import clock
from apps.customers.models import ApiKey, Customer
from apps.invoices import close, finalize
from apps.usage.correct import correct
from tests.api.calls import Backend, problem, said
from tests.builders import ACTOR, make_api_key, make_contract, make_customer, make_plan_version

pytestmark = pytest.mark.django_db
ODD_IDS = ["a/b/../c", "..", "100%", "a b+c&d=e", "Ω\t", "'\"<x>", " spaced ", "?#%2F"]


def call(key: str, **fields: object) -> dict[str, object]:
    time = (clock.now() - timedelta(hours=1)).isoformat()
    return {"id": key, "customer": "acme", "type": "api.call", "time": time, **fields}


def find(backend: Backend, **asked: object) -> Any:
    answer = backend.get(f"/events?{urlencode(asked)}")
    assert answer.status_code == 200, answer.content
    return said(answer)


def ids(backend: Backend, **asked: object) -> list[str]:
    return [one["id"] for one in find(backend, **asked)["data"]]


@pytest.fixture
def backend() -> Backend:
    """Of acme: one that counts, one voided, one that waits; of other one that counts."""
    version = make_plan_version()
    make_contract(make_customer("acme"), version)
    make_contract(make_customer("other"), version)
    found = Backend(make_api_key())
    found.post(
        "/events", [call("a", quantity="2.50"), call("b"), call("c", type="new"), call("d", customer="other")]
    )
    correct(customer_key="acme", keys=["b"], reason="Twice", at=clock.now(), actor=ACTOR)
    return found


def test_events_are_listed_with_what_became_of_them(backend: Backend) -> None:
    found = find(backend, customer="acme")

    assert found["from"] == "2026-09-19T12:00:00Z"
    assert [(one["id"], one["state"], one["reason"]) for one in found["data"]] == [
        ("c", "quarantined", "unknown_type"),
        ("b", "voided", ""),
        ("a", "counted", ""),
    ]
    assert found["data"][2] == {
        "id": "a",
        "customer": "acme",
        "type": "api.call",
        "time": "2026-10-20T11:00:00Z",
        "quantity": "2.5",
        "state": "counted",
        "reason": "",
        "received_at": "2026-10-20T12:00:00Z",
    }


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, ["c", "d", "b", "a"]),
        ({"id": "d"}, ["d"]),
        ({"type": "new"}, ["c"]),
        ({"state": "voided"}, ["b"]),
        ({"customer": "acme", "state": "counted"}, ["a"]),
        ({"from": "2026-10-20T11:30:00Z"}, ["c"]),
        ({"to": "2026-10-20T11:30:00Z"}, ["d", "b", "a"]),
    ],
)
def test_events_are_found_by_what_is_known(
    asked: dict[str, object], found: list[str], backend: Backend
) -> None:
    assert ids(backend, **asked) == found


def test_pages_follow_each_other(backend: Backend) -> None:
    first = find(backend, limit=3)
    second = find(backend, limit=3, cursor=first["next_cursor"])

    assert [one["id"] for one in (*first["data"], *second["data"])] == ["c", "d", "b", "a"]
    assert second["next_cursor"] is None


@pytest.mark.parametrize(
    "asked",
    [
        {"cursor": "x"},
        {"cursor": "W10="},
        {"cursor": "WyIyMDI2LTEwLTIwIiwiYSIsImIiXQ=="},
        {"state": "lost"},
        {"from": "2026-10-20T12:00:00Z", "to": "2026-10-20T11:00:00Z"},
        {"from": "yesterday"},
        {"limit": 0},
        {"id": "x" * 501},
        {"meter": "calls"},
    ],
)
def test_a_question_that_makes_no_sense_is_refused(asked: dict[str, object], backend: Backend) -> None:
    assert problem(backend.get(f"/events?{urlencode(asked)}")) == (422, "invalid-fields")


def cursor(moment: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([moment, "", ""]).encode()).decode()


@pytest.mark.parametrize("whose", [{}, {"customer": "acme"}])
@pytest.mark.parametrize(
    "asked",
    [
        {"to": "0001-01-01T00:00:00Z"},
        {"to": "9999-12-31T23:59:59Z"},
        {"from": "0001-01-01T00:00:00Z", "to": "9999-12-31T00:00:00Z"},
        {"cursor": cursor("0001-01-01T00:00:00+00:00")},
        {"cursor": cursor("2026-10-20T11:00:00+23:59")},
    ],
)
def test_the_first_and_the_last_instant_can_be_asked_for(
    asked: dict[str, object], whose: dict[str, object], backend: Backend
) -> None:
    assert len(ids(backend, **whose, **asked)) <= 4


@pytest.mark.parametrize(
    "asked",
    [
        {"from": "0001-01-01T00:00:00+14:00"},
        {"to": "9999-12-31T23:59:59-14:00"},
        {"cursor": cursor("0001-01-01T00:00:00+23:59")},
        {"cursor": cursor("9999-12-31T23:59:59-23:59")},
    ],
)
def test_an_instant_before_the_first_or_after_the_last_is_refused(
    asked: dict[str, object], backend: Backend
) -> None:
    assert problem(backend.get(f"/events?{urlencode(asked)}")) == (422, "invalid-fields")


def test_a_type_is_looked_for_as_it_was_sent(backend: Backend) -> None:
    backend.post("/events", call("spaced", type="new "))

    assert ids(backend, type="new ") == ["spaced"]


def test_one_event_tells_what_it_feeds_and_that_its_invoice_is_to_come(backend: Backend) -> None:
    answer = backend.get("/events/one?customer=acme&id=a")

    assert answer["Content-Type"] == "application/json"
    found = said(answer)
    assert found["body"] == {
        "id": "a",
        "customer": "acme",
        "type": "api.call",
        "time": "2026-10-20T11:00:00+00:00",
        "quantity": 2.5,
        "properties": {},
    }
    assert found["feeds"] == [
        {
            "meter": "calls",
            "name": "API calls",
            "unit": "calls",
            "quantity": "1",
            "says": "",
            "dimensions": {},
            "charges": ["calls"],
        }
    ]
    assert (found["day"], found["awaits"], found["lines"], found["voided"], found["waited"]) == (
        "2026-10-20",
        "invoice",
        [],
        None,
        [],
    )


def test_one_event_tells_the_line_that_bills_it_once_that_is_finalized(backend: Backend) -> None:
    contract = make_contract(make_customer("third"), make_plan_version(), starts_on=date(2026, 9, 1))
    backend.post("/events", call("september", customer="third", time="2026-09-20T00:00:00Z"))
    with time_machine.travel(datetime(2026, 11, 2, 9, tzinfo=UTC), tick=False):
        # September and October are due; the first of them is the event's.
        first = close.close_contract(contract_id=contract.pk, at=clock.now(), actor=ACTOR).drafts[0]
        on_draft = said(backend.get("/events/one?customer=third&id=september"))
        number = finalize.finalize(invoice_id=first.pk, at=clock.now(), actor=ACTOR).number
        billed = said(backend.get("/events/one?customer=third&id=september"))

    assert (on_draft["lines"], on_draft["awaits"]) == ([], "invoice")
    assert billed["lines"] == [
        {"invoice": number, "position": 1, "charge": "calls", "name": "Calls", "adjusts": ""}
    ]
    assert billed["awaits"] == ""


def test_a_voided_event_tells_why_to_the_seller_and_not_to_the_customer(backend: Backend) -> None:
    own = Backend(make_api_key(customer=Customer.objects.get(key="acme")))

    to_seller = said(backend.get("/events/one?customer=acme&id=b"))
    to_customer = said(own.get("/events/one?id=b"))

    assert (to_seller["state"], to_seller["voided"]["reason"], to_seller["voided"]["actor"]) == (
        "voided",
        "Twice",
        ACTOR,
    )
    assert (to_customer["voided"]["reason"], to_customer["voided"]["actor"]) == (None, None)
    assert to_customer["voided"]["at"] == to_seller["voided"]["at"]


def test_an_event_that_waits_tells_why(backend: Backend) -> None:
    found = said(backend.get("/events/one?customer=acme&id=c"))

    assert (found["state"], found["reason"], found["time"], found["contract"]) == (
        "quarantined",
        "unknown_type",
        None,
        None,
    )
    assert found["body"]["type"] == "new"
    assert found["waited"][0]["remedy"]


@pytest.mark.parametrize("odd", ODD_IDS)
def test_any_id_can_be_read(odd: str, backend: Backend) -> None:
    posted = backend.post("/events", call(odd, properties={"exact": 1}))
    assert said(posted)["counted"] == 1, posted.content

    found = said(backend.get(f"/events/one?customer=acme&id={quote(odd, safe='')}"))

    assert (found["id"], ids(backend, id=odd)) == (odd, [odd])


def test_numbers_in_the_body_stay_what_they_are(backend: Backend) -> None:
    body = b'{"id":"n","customer":"acme","type":"api.call","time":"2026-10-20T11:00:00Z","properties":{"x":0.10000000000000000555}}'
    backend.send("POST", "/events", body)

    answer = backend.get("/events/one?customer=acme&id=n")

    assert b"0.10000000000000000555" in answer.content
    json.loads(answer.content)


def test_a_confined_key_sees_its_own_events_alone(backend: Backend) -> None:
    own = Backend(make_api_key(ApiKey.Scope.USAGE_READ, customer=Customer.objects.get(key="other")))
    backend.post("/events", call("lost", customer="nobody"))

    assert ids(own) == ["d"]
    assert ids(own, customer="other") == ["d"]
    assert ids(own, id="a") == []
    assert problem(own.get("/events?customer=acme")) == (404, "unknown-customer")
    assert problem(own.get("/events?customer=nobody")) == (404, "unknown-customer")
    assert problem(own.get("/events/one?customer=acme&id=a")) == (404, "unknown-customer")
    assert problem(own.get("/events/one?id=a")) == (404, "no-such-event")
    assert said(own.get("/events/one?id=d"))["state"] == "counted"


def test_what_waits_for_an_unknown_customer_is_found_by_the_key_it_gave(backend: Backend) -> None:
    backend.post("/events", call("lost", customer="acne"))

    assert ids(backend, customer="acne") == ["lost"]
    assert said(backend.get("/events/one?customer=acne&id=lost"))["reason"] == "unknown_customer"
    assert problem(backend.get("/events?customer=nobody")) == (404, "unknown-customer")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/events/one", 422, "invalid-fields"),
        ("/events/one?customer=acme", 422, "invalid-fields"),
        ("/events/one?customer=acme&id=none", 404, "no-such-event"),
        ("/events/one?id=a", 404, "no-such-event"),
        ("/events/one?customer=acme&id=%00", 404, "not-found"),
    ],
)
def test_one_event_is_asked_for_by_customer_and_id(
    path: str, status: int, code: str, backend: Backend
) -> None:
    assert problem(backend.get(path)) == (status, code)
