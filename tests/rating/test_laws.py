"""What holds for all prices, terms and usage."""

import random
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal, localcontext
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from apps.core.money import EXACT
from apps.rating.discounts import shared
from apps.rating.lines import LineKind
from apps.rating.price_models.base import Part, PriceModel
from apps.rating.price_models.dated import Dated
from apps.rating.price_models.graduated import Graduated
from apps.rating.price_models.package import Package
from apps.rating.price_models.volume import Volume
from apps.rating.steps import Step
from apps.rating.terms import EVENT_KINDS, Change
from apps.rating.usage import Event, Usage
from tests.rating.cases import OCTOBER, price, usage_charge
from tests.rating.strategies import (
    Deal,
    amounts,
    any_price,
    by_event,
    by_quantity,
    days,
    deals,
    graduated,
    graduated_percentage,
    package,
    per_seat,
    per_unit,
    quantities,
    rising_tiers,
    tiers,
)

# Whole deals take long to make up; the prices in them have laws of their own.
FEWER = settings(max_examples=40)
# More never costs less under these; a volume or stairstep price may fall when the next tier is reached.
rising: st.SearchStrategy[PriceModel] = st.one_of(
    per_unit,
    per_seat,
    graduated,
    graduated_percentage,
    package,
    st.builds(Volume, rising_tiers()),
)


def total(steps: tuple[Step, ...]) -> Fraction:
    return sum((Fraction(step.amount) for step in steps), Fraction())


def cost(model: PriceModel, quantity: Decimal, included: Decimal = Decimal(0)) -> Fraction:
    rated = price(usage_charge(model, included=included), usage=[Usage("use", quantity)])
    return Fraction(rated.lines[0].exact)


@FEWER
@given(deals(), st.integers())
def test_the_order_of_usage_does_not_matter_but_for_events(deal: Deal, seed: int) -> None:
    quantities_first = sorted(deal.usage, key=lambda entry: bool(entry.events))
    of_events = [entry for entry in deal.usage if entry.events]
    others = [entry for entry in deal.usage if not entry.events]
    shuffled = (*of_events, *random.Random(seed).sample(others, len(others)))

    assert replace(deal, usage=shuffled).priced() == deal.priced()
    assert replace(deal, usage=tuple(quantities_first)).priced() == deal.priced()


@FEWER
@given(deals())
def test_usage_may_come_in_pieces(deal: Deal) -> None:
    parts = [
        part
        for entry in deal.usage
        for part in (
            [replace(entry, quantity=event.quantity, events=(event,)) for event in entry.events]
            or [replace(entry, quantity=entry.quantity / 4), replace(entry, quantity=entry.quantity * 3 / 4)]
        )
    ]

    assert replace(deal, usage=tuple(parts)).priced() == deal.priced()


@FEWER
@given(deals())
def test_pricing_again_gives_the_same(deal: Deal) -> None:
    assert repr(deal.priced()) == repr(deal.priced())


@FEWER
@given(deals())
def test_lines_sum_to_totals_and_steps_to_lines(deal: Deal) -> None:
    rated = deal.priced()

    assert rated.subtotal.amount == sum(line.amount.amount for line in rated.lines)
    assert [total(line.steps) for line in rated.lines] == [
        Fraction(
            line.credits
            if line.credits is not None
            else line.amount.amount
            if line.kind is LineKind.DISCOUNT
            else line.exact
        )
        for line in rated.lines
    ]
    assert all(line.amount == line.amount.rounded() for line in rated.lines)
    paid = sum(use.used for use in rated.grants if use.unit == "USD")
    assert rated.total.amount == rated.subtotal.amount - paid


@FEWER
@given(deals())
def test_grants_are_never_overdrawn_and_pay_no_more_than_is_owed(deal: Deal) -> None:
    rated = deal.priced()

    for use, grant in zip(rated.grants, deal.terms.grants, strict=True):
        assert 0 <= use.used <= grant.balance
        assert use.used + use.left == grant.balance
    assert 0 <= rated.total.amount <= rated.subtotal.amount


