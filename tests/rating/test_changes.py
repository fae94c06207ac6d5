"""A price, an allowance or a fee that changes inside the period, and prices with dates."""

from datetime import date
from fractions import Fraction

import pytest

from apps.rating.errors import NoDay, NoPriceOnDay, WrongEvents
from apps.rating.lines import AllowanceUse, Rated
from apps.rating.price_models.base import PriceModel
from apps.rating.price_models.dated import Dated
from apps.rating.price_models.dynamic import Dynamic
from apps.rating.price_models.graduated import Graduated
from apps.rating.price_models.matrix import Cell, Matrix
from apps.rating.price_models.package import Package
from apps.rating.price_models.per_unit import PerUnit
from apps.rating.price_models.percentage import Percentage
from apps.rating.price_models.stairstep import Stair, Stairstep
from apps.rating.price_models.volume import Volume
from apps.rating.terms import ActiveDays, Change, Charge, ChargeKind, Fee
from apps.rating.usage import Event, Usage
from tests.rating.cases import (
    GRADUATED,
    ONE,
    D,
    amounts,
    facts,
    on,
    price,
    tier,
    usage_charge,
    use,
    use_events,
)

TWO = PerUnit(D(2))
MIDDLE = date(2026, 10, 16)


def changing(before: PriceModel, after: PriceModel, *, restarts: bool = False, included: str = "0") -> Charge:
    """A charge with another price from 16 October on, and the same allowance."""
    change = Change(MIDDLE, after, D(included))
    return usage_charge(before, changes=(change,), restarts=restarts, included=D(included))


def lines(rated: Rated) -> list[str]:
    return [f"{line.amount.amount}" for line in rated.lines]


def test_usage_is_priced_by_the_segment_of_its_day() -> None:
    """10 on the 15th at 1, 10 on the 16th at 2; a line for each segment, in time order."""
    rated = price(changing(ONE, TWO), usage=[on(16, 10), on(15, 10)])

    assert amounts(rated) == [("usage", "10.00"), ("usage", "20.00")]
    assert [line.starts_on for line in rated.lines] == [date(2026, 10, 1), MIDDLE]


def test_a_segment_without_usage_has_no_line_and_no_usage_at_all_one() -> None:
    assert [line.starts_on for line in price(changing(ONE, TWO), usage=[on(20, 1)]).lines] == [MIDDLE]
    assert lines(price(changing(ONE, TWO))) == ["0.00"]


@pytest.mark.parametrize(
    ("before", "after", "running_on", "alone"),
    [
        # 600 in tier one with its flat 5; then 400 there and 200 in tier two with its flat 2.
        (GRADUATED, GRADUATED, ["65.00", "58.00"], ["65.00", "65.00"]),
        # Its own tiers for the units 600 to 1200: 400 x 0.2, then 200 x 0.1.
        (
            GRADUATED,
            Graduated((tier("1000", "0.2", "9"), tier(None, "0.1"))),
            ["65.00", "100.00"],
            ["65.00", "129.00"],
        ),
        # 1200 in all is in tier two, whose flat 2 is due once, at the end.
        (Volume(GRADUATED.tiers), Volume(GRADUATED.tiers), ["48.00", "50.00"], ["65.00", "65.00"]),
        # 600 start 6 packages of 110, of which 60 units are left for the next: 5 more make 1210.
        (Package(D(110), D(1)), Package(D(110), D(1)), ["6.00", "5.00"], ["6.00", "6.00"]),
        # 700 are free: 500 of the later units start 5 packages.
        (Package(D(100), D(1), D(700)), Package(D(100), D(1), D(700)), ["0.00", "5.00"], ["0.00", "0.00"]),
        (
            Stairstep((Stair(D(1000), D(30)), Stair(None, D(50)))),
            Stairstep((Stair(D(1000), D(30)), Stair(None, D(70)))),
            ["0.00", "70.00"],
            ["30.00", "30.00"],
        ),
    ],
)
def test_tiers_packages_and_free_units_run_on_unless_the_charge_restarts(
    before: PriceModel, after: PriceModel, running_on: list[str], alone: list[str]
) -> None:
    """600 units in each half of October."""
    usage = [on(1, 600), on(31, 600)]

    assert lines(price(changing(before, after), usage=usage)) == running_on
    assert lines(price(changing(before, after, restarts=True), usage=usage)) == alone


