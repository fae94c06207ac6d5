"""Random prices, terms and usage of an October, small enough that they meet each other's edges."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from hypothesis import strategies as st

from apps.rating.changes import place_on, segments_of
from apps.rating.engine import rate
from apps.rating.lines import Rated
from apps.rating.price_models.base import PriceModel, Tier
from apps.rating.price_models.dated import Dated
from apps.rating.price_models.dynamic import Dynamic
from apps.rating.price_models.graduated import Graduated
from apps.rating.price_models.graduated_percentage import GraduatedPercentage, RateTier
from apps.rating.price_models.matrix import Cell, Matrix
from apps.rating.price_models.package import Package
from apps.rating.price_models.per_seat import PerSeat
from apps.rating.price_models.per_unit import PerUnit
from apps.rating.price_models.percentage import Percentage
from apps.rating.price_models.stairstep import Stair, Stairstep
from apps.rating.price_models.volume import Volume
from apps.rating.terms import (
    EVENT_KINDS,
    Allowance,
    Change,
    Charge,
    ChargeKind,
    Commitment,
    Discount,
    Fee,
    Grant,
    Terms,
)
from apps.rating.usage import Event, Usage
from tests.rating.cases import OCTOBER

quantities = st.integers(0, 10**7).map(lambda n: Decimal(n).scaleb(-2))
amounts = st.integers(0, 10**6).map(lambda n: Decimal(n).scaleb(-5))
sizes = st.integers(1, 10**5).map(lambda n: Decimal(n).scaleb(-1))
money = st.integers(0, 10**6).map(lambda n: Decimal(n).scaleb(-2))
days = st.integers(0, 30).map(lambda n: OCTOBER.starts_on + timedelta(n))
optional_amounts = st.none() | amounts


def bounds() -> st.SearchStrategy[tuple[Decimal | None, Decimal | None]]:
    return st.tuples(optional_amounts, optional_amounts).map(
        lambda pair: (min(pair), max(pair)) if None not in pair else pair  # type: ignore[type-var]
    )


@st.composite
def ends(draw: st.DrawFn) -> list[Decimal | None]:
    return [*map(Decimal, sorted(draw(st.sets(st.integers(1, 10**4), max_size=3)))), None]


@st.composite
def tiers(draw: st.DrawFn, *, packages: bool = True) -> tuple[Tier, ...]:
    size = st.none() | sizes if packages else st.none()
    return tuple(Tier(end, draw(amounts), draw(amounts), draw(size)) for end in draw(ends()))


@st.composite
def stairs(draw: st.DrawFn) -> tuple[Stair, ...]:
    return tuple(Stair(end, draw(amounts)) for end in draw(ends()))


@st.composite
def rate_tiers(draw: st.DrawFn) -> tuple[RateTier, ...]:
    return tuple(RateTier(end, draw(amounts), draw(amounts)) for end in draw(ends()))


@st.composite
def rising_tiers(draw: st.DrawFn) -> tuple[Tier, ...]:
    """Tiers whose prices rise with them, so that reaching one never makes a volume price fall."""
    up_to = draw(ends())
    units, flats = (sorted(draw(st.lists(amounts, min_size=len(up_to), max_size=len(up_to)))) for _ in "ab")
    return tuple(Tier(*tier) for tier in zip(up_to, units, flats, strict=True))


per_unit = st.builds(PerUnit, amounts)
graduated = st.builds(Graduated, tiers())
graduated_percentage = st.builds(GraduatedPercentage, rate_tiers())
package = st.builds(Package, sizes, amounts, quantities)
volume = st.builds(Volume, tiers())
stairstep = st.builds(Stairstep, stairs())
by_quantity: st.SearchStrategy[PriceModel] = st.one_of(
    per_unit, graduated, graduated_percentage, package, volume, stairstep
)
percentage = st.builds(
    lambda rate, fixed, events, free, held: Percentage(rate, fixed, Decimal(events), free, *held),
    *(amounts, amounts, st.integers(0, 3), quantities, bounds()),
)
dynamic = bounds().map(lambda held: Dynamic(*held))
by_event: st.SearchStrategy[PriceModel] = st.one_of(percentage, dynamic)
per_seat: st.SearchStrategy[PriceModel] = st.builds(PerSeat, amounts)
any_price: st.SearchStrategy[PriceModel] = st.one_of(by_quantity, by_quantity, by_event)


@st.composite
def dated(draw: st.DrawFn, price: st.SearchStrategy[PriceModel]) -> Dated:
    return Dated(((date.min, draw(price)), (draw(days), draw(price))))


DIMENSIONS = ("model", "kind")
values = st.sampled_from(["x", "y", "*"])
matches = st.tuples(values, values).map(lambda pair: tuple(zip(DIMENSIONS, pair, strict=True)))


@st.composite
def matrices(draw: st.DrawFn, price: st.SearchStrategy[PriceModel]) -> Matrix:
    one = price | dated(price)
    cells = draw(st.lists(st.builds(Cell, matches, one), max_size=3, unique_by=lambda cell: cell.match))
    return Matrix(DIMENSIONS, tuple(cells), draw(one))


@st.composite
def usage_charges(draw: st.DrawFn, key: str) -> Charge:
    in_credits, is_matrix = draw(st.booleans()), draw(st.booleans())
    models = draw(st.sampled_from([by_quantity, any_price if in_credits else any_price | per_seat]))
    # A percentage or dynamic price takes no included quantity.
    included = quantities if models is by_quantity else st.just(Decimal(0))
    price = matrices(models) if is_matrix else models | dated(models)
    starts = sorted(draw(st.sets(days.filter(lambda day: day != OCTOBER.starts_on), max_size=2)))
    lowest, highest = sorted((draw(money), draw(money)))
    return Charge(
        key,
        key,
        draw(price),
        included=draw(included),
        minimum=None if in_credits else draw(st.none() | st.just(lowest)),
        maximum=None if in_credits else draw(st.none() | st.just(highest)),
        credit_unit="credits" if in_credits else None,
        overage=draw(st.none() | per_unit | graduated | volume | stairstep | package) if in_credits else None,
        changes=tuple(Change(day, draw(price), draw(included)) for day in starts),
        restarts=draw(st.booleans()),
    )


@dataclass(frozen=True, slots=True)
class Deal:
    """Terms of an October and the usage under them."""

    terms: Terms
    usage: tuple[Usage, ...]

    def priced(self) -> Rated:
        return rate(self.terms, self.usage)


@st.composite
def entries(draw: st.DrawFn, charge: Charge) -> Usage:
    """Usage of a charge, with what the price of its day and values asks for."""
    day, model, kind = draw(days), draw(st.sampled_from("xyz")), draw(st.sampled_from("xyz"))
    dimensions = {"model": model, "kind": kind}
    price = segments_of(charge, OCTOBER)[place_on(charge, day)].price
    is_matrix = isinstance(price, Matrix)
    found = price.price_for(dimensions) if isinstance(price, Matrix) else price
    one = found.prices[found.place_on(day) or 0][1] if isinstance(found, Dated) else found
    entry = Usage(charge.key, draw(quantities), tuple(dimensions.items()) if is_matrix else (), day=day)
    if not isinstance(one, Fee) and one is not None and one.kind in EVENT_KINDS:
        events = tuple(draw(st.lists(st.builds(Event, quantities, amounts), max_size=3)))
        return replace(entry, quantity=sum((event.quantity for event in events), Decimal(0)), events=events)
    return entry


def named(keys: str) -> st.SearchStrategy[tuple[str, ...]]:
    return st.sets(st.sampled_from(keys), max_size=2).map(lambda some: tuple(sorted(some)))


@st.composite
def deals(draw: st.DrawFn) -> Deal:
    charges = [draw(usage_charges("a")), draw(usage_charges("b"))]
    usage = [draw(entries(charge)) for charge in charges for _ in range(draw(st.integers(0, 4)))]
    charges.append(Charge("f", "f", Fee(draw(money)), ChargeKind.RECURRING))
    shareable = tuple(charge.key for charge in charges[:2] if not charge.kinds & EVENT_KINDS)
    discounts = [
        Discount(f"d{nth}", percent, None if percent is not None else draw(money), charges=draw(named("abf")))
        for nth, percent in enumerate(
            draw(st.lists(st.none() | st.integers(0, 100).map(Decimal), max_size=3))
        )
    ]
    commitments = [
        Commitment(f"c{nth}", draw(money), counts=draw(named("abf")), counted_before=draw(money))
        for nth in range(draw(st.integers(0, 2)))
    ]
    grants = [
        Grant(f"g{nth}", unit, draw(money), draw(st.none() | st.integers(1, 2)), charges=draw(named("abf")))
        for nth, unit in enumerate(draw(st.lists(st.sampled_from(["USD", "credits"]), max_size=3)))
    ]
    allowances = [
        Allowance(f"p{nth}", "Pool", draw(quantities), shareable)
        for nth in range(draw(st.integers(0, 2)) if shareable else 0)
    ]
    parts = (tuple(part) for part in (charges, discounts, commitments, grants, allowances))
    return Deal(Terms("USD", OCTOBER, *parts), tuple(usage))  # type: ignore[arg-type]
