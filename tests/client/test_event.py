"""What an event may say."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from meterbook_client.event import new_id, write_event

AT = datetime(2026, 10, 20, 11, tzinfo=UTC)


def written(**fields: Any) -> Any:
    given = {
        "id": "a",
        "customer": "acme",
        "type": "api.call",
        "time": AT,
        "quantity": None,
        "properties": None,
    }
    return json.loads(write_event(**{**given, **fields}))


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"customer": ""}, "`customer` is ''"),
        ({"id": "a\0b"}, "none of them NUL"),
        ({"type": "x" * 501}, "1 to 500 characters"),
        ({"id": "\ud800"}, "surrogates not allowed"),
        ({"time": datetime(2026, 10, 20)}, "without an offset"),  # noqa: DTZ001
        ({"quantity": float("nan")}, "no number that can be counted"),
        ({"quantity": Decimal("Infinity")}, "no number that can be counted"),
        ({"properties": {"text": "x" * 300_000}}, "262,144 are the most"),
        ({"properties": {"a": [[[[[[[[[1]]]]]]]]]}}, "more than 8 levels"),
    ],
)
def test_a_value_that_cannot_be_sent_is_refused_where_it_is_recorded(
    fields: dict[str, Any], text: str
) -> None:
    with pytest.raises(ValueError, match=text):
        written(**fields)


@pytest.mark.parametrize(
    "fields",
    [{"customer": 7}, {"quantity": True}, {"properties": {1: 1}}, {"properties": {"a": object()}}],
)
def test_a_type_that_cannot_be_sent_is_refused_where_it_is_recorded(fields: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=r"give a|give texts"):
        written(**fields)


def test_text_that_no_database_can_store_is_replaced_in_properties() -> None:
    assert written(properties={"a": "x\0y", "b": "x\ud800y"})["properties"] == {"a": "x\ufffdy", "b": "x?y"}


def test_an_event_is_one_line() -> None:
    line = write_event(
        id="a", customer="a\nb", type="t\u2028", time=AT, quantity=2, properties={"text": "one\r\ntwo"}
    )

    assert line.count(b"\n") == 1
    assert line.endswith(b"}\n")


def test_ids_are_distinct_and_begin_with_their_time() -> None:
    made = [new_id() for _ in range(10_000)]

    assert len(set(made)) == 10_000
    assert [key[:13] for key in made] == sorted(key[:13] for key in made)
