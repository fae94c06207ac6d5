"""The quick reader and the strict one: whatever the quick one takes, both read alike."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.usage import strict_json
from apps.usage.read_batch import read_batch
from apps.usage.read_event import ReadEvent, read_event
from tests.usage.events import event


def strictly(body: bytes, customer_key: str | None = None) -> list[ReadEvent]:
    loaded: Any = strict_json.load(body)
    raws = loaded if isinstance(loaded, list) else loaded.get("events", [loaded])
    return [read_event(index, raw, customer_key=customer_key) for index, raw in enumerate(raws)]


def figures(read: list[ReadEvent]) -> list[tuple[object, ...]]:
    return [
        (
            one.index,
            one.key,
            one.customer_key,
            one.contract,
            one.type,
            one.time,
            one.written_time,
            one.quantity,
            one.properties_json,
            one.fingerprint,
            one.fault,
        )
        for one in read
    ]


VALUES = (
    st.text(max_size=8)
    | st.booleans()
    | st.none()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=True)
    | st.lists(st.integers(), max_size=2)
    | st.dictionaries(st.text(max_size=3), st.integers(), max_size=2)
)
EVENTS = st.fixed_dictionaries(
    {
        "id": st.text(max_size=4),
        "type": st.sampled_from(["api.call", "ü", ""]),
        "time": st.sampled_from(
            [
                "2026-10-20T11:00:00Z",
                "2026-10-20T11:00:00.120000Z",
                "2026-10-20T11:00:00.000000+00:00",
                "2026-10-20T11:00:00.123456+00:00",
                "2026-10-20T13:00:00+02:00",
                "2026-W43-2T11:00:00Z",
                "20261020T110000Z",
                "2026-10-20 11:00:00Z",
                "2026-10-20T11:00:00,123456Z",
                "2026-10-20T11:00:00",
                "yesterday",
            ]
        ),
    },
    optional={
        "customer": st.sampled_from(["acme", "", "x" * 64, None]),
        "contract": st.sampled_from(["C-1", "", "x" * 41, None, 7]),
        "quantity": VALUES,
        "properties": st.none() | st.dictionaries(st.text(max_size=4), VALUES, max_size=4),
        "more": VALUES,
    },
)


@given(
    events=st.lists(EVENTS, max_size=4),
    wrapped=st.booleans(),
    customer_key=st.sampled_from([None, "acme"]),
    ascii_only=st.booleans(),
)
def test_what_the_quick_reader_takes_both_read_alike(
    *, events: list[dict[str, Any]], wrapped: bool, customer_key: str | None, ascii_only: bool
) -> None:
    body = json.dumps({"events": events} if wrapped else events, ensure_ascii=ascii_only).encode(
        errors="surrogatepass"
    )

    quick = read_batch(body, customer_key=customer_key)

    assert quick is None or figures(quick) == figures(strictly(body, customer_key))


def test_an_ordinary_batch_is_read_quickly() -> None:
    properties = {"model": "large", "input_tokens": 812, "cost": 0.0001, "cached": True, "note": None}
    events = [event("a", properties=properties), event("b", quantity="2.50"), event("c")]

    wrapped = json.dumps({"events": events}, indent=2)
    for body in (json.dumps(events).encode(), wrapped.encode(), json.dumps(events[0]).encode()):
        read = read_batch(body)
        assert read is not None
        assert figures(read) == figures(strictly(body))


@pytest.mark.parametrize(
    "body",
    [
        b'[{"id":"a","id":"b","customer":"acme","type":"t","time":"2026-10-20T11:00:00Z"}]',
        b'[{"id":"a","customer":"acme","type":"t","time":"2026-10-20T11:00:00Z","properties":{"a" :1,"b":2,"b":3}}]',
        b'[{"id":"a","customer":"acme","type":"t","time":"2026-10-20T11:00:00Z","properties":{"b":[],"b":3}}]',
        b'[{"id":"a\\u0000","customer":"acme","type":"t","time":"2026-10-20T11:00:00Z"}]',
        b'[{"id":"a\\ud800","customer":"acme","type":"t","time":"2026-10-20T11:00:00Z"}]',
        b'\xef\xbb\xbf[{"id":"a","customer":"acme","type":"t","time":"2026-10-20T11:00:00Z"}]',
        b'[{"id":"a","customer":"acme","type":"t","time":"2026-10-20T11:00:00Z","quantity":1e999999999999999999999}]',
        b'[{"id":"a","customer":"acme","type":"t","time":"2026-10-20T11:00:00Z"},]',
    ],
)
def test_what_could_be_read_in_two_ways_is_left_to_the_strict_reader(body: bytes) -> None:
    assert read_batch(body) is None


@pytest.mark.parametrize("odd", ["a\0", "\ud800b"])
@pytest.mark.parametrize(
    ("fields", "reason", "field"),
    [
        ({"id": "{}"}, "bad_id", "id"),
        ({"customer": "{}"}, "bad_customer", "customer"),
        ({"contract": "{}"}, "no_contract", "contract"),
        ({"type": "{}"}, "bad_type", "type"),
        ({"time": "{}"}, "bad_time", "time"),
        ({"quantity": "{}"}, "bad_quantity", "quantity"),
        ({"properties": "{}"}, "bad_properties", "properties"),
        ({"properties": {"a": 1, "b": "{}"}}, "bad_properties", "properties.b"),
        ({"properties": {"b": [{"c": ["{}"]}]}}, "bad_properties", "properties.b"),
        ({"properties": {"b": {"{}": 1}}}, "bad_properties", "properties.b"),
        ({"properties": {"{}": 1}}, "bad_properties", "properties.{}"),
        ({"{}": 1}, "unknown_field", "{}"),
    ],
)
def test_what_no_text_column_keeps_is_refused_wherever_it_stands_and_kept_readable(
    odd: str, fields: dict[str, Any], reason: str, field: str
) -> None:
    """Neither can come in JSON, but either can in headers and files."""
    read = read_event(0, event(**put(fields, odd)))

    assert read.fault
    assert (read.fault.reason, read.fault.field) == (reason, field.replace("{}", "".join(map(seen, odd))))
    for text in (read.key, read.customer_key, read.type, read.fault.remedy, read.body()):
        assert b"\0" not in (text or "").encode()
    assert strict_json.load(read.body().encode())


def put(given: Any, odd: str) -> Any:
    """What is given, with the odd text wherever braces hold its place."""
    if isinstance(given, dict):
        return {put(name, odd): put(value, odd) for name, value in given.items()}
    if isinstance(given, list):
        return [put(one, odd) for one in given]
    return given.replace("{}", odd) if isinstance(given, str) else given


def seen(character: str) -> str:
    return character if character.isascii() and character.isprintable() else "\N{REPLACEMENT CHARACTER}"


def test_a_backslash_before_u0000_is_no_nul() -> None:
    read = read_event(0, event(properties={"path": "C:\\u0000"}))

    assert read.fault is None
    assert strict_json.load(read_event(0, event(quantity="x", more="C:\\u0000")).body().encode()) == event(
        quantity="x", more="C:\\u0000"
    )


def test_what_nests_too_deep_to_be_read_again_is_kept_as_text() -> None:
    """A CloudEvent's data of 32 levels, which is the most, lies one deeper in the event that it becomes."""
    data: Any = {}
    for _ in range(strict_json.DEEPEST - 1):
        data = {"a": data}

    read = read_event(0, event(properties=data))

    assert read.fault
    assert read.fault.reason == "bad_properties"
    assert isinstance(strict_json.load(read.body().encode()), str)
