"""Judging many events at once and one by one comes to the same; no database."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.plans.models import Meter
from apps.plans.queries import PlannedCharge
from apps.rating.price_models.matrix import Cell as PricedCell
from apps.rating.price_models.matrix import Matrix
from apps.rating.price_models.per_unit import PerUnit
from apps.rating.terms import Charge
from apps.usage.faults import Fault
from apps.usage.judge import feed, feed_all, judge
from apps.usage.read_event import ReadEvent, read_event
from apps.usage.ways import ContractFacts, Facts

AT = datetime(2026, 10, 20, 12, tzinfo=UTC)
DAY = date(2026, 10, 20)


def meter(key: str, **shape: Any) -> Meter:
    return Meter(key=key, event_type="llm.request", **{"aggregation": "sum", **shape})


PLAIN = (
    meter("input", value_property="input", dimensions=["model"]),
    meter("output", value_property="output", dimensions=["model"]),
    meter("calls", aggregation="count", dimensions=["model", "region"]),
)
NOT_PLAIN = (
    *PLAIN,
    meter(
        "kept", value_property="input", filters=[{"property": "model", "test": "one_of", "values": ["large"]}]
    ),
)


def contract(*meters: Meter, timezone: str = "UTC", number: str = "C-1") -> ContractFacts:
    """A contract that prices the first meter by model, of which large and small exist, and the others plainly."""
    cells = tuple(PricedCell((("model", model),), PerUnit(Decimal("0.1"))) for model in ("large", "small"))
    prices: list[Matrix | PerUnit] = [
        Matrix(("model",), cells, None),
        *[PerUnit(Decimal(1))] * (len(meters) - 1),
    ]
    charges = {
        one.pk: [PlannedCharge(Charge(one.key, one.key, price), one.pk, one.key, "", "")]
        for one, price in zip(meters, prices, strict=True)
    }
    return ContractFacts(
        id=str(uuid4()),
        number=number,
        timezone=ZoneInfo(timezone),
        starts_on=date(2026, 10, 1),
        ends_on=None,
        billed_until_on=None,
        plan_version_id=uuid4(),
        terms_stamp=None,
        phases=[(date.min, charges)],
    )


def facts(meters: tuple[Meter, ...], *contracts: ContractFacts) -> Facts:
    return Facts({"acme": "customer-1"}, {"llm.request": meters}, {"customer-1": list(contracts)}, AT)


def read(place: int, properties: Any, **fields: Any) -> ReadEvent:
    given = {"id": f"e{place}", "customer": "acme", "type": "llm.request", "time": "2026-10-20T11:00:00Z"}
    return read_event(place, {**given, "properties": properties, **fields})


VALUES = st.integers(-1, 10**15) | st.sampled_from(
    [Decimal("0.5"), "7", "seven", True, None, "large", "small", "other", "x" * 201, [1]]
)
PROPERTIES = st.dictionaries(st.sampled_from(["", "model", "region", "input", "output"]), VALUES)
USUAL = st.fixed_dictionaries(
    {"model": st.sampled_from(["large", "small"]), "region": st.just("eu")}
    | {name: st.integers(0, 10**6) for name in ("", "input", "output")}
)


@given(
    st.lists(st.one_of(USUAL, USUAL, PROPERTIES), min_size=1, max_size=6),
    st.sampled_from([PLAIN[:1], PLAIN[:2], PLAIN, NOT_PLAIN]),
    st.sampled_from([None, -2, "1.5"]),
)
def test_events_fed_at_once_come_to_the_same_as_one_by_one(
    properties: list[dict[str, Any]], meters: tuple[Meter, ...], quantity: Any
) -> None:
    live = contract(*meters)
    events = [read(place, one) for place, one in enumerate(properties)]
    events[0] = read(0, properties[0], quantity=quantity)
    readable = [event for event in events if not event.fault]
    way = facts(meters, live).way_on("customer-1", "llm.request", live, DAY)

    together = feed_all(readable, way)

    assert list(together) == [feed(event, way) for event in readable]


def test_the_usual_is_fed_without_asking_each_event() -> None:
    live = contract(*PLAIN)
    usual = {"model": "large", "region": "eu", "input": 3, "output": 4}

    judged = judge([read(0, usual), read(1, {**usual, "model": "small"})], facts(PLAIN, live))

    assert [one.amounts for one in judged if not isinstance(one, Fault)] == [(3, 4, 1), (3, 4, 1)]
    assert [one.cells[0].dimensions for one in judged if not isinstance(one, Fault)] == [
        '{"model":"large"}',
        '{"model":"small"}',
    ]


def test_a_property_without_a_name_is_no_count() -> None:
    live = contract(PLAIN[0], PLAIN[2])
    named = {"model": "large", "region": "eu", "input": 1, "": 500}

    (judged,) = judge([read(0, named)], facts((PLAIN[0], PLAIN[2]), live))

    assert not isinstance(judged, Fault)
    assert [(cell.measure.meter.key, amount) for cell, amount in judged.feeds] == [("input", 1), ("calls", 1)]


def test_each_event_is_judged_in_its_place_whatever_day_it_is_of() -> None:
    live = contract(PLAIN[0])
    usual = {"model": "large", "input": 1}
    times = ["2026-10-20T11:00:00Z", "2026-10-18T11:00:00Z", "2026-09-30T11:00:00Z", "2026-10-20T00:00:00Z"]

    judged = judge(
        [read(place, usual, time=time) for place, time in enumerate(times)], facts(PLAIN[:1], live)
    )

    assert [one.reason if isinstance(one, Fault) else one.way.day.day for one in judged] == [
        20, 18, "no_contract", 20,
    ]  # fmt: skip


def test_what_was_worked_out_for_a_day_is_kept_until_a_meter_changes() -> None:
    live = contract(PLAIN[0])
    meters, changed = PLAIN[:1], (meter("input", value_property="other"),)

    ways = [
        facts(one, live).way_on("customer-1", "llm.request", live, DAY) for one in (meters, meters, changed)
    ]

    assert ways[1].groups is ways[0].groups
    assert ways[2].groups is not ways[0].groups


def test_what_was_worked_out_is_forgotten_when_there_is_too_much_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("apps.usage.ways._Days._MOST", 10)
    live = contract(*PLAIN)
    usual = {"model": "large", "input": 1, "output": 1}

    for number in range(30):
        judge([read(0, {**usual, "region": f"region-{number}"})], facts(PLAIN, live))

    groups = facts(PLAIN, live).way_on("customer-1", "llm.request", live, DAY).groups
    assert sum(len(group.met) for group in groups) <= 10
