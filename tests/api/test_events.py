import gzip
import json

import pytest
from pytest_regressions.data_regression import DataRegressionFixture

from apps.api import parsers
from apps.plans.models import PlanVersion
from apps.usage.models import Event, QuarantinedEvent, Receipt
from tests.api.calls import Backend, problem, said
from tests.builders import make_api_key, make_contract, make_customer
from tests.usage.events import event

pytestmark = pytest.mark.django_db


@pytest.fixture
def backend() -> Backend:
    make_contract()
    return Backend(make_api_key())


@pytest.mark.parametrize("body", [event(), [event()], {"events": [event()]}])
def test_events_come_alone_as_a_list_or_under_a_name(backend: Backend, body: object) -> None:
    answer = backend.post("/events", body)

    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")
    assert said(answer) == {
        "received": 1,
        "counted": 1,
        "duplicate": 0,
        "conflict": 0,
        "quarantined": 0,
        "details": [],
    }
    assert Receipt.objects.get().actor.startswith("key mb_")


def test_a_mixed_batch_is_answered_event_by_event(
    backend: Backend, data_regression: DataRegressionFixture
) -> None:
    backend.post("/events", [event("a"), event("b")])

    answer = backend.post(
        "/events",
        [
            event("c"),
            event("a"),
            event("b", quantity=2),
            event("d", customer="acne"),
            event("e", time="2026-10-20 11:00"),
            "f",
        ],
    )

    data_regression.check(said(answer))


@pytest.mark.parametrize(
    "quantity", ["NaN", "-Infinity", "1e1000000", "1E-1000000", "9" * 10_000, "0." + "1" * 10_000]
)
def test_a_number_that_is_no_quantity_holds_back_its_event_alone(backend: Backend, quantity: str) -> None:
    good = json.dumps(event("good"))
    bad = json.dumps(event("bad", quantity="@")).replace('"@"', quantity)

    answer = said(backend.send("POST", "/events", f"[{good},{bad}]".encode()))

    assert (answer["counted"], answer["quarantined"]) == (1, 1)
    assert [(one["index"], one["reason"], one["field"]) for one in answer["details"]] == [
        (1, "bad_quantity", "quantity")
    ]
    kept = QuarantinedEvent.objects.get().body.lower().replace("e+", "e")
    assert quantity.lower() in kept


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "empty-body"),
        (b"{", 400, "malformed-json"),
        (b"\xff", 400, "not-utf-8"),
        (b"\xef\xbb\xbf[]", 400, "byte-order-mark"),
        (b'[{"id":"a\\u0000"}]', 400, "nul-character"),
        (b'[{"id":"\\ud800"}]', 400, "lone-surrogate"),
        (b'[{"id":"a","id":"b"}]', 400, "duplicate-name"),
        (b"[" * 100_000, 400, "too-deep"),
        (b" " * (parsers.MOST_BYTES + 1), 413, "body-too-large"),
        (b'["a"' + b',"a"' * 10_000 + b"]", 413, "too-many-events"),
        (b"7", 422, "not-events"),
        (b'{"events": {}}', 422, "not-events"),
        (b'{"events": [], "dry_run": true}', 422, "not-events"),
    ],
)
def test_a_body_that_cannot_be_taken_as_a_whole_is_refused(
    backend: Backend, body: bytes, status: int, code: str
) -> None:
    assert problem(backend.send("POST", "/events", body)) == (status, code)
    assert Receipt.objects.count() == 0


def test_a_refused_body_is_told_where(backend: Backend) -> None:
    answer = said(backend.send("POST", "/events", b'[{"id": "a"},\n {"id" "b"}]'))

    assert (answer["line"], answer["column"], answer["byte"]) == (2, 8, 21)


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json; charset=utf-8", 200),
        ("application/vnd.acme+json", 200),
        ("application/x-www-form-urlencoded", 415),
        ("text/plain", 415),
        ("", 415),
    ],
)
def test_bodies_are_json_alone(backend: Backend, content_type: str, status: int) -> None:
    answer = backend.send("POST", "/events", json.dumps(event()).encode(), content_type)

    assert answer.status_code == status


def test_a_gzipped_body_is_taken(backend: Backend) -> None:
    body = gzip.compress(json.dumps([event()]).encode())

    assert said(backend.send("POST", "/events", body, content_encoding="gzip"))["counted"] == 1


@pytest.mark.parametrize(
    ("body", "encoding", "status", "code"),
    [
        (gzip.compress(b" " * (parsers.MOST_BYTES + 1), mtime=0), "gzip", 413, "body-too-large"),
        (gzip.compress(b"[]", mtime=0)[:-4], "gzip", 400, "bad-gzip"),
        (gzip.compress(b"[]", mtime=0) + b"x", "gzip", 400, "bad-gzip"),
        (b"[]", "gzip", 400, "bad-gzip"),
        (b"[]", "br", 415, "unsupported-encoding"),
    ],
)
def test_an_encoding_that_cannot_be_undone_is_refused(
    backend: Backend, body: bytes, encoding: str, status: int, code: str
) -> None:
    assert problem(backend.send("POST", "/events", body, content_encoding=encoding)) == (status, code)


def test_a_body_without_length_is_refused(backend: Backend) -> None:
    answer = backend.client.generic(
        "POST",
        "/api/v1/events",
        content_type="application/json",
        headers={**backend.headers, "Transfer-Encoding": "chunked"},
    )

    assert problem(answer) == (411, "length-required")  # type: ignore[arg-type]


def test_a_confined_key_posts_for_its_customer_alone(backend: Backend) -> None:
    contract = make_contract(make_customer("other"), PlanVersion.objects.get())
    confined = Backend(make_api_key(customer=contract.customer))

    answer = said(
        confined.post("/events", [event("a"), event("b", customer="other"), event("c", customer=None)])
    )

    assert (answer["counted"], answer["quarantined"]) == (2, 1)
    assert answer["details"][0]["reason"] == "unknown_customer"
    assert set(Event.objects.values_list("customer__key", flat=True)) == {"other"}