def test_packages_of_a_tier_run_on() -> None:
    """Packages of 100 in a tier: 150 start two, and the third hundred is started by the 201st unit: 250 start three."""
    tiers = Graduated((tier(None, "1", package="100"),))

    assert lines(price(changing(tiers, tiers), usage=[on(1, 150), on(31, 100)])) == ["2.00", "1.00"]


def test_free_events_run_on() -> None:
    """Two events are free; the first half has one, so the second of the later half pays 10% + 1."""
    model = Percentage(D("0.1"), D(1), free_events=D(2))
    usage = [use_events(Event(D(30)), Event(D(20)), day=20), use_events(Event(D(10)), day=2)]

    rated = price(changing(model, model), usage=usage)

    assert lines(rated) == ["0.00", "3.00"]
    assert [step["event"] for line in rated.lines for step in facts(line)] == [1, 2, 3]
    assert lines(price(changing(model, model, restarts=True), usage=usage)) == ["0.00", "0.00"]


def test_what_earlier_segments_took_counts_against_the_allowance_in_force() -> None:
    """100 included, then 150: 80 are free, then 70 of 100, so 30 x 2 are due. Alone, 80 and 100 are free."""
    usage = [on(1, 80), on(31, 100)]
    charge = usage_charge(ONE, included=D(100), changes=(Change(MIDDLE, TWO, D(150)),))

    rated = price(charge, usage=usage)

    assert lines(rated) == ["0.00", "60.00"]
    assert rated.allowances == (AllowanceUse("use", D(150), D(0)),)
    alone = price(changing(ONE, TWO, included="100", restarts=True), usage=usage)
    assert (lines(alone), alone.allowances) == (["0.00", "0.00"], (AllowanceUse("use", D(180), D(0)),))


def test_an_allowance_that_shrinks_below_what_was_taken_is_used_up() -> None:
    charge = usage_charge(ONE, included=D(100), changes=(Change(MIDDLE, ONE, D(50)),))

    rated = price(charge, usage=[on(1, 80), on(31, 10)])

    assert lines(rated) == ["0.00", "10.00"]
    assert rated.allowances == (AllowanceUse("use", D(80), D(0)),)


def test_what_is_left_of_an_allowance_that_restarts_is_the_last_segments() -> None:
    rated = price(changing(ONE, ONE, included="100", restarts=True), usage=[on(1, 80)])

    assert rated.allowances == (AllowanceUse("use", D(80), D(100)),)


def test_a_cell_runs_on_as_the_cell_that_matches_the_same() -> None:
    """Model a moves from second to first place; its packages of 100 run on: 60 start one, 60 more the second."""
    package = Package(D(100), D(1))
    first = Matrix(("model",), (Cell((("model", "b"),), package), Cell((("model", "a"),), package)))
    second = Matrix(("model",), (Cell((("model", "a"),), package), Cell((("model", "b"),), package)))
    charge = usage_charge(first, changes=(Change(MIDDLE, second),))

    rated = price(charge, usage=[on(1, 60, model="a"), on(31, 40, model="a"), on(31, 60, model="b")])

    assert [(dict(line.dimensions)["model"], str(line.amount.amount)) for line in rated.lines] == [
        ("a", "1.00"),
        ("a", "0.00"),
        ("b", "1.00"),
    ]


def test_credits_are_drawn_segment_by_segment() -> None:
    charge = usage_charge(ONE, credit_unit="credits", changes=(Change(MIDDLE, TWO),), overage=ONE)

    rated = price(charge, usage=[on(1, 10), on(31, 10)])

    assert [line.credits for line in rated.lines] == [D(10), D(20), None]
    assert amounts(rated)[-1] == ("overage", "30.00")


