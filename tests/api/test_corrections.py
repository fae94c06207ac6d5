"""Corrections over the API."""

from datetime import timedelta

import pytest

from apps.core import clock
from apps.customers.models import ApiKey
from apps.usage.models import UsageDay
from tests.api.calls import Backend, problem, said
from tests.builders import make_api_key, make_contract, make_customer

pytestmark = pytest.mark.django_db


def call(key: str, quantity: int = 1) -> dict[str, object]:
    time = (clock.now() - timedelta(hours=1)).isoformat()
    return {"id": key, "customer": "acme", "type": "api.call", "time": time, "quantity": quantity}


def counted() -> list[object]:
    return list(UsageDay.objects.values_list("quantity", flat=True))


def test_an_event_is_voided_and_another_counted_in_its_place() -> None:
    make_contract()
    backend = Backend(make_api_key())
    backend.post("/events", [call("a"), call("b")])

    answer = backend.post(
        "/corrections", {"customer": "acme", "reason": "Twice", "ids": ["a", "b", "c"], "events": [call("d")]}
    )

    assert answer.status_code == 200, answer.content
    body = said(answer)
    assert (body["voided"], body["voided_before"], body["not_found"], body["counted"]) == (2, 0, ["c"], 1)
    assert counted() == [1]


@pytest.mark.parametrize("key", ["a ", " a", "\ta\n"])
def test_an_id_with_spaces_is_voided_as_it_was_sent(key: str) -> None:
    make_contract()
    backend = Backend(make_api_key())
    backend.post("/events", [call(key)])

    answer = backend.post("/corrections", {"customer": "acme", "reason": "Twice", "ids": [key]})

    assert (said(answer)["voided"], said(answer)["not_found"]) == (1, [])
    assert counted() == []


def test_a_filter_takes_properties_as_they_were_sent() -> None:
    make_contract()
    backend = Backend(make_api_key())
    backend.post(
        "/events",
        [{**call(key), "properties": {"region": region}} for key, region in (("a", "eu "), ("b", "eu"))],
    )
    where = {"from": "2020-01-01T00:00:00Z", "to": clock.now().isoformat(), "properties": {"region": "eu "}}

    answer = backend.post("/corrections", {"customer": "acme", "reason": "A test", "where": where})

    assert said(answer)["voided"] == 1
    assert backend.get("/events/one?customer=acme&id=a").content.count(b'"voided"') == 2


REPLACEMENTS = {
    "a CloudEvent": {
        "specversion": "1.0",
        "id": "n",
        "source": "/s",
        "type": "api.call",
        "subject": "acme",
        "time": "2026-10-20T11:00:00Z",
    },
    "Lago's": {
        "transaction_id": "n",
        "external_subscription_id": "acme",
        "code": "api.call",
        "timestamp": 1792490400,
    },
    "Stripe's": {
        "identifier": "n",
        "event_name": "api.call",
        "timestamp": 1792490400,
        "payload": {"stripe_customer_id": "acme", "value": "1"},
    },
}


@pytest.mark.parametrize("form", REPLACEMENTS)
def test_a_replacement_comes_in_any_form_in_which_events_come(form: str) -> None:
    make_contract()
    backend = Backend(make_api_key())
    backend.post("/events", [call("a")])

    answer = backend.post(
        "/corrections", {"customer": "acme", "reason": "Twice", "ids": ["a"], "events": [REPLACEMENTS[form]]}
    )

    assert (said(answer)["voided"], said(answer)["counted"]) == (1, 1), answer.content


def test_events_are_voided_by_a_filter() -> None:
    make_contract()
    backend = Backend(make_api_key())
    backend.post("/events", [call("a"), call("b")])
    where = {"from": "2020-01-01T00:00:00Z", "to": clock.now().isoformat(), "type": "api.call"}

    answer = backend.post("/corrections", {"customer": "acme", "reason": "A test", "where": where})

    assert said(answer)["voided"] == 2
    assert counted() == []


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"customer": "acme", "ids": ["a"]}, 422, "invalid-fields"),
        ({"customer": "acme", "reason": "x"}, 422, "invalid-fields"),
        ({"customer": "nobody", "reason": "x", "ids": ["a"]}, 404, "unknown-customer"),
        ({"customer": "acme", "reason": "x", "ids": ["a"], "events": [{"id": "n"}]}, 422, "not-all-counted"),
        (
            {
                "customer": "acme",
                "reason": "x",
                "where": {"from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"},
            },
            422,
            "invalid-fields",
        ),
    ],
)
def test_a_correction_that_cannot_be_is_refused_and_changes_nothing(
    body: dict[str, object], status: int, code: str
) -> None:
    make_contract()
    backend = Backend(make_api_key())
    backend.post("/events", [call("a")])

    assert problem(backend.post("/corrections", body)) == (status, code)
    assert counted() == [1]


def test_a_customers_own_key_corrects_nothing() -> None:
    contract = make_contract()
    make_customer("other")
    Backend(make_api_key()).post("/events", [call("a")])
    confined = Backend(make_api_key(ApiKey.Scope.EVENTS_CORRECT, customer=contract.customer))

    answer = confined.post("/corrections", {"customer": "acme", "reason": "Too dear", "ids": ["a"]})

    assert problem(answer) == (403, "confined-key")
    assert counted() == [1]
