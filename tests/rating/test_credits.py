"""Charges in a credit unit, grants and overage."""

from datetime import date
from decimal import Decimal

from apps.rating.price_models.matrix import Cell, Matrix
from apps.rating.price_models.per_unit import PerUnit
from apps.rating.terms import Grant
from tests.rating.cases import ONE, D, price, usage_charge, use

HALF = PerUnit(D("0.5"))
CENTS = PerUnit(D("0.02"))


def grant(
    key: str,
    balance: str,
    unit: str = "credits",
    *,
    expires_on: date | None = None,
    priority: int | None = None,
    cost: str = "0",
    charges: tuple[str, ...] = (),
) -> Grant:
    return Grant(key, unit, D(balance), priority, expires_on, D(cost), charges)


def test_grants_pay_in_burn_order_and_the_rest_is_overage() -> None:
    """301 x 0.5 = 150.5 credits: g2 (priority 1) pays 30, g1 100, uncovered 20.5 x 0.02 = 0.41."""
    rated = price(
        usage_charge(HALF, credit_unit="credits", overage=CENTS),
        usage=[use(301)],
        grants=(grant("g1", "100", priority=2), grant("g2", "30", priority=1)),
    )

    usage, overage = rated.lines
    assert (str(usage.amount), usage.credits, usage.uncovered) == ("0.00 USD", D("150.5"), D("20.5"))
    assert (str(overage.amount), overage.quantity, overage.exact) == ("0.41 USD", D("20.5"), D("0.41"))
    assert [(each.grant, each.used, each.left) for each in rated.grants] == [
        ("g1", D(100), D(0)),
        ("g2", D(30), D(0)),
    ]


def burned(*grants: Grant, wanted: int = 1) -> dict[str, Decimal]:
    rated = price(usage_charge(ONE, credit_unit="credits"), usage=[use(wanted)], grants=grants)
    return {each.grant: each.used for each in rated.grants if each.used}


def test_the_order_of_burn() -> None:
    """Priority, then expiry, then grants that cost nothing, then list order; what has none comes last."""
    assert burned(grant("none", "9"), grant("first", "9", priority=1)) == {"first": 1}
    assert burned(grant("never", "9"), grant("soon", "9", expires_on=date(2027, 1, 1))) == {"soon": 1}
    assert burned(grant("paid", "9", cost="5"), grant("gift", "9")) == {"gift": 1}
    assert burned(grant("older", "9"), grant("newer", "9")) == {"older": 1}


def test_a_grant_that_expires_by_the_first_day_pays_nothing_and_a_later_one_is_whole() -> None:
    assert burned(grant("gone", "9", expires_on=date(2026, 10, 1))) == {}
    assert burned(grant("whole", "9", expires_on=date(2026, 10, 2)), wanted=9) == {"whole": 9}


def test_a_grant_pays_for_the_charges_that_it_names() -> None:
    rated = price(
        usage_charge(ONE, "a", credit_unit="credits"),
        usage_charge(ONE, "b", credit_unit="credits"),
        usage=[use(5, "a"), use(5, "b")],
        grants=(grant("for-b", "9", charges=("b",)), grant("elsewhere", "9", "tokens")),
    )

    assert [line.uncovered for line in rated.lines] == [D(5), D(0)]
    assert [each.left for each in rated.grants] == [D(4), D(9)]


def test_a_grant_in_the_currency_pays_what_is_left_and_is_not_a_line() -> None:
    """100.00 and 30.00 owed; 110 of credit for all: 100 + 10, so 20.00 is left to pay."""
    rated = price(
        usage_charge(ONE, "a"),
        usage_charge(ONE, "b"),
        usage=[use(100, "a"), use(30, "b")],
        grants=(grant("usd", "110", "USD"),),
    )

    assert (str(rated.subtotal), str(rated.credits_applied), str(rated.total)) == (
        "130.00 USD",
        "110.00 USD",
        "20.00 USD",
    )


def test_currency_grants_keep_to_their_charges_and_never_pay_more_than_is_owed() -> None:
    rated = price(
        usage_charge(ONE, "a"),
        usage_charge(ONE, "b"),
        usage=[use(10, "a"), use(10, "b")],
        grants=(grant("for-b", "50", "USD", charges=("b",)), grant("any", "5", "USD")),
    )

    assert [each.used for each in rated.grants] == [D(10), D(5)]
    assert str(rated.total) == "5.00 USD"


def test_credits_that_nothing_covers_cost_nothing_without_an_overage_price() -> None:
    (line,) = price(usage_charge(HALF, credit_unit="credits"), usage=[use(10)]).lines

    assert (str(line.amount), line.credits, line.uncovered) == ("0.00 USD", D(5), D(5))


def test_a_grant_in_the_currency_pays_overage_as_its_charge() -> None:
    """100 x 0.5 = 50 credits, none granted: 50 x 0.02 = 1.00, of which the charge's own grant pays 0.40."""
    rated = price(
        usage_charge(HALF, credit_unit="credits", overage=CENTS),
        usage=[use(100)],
        grants=(grant("usd", "0.40", "USD", charges=("use",)),),
    )

    assert (str(rated.subtotal), str(rated.total)) == ("1.00 USD", "0.60 USD")


def test_overage_is_one_line_for_all_cells() -> None:
    """Two cells at 1 credit: 3 + 4 uncovered, 7 x 0.02 = 0.14."""
    cells = tuple(Cell((("model", name),), ONE) for name in "ab")
    rated = price(
        usage_charge(Matrix(("model",), cells), credit_unit="credits", overage=CENTS),
        usage=[use(3, model="a"), use(4, model="b")],
    )

    assert [str(line.amount) for line in rated.lines] == ["0.00 USD", "0.00 USD", "0.14 USD"]
    assert rated.lines[-1].quantity == D(7)
