"""Every form in which events come in, and what is refused of each."""

import base64
import gzip
import json
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
import zstandard

from apps.core import clock
from apps.usage import lago_events, quarantine, queries, stripe_events
from apps.usage.models import Event, QuarantinedEvent, Receipt, UsageDay
from apps.usage.release import release
from apps.usage.unix_time import as_time
from tests.api.calls import Backend, problem, said
from tests.builders import (
    make_api_key,
    make_contract,
    make_customer,
    make_meter,
    make_plan_version,
    usage_charge,
)

pytestmark = pytest.mark.django_db
SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "data" / "events" / "adapter_samples.json"

NDJSON, CLOUD_EVENT, CLOUD_EVENTS = (
    "application/x-ndjson",
    "application/cloudevents+json",
    "application/cloudevents-batch+json",
)


def call(key: str = "a", **fields: object) -> dict[str, object]:
    time = (clock.now() - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"id": key, "customer": "acme", "type": "api.call", "time": time, "properties": {"n": 1}, **fields}


def cloud_event(event: dict[str, Any], source: str = "/gateway", **attributes: object) -> dict[str, object]:
    return {
        "specversion": "1.0",
        "id": event["id"],
        "source": source,
        "type": event["type"],
        "subject": event["customer"],
        "time": event["time"],
        "data": event["properties"],
        **attributes,
    }


def lines(*events: object) -> bytes:
    return b"\n".join(json.dumps(event).encode() for event in events)


@pytest.fixture
def backend() -> Backend:
    make_contract()
    return Backend(make_api_key())


FORMS: dict[str, Callable[[Backend, dict[str, Any], dict[str, Any]], Any]] = {
    "an array": lambda backend, a, b: backend.post("/events", [a, b]),
    "an object": lambda backend, a, b: backend.post("/events", {"events": [a, b]}),
    "lines": lambda backend, a, b: backend.send("POST", "/events", lines(a, b), NDJSON),
    "lines with others between": lambda backend, a, b: backend.send(
        "POST", "/events", b"\r\n" + lines(a) + b"\r\n\n" + lines(b) + b"\n", "application/jsonl"
    ),
    "gzip": lambda backend, a, b: backend.send(
        "POST", "/events", gzip.compress(json.dumps([a, b]).encode()), Content_Encoding="gzip"
    ),
    "zstd": lambda backend, a, b: backend.send(
        "POST", "/events", zstandard.compress(json.dumps([a, b]).encode()), Content_Encoding="zstd"
    ),
    "zstd of lines": lambda backend, a, b: backend.send(
        "POST", "/events", zstandard.compress(lines(a, b)), NDJSON, Content_Encoding="zstd"
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_same_events_in_every_form(backend: Backend, form: str) -> None:
    answer = FORMS[form](backend, call("a"), call("b", properties={"n": 2, "x": [1]}))

    assert answer.status_code == 200, answer.content
    assert (said(answer)["received"], said(answer)["counted"]) == (2, 2)
    assert list(Event.objects.order_by("key").values_list("key", "type", "properties")) == [
        ("a", "api.call", {"n": 1}),
        ("b", "api.call", {"n": 2, "x": [1]}),
    ]


def test_one_event_is_taken_as_it_is(backend: Backend) -> None:
    assert said(backend.post("/events", call()))["counted"] == 1


CLOUD_FORMS: dict[str, Callable[[Backend, dict[str, Any]], Any]] = {
    "structured": lambda backend, event: backend.send(
        "POST", "/events", json.dumps(cloud_event(event)).encode(), CLOUD_EVENT
    ),
    "a batch": lambda backend, event: backend.send(
        "POST", "/events", json.dumps([cloud_event(event)]).encode(), CLOUD_EVENTS
    ),
    "as plain JSON": lambda backend, event: backend.post("/events", cloud_event(event)),
    "in lines": lambda backend, event: backend.send("POST", "/events", lines(cloud_event(event)), NDJSON),
    "data in base64": lambda backend, event: backend.post(
        "/events",
        cloud_event(
            event,
            data=None,
            data_base64=base64.b64encode(json.dumps(event["properties"]).encode()).decode(),
            extension="more",
        ),
    ),
    "binary": lambda backend, event: backend.send(
        "POST",
        "/events",
        json.dumps(event["properties"]).encode(),
        **{f"ce_{name}": str(value) for name, value in cloud_event(event).items() if name != "data"},
    ),
}


@pytest.mark.parametrize("form", CLOUD_FORMS)
def test_a_cloud_event_is_one_event_in_every_form(backend: Backend, form: str) -> None:
    answer = CLOUD_FORMS[form](backend, call("a"))

    assert said(answer)["counted"] == 1, answer.content
    assert Event.objects.values_list("key", "customer__key", "properties").get() == (
        "/gateway|a",
        "acme",
        {"n": 1},
    )


def test_source_and_id_together_are_the_id(backend: Backend) -> None:
    """In the sample batch of the specification's kind the first and third are one event, the second is another."""
    one, other = cloud_event(call(), "/s1"), cloud_event(call(), "/s2")

    answer = backend.send("POST", "/events", json.dumps([one, other, one]).encode(), CLOUD_EVENTS)

    assert (said(answer)["counted"], said(answer)["duplicate"]) == (2, 1)


def test_source_and_id_stay_apart(backend: Backend) -> None:
    one, other = cloud_event(call("b|c"), "a"), cloud_event(call("c"), "a|b")

    answer = backend.send("POST", "/events", json.dumps([one, other]).encode(), CLOUD_EVENTS)

    assert said(answer)["counted"] == 2


@pytest.mark.parametrize(
    ("header", "key"),
    [
        ("Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro € 😀"),
        ('"a \\"b\\" %25"', 'a "b" %'),
        ("100%", "100%"),
        ("not%FFutf8", "not%FFutf8"),
        ('"', '"'),
    ],
)
def test_headers_are_read_out_of_their_encoding(backend: Backend, header: str, key: str) -> None:
    """The first is the example of the HTTP protocol binding, 3.1.3.2."""
    attributes = {**cloud_event(call()), "id": header}
    headers = {f"ce_{name}": str(value) for name, value in attributes.items() if name != "data"}

    answer = backend.send("POST", "/events", b'{"n": 1}', **headers)

    assert said(answer)["counted"] == 1, answer.content
    assert Event.objects.get().key == f"/gateway|{key}"


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("id", "a%00b", "bad_id"),
        ("id", "\udcff", "bad_id"),
        ("source", "%00", "bad_id"),
        ("type", "api%00call", "bad_type"),
        ("subject", "acme%00", "bad_customer"),
        ("time", "%00", "bad_time"),
    ],
)
def test_a_header_that_no_text_column_keeps_waits_and_can_be_released(
    backend: Backend, name: str, value: str, reason: str
) -> None:
    attributes = {**cloud_event(call()), name: value}
    headers = {f"ce_{name}": str(value) for name, value in attributes.items() if name != "data"}

    answer = backend.send("POST", "/events", b'{"n": 1}', **headers)

    assert [detail["reason"] for detail in said(answer)["details"]] == [reason]
    waiting = QuarantinedEvent.objects.get()
    assert quarantine.worth([waiting]).unclear == 1
    assert release(ids=[waiting.pk], at=clock.now(), actor="tests").quarantined == 1


