"""Every reason for which an event waits in quarantine, with the field it names."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from apps.usage.intake import State
from apps.usage.models import QuarantinedEvent
from apps.usage.release import release
from apps.usage.strict_json import OutsizedNumber
from tests.builders import make_contract, make_customer, make_meter, make_plan_version, usage_charge
from tests.usage.events import ACTOR, AT, event, take, token_charges, total

pytestmark = pytest.mark.django_db
Reason = QuarantinedEvent.Reason
LARGE = {"model": "large", "input_tokens": 1}


def request(**properties: object) -> dict[str, object]:
    return event(type="llm.request", properties=properties)


CASES = {
    "a number": (7, Reason.NOT_AN_EVENT, ""),
    "a list": ([event()], Reason.NOT_AN_EVENT, ""),
    "no id": (event(id=None), Reason.BAD_ID, "id"),
    "an empty id": (event(""), Reason.BAD_ID, "id"),
    "a number as id": (event(id=17), Reason.BAD_ID, "id"),
    "an id too long": (event("x" * 501), Reason.BAD_ID, "id"),
    "no customer": (event(customer=None), Reason.BAD_CUSTOMER, "customer"),
    "a list as customer": (event(customer=["acme"]), Reason.BAD_CUSTOMER, "customer"),
    "an unknown customer": (event(customer="acmee"), Reason.UNKNOWN_CUSTOMER, "customer"),
    "no type": (event(type=None), Reason.BAD_TYPE, "type"),
    "a type too long": (event(type="t" * 101), Reason.BAD_TYPE, "type"),
    "an unknown type": (event(type="api.cal"), Reason.UNKNOWN_TYPE, "type"),
    "no time": (event(time=None), Reason.BAD_TIME, "time"),
    "a time without offset": (event(time="2026-10-20T11:00:00"), Reason.BAD_TIME, "time"),
    "a day without time": (event(time="2026-10-20"), Reason.BAD_TIME, "time"),
    "seconds since 1970": (event(time=1792494000), Reason.BAD_TIME, "time"),
    "no such day": (event(time="2026-02-30T11:00:00Z"), Reason.BAD_TIME, "time"),
    "before all time": (event(time="0001-01-01T00:00:00+14:00"), Reason.BAD_TIME, "time"),
    "too long ago": (event(time="2026-09-15T11:59:59Z"), Reason.TOO_OLD, "time"),
    "1970": (event(time="1970-01-01T00:00:00Z"), Reason.TOO_OLD, "time"),
    "too far ahead": (event(time="2026-10-20T13:00:01Z"), Reason.TOO_EARLY, "time"),
    "9998": (event(time="9998-12-31T23:59:59Z"), Reason.TOO_EARLY, "time"),
    "the last day there is": (event(time="9999-12-31T23:59:59Z"), Reason.BAD_TIME, "time"),
    "the first day there is": (event(time="0001-01-01T00:00:00Z"), Reason.BAD_TIME, "time"),
    "before the contract": (event(time="2026-09-30T21:59:59Z"), Reason.NO_CONTRACT, "time"),
    "a customer without contract": (event(customer="idle"), Reason.NO_CONTRACT, "time"),
    "a negative quantity": (event(quantity=-1), Reason.BAD_QUANTITY, "quantity"),
    "a flag as quantity": (event(quantity=True), Reason.BAD_QUANTITY, "quantity"),
    "words as quantity": (event(quantity="many"), Reason.BAD_QUANTITY, "quantity"),
    "an underscore": (event(quantity="1_0"), Reason.BAD_QUANTITY, "quantity"),
    "a blank": (event(quantity=" 1"), Reason.BAD_QUANTITY, "quantity"),
    "other digits": (event(quantity="١٢"), Reason.BAD_QUANTITY, "quantity"),
    "not a number": (event(quantity=OutsizedNumber("NaN")), Reason.BAD_QUANTITY, "quantity"),
    "infinite in words": (event(quantity="Infinity"), Reason.BAD_QUANTITY, "quantity"),
    "a huge exponent": (event(quantity=Decimal("1e1000000")), Reason.BAD_QUANTITY, "quantity"),
    "a huge exponent in words": (event(quantity="1e999999999999999999"), Reason.BAD_QUANTITY, "quantity"),
    "16 digits": (event(quantity=10**15), Reason.BAD_QUANTITY, "quantity"),
    "19 decimals": (event(quantity="0.0000000000000000001"), Reason.BAD_QUANTITY, "quantity"),
    "a list of properties": (event(properties=["a"]), Reason.BAD_PROPERTIES, "properties"),
    "101 properties": (
        event(properties=dict.fromkeys(map(str, range(101)), 1)),
        Reason.BAD_PROPERTIES,
        "properties",
    ),
    "a long property": (event(properties={"a": 1, "b": "x" * 17_000}), Reason.BAD_PROPERTIES, "properties.b"),
    "long properties": (
        event(properties={"a": "x" * 9_000, "b": "x" * 9_000}),
        Reason.BAD_PROPERTIES,
        "properties",
    ),
    "a deep property": (event(properties={"a": [[[[[[[[[1]]]]]]]]]}), Reason.BAD_PROPERTIES, "properties.a"),
    "a huge number inside": (
        event(properties={"a": {"b": Decimal("1e1000000")}}),
        Reason.BAD_PROPERTIES,
        "properties.a",
    ),
    "infinity inside": (
        event(properties={"a": [OutsizedNumber("Infinity")]}),
        Reason.BAD_PROPERTIES,
        "properties.a",
    ),
    "a misspelt field": (event(quantiy=500), Reason.UNKNOWN_FIELD, "quantiy"),
    "a field of the sender's own": (event(source="gateway"), Reason.UNKNOWN_FIELD, "source"),
    "no value for any charge": (request(model="large"), Reason.VALUE_MISSING, "properties.input_tokens"),
    "a value in words": (
        request(model="large", input_tokens="few"),
        Reason.VALUE_MISSING,
        "properties.input_tokens",
    ),
    "a list as value": (
        request(model="large", input_tokens=[1]),
        Reason.VALUE_MISSING,
        "properties.input_tokens",
    ),
    "a negative value": (
        request(model="large", input_tokens=-5),
        Reason.BAD_QUANTITY,
        "properties.input_tokens",
    ),
    "no model": (request(input_tokens=5), Reason.DIMENSION_MISSING, "properties.model"),
    "a list as model": (
        request(model=["large"], input_tokens=5),
        Reason.DIMENSION_MISSING,
        "properties.model",
    ),
    "no price for the model": (request(model="None", input_tokens=5), Reason.NO_PRICE, "properties.model"),
    "a type outside the plan": (event(type="storage"), Reason.NOT_IN_PLAN, "type"),
    "a contract that is wholly billed": (
        event(customer="gone", time="2026-10-04T21:59:59Z"),
        Reason.PERIOD_CLOSED,
        "time",
    ),
}


def make_a_seller() -> None:
    """Acme pays per call and per token, in Berlin; storage is metered and not charged. Gone's last bill is written."""
    make_meter()
    make_meter("storage", event_type="storage", aggregation="sum")
    version = make_plan_version([usage_charge(), *token_charges()])
    make_contract(make_customer("acme"), version, timezone="Europe/Berlin")
    ended = make_contract(make_customer("gone"), version, ends_on=date(2026, 10, 5))
    ended.billed_until_on = ended.ends_on
    ended.save()
    make_customer("idle")


