from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.contracts.models import Contract
from apps.usage.errors import TooManyEvents
from apps.usage.ingest import MOST_EVENTS
from apps.usage.intake import State
from apps.usage.models import Event, EventKey, QuarantinedEvent, Receipt, UsageDay
from tests.builders import make_contract, make_customer, make_meter, make_plan_version, usage_charge
from tests.usage.events import ACTOR, AT, event, take, token_charges, total

pytestmark = pytest.mark.django_db


def test_events_are_counted_stored_and_totalled_in_one_go() -> None:
    contract = make_contract()

    taken = take(event("a"), event("b", properties={"user": "u1"}))

    assert (taken.received, taken.counted, taken.details) == (2, 2, ())
    assert list(Event.objects.order_by("key").values_list("key", "properties", "day")) == [
        ("a", {}, date(2026, 10, 20)),
        ("b", {"user": "u1"}, date(2026, 10, 20)),
    ]
    assert list(UsageDay.objects.values_list("contract", "quantity", "events", "last_received_at")) == [
        (contract.pk, Decimal(2), 2, AT)
    ]
    assert Receipt.objects.values_list("received", "counted", "actor").get() == (2, 2, ACTOR)


def test_a_retry_counts_nothing_and_says_so() -> None:
    make_contract()
    take(event("a"))

    again = take(event("a"))

    assert (again.received, again.counted, again.duplicate) == (1, 0, 1)
    assert [(one.index, one.id, one.state) for one in again.details] == [(0, "a", State.DUPLICATE)]
    assert total() == 1


@pytest.mark.parametrize(
    "other_writing",
    [
        {"time": "2026-10-20T13:00:00+02:00"},
        {"time": "2026-10-20T11:00:00.000000Z"},
        {"quantity": "1"},
        {"quantity": Decimal("1.00")},
        {"properties": {"b": Decimal("1E+1"), "a": 1}},
    ],
)
def test_the_same_event_written_otherwise_is_still_the_same(other_writing: dict[str, object]) -> None:
    make_contract()
    plain = {"quantity": 1, "properties": {"a": Decimal("1.0"), "b": 10}}
    take(event("a", **plain))

    assert take(event("a", **{**plain, **other_writing})).duplicate == 1


def test_another_body_under_a_known_id_is_a_conflict_and_the_first_stands() -> None:
    make_contract()
    take(event("a", properties={"user": "u1"}))

    taken = take(event("a", properties={"user": "u2"}))

    assert (taken.counted, taken.conflict) == (0, 1)
    (detail,) = taken.details
    assert (detail.state, detail.reason, detail.field) == (State.CONFLICT, "other_body", "id")
    assert Event.objects.get().properties == {"user": "u1"}


def test_within_a_batch_the_first_of_an_id_counts() -> None:
    make_contract()

    taken = take(event("a"), event("a"), event("a", quantity=2), event("b"))

    assert (taken.counted, taken.duplicate, taken.conflict) == (2, 1, 1)
    assert [(one.index, one.state) for one in taken.details] == [(1, State.DUPLICATE), (2, State.CONFLICT)]
    assert total() == 2


def test_the_same_id_of_two_customers_is_two_events() -> None:
    make_contract()
    make_contract(make_customer("other"), Contract.objects.get().plan_version)

    assert take(event("a"), event("a", customer="other")).counted == 2


def test_a_duplicate_stays_one_when_its_period_is_closed() -> None:
    contract = make_contract(ends_on=date(2026, 11, 1))
    take(event("a"))
    contract.billed_until_on = date(2026, 11, 1)
    contract.save()

    taken = take(event("a"), event("b"))

    assert [(one.id, one.state, one.reason) for one in taken.details] == [
        ("a", State.DUPLICATE, "seen_before"),
        ("b", State.QUARANTINED, "period_closed"),
    ]


def test_a_quarantined_event_sent_again_is_kept_once() -> None:
    make_contract()
    astray = event("a", customer="nobody")

    assert take(astray).quarantined == 1
    assert take(astray).quarantined == 1
    assert take(astray, astray).quarantined == 2

    assert QuarantinedEvent.objects.count() == 1
    assert sum(Receipt.objects.values_list("quarantined", flat=True)) == 4


def test_every_body_of_a_quarantined_id_is_kept() -> None:
    make_contract()

    take(event("a", customer="nobody"), event("a", customer="nobody", quantity=2))

    assert QuarantinedEvent.objects.count() == 2


def test_a_mended_event_counts_and_no_longer_waits() -> None:
    make_contract()
    take(event("a", type="api.cal"))

    assert take(event("a")).counted == 1

    assert QuarantinedEvent.objects.values_list("event_key", "resolved_at").get() == ("a", AT)


def test_events_without_an_id_are_each_kept() -> None:
    make_contract()

    take(event("a", id=None), event("a", id=None))
    take(7, "text", None)

    assert QuarantinedEvent.objects.filter(event_key=None).count() == 5
    assert sorted(QuarantinedEvent.objects.filter(reason="not_an_event").values_list("body", flat=True)) == [
        '"text"',
        "7",
        "null",
    ]


def test_one_event_feeds_every_meter_of_its_type() -> None:
    """1,200 input tokens and 80 output tokens of one request; the region is kept to be shown."""
    make_contract(plan_version=make_plan_version(token_charges()))
    properties = {"model": "large", "region": "eu", "input_tokens": 1200, "output_tokens": "80"}

    take(event(type="llm.request", properties=properties))

    assert list(
        UsageDay.objects.order_by("meter__key").values_list("meter__key", "quantity", "dimensions")
    ) == [
        ("input", Decimal(1200), {"model": "large", "region": "eu"}),
        ("output", Decimal(80), {"model": "large", "region": "eu"}),
    ]