def test_data_that_nests_as_deep_as_may_be_waits_and_can_be_released(backend: Backend) -> None:
    data = json.loads('{"a":' * 32 + "1" + "}" * 32)

    answer = backend.post(
        "/events",
        cloud_event(call(), data=None, data_base64=base64.b64encode(json.dumps(data).encode()).decode()),
    )

    assert [detail["reason"] for detail in said(answer)["details"]] == ["bad_properties"]
    waiting = QuarantinedEvent.objects.get()
    assert release(ids=[waiting.pk], at=clock.now(), actor="tests").quarantined == 1


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"source": None}, "bad_id"),
        ({"id": None}, "bad_id"),
        ({"subject": None}, "bad_customer"),
        ({"time": None}, "bad_time"),
        ({"data": "text"}, "bad_properties"),
        ({"data": None, "data_base64": "###"}, "bad_properties"),
    ],
)
def test_a_cloud_event_that_lacks_something_waits(
    backend: Backend, attributes: dict[str, Any], reason: str
) -> None:
    answer = backend.post("/events", cloud_event(call(), **{"source": "/s", **attributes}))

    assert [detail["reason"] for detail in said(answer)["details"]] == [reason]
    assert QuarantinedEvent.objects.get().reason == reason


@pytest.mark.skipif(not SAMPLES.exists(), reason="the samples of other systems' payloads are not here")
def test_the_samples_become_the_events_that_they_should() -> None:
    samples = json.loads(SAMPLES.read_text())
    for key in ("acme", "customer-1"):
        make_meter(key, event_type={"acme": "llm.request", "customer-1": "prompt"}[key], late_days=30_000)
        make_contract(
            make_customer(key),
            make_plan_version([usage_charge(key)]),
            starts_on=clock.now().date().replace(year=2020),
        )
    backend = Backend(make_api_key())

    for posted in (samples["cloudevents"]["structured"], samples["openmeter"]["event"]):
        assert said(backend.post("/events", posted))["counted"] == 1

    for expected in (samples["cloudevents"]["expected"][0], samples["openmeter"]["expected"]):
        stored = Event.objects.select_related("customer").get(key=expected["id"])
        assert (stored.customer.key, stored.type) == (expected["customer"], expected["type"])
        assert stored.properties == expected["properties"]
        assert stored.time.isoformat().replace("+00:00", "Z").startswith(expected["time"][:23])