@pytest.mark.parametrize("case", CASES)
def test_an_event_that_cannot_be_billed_waits_with_its_reason(case: str) -> None:
    raw, reason, field = CASES[case]
    make_a_seller()

    taken = take(event("good"), raw)

    assert (taken.counted, taken.quarantined) == (1, 1)
    (detail,) = taken.details
    assert (detail.index, detail.state, detail.reason, detail.field) == (1, State.QUARANTINED, reason, field)
    assert len(detail.remedy) > 20
    kept = QuarantinedEvent.objects.get()
    assert (kept.reason, kept.field, kept.remedy) == (reason, field, detail.remedy)


def test_every_reason_has_a_case() -> None:
    assert {reason for _, reason, _ in CASES.values()} == set(Reason)


def test_a_misspelt_field_is_told_how_to_write_it_and_counts_once_it_is_written_so() -> None:
    """Left unread, `quantiy: 500` would be billed as 1."""
    make_contract()

    taken = take(event("a", quantiy=500))

    assert taken.details[0].remedy == (
        "Events have no field 'quantiy'. Write it quantity, and send the event again."
    )
    assert take(event("b", source="gateway")).details[0].remedy == (
        "Events have no field 'source'. Put what is your own into properties, and send the event again."
    )
    assert take(event("a", quantity=500)).counted == 1
    assert QuarantinedEvent.objects.get(event_key="a").resolution == "counted"


@pytest.mark.parametrize(
    "time", ["2026-09-15T12:00:00Z", "2026-10-20T13:00:00Z", "2026-10-20T14:30:00+01:30"]
)
def test_the_edges_of_the_time_window_are_inside(time: str) -> None:
    """35 days before and 1 hour after 20 October, 12:00 UTC."""
    make_contract(starts_on=date(2026, 9, 1))

    assert take(event(time=time), at=AT).counted == 1


