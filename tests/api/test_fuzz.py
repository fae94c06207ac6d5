"""Whatever is posted, the answer is 200 or a problem document of the 4xx kind; and the books of usage stay balanced."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.usage import queries
from apps.usage.models import Event
from tests.api.calls import Backend, problem, said
from tests.builders import make_api_key, make_contract, make_plan_version
from tests.usage.events import event, token_charges

pytestmark = pytest.mark.django_db

SCALARS: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(
        ["acme", "api.call", "llm.request", "2026-10-20T11:00:00Z", "large", "1e400", "\0", "\ud800"]
    )
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(["id", "customer", "type", "time", "quantity", "properties", "other", ""])
EVENTS = st.builds(
    lambda good, odd: {**good, **odd},
    st.sampled_from(
        [
            event("a"),
            event("b", type="llm.request", properties={"model": "large", "input_tokens": 5}),
            {},
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


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=BODIES)
def test_no_body_brings_it_down(backend: Backend, body: bytes) -> None:
    answer = backend.send("POST", "/events", body)

    if answer.status_code == 200:
        counts = said(answer)
        assert counts["received"] == sum(
            counts[name] for name in ("counted", "duplicate", "conflict", "quarantined")
        )
    else:
        assert 400 <= problem(answer)[0] < 500
    assert queries.received().counted == Event.objects.count()