def lago_event(**fields: Any) -> dict[str, Any]:
    return {"transaction_id": "t1", "external_subscription_id": "acme", "code": "api.call", **fields}


def stripe_event(**fields: Any) -> dict[str, Any]:
    payload = {"stripe_customer_id": "acme", "value": "25", "model": "large"}
    return {"identifier": "s1", "event_name": "api.call", "payload": payload, **fields}


def seconds_ago(many: int) -> Decimal:
    return Decimal(int(clock.now().timestamp()) - many) + Decimal("0.123")


OTHERS_EVENTS: dict[str, Callable[[Decimal], dict[str, Any]]] = {
    "Lago": lambda at: {
        "event": lago_event(timestamp=str(at), properties={"gb": 10}, precise_total_amount_cents="1")
    },
    "Lago, seconds as a number": lambda at: lago_event(timestamp=float(at), properties={"gb": 10}),
    "Lago, in a list": lambda at: {"events": [lago_event(timestamp=str(at), properties={"gb": 10})]},
    "Stripe": lambda at: stripe_event(timestamp=float(at)),
    "Stripe, streamed": lambda at: {
        "events": [stripe_event(timestamp=datetime.fromtimestamp(float(at), tz=UTC).isoformat())]
    },
}


@pytest.mark.parametrize("form", OTHERS_EVENTS)
def test_events_as_other_systems_take_them(backend: Backend, form: str) -> None:
    at = seconds_ago(60)
    body = OTHERS_EVENTS[form](at)

    assert said(backend.post("/events", body))["counted"] == 1
    assert said(backend.post("/events", body))["duplicate"] == 1

    stored = Event.objects.select_related("customer").get()
    assert (stored.customer.key, stored.type) == ("acme", "api.call")
    assert stored.time == datetime.fromtimestamp(int(at), tz=UTC) + timedelta(milliseconds=123)
    key, quantity, properties = ("t1", 1, {"gb": 10}) if "Lago" in form else ("s1", 25, {"model": "large"})
    assert (stored.key, int(stored.quantity), stored.properties) == (key, quantity, properties)


def test_a_form_as_stripe_takes_it(backend: Backend) -> None:
    form = {
        "event_name": "api.call",
        "identifier": "s1",
        "timestamp": str(int(seconds_ago(60))),
        "payload[stripe_customer_id]": "acme",
        "payload[value]": "25",
    }

    answer = backend.send("POST", "/events", urlencode(form).encode(), "application/x-www-form-urlencoded")

    assert said(answer)["counted"] == 1, answer.content
    stored = Event.objects.get()
    assert (stored.key, int(stored.quantity)) == ("s1", 25)


@pytest.mark.parametrize(
    "body",
    [
        b"no form",
        b"a=1",
        b"event_name=%00",
        b"identifier=%ff&event_name=a",
        b"&".join([b"event_name=1"] * 300),
    ],
)
def test_what_is_no_form_is_refused(backend: Backend, body: bytes) -> None:
    answer = backend.send("POST", "/events", body, "application/x-www-form-urlencoded")

    assert problem(answer) == (415, "not-json")


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (lago_event(timestamp="soon"), "bad_time"),
        (lago_event(), "bad_time"),
        (lago_event(transaction_id=None, timestamp=0), "bad_id"),
        (lago_event(timestamp=10**29), "bad_time"),
        (lago_event(timestamp=True), "bad_time"),
        (lago_event(timestamp="NaN"), "bad_time"),
        (stripe_event(payload="25"), "bad_customer"),
        (stripe_event(identifier=None), "bad_id"),
        (stripe_event(timestamp=0, payload={"stripe_customer_id": "acme", "value": "many"}), "bad_quantity"),
    ],
)
def test_an_event_of_another_system_that_lacks_something_waits(
    backend: Backend, event: dict[str, Any], reason: str
) -> None:
    assert [detail["reason"] for detail in said(backend.post("/events", [event]))["details"]] == [reason]


