"""Sharing what a pool comes to: by quantity, what is agreed around it by what each pays, to the cent."""

from datetime import date
from decimal import Decimal
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from apps.core.periods import Period
from apps.invoices.shares import Group, quantities, shared, split
from apps.rating.engine import rate
from apps.rating.lines import Line
from apps.rating.price_models.base import Tier
from apps.rating.price_models.graduated import Graduated
from apps.rating.price_models.matrix import Cell, Matrix
from apps.rating.price_models.per_unit import PerUnit
from apps.rating.terms import Charge, ChargeKind, Commitment, Discount, Fee, Terms
from apps.rating.usage import Usage

OCTOBER = Period(date(2026, 10, 1), date(2026, 11, 1), "UTC")
PARENT, LABS, SHOP = (UUID(int=nth) for nth in range(1, 4))
TIERS = Graduated((Tier(Decimal(100), Decimal(1)), Tier(None, Decimal("0.5"))))
BY_MODEL = Matrix(
    ("model",), (Cell((("model", "large"),), PerUnit(Decimal("0.003"))),), PerUnit(Decimal("0.001"))
)
CALLS = Charge("calls", "Calls", TIERS, minimum=Decimal(80))
TOKENS = Charge("tokens", "Tokens", BY_MODEL, maximum=Decimal(20))
FEE = Charge("fee", "Fee", Fee(Decimal("33.33")), ChargeKind.RECURRING)


def terms(*charges: Charge, percent: str = "0", minimum: str = "0") -> Terms:
    return Terms(
        "USD",
        OCTOBER,
        charges,
        discounts=(Discount("loyal", percent=Decimal(percent), name="Loyalty"),),
        commitments=(Commitment("min", Decimal(minimum)),),
    )


def shares_of(agreed: Terms, used: dict[UUID, list[Usage]]) -> dict[UUID, tuple[Line, ...]]:
    everything = [one for of_account in used.values() for one in of_account]
    groups = [Group(account, quantities(agreed, of_account)) for account, of_account in used.items()]
    return shared(rate(agreed, everything), agreed, groups)


def amounts(lines: tuple[Line, ...]) -> list[tuple[str, Decimal]]:
    return [(line.kind.value, line.amount.amount) for line in lines]


def test_usage_is_shared_by_quantity_and_fees_stay_with_the_parent() -> None:
    """200 calls are 100 + 100 x 0.5 = 150: 50 of 200 of it are 37.50, and 150 of 200 are 112.50."""
    used = {PARENT: [Usage("calls", Decimal(50))], LABS: [Usage("calls", Decimal(150))]}

    found = shares_of(terms(CALLS, FEE), used)

    assert amounts(found[PARENT]) == [("usage", Decimal("37.50")), ("recurring", Decimal("33.33"))]
    assert amounts(found[LABS]) == [("usage", Decimal("112.50"))]


def test_minimum_discount_and_true_up_are_shared_by_what_each_pays() -> None:
    """30 and 10 calls are 30.00 and 10.00; the minimum of 80 adds 40: 30 and 10. 10% off 60 and 20 are 6 and 2.

    Of 100 that were committed 72 are counted: 28 more, by 54 to 18: 21 and 7.
    """
    used = {PARENT: [Usage("calls", Decimal(30))], LABS: [Usage("calls", Decimal(10))]}

    found = shares_of(terms(CALLS, percent="10", minimum="100"), used)

    assert amounts(found[PARENT]) == [
        ("usage", Decimal(30)),
        ("minimum", Decimal(30)),
        ("discount", Decimal(-6)),
        ("true_up", Decimal(21)),
    ]
    assert amounts(found[LABS]) == [
        ("usage", Decimal(10)),
        ("minimum", Decimal(10)),
        ("discount", Decimal(-2)),
        ("true_up", Decimal(7)),
    ]


@given(
    st.lists(st.integers(0, 500), min_size=3, max_size=3),
    st.lists(st.integers(0, 9999), min_size=6, max_size=6),
    st.sampled_from(["0", "7.5", "33.3", "100"]),
    st.sampled_from(["0", "77.77", "1000"]),
)
def test_shares_add_up_to_the_whole_line_by_line(
    calls: list[int], tokens: list[int], percent: str, minimum: str
) -> None:
    agreed = terms(CALLS, TOKENS, FEE, percent=percent, minimum=minimum)
    used = {
        account: [
            Usage("calls", Decimal(calls[nth])),
            Usage("tokens", Decimal(tokens[2 * nth]), (("model", "large"),)),
            Usage("tokens", Decimal(tokens[2 * nth + 1]), (("model", "small"),)),
        ]
        for nth, account in enumerate((PARENT, LABS, SHOP))
    }
    whole = rate(agreed, [one for of_account in used.values() for one in of_account])

    found = shares_of(agreed, used)

    for line in whole.lines:
        parts = [part for of_account in found.values() for part in of_account if _same(part, line)]
        assert sum(part.amount.amount for part in parts) == line.amount.amount
        assert all(sum(Decimal(str(step.amount)) for step in part.steps) == part.exact for part in parts)


@given(st.integers(-10_000, 10_000), st.lists(st.decimals(0, 1000, places=3), min_size=1, max_size=6))
def test_no_share_is_a_whole_unit_off(cents: int, weights: list[Decimal]) -> None:
    amount = Decimal(cents).scaleb(-2)

    parts = split(amount, weights, digits=2)

    assert sum(parts) == amount
    if sum(weights):
        off = [
            abs(part - amount * weight / sum(weights)) for part, weight in zip(parts, weights, strict=True)
        ]
        assert max(off) < Decimal("0.01")


def _same(part: Line, line: Line) -> bool:
    return (part.charge, part.key, part.kind, part.dimensions) == (
        line.charge,
        line.key,
        line.kind,
        line.dimensions,
    )