def test_a_meter_whose_property_is_absent_gets_nothing() -> None:
    make_contract(plan_version=make_plan_version(token_charges()))

    taken = take(event(type="llm.request", properties={"output_tokens": 80}))

    assert taken.counted == 1
    assert list(UsageDay.objects.values_list("meter__key", "dimensions")) == [("output", {})]


def test_a_meter_that_the_plan_does_not_charge_is_totalled_beside_one_that_it_does() -> None:
    make_meter()
    make_meter("errors", event_type="api.call", aggregation="sum", value_property="errors")
    make_contract(plan_version=make_plan_version([usage_charge()]))

    taken = take(event("a", properties={"errors": 2}), event("b", properties={"errors": "two"}))

    assert taken.counted == 2
    assert (total(), total("errors")) == (Decimal(2), Decimal(2))


def test_a_sum_without_a_property_adds_up_the_quantity() -> None:
    """0.5 + 1.25 + the default of 1 = 2.75."""
    make_meter("hours", event_type="gpu", aggregation="sum")
    make_contract(plan_version=make_plan_version([usage_charge("hours")]))

    events = [event("a", quantity=Decimal("0.5")), event("b", quantity="1.25"), event("c")]
    take(*[{**one, "type": "gpu"} for one in events])

    assert total("hours") == Decimal("2.75")


def test_the_largest_quantities_add_up_without_overflow() -> None:
    """Three times fifteen nines and eighteen decimals, to the last digit."""
    make_meter("bytes", event_type="copy", aggregation="sum")
    make_contract(plan_version=make_plan_version([usage_charge("bytes")]))
    largest = "999999999999999.999999999999999999"

    take(*[event(f"e{place}", type="copy", quantity=largest) for place in range(3)])

    assert total("bytes") == Decimal("2999999999999999.999999999999999997")


@pytest.mark.parametrize(
    ("time", "day"),
    [
        ("2026-10-25T00:30:00+02:00", date(2026, 10, 25)),
        ("2026-10-24T21:59:59Z", date(2026, 10, 24)),
        ("2026-10-24T22:00:00Z", date(2026, 10, 25)),
        # The hour that comes twice when summer time ends.
        ("2026-10-25T00:30:00Z", date(2026, 10, 25)),
        ("2026-10-25T01:30:00Z", date(2026, 10, 25)),
        ("2026-10-25T22:59:59Z", date(2026, 10, 25)),
        ("2026-10-25T23:00:00Z", date(2026, 10, 26)),
    ],
)
def test_the_day_is_the_contracts_local_day_also_when_clocks_change(time: str, day: date) -> None:
    make_contract(timezone="Europe/Berlin")

    take(event(time=time), at=datetime(2026, 10, 26, 12, tzinfo=UTC))

    assert Event.objects.get().day == day


def test_a_thousand_events_take_no_more_queries_than_two() -> None:
    """Customers, meters, two locks, contracts, keys in a savepoint, events, quarantine, receipts, totals; and around it all BEGIN and COMMIT."""
    make_contract()
    take(event("warm"))

    with CaptureQueriesContext(
        connection,
    ) as two:
        take(event("a"), event("b"))
    with CaptureQueriesContext(connection) as thousand:
        take(*[event(f"many-{place}") for place in range(1_000)])

    assert len(thousand) == len(two) <= 15


def test_too_many_events_are_refused_and_nothing_is_counted() -> None:
    make_contract()

    with pytest.raises(TooManyEvents, match="10,001 events; at most 10,000"):
        take(*[event(f"e{place}") for place in range(MOST_EVENTS + 1)])

    assert (EventKey.objects.count(), Receipt.objects.count()) == (0, 0)


def test_no_events_leave_no_trace() -> None:
    assert take().received == 0
    assert Receipt.objects.count() == 0


def test_text_that_copy_and_arrays_escape_comes_back_as_it_was() -> None:
    make_contract()
    awkward = 'a\t\\N\n"{,}\r\\.€😀'

    take(event(awkward, properties={awkward: awkward}))

    assert Event.objects.values_list("key", "properties").get() == (awkward, {awkward: awkward})
    assert EventKey.objects.get().key == awkward
    assert take(event(awkward, customer=awkward)).quarantined == 1
    assert QuarantinedEvent.objects.get().customer_key == awkward


def test_events_of_others_are_unknown_to_a_confined_key() -> None:
    contract = make_contract()
    make_contract(make_customer("other"), contract.plan_version)

    taken = take(
        event("a"),
        event("b", customer="other"),
        event("c", customer="nobody"),
        event("d", customer=None),
        customer_key="acme",
    )

    assert (taken.counted, taken.quarantined) == (2, 2)
    assert [one.remedy.replace("nobody", "other") for one in taken.details] == [taken.details[0].remedy] * 2
    assert set(QuarantinedEvent.objects.values_list("customer_key", flat=True)) == {"acme"}


def test_contracts_in_two_time_zones_share_no_instant_whatever_came_before() -> None:
    """The first ends with 14 October in UTC; the second begins with the 15th in Tokyo, which is the 14th, 15:00 in UTC."""
    customer = make_customer()
    first = make_contract(customer, ends_on=date(2026, 10, 15))
    make_contract(customer, starts_on=date(2026, 10, 15), timezone="Asia/Tokyo")

    take(event("later", time="2026-10-15T03:00:00Z"), event("shared", time="2026-10-14T20:00:00Z"))

    assert Event.objects.values_list("contract", flat=True).get(key="shared") == first.pk