# Some are short and stand for a number of a million digits: computing one holds everybody up for half a minute.
ENDLESS = [
    "1e999999",
    '"1e999999"',
    "-1e999900",
    '"1e999900"',
    '"1e99999999999999999999"',
    "1e13",
    '"-Infinity"',
]


@pytest.mark.parametrize("timestamp", ENDLESS)
@pytest.mark.parametrize("path", ["/events", "/events/validate"])
def test_a_timestamp_beyond_all_time_waits_unread_and_the_others_count(
    backend: Backend, path: str, timestamp: str
) -> None:
    others = [lago_event(timestamp="TIME"), stripe_event(timestamp="TIME"), call("good")]
    body = json.dumps(others).replace('"TIME"', timestamp).encode()

    answer = backend.send("POST", path, body)

    assert said(answer)["counted"] == 1, answer.content
    assert [one["reason"] for one in said(answer)["details"]] == ["bad_time", "bad_time"]


def test_a_forms_timestamp_beyond_all_time_waits_unread(backend: Backend) -> None:
    form = b"event_name=api.call&identifier=i&timestamp=1e999999&payload[stripe_customer_id]=acme"

    answer = backend.send("POST", "/events", form, "application/x-www-form-urlencoded")

    assert [one["reason"] for one in said(answer)["details"]] == ["bad_time"]


@pytest.mark.parametrize(
    ("given", "time"),
    [
        (0, "1970-01-01T00:00:00+00:00"),
        ("-62135596800", "0001-01-01T00:00:00+00:00"),
        (Decimal("253402300799.999999"), "9999-12-31T23:59:59.999999+00:00"),
        ("253402300800", "253402300800"),
        ("1e-999999", "1970-01-01T00:00:00+00:00"),
        ("1e999900", "1e999900"),
        ("0e999999", "0e999999"),
        ("sNaN", "sNaN"),
    ],
)
def test_seconds_are_read_from_the_first_instant_to_the_last(given: object, time: str) -> None:
    assert as_time(given) == time


@pytest.mark.parametrize(
    ("given", "customer"),
    [
        ({"external_subscription_id": None, "external_customer_id": "acme"}, "acme"),
        ({"external_customer_id": "acme"}, "acme"),
        ({"external_subscription_id": "s", "external_customer_id": "acme"}, "s"),
    ],
)
def test_lagos_customer_stands_in_where_no_subscription_is_named(
    given: dict[str, object], customer: str
) -> None:
    assert lago_events.as_event({"transaction_id": "t", **given})["customer"] == customer


@pytest.mark.skipif(not SAMPLES.exists(), reason="the samples of other systems' payloads are not here")
def test_the_samples_of_lago_and_stripe_become_the_events_that_they_should() -> None:
    """There, usage belongs to a subscription: it names the customer here."""
    samples = json.loads(SAMPLES.read_text())
    lago, stripe = samples["lago"], samples["stripe_meter_events"]
    form = stripe_events.from_form(parse_qsl(stripe["v1_form"]))

    expected = {"customer" if name == "contract" else name: value for name, value in lago["expected"].items()}
    assert utc(lago_events.as_event(lago["single"])) == utc(expected)
    assert utc(stripe_events.as_event(stripe["v1"])) == utc(stripe["expected"])
    assert utc(stripe_events.as_event(form)) == utc(stripe["expected"])
    assert lago_events.is_lago_event(lago["batch"]["events"][0])
    assert stripe_events.is_stripe_event(stripe["v2_stream"]["body"]["events"][0])


def utc(event: dict[str, Any]) -> dict[str, Any]:
    return {**event, "time": datetime.fromisoformat(event["time"])}


def test_an_empty_batch_is_valid(backend: Backend) -> None:
    for body, kind in ((b"[]", CLOUD_EVENTS), (b'{"events": []}', "application/json"), (b"\n", NDJSON)):
        answer = backend.send("POST", "/events", body, kind)
        assert said(answer) == {
            "received": 0,
            "counted": 0,
            "duplicate": 0,
            "conflict": 0,
            "quarantined": 0,
            "details": [],
        }


def test_a_broken_line_is_named_and_nothing_counts(backend: Backend) -> None:
    answer = backend.send("POST", "/events", lines(call("a")) + b'\n{"id":\n' + lines(call("b")), NDJSON)

    assert problem(answer) == (400, "malformed-json")
    assert said(answer)["line"] == 2
    assert not Receipt.objects.exists()


def wide_zstd(body: bytes) -> bytes:
    """A frame that asks its reader for a gigabyte."""
    wide = zstandard.ZstdCompressionParameters(window_log=30, write_content_size=False)
    packer = zstandard.ZstdCompressor(compression_params=wide).compressobj()
    return packer.compress(body) + packer.flush()


