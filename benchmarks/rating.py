"""Pricing on one core: lines a second for typical contracts, and one contract of a thousand matrix cells."""

import time
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal, localcontext
from itertools import product

from apps.core.money import EXACT, rounded_to_minor_unit
from apps.core.periods import Period
from apps.rating.engine import rate
from apps.rating.price_models.base import Tier
from apps.rating.price_models.graduated import Graduated
from apps.rating.price_models.matrix import Cell, Matrix
from apps.rating.price_models.package import Package
from apps.rating.price_models.per_unit import PerUnit
from apps.rating.price_models.stairstep import Stair, Stairstep
from apps.rating.terms import Charge, ChargeKind, Commitment, Discount, Fee, Grant, Terms
from apps.rating.usage import Usage
from benchmarks.harness import Context, Figure, percentile

OCTOBER = Period(date(2026, 10, 1), date(2026, 11, 1), "UTC")
TOKEN = Decimal("0.000003")
QUANTITY = Decimal(12_345_678)
FLOOR_NAME = "as many times the bare arithmetic: multiply two decimals and round to the cent"

_Contract = tuple[Terms, Sequence[Usage]]


def measure(context: Context) -> list[Figure]:
    """Price the same contracts again and again, by turns with the bare arithmetic of as many lines."""
    typical = [_tokens(models=6), _seats_and_tiers(), _credits()]
    lines = sum(len(rate(*contract).lines) for contract in typical)
    cells = _tokens(models=250)
    assert len(rate(*cells).lines) == 1000, "a line for each cell"

    took, floor = _by_turns(lambda: _rate_all(typical), lambda: _bare(lines), context.seconds / 2)
    took_cells, floor_cells = _by_turns(lambda: rate(*cells), lambda: _bare(1000), context.seconds / 2)
    return [
        Figure(
            "priced lines of typical contracts, one core",
            lines / took,
            "lines/s",
            floor=lines / floor,
            floor_name=FLOOR_NAME,
            note=f"{len(typical)} contracts of {lines} lines: tokens by model and kind, seats with tiers and a commitment, "
            "credits with overage; median",
        ),
        Figure(
            "a contract of 1,000 matrix cells, median",
            took_cells * 1000,
            "ms",
            floor=floor_cells * 1000,
            floor_name=FLOOR_NAME,
            better="lower",
        ),
    ]


def _tokens(*, models: int) -> _Contract:
    """Tokens priced by model and kind, each cell used."""
    kinds = ("input", "output", "cached", "reasoning")
    values = [(("model", f"model-{model}"), ("kind", kind)) for model, kind in product(range(models), kinds)]
    matrix = Matrix(("model", "kind"), tuple(Cell(match, PerUnit(TOKEN)) for match in values))
    return (
        Terms("USD", OCTOBER, (Charge("tokens", "Tokens", matrix),)),
        [Usage("tokens", QUANTITY, match) for match in values],
    )


def _seats_and_tiers() -> _Contract:
    """A fee and usage in tiers with all that is agreed around them."""
    tiers = (Tier(Decimal(1000), Decimal("0.1"), Decimal(5)), Tier(None, Decimal("0.08"), Decimal(2)))
    stairs = (Stair(Decimal(1000), Decimal(20)), Stair(None, Decimal(50)))
    charges = (
        Charge("seats", "Seats", Fee(Decimal(30), Decimal(25)), ChargeKind.RECURRING),
        Charge("calls", "Calls", Graduated(tiers), included=Decimal(500)),
        Charge("pages", "Pages", Package(Decimal(1000), Decimal("0.5"), Decimal(100)), minimum=Decimal(10)),
        Charge("mail", "Mail", Stairstep(stairs)),
    )
    terms = Terms(
        "USD",
        OCTOBER,
        charges,
        discounts=(Discount("launch", Decimal(10)),),
        commitments=(Commitment("floor", Decimal(1000)),),
        grants=(Grant("gift", "USD", Decimal(100)),),
    )
    return terms, [Usage(key, Decimal(1500)) for key in ("calls", "pages", "mail")]


def _credits() -> _Contract:
    """Usage priced in credits, of which grants cover a part."""
    charges = tuple(
        Charge(key, key, PerUnit(Decimal("0.5")), credit_unit="credits", overage=PerUnit(Decimal("0.02")))
        for key in ("chat", "image", "speech")
    )
    grants = (Grant("paid", "credits", Decimal(500), 2), Grant("gift", "credits", Decimal(100), 1))
    return Terms("USD", OCTOBER, charges, grants=grants), [
        Usage(charge.key, Decimal(1001)) for charge in charges
    ]


def _rate_all(contracts: Sequence[_Contract]) -> None:
    for contract in contracts:
        rate(*contract)


def _bare(times: int) -> None:
    with localcontext(EXACT):
        for _ in range(times):
            rounded_to_minor_unit(QUANTITY * TOKEN, "USD")


def _by_turns(work: Callable[[], object], floor: Callable[[], object], length: float) -> tuple[float, float]:
    """Return the median seconds of each; by turns, so that whatever else the machine does slows down both."""
    took: list[float] = []
    took_floor: list[float] = []
    until = time.perf_counter() + length
    while time.perf_counter() < until or not took:
        took.append(_seconds(work))
        took_floor.append(_seconds(floor))
    return percentile(took, 0.5), percentile(took_floor, 0.5)


def _seconds(work: Callable[[], object]) -> float:
    # The time of this process alone: what one core does, whatever else the machine is busy with.
    begun = time.process_time()
    work()
    return time.process_time() - begun
