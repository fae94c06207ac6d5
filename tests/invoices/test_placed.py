"""On which invoice line an event is: of its own period, of an adjustment, or of none yet."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from apps.contracts.models import Contract
from apps.invoices import finalize
from apps.invoices.placed import Placement, placement
from apps.usage import ingest
from apps.usage.correct import correct
from apps.usage.one_event import one_event
from tests.builders import make_contract, make_meter, make_plan_version, usage_charge
from tests.invoices.months import ACTOR, IN_NOVEMBER, drafted, invoiced
from tests.usage.events import token_charges

pytestmark = pytest.mark.django_db

IN_DECEMBER = datetime(2026, 12, 2, 9, tzinfo=UTC)
IN_JANUARY = datetime(2027, 1, 2, 9, tzinfo=UTC)
A_DAY = timedelta(days=1)


@pytest.fixture
def contract() -> Contract:
    make_meter(late_days=400)
    return make_contract(plan_version=make_plan_version([usage_charge(unit_amount="1")]))


def use(key: str, on: date, *, at: datetime | None = None, **fields: Any) -> None:
    noon = datetime(on.year, on.month, on.day, 12, tzinfo=UTC)
    event = {"id": key, "customer": "acme", "type": "api.call", "time": noon.isoformat(), **fields}
    assert ingest.ingest(events=[event], at=at or noon, actor=ACTOR).counted == 1


def void(key: str, *, at: datetime) -> None:
    correct(customer_key="acme", keys=[key], reason="Twice", at=at, actor=ACTOR)


def placed(key: str) -> Placement:
    return placement(one_event(customer_key="acme", key=key))


def lines(key: str) -> list[tuple[str, str]]:
    """The number of each line's invoice, and of the invoice that it adjusts."""
    return [(line.number, line.adjusts) for line in placed(key).lines]


def test_an_event_waits_for_its_invoice_and_then_is_on_its_line(contract: Contract) -> None:
    use("a", date(2026, 10, 5))
    before = placed("a")
    opened = drafted(contract)
    on_draft = placed("a")
    number = finalize.finalize(invoice_id=opened.pk, at=IN_NOVEMBER, actor=ACTOR).number

    assert (before.lines, before.awaits) == ((), "invoice")
    assert [(line.invoice_id, line.number) for line in on_draft.lines] == [(opened.pk, "")]
    assert on_draft.awaits == ""
    assert lines("a") == [(number, "")]


def test_an_event_is_on_the_line_of_its_own_dimension_values() -> None:
    contract = make_contract(plan_version=make_plan_version(token_charges()))
    for model in ("large", "small"):
        use(
            model,
            date(2026, 10, 5),
            type="llm.request",
            properties={"model": model, "region": "eu", "input_tokens": 1000, "output_tokens": 1000},
        )
    number = invoiced(contract).number

    assert [(line.number, line.charge_key, line.dimensions) for line in placed("small").lines] == [
        (number, "input", {"model": "small"}),
        (number, "output", {}),
    ]


def test_a_late_event_is_on_the_adjustment_of_the_next_invoice(contract: Contract) -> None:
    use("a", date(2026, 10, 5))
    october = invoiced(contract)
    use("late", date(2026, 10, 6), at=IN_NOVEMBER + A_DAY)
    waiting = placed("late")
    november = invoiced(contract, at=IN_DECEMBER)
    use("later", date(2026, 10, 7), at=IN_DECEMBER + A_DAY)

    assert (waiting.lines, waiting.awaits) == ((), "adjustment")
    assert lines("late") == [(november.number, october.number)]
    assert lines("a") == [(october.number, "")]
    assert (lines("later"), placed("later").awaits) == ([], "adjustment")


def test_an_event_that_was_voided_after_its_invoice_is_on_both_lines(contract: Contract) -> None:
    use("a", date(2026, 10, 5))
    october = invoiced(contract)
    use("b", date(2026, 11, 5))
    void("a", at=IN_NOVEMBER + A_DAY)
    waiting = placed("a")
    november = invoiced(contract, at=IN_DECEMBER)

    assert ([line.number for line in waiting.lines], waiting.awaits) == ([october.number], "adjustment")
    assert lines("a") == [(october.number, ""), (november.number, october.number)]
    assert placed("a").awaits == ""


def test_an_event_that_was_voided_before_its_invoice_is_on_none(contract: Contract) -> None:
    use("a", date(2026, 10, 5))
    void("a", at=IN_NOVEMBER - A_DAY)
    before = placed("a")
    use("b", date(2026, 10, 5))
    drafted(contract)
    on_draft = placed("a")

    assert (before.lines, before.awaits) == (on_draft.lines, on_draft.awaits) == ((), "")