BOMB = b" " * 20_000_000
BAD_PACKAGES = {
    "a bomb in gzip": ("gzip", gzip.compress(BOMB), (413, "body-too-large")),
    "a bomb in zstd": ("zstd", zstandard.compress(BOMB), (413, "body-too-large")),
    "half of gzip": ("gzip", gzip.compress(b"[]" * 1000)[:-9], (400, "bad-gzip")),
    "half of zstd": ("zstd", zstandard.compress(bytes(range(256)) * 100)[:-9], (400, "bad-zstd")),
    "a second stream of gzip": ("gzip", gzip.compress(b"[]", mtime=0) * 2, (400, "bad-gzip")),
    "a second frame of zstd": ("zstd", zstandard.compress(b"[]") * 2, (400, "bad-zstd")),
    "something after zstd": ("zstd", zstandard.compress(b"[]") + b"\n", (400, "bad-zstd")),
    "no zstd": ("zstd", b"[]", (400, "bad-zstd")),
    "gzip said to be zstd": ("zstd", gzip.compress(b"[]"), (400, "bad-zstd")),
    "a window of a gigabyte": ("zstd", wide_zstd(b"[]"), (400, "bad-zstd")),
    "deflate": ("deflate", zlib.compress(b"[]"), (415, "unsupported-encoding")),
}


@pytest.mark.parametrize("case", BAD_PACKAGES)
def test_what_cannot_be_unpacked_within_bounds_is_refused(backend: Backend, case: str) -> None:
    encoding, body, expected = BAD_PACKAGES[case]

    assert problem(backend.send("POST", "/events", body, Content_Encoding=encoding)) == expected
    assert not Receipt.objects.exists()


def in_blocks(packer: Any, *parts: bytes, flush: int) -> bytes:
    """Each part in a block of its own, so that a cut between two leaves whole lines."""
    return b"".join(packer.compress(part) + packer.flush(flush) for part in parts)


CUT_SHORT = {
    "gzip": lambda *parts: in_blocks(zlib.compressobj(wbits=31), *parts, flush=zlib.Z_SYNC_FLUSH),
    "zstd": lambda *parts: in_blocks(
        zstandard.ZstdCompressor().compressobj(), *parts, flush=zstandard.COMPRESSOBJ_FLUSH_BLOCK
    ),
}


@pytest.mark.parametrize("encoding", CUT_SHORT)
def test_lines_whose_packing_was_cut_short_are_refused_rather_than_counted_in_part(
    backend: Backend, encoding: str
) -> None:
    """Every line of what arrived can be read; what never arrived would be lost behind a 200."""
    body = CUT_SHORT[encoding](lines(call("a")) + b"\n", lines(call("b")) + b"\n")

    answer = backend.send("POST", "/events", body, NDJSON, Content_Encoding=encoding)

    assert problem(answer) == (400, f"bad-{encoding}")
    assert not Receipt.objects.exists()


def test_all_or_nothing_takes_all(backend: Backend) -> None:
    backend.post("/events", [call("a")])

    answer = backend.post("/events?atomic=true", [call("a"), call("b")])

    assert (said(answer)["counted"], said(answer)["duplicate"]) == (1, 1)


def test_all_or_nothing_takes_nothing_where_one_cannot_be_counted(backend: Backend) -> None:
    answer = backend.post("/events?atomic=true", [call("a"), call("b", type="odd")])

    assert problem(answer) == (422, "not-all-counted")
    assert [(one["index"], one["id"], one["reason"]) for one in said(answer)["details"]] == [
        (1, "b", "unknown_type")
    ]
    assert (Event.objects.count(), queries.waiting().count(), Receipt.objects.count()) == (0, 0, 0)


def test_trying_out_says_the_same_and_writes_nothing(backend: Backend) -> None:
    batch = [call("a"), call("a"), call("b", type="odd")]

    tried = said(backend.post("/events/validate", batch))

    assert (Event.objects.count(), UsageDay.objects.count(), Receipt.objects.count()) == (0, 0, 0)
    assert queries.waiting().count() == 0
    assert said(backend.post("/events", batch)) == tried
    assert (tried["counted"], tried["duplicate"], tried["quarantined"]) == (1, 1, 1)


def test_another_type_is_refused(backend: Backend) -> None:
    assert problem(backend.send("POST", "/events", b"a,b", "text/csv")) == (415, "not-json")
    assert problem(backend.send("POST", "/customers", b"{}", NDJSON)) == (415, "not-json")
