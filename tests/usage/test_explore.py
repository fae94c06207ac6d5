"""Single events are found by what is known of them, and tell what became of them."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.customers import aliases
from apps.usage import archive, explore, release
from apps.usage.correct import correct
from apps.usage.errors import EventArchived, NoSuchEvent, TooMuchToSearch
from apps.usage.explore import EventState, Question
from apps.usage.models import QuarantinedEvent
from apps.usage.one_event import one_event
from tests.builders import make_contract, make_customer, make_meter, make_plan_version, usage_charge
from tests.usage.events import ACTOR, AT, event, take, token_charges

pytestmark = pytest.mark.django_db


def keys(*, limit: int = 50, after: explore.Cursor | None = None, **asked: Any) -> list[str]:
    found = explore.events(question=Question(**asked), at=AT, limit=limit, after=after)
    return [row.key for row in found.rows]


def states(**asked: Any) -> list[tuple[str, str]]:
    return [(row.key, row.state) for row in explore.events(question=Question(**asked), at=AT, limit=50).rows]


def two_customers() -> None:
    """Events of acme's and other's: counted, voided, waiting and dismissed ones."""
    make_meter()
    version = make_plan_version([usage_charge()])
    make_contract(make_customer("acme"), version)
    make_contract(make_customer("other"), version)
    take(
        event("a1", time="2026-10-20T08:00:00Z"),
        event("a2", time="2026-10-20T09:00:00Z"),
        event("a3", time="2026-10-20T10:00:00Z"),
        event("o1", customer="other", time="2026-10-20T09:30:00Z"),
        event("waits", type="unknown"),
        event("gone", type="never"),
    )
    correct(customer_key="acme", keys=["a2"], reason="Twice", at=AT, actor=ACTOR)
    gone = QuarantinedEvent.objects.get(event_key="gone")
    release.dismiss(ids=[gone.pk], reason="A test", at=AT, actor=ACTOR)


def test_events_come_the_newest_first_with_what_became_of_them() -> None:
    two_customers()

    assert states() == [
        ("waits", "quarantined"),
        ("gone", "dismissed"),
        ("a3", "counted"),
        ("o1", "counted"),
        ("a2", "voided"),
        ("a1", "counted"),
    ]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"customer_key": "acme"}, ["waits", "gone", "a3", "a2", "a1"]),
        ({"customer_key": "other"}, ["o1"]),
        ({"customer_key": "nobody"}, []),
        ({"type": "unknown"}, ["waits"]),
        ({"type": "api.call"}, ["a3", "o1", "a2", "a1"]),
        ({"key": "o1"}, ["o1"]),
        ({"key": "a2"}, ["a2"]),
        ({"key": "gone"}, ["gone"]),
        ({"key": "o1", "customer_key": "acme"}, []),
        ({"key": "a1", "customer_key": "acme"}, ["a1"]),
        ({"state": EventState.COUNTED}, ["a3", "o1", "a1"]),
        ({"state": EventState.VOIDED}, ["a2"]),
        ({"state": EventState.VOIDED, "customer_key": "acme"}, ["a2"]),
        ({"state": EventState.VOIDED, "customer_key": "other"}, []),
        ({"state": EventState.QUARANTINED}, ["waits"]),
        ({"state": EventState.DISMISSED, "customer_key": "acme"}, ["gone"]),
        (
            {
                "start": datetime(2026, 10, 20, 9, tzinfo=UTC),
                "end": datetime(2026, 10, 20, 10, tzinfo=UTC),
            },
            ["o1", "a2"],
        ),
    ],
)
def test_events_are_found_by_each_thing_that_is_known(asked: dict[str, Any], found: list[str]) -> None:
    two_customers()

    assert keys(**asked) == found


def test_without_days_a_search_looks_back_so_far_and_an_id_is_found_whenever_it_was() -> None:
    make_contract(starts_on=datetime(2026, 1, 1, tzinfo=UTC).date())
    for days in (3, 20, 34):
        take(event(f"{days} days", time=(AT - timedelta(days=days)).isoformat()))

    assert keys() == ["3 days"]
    assert keys(customer_key="acme") == ["3 days", "20 days"]
    assert keys(customer_key="acme", start=datetime(2026, 1, 1, tzinfo=UTC))[-1] == "34 days"
    assert keys(key="34 days") == ["34 days"]
    found = explore.events(question=Question(customer_key="acme"), at=AT, limit=9)
    assert found.start == AT - timedelta(days=31)


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
@pytest.mark.parametrize("customer", ["", "acme"])
def test_pages_show_every_event_once_also_those_of_one_instant(limit: int, customer: str) -> None:
    """Ids that collations and code points order differently, all at one instant, some of them waiting."""
    version = make_plan_version()
    make_contract(make_customer("acme"), version)
    make_contract(make_customer("other"), version)
    ids = ["a", "B", "á", "_", "Z-1", "z 2"]
    instant = AT.isoformat()
    take(*(event(one, customer=whose, time=instant) for one in ids for whose in ("acme", "other")))
    take(
        *(event(one, type="unknown", time=instant) for one in ("n", "É")),
        {"customer": "acme", "type": "unknown"},
    )

    seen: list[tuple[str, str, str]] = []
    after = None
    for _ in range(40):
        page = explore.events(question=Question(customer_key=customer), at=AT, limit=limit, after=after)
        seen += [(row.customer_key, row.key, row.state) for row in page.rows]
        after = page.next
        if after is None:
            break

    whole = explore.events(question=Question(customer_key=customer), at=AT, limit=100)
    assert seen == [(row.customer_key, row.key, row.state) for row in whole.rows]
    assert len(set(seen)) == len(seen) == (9 if customer else 15)


def test_a_search_takes_few_queries_however_many_customers_there_are(
    django_assert_max_num_queries: Any,
) -> None:
    version = make_plan_version()
    for number in range(8):
        make_contract(make_customer(f"c{number}"), version)
        take(event(customer=f"c{number}"))

    # Four to read, one for the limit in time, two for the test's own savepoint.
    with django_assert_max_num_queries(7):
        assert len(keys()) == 8
    with django_assert_max_num_queries(11):
        assert len(keys(customer_key="c1")) == 1


def test_events_under_an_alias_are_the_customers() -> None:
    contract = make_contract()
    take(event("before", customer="acme-old"))
    aliases.add(key="acme-old", customer_id=contract.customer_id, at=AT, actor=ACTOR)
    take(event("after", customer="acme-old"))

    assert sorted(states(customer_key="acme-old")) == [("after", "counted"), ("before", "quarantined")]
    assert states(customer_key="acme") == states(customer_key="acme-old")


def test_events_of_nobody_are_found_by_the_key_that_they_gave() -> None:
    take(event("lost", customer="acne"))

    assert states(customer_key="acne") == [("lost", "quarantined")]
    assert one_event(customer_key="acne", key="lost").waited[0].label == "Unknown customer"


def test_a_search_that_takes_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explore, "_GONE", "(SELECT pg_sleep(5) IS NULL)")
    monkeypatch.setattr(explore, "_MOST_MILLISECONDS", 50)
    make_contract()
    take(event())

    with pytest.raises(TooMuchToSearch, match="Name the customer"):
        keys()


def test_an_event_tells_what_it_feeds_and_which_charges_price_that() -> None:
    make_contract(plan_version=make_plan_version(token_charges()))
    sent = event(
        "r1",
        type="llm.request",
        time="2026-10-20T23:30:00+02:00",
        properties={
            "model": "large",
            "region": "eu",
            "input_tokens": 1200,
            "output_tokens": "80.50",
            "x": 0.1,
        },
    )
    take(sent, at=datetime(2026, 10, 20, 22, tzinfo=UTC))

    found = one_event(customer_key="acme", key="r1")

    assert (found.state, found.type, found.time) == (
        "counted",
        "llm.request",
        datetime(2026, 10, 20, 21, 30, tzinfo=UTC),
    )
    assert {one.meter_key: (one.quantity, dict(one.dimensions)) for one in found.feeds} == {
        "input": (Decimal(1200), {"model": "large", "region": "eu"}),
        "output": (Decimal("80.5"), {"model": "large", "region": "eu"}),
    }
    assert {one.meter_key: [(c.key, dict(c.dimensions)) for c in one.charges] for one in found.feeds} == {
        "input": [("input", {"model": "large"})],
        "output": [("output", {})],
    }
    assert found.body == (
        '{"id":"r1","customer":"acme","type":"llm.request","time":"2026-10-20T21:30:00+00:00","quantity":1,'
        '"properties":{"x":0.1,"model":"large","region":"eu","input_tokens":1200,"output_tokens":"80.50"}}'
    )
    assert found.contract
    assert (found.voided, found.waited) == (None, ())


def test_an_event_stands_on_its_contracts_local_day() -> None:
    make_contract(timezone="Pacific/Auckland")
    take(event("late", time="2026-10-20T11:30:00Z"))

    found = one_event(customer_key="acme", key="late")

    assert str(found.day) == "2026-10-21"


def test_a_voided_event_tells_by_whom_and_why() -> None:
    two_customers()

    found = one_event(customer_key="acme", key="a2")

    assert found.state == "voided"
    assert found.voided
    assert (found.voided.reason, found.voided.at, found.voided.actor) == ("Twice", AT, ACTOR)
    assert [one.meter_key for one in found.feeds] == ["calls"]


def test_an_event_that_waits_tells_why_and_shows_what_was_received() -> None:
    two_customers()

    found = one_event(customer_key="acme", key="waits")

    assert (found.state, found.feeds, found.contract) == ("quarantined", (), None)
    assert found.waited[0].reason == "unknown_type"
    assert '"type":"unknown"' in found.body
    assert '\n  "id": "waits"' in found.pretty_body


def test_a_released_event_tells_that_it_waited() -> None:
    make_contract()
    take(event("early", time=(AT + timedelta(hours=5)).isoformat()))
    waiting = QuarantinedEvent.objects.get()
    release.release(ids=[waiting.pk], at=AT + timedelta(hours=6), actor=ACTOR)

    found = one_event(customer_key="acme", key="early")

    assert (found.state, [(one.state, one.reason) for one in found.waited]) == (
        "counted",
        [("counted", "too_early")],
    )
    assert states(key="early") == [("early", "counted")]


@pytest.mark.parametrize(
    ("shape", "properties", "says"),
    [
        ({"aggregation": "unique_count", "value_property": "user"}, {"user": "u1"}, "The value u1"),
        (
            {"aggregation": "outcomes", "outcome_states": {"succeeded": "1"}},
            {"outcome": "T-1", "state": "succeeded"},
            "Outcome T-1: succeeded, weight 1. The outcome so far: 1 attempt, 1 billed",
        ),
        (
            {"aggregation": "time_weighted", "per": "day", "level": "change", "value_property": "seats"},
            {"seats": 3},
            "Added to the level from then on",
        ),
    ],
)
def test_what_is_no_sum_is_told_in_words(
    shape: dict[str, Any], properties: dict[str, Any], says: str
) -> None:
    make_meter(**shape)
    make_contract(plan_version=make_plan_version([usage_charge()]))
    take(event("e", properties=properties))

    (fed,) = one_event(customer_key="acme", key="e").feeds

    assert fed.says == says


@pytest.mark.parametrize(("customer", "key"), [("acme", "none"), ("nobody", "a1"), ("", "a1"), ("acme", "")])
def test_what_is_not_there_is_refused(customer: str, key: str) -> None:
    two_customers()

    with pytest.raises(NoSuchEvent, match="There is no event"):
        one_event(customer_key=customer, key=key)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("owner")
def test_an_archived_event_says_where_it_is(tmp_path: Path) -> None:
    contract = make_contract()
    take(event("a"))
    contract.billed_until_on = date(2026, 12, 1)
    contract.save()
    later = datetime(2027, 3, 1, tzinfo=UTC)
    archive.export_month(month=date(2026, 10, 1), folder=tmp_path, at=later, actor=ACTOR)
    archive.detach_month(place=tmp_path / "2026-10", at=later, actor=ACTOR)

    with pytest.raises(EventArchived, match="archive of 2026-10"):
        one_event(customer_key="acme", key="a")
    assert keys(key="a") == []


def test_an_event_takes_a_bounded_number_of_queries() -> None:
    two_customers()

    with CaptureQueriesContext(connection) as queries:
        one_event(customer_key="acme", key="a2")

    assert len(queries) <= 12
