"""Whatever is posted, the answer is 200 or a problem document of the 4xx kind; and the books of usage stay balanced."""

import json
from typing import Any

import pytest
from django.http import HttpResponse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.usage import queries, strict_json
from apps.usage.models import Event
from tests.api.calls import Backend, problem, said
from tests.builders import make_api_key, make_contract, make_plan_version
from tests.torture.bodies import CLOUD_EVENT, LAGO_EVENT, STRIPE_EVENT
from tests.usage.events import event, token_charges

pytestmark = pytest.mark.django_db

SCALARS: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(
        [
            "acme",
            "api.call",
            "2026-10-20T11:00:00Z",
            "large",
            "1e400",
            "1e999999",
            "-1e-999999",
            "\0",
            "\ud800",
        ]
    )
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
OURS = ["id", "customer", "type", "time", "quantity", "properties", "other", ""]
OTHERS = ["source", "data", "data_base64", "transaction_id", "timestamp", "event_name", "payload"]
FIELDS = st.sampled_from([*OURS, *OTHERS])
EVENTS = st.builds(
    lambda good, odd: {**good, **odd},
    st.sampled_from(
        [
            event("a"),
            event("b", type="llm.request", properties={"model": "large", "input_tokens": 5}),
            {},
            CLOUD_EVENT,
            LAGO_EVENT,
            STRIPE_EVENT,
        ]
    ),
    st.dictionaries(FIELDS, VALUES, max_size=3),
)
GOOD = json.dumps({"events": [event("good", quantity=2, properties={"a": [1.5e3, "é"]})]}).encode()
BODIES = st.one_of(
    st.binary(max_size=200),
    st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")),
    VALUES.map(lambda value: json.dumps(value).encode()),
    st.lists(EVENTS | VALUES, max_size=4).map(lambda events: json.dumps(events).encode()),
    # A good body with one byte changed.
    st.builds(
        lambda place, byte: b"".join(
            [GOOD[: place % len(GOOD)], bytes([byte]), GOOD[place % len(GOOD) + 1 :]]
        ),
        st.integers(0, 1_000),
        st.integers(0, 255),
    ),
)


@pytest.fixture
def backend() -> Backend:
    make_contract(plan_version=make_plan_version(token_charges()))
    return Backend(make_api_key())


# Of a header: percent-encoded or not, with what PostgreSQL keeps in no text.
ATTRIBUTES = st.text(max_size=8) | st.sampled_from(["a%00b", "%ED%A0%80", "\udcff", '"\\"', "%", "|" * 600])
BRIEFLY = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@BRIEFLY
@given(body=BODIES)
def test_no_body_brings_it_down(backend: Backend, body: bytes) -> None:
    require_order(backend.send("POST", "/events", body))


@BRIEFLY
@given(
    attributes=st.dictionaries(
        st.sampled_from(["id", "source", "type", "subject", "time", "specversion", "more"]), ATTRIBUTES
    ),
    data=VALUES,
)
def test_no_header_brings_it_down(backend: Backend, attributes: dict[str, str], data: Any) -> None:
    given = {
        "specversion": "1.0",
        "id": "1",
        "source": "/s",
        "type": "api.call",
        "subject": "acme",
    } | attributes
    headers = {f"ce_{name}": value for name, value in given.items()}

    require_order(backend.send("POST", "/events", json.dumps(data).encode(), **headers))


def require_order(answer: HttpResponse) -> None:
    """The answer is one of the two kinds, the books balance, and whatever waits can be read again."""
    if answer.status_code == 200:
        counts = said(answer)
        assert counts["received"] == sum(
            counts[name] for name in ("counted", "duplicate", "conflict", "quarantined")
        )
    else:
        assert 400 <= problem(answer)[0] < 500
    assert queries.received().counted == Event.objects.count()
    for waiting in queries.waiting().order_by("-received_at", "-id")[:5]:
        strict_json.load(waiting.body.encode())
