"""How recurring revenue moves, and how much of it is retained: by example, and by law."""

from decimal import Decimal
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from apps.backoffice.figures.movements import KINDS, movement, moves, retention

A, B, C, D, E, F = (UUID(int=number) for number in range(1, 7))
AMOUNTS = st.dictionaries(
    st.sampled_from([A, B, C, D, E, F]), st.decimals("0.01", 10_000, places=2), max_size=6
)


def amounts(**by_customer: str) -> dict[UUID, Decimal]:
    return {globals()[name]: Decimal(amount) for name, amount in by_customer.items()}


def test_each_customer_moves_in_one_way() -> None:
    """A grows by 20, B shrinks by 10, C stays, D leaves with 40, E is new with 70, F comes back with 5."""
    before = amounts(A="100", B="50", C="30", D="40")
    after = amounts(A="120", B="40", C="30", E="70", F="5")

    moved = movement(before, after, ever={F})

    assert {kind: str(moved.of(kind)) for kind in KINDS} == {
        "new": "70",
        "reactivation": "5",
        "expansion": "20",
        "contraction": "-10",
        "churn": "-40",
    }
    assert (moved.opening, moved.closing, moved.customers) == (Decimal(220), Decimal(265), 5)


def test_the_largest_moves_come_first() -> None:
    found = moves(amounts(A="100", B="50"), amounts(A="90", C="5"))

    assert [(move.customer_id, move.kind, move.amount) for move in found] == [
        (B, "churn", Decimal(-50)),
        (A, "contraction", Decimal(-10)),
        (C, "new", Decimal(5)),
    ]


@given(AMOUNTS, AMOUNTS, st.sets(st.sampled_from([A, B, C, D, E, F])))
def test_what_was_there_and_the_movements_come_to_what_is_there(
    before: dict[UUID, Decimal], after: dict[UUID, Decimal], ever: set[UUID]
) -> None:
    moved = movement(before, after, ever=ever)

    assert moved.opening == sum(before.values())
    assert moved.opening + sum(moved.of(kind) for kind in KINDS) == moved.closing == sum(after.values())
    assert all(moved.of(kind) >= 0 for kind in ("new", "reactivation", "expansion"))
    assert all(moved.of(kind) <= 0 for kind in ("contraction", "churn"))


def test_retention_is_of_those_who_were_there() -> None:
    """They brought 200: 120 + 60 = 180 now is 90% net; of what they brought 100 + 60 = 160 was kept, 80% gross."""
    then, now = amounts(A="100", B="80", C="20"), amounts(A="120", B="60", D="500")

    kept = retention(then, now)

    assert kept is not None
    assert (kept.net, kept.gross) == (Decimal("0.9"), Decimal("0.8"))


def test_nothing_is_retained_of_nothing() -> None:
    """A's credit notes outweighed its invoices then."""
    assert retention({}, amounts(A="5")) is None
    assert retention(amounts(A="-5"), amounts(A="5")) is None


@given(AMOUNTS, AMOUNTS)
def test_gross_retention_is_never_above_one_nor_above_net(
    then: dict[UUID, Decimal], now: dict[UUID, Decimal]
) -> None:
    kept = retention(then, now)

    assert kept is None or 0 <= kept.kept <= min(kept.before, kept.now)