def test_a_dated_price_is_that_of_the_usages_own_day() -> None:
    """10 at 1 until the 15th, 10 at 2 after, one line: 30. The reason tells from when the second is in force."""
    dated = Dated(((date.min, ONE), (MIDDLE, TWO)))

    (line,) = price(usage_charge(dated, included=D(4)), usage=[on(16, 10), on(15, 10)]).lines

    assert (str(line.amount), line.quantity, line.starts_on) == ("26.00 USD", D(20), None)
    assert facts(line) == [
        {"included": True, "quantity": "4", "amount": "0"},
        {"unit_amount": "1", "quantity": "6", "amount": "6"},
        {"unit_amount": "2", "starts_on": "2026-10-16", "quantity": "10", "amount": "20"},
    ]


def test_tiers_run_on_from_one_dated_price_to_the_next() -> None:
    """As one price: 600 + 600 = 1000 x 0.1 + 5 + 200 x 0.08 + 2 = 123."""
    dated = Dated(((date.min, GRADUATED), (MIDDLE, GRADUATED)))

    assert lines(price(usage_charge(dated), usage=[on(31, 600), on(1, 600)])) == ["123.00"]


def test_cells_may_have_dated_prices_beside_others() -> None:
    cells = (
        Cell((("model", "a"),), Dated(((date(2026, 10, 1), ONE), (MIDDLE, TWO)))),
        Cell((("model", "b"),), ONE),
    )
    usage = [on(1, 1, model="a"), on(31, 1, model="a"), use(5, model="b")]

    assert lines(price(usage_charge(Matrix(("model",), cells)), usage=usage)) == ["3.00", "5.00"]


def test_usage_without_a_day_or_before_the_first_price_is_refused() -> None:
    with pytest.raises(NoDay, match="'use' has no day"):
        price(changing(ONE, TWO), usage=[use(1)])
    with pytest.raises(NoDay, match="'use' has no day"):
        price(usage_charge(Dated(((MIDDLE, ONE),))), usage=[use(1)])
    with pytest.raises(NoPriceOnDay, match="in force on 2026-10-15"):
        price(usage_charge(Dated(((MIDDLE, ONE),))), usage=[on(15, 1)])


def test_usage_of_another_period_is_priced_by_the_nearest_segment() -> None:
    """Usage that came in late carries its own day."""
    late = Usage("use", D(10), day=date(2026, 9, 30))

    assert lines(price(changing(ONE, TWO), usage=[late])) == ["10.00"]


def test_a_fee_that_changes_has_a_reason_for_each_segment() -> None:
    """10 seats at 30 for 15 days, 12 for 16 of 31: (4500 + 5760) / 31 = 330.967741..., so 330.97."""
    charge = Charge(
        "seats",
        "Seats",
        Fee(D(30), D(10)),
        ChargeKind.RECURRING,
        changes=(Change(MIDDLE, Fee(D(30), D(12))),),
    )

    (line,) = price(charge).lines

    assert (str(line.amount), line.quantity, line.exact) == ("330.97 USD", D(12), Fraction(10260, 31))
    assert [(step["quantity"], step["days"], step["starts_on"]) for step in facts(line)] == [
        ("10", 15, "2026-10-01"),
        ("12", 16, "2026-10-16"),
    ]


def test_a_fee_that_changes_runs_on_its_active_days_alone() -> None:
    """Active from the 20th to the 25th: five days of the second price, none of the first."""
    charge = Charge(
        "seats",
        "Seats",
        Fee(D(31)),
        ChargeKind.RECURRING,
        active=ActiveDays(date(2026, 10, 20), date(2026, 10, 25)),
        changes=(Change(MIDDLE, Fee(D(62))),),
    )

    (line,) = price(charge).lines

    assert (str(line.amount), [step["days"] for step in facts(line)]) == ("10.00 USD", [5])


@pytest.mark.parametrize(
    ("charge", "usage", "words"),
    [
        (usage_charge(ONE), use_events(Event()), "takes no events, since its price is per_unit"),
        (usage_charge(Percentage(D(1))), use(5), "is 5, which is not the sum of its 0 events"),
        (usage_charge(Dynamic()), use_events(Event()), "an event without an amount"),
    ],
)
def test_events_are_given_where_a_price_asks_for_them(charge: Charge, usage: Usage, words: str) -> None:
    with pytest.raises(WrongEvents, match=words):
        price(charge, usage=[usage])
