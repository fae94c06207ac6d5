"""What holds for every price: order, splitting, sums, and agreement with a second, slow rater in fractions."""

import random
from decimal import Decimal
from fractions import Fraction
from math import ceil

from hypothesis import given
from hypothesis import strategies as st

from apps.rating.lines import Rated
from apps.rating.price_models.base import PriceModel, Tier
from apps.rating.price_models.graduated import Graduated
from apps.rating.price_models.matrix import Cell, Matrix
from apps.rating.price_models.package import Package
from apps.rating.price_models.per_unit import PerUnit
from apps.rating.price_models.volume import Volume
from apps.rating.terms import Charge, Grant
from apps.rating.usage import Usage
from tests.rating.cases import D, price, usage_charge

quantities = st.integers(0, 10**9).map(lambda n: Decimal(n).scaleb(-3))
amounts = st.integers(0, 10**8).map(lambda n: Decimal(n).scaleb(-6))
sizes = st.integers(1, 10**6).map(lambda n: Decimal(n).scaleb(-2))


@st.composite
def tiers(draw: st.DrawFn) -> tuple[Tier, ...]:
    ends = sorted(draw(st.sets(st.integers(1, 10**6), max_size=4)))
    packages = st.none() | sizes
    return tuple(
        Tier(end, draw(amounts), draw(amounts), draw(packages))
        for end in [*(Decimal(end) for end in ends), None]
    )


prices: st.SearchStrategy[PriceModel] = st.one_of(
    st.builds(PerUnit, amounts),
    st.builds(Graduated, tiers()),
    st.builds(Volume, tiers()),
    st.builds(Package, sizes, amounts, quantities),
)


@st.composite
def charges(draw: st.DrawFn) -> tuple[Charge, ...]:
    made = []
    for key in ("a", "b"):
        matrix = Matrix(("model",), (Cell((("model", "x"),), draw(prices)),), draw(prices))
        credit_unit = draw(st.sampled_from([None, "credits"]))
        choices: list[PriceModel | Matrix] = [matrix, draw(prices)]
        made.append(
            usage_charge(
                draw(st.sampled_from(choices)),
                key,
                included=draw(quantities),
                credit_unit=credit_unit,
                overage=draw(prices) if credit_unit else None,
            )
        )
    return tuple(made)


@st.composite
def usage_of(draw: st.DrawFn, of: tuple[Charge, ...]) -> list[Usage]:
    entries = []
    for charge in of:
        for quantity in draw(st.lists(quantities, max_size=4)):
            model = draw(st.sampled_from(["x", "y"]))
            dimensions = (("model", model),) if isinstance(charge.price, Matrix) else ()
            entries.append(Usage(charge.key, quantity, dimensions))
    return entries


GRANTS = (Grant("c", "credits", D(1000), 1), Grant("m", "USD", D("50.00"), 2))


@st.composite
def months(draw: st.DrawFn) -> tuple[tuple[Charge, ...], list[Usage]]:
    of = draw(charges())
    return of, draw(usage_of(of))


@given(months(), st.integers())
def test_the_order_of_usage_does_not_matter(month: tuple[tuple[Charge, ...], list[Usage]], seed: int) -> None:
    of, usage = month
    shuffled = random.Random(seed).sample(usage, len(usage))

    assert price(*of, usage=shuffled, grants=GRANTS) == price(*of, usage=usage, grants=GRANTS)


@given(months())
def test_usage_may_come_in_pieces(month: tuple[tuple[Charge, ...], list[Usage]]) -> None:
    of, usage = month
    halves = [
        Usage(entry.charge, part, entry.dimensions)
        for entry in usage
        for part in (entry.quantity / 4, entry.quantity - entry.quantity / 4)
    ]

    assert price(*of, usage=halves, grants=GRANTS).total == price(*of, usage=usage, grants=GRANTS).total


@given(months())
def test_lines_sum_to_totals_and_steps_to_lines(month: tuple[tuple[Charge, ...], list[Usage]]) -> None:
    of, usage = month

    rated = price(*of, usage=usage, grants=GRANTS)

    assert rated.subtotal.amount == sum(line.amount.amount for line in rated.lines)
    assert all(
        sum((Fraction(step.amount) for step in line.steps), Fraction())
        == Fraction(line.credits if line.unit else line.exact)  # type: ignore[arg-type]
        for line in rated.lines
    )
    assert all(line.amount == line.amount.rounded() for line in rated.lines)


@given(months())
def test_grants_are_never_overdrawn_and_pay_no_more_than_is_owed(
    month: tuple[tuple[Charge, ...], list[Usage]],
) -> None:
    of, usage = month

    rated = price(*of, usage=usage, grants=GRANTS)

    assert all(0 <= use.used <= grant.balance for use, grant in zip(rated.grants, GRANTS, strict=True))
    assert all(use.used + use.left == grant.balance for use, grant in zip(rated.grants, GRANTS, strict=True))
    assert 0 <= rated.total.amount <= rated.subtotal.amount


@given(st.builds(Graduated, tiers()), quantities, quantities)
def test_a_graduated_price_never_falls_when_more_is_used(
    model: Graduated, one: Decimal, more: Decimal
) -> None:
    assert cost(model, one + more) >= cost(model, one)


@given(prices, quantities)
def test_steps_cover_the_quantity_once(model: PriceModel, quantity: Decimal) -> None:
    assert sum((step.quantity for step in model.steps(quantity)), Decimal(0)) == quantity


@given(st.builds(Graduated, tiers()), quantities, quantities)
def test_included_units_never_make_it_dearer(model: Graduated, quantity: Decimal, included: Decimal) -> None:
    with_allowance = price(usage_charge(model, included=included), usage=[Usage("use", quantity)])

    assert with_allowance.total <= price(usage_charge(model), usage=[Usage("use", quantity)]).total


@given(prices, quantities)
def test_a_second_rater_in_fractions_agrees(model: PriceModel, quantity: Decimal) -> None:
    assert cost(model, quantity) == slowly(model, Fraction(quantity))


def cost(model: PriceModel, quantity: Decimal) -> Fraction:
    rated: Rated = price(usage_charge(model), usage=[Usage("use", quantity)])
    return Fraction(rated.lines[0].exact)


def slowly(model: PriceModel, quantity: Fraction) -> Fraction:
    """Price without the engine's code: integers, fractions, and the rules as the public format words them."""
    if not quantity:
        return Fraction(0)
    match model:
        case PerUnit():
            return quantity * Fraction(model.unit_amount)
        case Package():
            beyond = max(quantity - Fraction(model.free_units), Fraction(0))
            return ceil(beyond / Fraction(model.package_size)) * Fraction(model.package_amount)
        case Graduated():
            ends = [Fraction(tier.up_to) if tier.up_to is not None else quantity for tier in model.tiers]
            starts = [Fraction(0), *ends[:-1]]
            return sum(
                (
                    in_tier(tier, min(quantity, end) - start)
                    for tier, start, end in zip(model.tiers, starts, ends, strict=True)
                    if quantity > start
                ),
                Fraction(0),
            )
        case Volume():
            chosen = next(tier for tier in model.tiers if tier.up_to is None or quantity <= tier.up_to)
            return in_tier(chosen, quantity)
    raise AssertionError(model)


def in_tier(tier: Tier, quantity: Fraction) -> Fraction:
    sold = quantity if tier.package_size is None else Fraction(ceil(quantity / Fraction(tier.package_size)))
    return sold * Fraction(tier.unit_amount) + Fraction(tier.flat_amount)
