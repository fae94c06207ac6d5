from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from apps.contracts.terms import period_on
from apps.usage import queries
from apps.usage.queries import UsageRow
from tests.builders import make_contract, make_customer, make_plan_version
from tests.usage.events import AT, event, take, token_charges

pytestmark = pytest.mark.django_db


def october(
    customer_id: UUID, *, meter_key: str = "", by_day: bool = False, dimensions: Sequence[str] = ()
) -> tuple[UsageRow, ...]:
    return queries.usage_rows(
        customer_id=customer_id,
        start=date(2026, 10, 1),
        end=date(2026, 11, 1),
        meter_key=meter_key,
        by_day=by_day,
        dimensions=dimensions,
    )


def request(key: str, model: str, tokens: int, **fields: object) -> dict[str, object]:
    return event(key, type="llm.request", properties={"model": model, "input_tokens": tokens}, **fields)


def test_usage_is_grouped_as_asked() -> None:
    contract = make_contract(plan_version=make_plan_version(token_charges()))
    take(
        request("a", "large", 10),
        request("b", "large", 20, time="2026-10-19T10:00:00Z"),
        request("c", "small", 5),
    )
    customer = contract.customer_id

    (whole,) = october(customer)
    by_day = october(customer, by_day=True)
    by_model = october(customer, dimensions=["model", "region"])

    assert (whole.meter_key, whole.unit, whole.quantity, whole.events) == ("input", "tokens", Decimal(35), 3)
    assert [(row.day, row.quantity) for row in by_day] == [
        (date(2026, 10, 19), Decimal(20)),
        (date(2026, 10, 20), Decimal(15)),
    ]
    assert [(dict(row.dimensions), row.quantity) for row in by_model] == [
        ({"model": "large"}, Decimal(30)),
        ({"model": "small"}, Decimal(5)),
    ]
    assert october(customer, meter_key="output") == ()
    assert queries.usage_rows(customer_id=customer, start=date(2026, 10, 21), end=date(2026, 11, 1)) == ()


def test_totals_of_many_contracts_take_one_query(django_assert_num_queries: object) -> None:
    version = make_plan_version(token_charges())
    contracts = [make_contract(make_customer(f"c{number}"), version) for number in range(5)]
    take(*[request(f"e{number}", "large", number, customer=f"c{number}") for number in range(1, 5)])
    periods = [(contract, period_on(contract, AT.date())) for contract in contracts]

    with django_assert_num_queries(1):  # type: ignore[operator]
        found = queries.totals(periods)

    assert [sum(total.quantity for total in found[contract.pk]) for contract in contracts] == [0, 1, 2, 3, 4]
    assert found[contracts[1].pk][0].dimensions == {"model": "large"}


def test_what_was_received_adds_up() -> None:
    make_contract()
    take(event("a"), event("a"), event("a", quantity=3), event("b", customer="nobody"))
    take(event("c"), at=datetime(2026, 10, 21, tzinfo=UTC))

    of_all_time = queries.received()
    of_the_day = queries.received(start=datetime(2026, 10, 21, tzinfo=UTC))

    assert (of_all_time.received, of_all_time.counted) == (5, 2)
    assert (of_all_time.duplicate, of_all_time.conflict, of_all_time.quarantined) == (1, 1, 1)
    assert (of_the_day.received, of_the_day.last_at) == (1, datetime(2026, 10, 21, tzinfo=UTC))


def test_the_quarantine_is_counted_by_reason() -> None:
    make_contract()
    take(*[event(f"e{number}", customer="nobody") for number in range(3)], event("x", type="odd"))
    take(event("x"))

    (reason,) = queries.waiting_by_reason()

    assert (reason.reason, reason.label, reason.count, reason.last_at) == (
        "unknown_customer",
        "Unknown customer",
        3,
        AT,
    )
    assert queries.waiting().count() == 3