@FEWER
@given(deals())
def test_discounts_take_no_charge_below_nothing_and_their_shares_add_up(deal: Deal) -> None:
    rated = deal.priced()

    left = {
        charge.key: sum(line.amount.amount for line in rated.lines if line.charge == charge.key)
        for charge in deal.terms.charges
    }
    for line in rated.lines:
        if line.kind is LineKind.DISCOUNT:
            shares = {str(dict(step.facts)["charge"]): step.amount for step in line.steps}
            assert [dict(step.facts)["base"] for step in line.steps] == [left[key] for key in shares]
            left = {key: base + Decimal(str(shares.get(key, 0))) for key, base in left.items()}
    assert min(left.values()) >= 0


@FEWER
@given(deals())
def test_bounds_hold_before_discounts(deal: Deal) -> None:
    rated = deal.priced()

    for charge in deal.terms.charges:
        charged = sum(line.amount.amount for line in rated.lines if line.charge == charge.key)
        assert charge.minimum is None or charged >= charge.minimum
        assert charge.maximum is None or charged <= charge.maximum


@FEWER
@given(deals())
def test_commitments_are_met_to_the_cent_or_exceeded(deal: Deal) -> None:
    rated = deal.priced()

    true_ups = {line.key: line.amount.amount for line in rated.lines if line.kind is LineKind.TRUE_UP}
    for commitment, use in zip(deal.terms.commitments, rated.commitments, strict=True):
        short = commitment.minimum - commitment.counted_before - use.counted
        assert true_ups.get(commitment.key, 0) == max(short, 0)


@FEWER
@given(deals())
def test_what_allowances_tell_is_what_the_reasons_say(deal: Deal) -> None:
    rated = deal.priced()

    free: dict[str, Decimal] = {}
    for line in rated.lines:
        for step in line.steps:
            if "included" in dict(step.facts):
                key = str(dict(step.facts).get("allowance", line.charge))
                free[key] = free.get(key, Decimal(0)) + step.quantity
    assert {use.key: use.used for use in rated.allowances if use.used} == free
    quantity = {allowance.key: allowance.quantity for allowance in deal.terms.allowances}
    assert all(use.used + use.left == quantity[use.key] for use in rated.allowances if use.key in quantity)


@FEWER
@given(deals())
def test_lines_tell_of_all_usage(deal: Deal) -> None:
    rated = deal.priced()

    for charge in deal.terms.charges[:2]:
        lines = [line for line in rated.lines if line.charge == charge.key and line.kind is LineKind.USAGE]
        used = sum(entry.quantity for entry in deal.usage if entry.charge == charge.key)
        assert sum(line.quantity for line in lines) == used
        by_units = [step.quantity for line in lines for step in line.steps]
        assert sum(by_units) == used


@given(rising, quantities, quantities)
def test_more_never_costs_less_where_prices_do_not_fall(
    model: PriceModel, one: Decimal, more: Decimal
) -> None:
    assert cost(model, one + more) >= cost(model, one)


@given(rising, quantities, quantities)
def test_included_units_never_make_it_dearer(model: PriceModel, quantity: Decimal, included: Decimal) -> None:
    assert cost(model, quantity, included) <= cost(model, quantity)


@given(tiers(packages=False), quantities)
def test_graduated_costs_what_each_tier_alone_costs(of: tuple, quantity: Decimal) -> None:  # type: ignore[type-arg]
    """Units by their tier, and the flat amounts of those entered: in fractions, tier by tier."""
    starts = [Fraction(0), *(Fraction(tier.up_to) for tier in of[:-1])]
    expected = sum(
        (
            (min(Fraction(quantity), Fraction(tier.up_to or quantity)) - start) * Fraction(tier.unit_amount)
            + Fraction(tier.flat_amount)
            for tier, start in zip(of, starts, strict=True)
            if quantity > start
        ),
        Fraction(),
    )

    assert cost(Graduated(of), quantity) == expected