def test_an_event_that_came_and_went_between_two_invoices_is_on_none(contract: Contract) -> None:
    use("a", date(2026, 10, 5))
    invoiced(contract)
    use("late", date(2026, 10, 6), at=IN_NOVEMBER + A_DAY)
    void("late", at=IN_NOVEMBER + 2 * A_DAY)
    between = placed("late")
    use("other", date(2026, 10, 7), at=IN_NOVEMBER + A_DAY)
    invoiced(contract, at=IN_DECEMBER)

    assert (between.lines, between.awaits) == ((), "")
    assert (lines("late"), placed("late").awaits) == ([], "")


def test_a_late_event_that_is_voided_later_is_on_both_adjustments(contract: Contract) -> None:
    use("a", date(2026, 10, 5))
    october = invoiced(contract)
    use("late", date(2026, 10, 6), at=IN_NOVEMBER + A_DAY)
    november = invoiced(contract, at=IN_DECEMBER)
    use("b", date(2026, 12, 6))
    void("late", at=IN_DECEMBER + A_DAY)
    december = invoiced(contract, at=IN_JANUARY)

    assert lines("late") == [(november.number, october.number), (december.number, october.number)]


@pytest.fixture
def tickets() -> Contract:
    """Tickets that are solved are billed at 1; T-0 is."""
    make_meter(
        "solved",
        event_type="ticket",
        aggregation="outcomes",
        outcome_states={"succeeded": "1", "failed": "0"},
        late_days=400,
    )
    contract = make_contract(plan_version=make_plan_version([usage_charge("solved", unit_amount="1")]))
    stage("T-0", "succeeded", date(2026, 10, 5))
    return contract


def stage(outcome: str, state: str, on: date, *, at: datetime | None = None) -> None:
    """An event named after the outcome and its state."""
    use(f"{outcome} {state}", on, at=at, type="ticket", properties={"outcome": outcome, "state": state})


def says(key: str) -> str:
    return one_event(customer_key="acme", key=key).feeds[0].says


def test_only_outcomes_that_are_billed_are_on_a_line(tickets: Contract) -> None:
    stage("failing", "failed", date(2026, 10, 5))
    stage("disputed", "succeeded", date(2026, 10, 5))
    before = placed("disputed succeeded")
    stage("disputed", "disputed", date(2026, 10, 6))
    number = invoiced(tickets).number

    assert lines("T-0 succeeded") == [(number, "")]
    assert (before.awaits, before.lines) == ("invoice", ())
    for key in ("failing failed", "disputed succeeded", "disputed disputed"):
        assert (placed(key).lines, placed(key).awaits) == ((), "")
    assert (
        says("disputed succeeded")
        == "Outcome disputed: succeeded, weight 1; now disputed. The outcome so far: 1 attempt, 0 billed"
    )


def test_an_outcome_that_is_disputed_after_its_invoice_is_on_it_and_waits_for_an_adjustment(
    tickets: Contract,
) -> None:
    number = invoiced(tickets).number
    stage("T-0", "disputed", date(2026, 11, 3), at=IN_NOVEMBER + 2 * A_DAY)
    disputed = placed("T-0 succeeded"), placed("T-0 disputed")
    stage("T-0", "dispute_rejected", date(2026, 11, 4), at=IN_NOVEMBER + 3 * A_DAY)
    decided = placed("T-0 succeeded"), placed("T-0 dispute_rejected")

    assert [line.number for line in disputed[0].lines] == [number]
    assert [one.awaits for one in disputed] == ["adjustment", ""]
    assert [line.number for line in decided[0].lines] == [number]
    assert [one.awaits for one in decided] == ["", ""]
    assert [one.lines for one in (disputed[1], decided[1])] == [(), ()]


def test_an_outcome_that_was_voided_is_on_no_line(tickets: Contract) -> None:
    stage("T-1", "succeeded", date(2026, 10, 5))
    void("T-1 succeeded", at=IN_NOVEMBER - A_DAY)
    number = invoiced(tickets).number
    void("T-0 succeeded", at=IN_NOVEMBER + A_DAY)

    assert (placed("T-1 succeeded").lines, placed("T-1 succeeded").awaits) == ((), "")
    assert lines("T-0 succeeded") == [(number, "")]
    assert placed("T-0 succeeded").awaits == "adjustment"


def test_what_no_charge_prices_is_on_no_line(contract: Contract, django_assert_num_queries: Any) -> None:
    make_meter("shown", name="Shown alone")
    use("a", date(2026, 10, 5))
    found = one_event(customer_key="acme", key="a")
    shown = tuple(fed for fed in found.feeds if fed.meter_key == "shown")

    with django_assert_num_queries(0):
        where = placement(replace(found, feeds=shown))

    assert len(shown) == 1
    assert (where.lines, where.awaits) == ((), "")


def test_the_lines_are_found_in_two_queries(contract: Contract, django_assert_num_queries: Any) -> None:
    use("a", date(2026, 10, 5))
    invoiced(contract)
    found = one_event(customer_key="acme", key="a")

    with django_assert_num_queries(2):
        placement(found)
