"""A second, slow rater in fractions agrees."""

from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from apps.rating.lines import Line, LineKind
from apps.rating.price_models.base import PriceModel, Tier
from apps.rating.price_models.graduated import Graduated
from apps.rating.price_models.matrix import Cell, Matrix
from apps.rating.price_models.package import Package
from apps.rating.price_models.per_unit import PerUnit
from apps.rating.price_models.volume import Volume
from apps.rating.terms import Charge, Grant
from apps.rating.usage import Usage
from tests.rating import slow_rater
from tests.rating.cases import Month

quantities = st.integers(0, 10**9).map(lambda n: Decimal(n).scaleb(-3))
amounts = st.integers(0, 10**8).map(lambda n: Decimal(n).scaleb(-6))
sizes = st.integers(1, 10**6).map(lambda n: Decimal(n).scaleb(-2))
ends = st.sets(st.integers(1, 10**6), max_size=3).map(sorted)
one_tier = st.tuples(amounts, amounts, st.none() | sizes)


@st.composite
def tiers(draw: st.DrawFn) -> tuple[Tier, ...]:
    return tuple(Tier(end, *draw(one_tier)) for end in [*map(Decimal, draw(ends)), None])


per_unit = st.builds(PerUnit, amounts)
graduated = st.builds(Graduated, tiers())
package = st.builds(Package, sizes, amounts, quantities)
prices: st.SearchStrategy[PriceModel] = st.one_of(per_unit, graduated, package, st.builds(Volume, tiers()))

DIMENSIONS = ("model", "kind")
values = st.sampled_from(["x", "y", "*"])
matches = st.tuples(values, values).map(lambda pair: tuple(zip(DIMENSIONS, pair, strict=True)))
cells = st.lists(st.builds(Cell, matches, prices), max_size=3, unique_by=lambda cell: cell.match)
matrices = st.builds(Matrix, st.just(DIMENSIONS), cells.map(tuple), prices)
units = st.sampled_from([None, "credits"])
pieces = st.lists(st.tuples(quantities, st.sampled_from(["x", "y", "z"]), st.sampled_from("xyz")), max_size=3)
grants = st.lists(
    st.tuples(
        st.sampled_from(["credits", "USD"]),
        st.integers(0, 10**7).map(lambda n: Decimal(n).scaleb(-2)),
        st.none() | st.integers(1, 2),
        st.sampled_from([(), ("a",), ("b",)]),
    ),
    max_size=3,
)


@st.composite
def months(draw: st.DrawFn) -> Month:
    of, usage = [], []
    for key in ("a", "b"):
        unit, priced_by = draw(units), draw(prices | matrices)
        overage = draw(st.none() | prices) if unit else None
        of.append(
            Charge(key, key, priced_by, included=draw(quantities), credit_unit=unit, overage=overage),
        )
        for quantity, model, kind in draw(pieces):
            dimensions = (("model", model), ("kind", kind)) if isinstance(priced_by, Matrix) else ()
            usage.append(Usage(key, quantity, dimensions))
    paying = [
        Grant(f"g{place}", unit, balance, priority, charges=charges)
        for place, (unit, balance, priority, charges) in enumerate(draw(grants))
    ]
    return Month(tuple(of), tuple(usage), tuple(paying))


@given(months())
def test_a_second_rater_in_fractions_agrees(month: Month) -> None:
    """Lines, what every grant paid, and the total, to the last digit."""
    rated = month.priced()

    lines, paid = slow_rater.slowly(month)
    # The slow rater puts the overage after its charge's usage lines, as the engine has to.
    assert [as_slow(line) for line in rated.lines] == lines
    assert {use.grant: Fraction(use.used) for use in rated.grants} == paid


def as_slow(line: Line) -> slow_rater.SlowLine:
    cost = line.exact if line.credits is None else line.credits
    is_overage = line.kind is LineKind.OVERAGE
    return slow_rater.SlowLine(
        line.charge or "",
        dict(line.dimensions),
        Fraction(line.quantity),
        Fraction(cost),
        is_overage=is_overage,
    )