@given(by_quantity | per_seat, st.lists(quantities, min_size=1, max_size=5))
def test_parts_of_a_period_sum_to_the_whole(model: PriceModel, parts: list[Decimal]) -> None:
    with localcontext(EXACT):
        whole, before, of_parts = sum(parts, Decimal(0)), Decimal(0), Fraction()
        for quantity in parts:
            of_parts += total(model.steps(quantity, Part(before, whole, of_days=31)))
            before += quantity

        assert of_parts == total(model.steps(whole, Part(of_days=31)))


@given(by_event, st.lists(st.lists(st.builds(Event, quantities, amounts), max_size=3), max_size=4))
def test_parts_of_a_periods_events_sum_to_the_whole(model: PriceModel, parts: list[list[Event]]) -> None:
    with localcontext(EXACT):
        before, count, of_parts = Decimal(0), 0, Fraction()
        for events in parts:
            quantity = sum((event.quantity for event in events), Decimal(0))
            part = Part(before, None, tuple(events), count)
            of_parts += total(model.steps(quantity, part))
            before, count = before + quantity, count + len(events)

        together = tuple(event for events in parts for event in events)
        assert of_parts == total(model.steps(before, Part(events=together)))


@given(any_price, st.data(), st.sets(days.filter(lambda day: day != OCTOBER.starts_on), max_size=3))
def test_a_change_to_the_same_price_or_a_dated_one_changes_nothing(
    model: PriceModel, data: st.DataObject, starts: set[date]
) -> None:
    """Exact amounts, before each line is rounded."""
    usage = [
        Usage(
            "use",
            quantity,
            events=(Event(quantity, Decimal(1)),) if model.kind in EVENT_KINDS else (),
            day=day,
        )
        for day, quantity in sorted(data.draw(st.lists(st.tuples(days, quantities), max_size=4)))
    ]
    included = Decimal(0) if model.kind in EVENT_KINDS else data.draw(quantities)
    plain = usage_charge(model, included=included)
    changing = replace(plain, changes=tuple(Change(day, model, included) for day in sorted(starts)))
    dated = replace(plain, price=Dated(tuple((day, model) for day in (date.min, *sorted(starts)))))

    whole = price(plain, usage=usage).lines[0].exact
    assert sum(line.exact for line in price(changing, usage=usage).lines) == whole
    assert price(dated, usage=usage).lines[0].exact == whole


@given(any_price, st.data())
def test_segments_that_restart_are_priced_as_if_alone(model: PriceModel, data: st.DataObject) -> None:
    middle = OCTOBER.starts_on + timedelta(15)
    usage = [
        Usage(
            "use",
            quantity,
            events=(Event(quantity, Decimal(1)),) if model.kind in EVENT_KINDS else (),
            day=day,
        )
        for day, quantity in data.draw(st.lists(st.tuples(days, quantities), max_size=4))
    ]
    changing = usage_charge(model, changes=(Change(middle, model),), restarts=True)

    alone = [
        [entry for entry in usage if (entry.day or middle) < middle],
        [entry for entry in usage if (entry.day or middle) >= middle],
    ]
    assert [line.exact for line in price(changing, usage=usage).lines if usage] == [
        price(usage_charge(model), usage=half).lines[0].exact for half in alone if half
    ]


@given(st.lists(st.integers(0, 10**5), min_size=1, max_size=6).filter(any), st.data())
def test_shares_are_whole_minor_units_near_their_proportion(parts: list[int], data: st.DataObject) -> None:
    """They add up, none lies a minor unit or more from its true proportion, and none exceeds its base."""
    units = data.draw(st.integers(0, sum(parts)))
    bases = {str(place): Decimal(part).scaleb(-2) for place, part in enumerate(parts)}

    shares = shared(Decimal(units).scaleb(-2), bases, digits=2)

    assert sum(shares.values()) * 100 == units
    for part, share in zip(parts, shares.values(), strict=True):
        assert 0 <= share * 100 <= part
        assert abs(Fraction(share * 100) - Fraction(units * part, sum(parts))) < 1


def test_a_package_is_not_sold_twice_where_parts_meet() -> None:
    """50 + 50 of packages of 100 are one package: the second part starts none."""
    model = Package(Decimal(100), Decimal(1))

    assert total(model.steps(Decimal(50), Part(Decimal(50), Decimal(100)))) == 0