def test_a_meter_may_take_later_events() -> None:
    make_meter("slow", event_type="slow", late_days=70)
    make_contract(plan_version=make_plan_version([usage_charge("slow")]), starts_on=date(2026, 1, 1))
    at = datetime(2026, 10, 20, tzinfo=UTC)

    taken = take(
        event("a", type="slow", time="2026-08-11T00:00:00Z"),
        event("b", type="slow", time="2026-08-10T23:59:59Z"),
        at=at,
    )

    assert (taken.counted, taken.details[0].reason) == (1, Reason.TOO_OLD)
    assert "up to 70 days late" in taken.details[0].remedy


def test_a_meter_that_is_only_shown_lets_no_late_event_onto_the_bill() -> None:
    """49 days late: the charged meter takes 5 days, the shown one 60."""
    make_meter("strict", late_days=5)
    make_meter("shown", late_days=60)
    make_contract(plan_version=make_plan_version([usage_charge("strict")]), starts_on=date(2026, 8, 1))

    taken = take(event("a", time="2026-09-01T12:00:00Z"), event("b", time="2026-10-16T12:00:00Z"))

    assert (taken.counted, taken.details[0].reason) == (1, Reason.TOO_OLD)
    assert "up to 5 days late" in taken.details[0].remedy


def test_a_meter_that_is_only_shown_keeps_no_late_event_off_the_bill() -> None:
    make_meter("charged", late_days=60)
    make_meter("shown", late_days=5)
    make_contract(plan_version=make_plan_version([usage_charge("charged")]), starts_on=date(2026, 8, 1))

    assert take(event("a", time="2026-09-01T12:00:00Z")).counted == 1


def token_meters() -> None:
    """Input tokens are billed up to 35 days late and 1 hour early, output tokens 5 days and 3 hours."""
    for key, late_days, early_hours in (("input", 35, 1), ("output", 5, 3)):
        make_meter(
            key,
            event_type="llm.request",
            aggregation="sum",
            value_property=f"{key}_tokens",
            late_days=late_days,
            early_hours=early_hours,
        )
    version = make_plan_version([usage_charge("input"), usage_charge("output")])
    make_contract(plan_version=version, starts_on=date(2026, 8, 1))


@pytest.mark.parametrize("late", ["2026-09-30T12:00:00Z", "2026-10-20T14:00:00Z"])
def test_an_event_waits_whole_if_one_of_the_meters_that_would_bill_it_does_not_take_it(late: str) -> None:
    """20 days late for output, or 2 hours early for input; staff release the late one with both parts."""
    token_meters()

    taken = take(
        event("a", type="llm.request", time=late, properties={"input_tokens": 7, "output_tokens": 3})
    )

    assert taken.quarantined == 1
    assert (total("input"), total("output")) == (0, 0)
    waiting = list(QuarantinedEvent.objects.values_list("pk", flat=True))
    release(ids=waiting, at=AT + timedelta(days=1), actor=ACTOR, any_age=True)
    assert (total("input"), total("output")) == (7, 3)


def test_a_meter_has_no_say_about_events_that_do_not_feed_it() -> None:
    token_meters()

    taken = take(
        event("a", type="llm.request", time="2026-09-30T12:00:00Z", properties={"input_tokens": 7}),
        event("b", type="llm.request", time="2026-10-20T14:00:00Z", properties={"output_tokens": 3}),
        event("c", type="llm.request", time="2026-10-20T14:00:00Z", properties={"input_tokens": 1}),
        event("d", type="llm.request", time="2026-09-30T12:00:00Z", properties={"output_tokens": 1}),
    )

    assert [(one.id, one.reason) for one in taken.details] == [("c", "too_early"), ("d", "too_old")]
    assert (total("input"), total("output")) == (7, 3)


def test_a_meter_whose_filters_keep_an_event_out_has_no_say() -> None:
    only_eu = [{"property": "region", "test": "equals", "values": ["eu"], "from": None, "to": None}]
    make_meter("eu", late_days=5, filters=only_eu)
    make_meter("all", late_days=35)
    version = make_plan_version([usage_charge("eu"), usage_charge("all")])
    make_contract(plan_version=version, starts_on=date(2026, 8, 1))

    taken = take(
        event("a", time="2026-09-30T12:00:00Z", properties={"region": "eu"}),
        event("b", time="2026-09-30T12:00:00Z", properties={"region": "us"}),
    )

    assert [(one.id, one.reason) for one in taken.details] == [("a", "too_old")]
    assert total("all") == 1


def test_a_value_too_long_to_tell_events_apart_by_is_no_dimension() -> None:
    make_contract(plan_version=make_plan_version(token_charges()))

    taken = take(
        request(model="m" * 201, input_tokens=5),
        {**request(model="large", region="r" * 201, output_tokens=5), "id": "b"},
    )

    assert (taken.counted, taken.details[0].reason) == (1, Reason.DIMENSION_MISSING)
