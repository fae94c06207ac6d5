"""Why an invoice differs from the one before: worked examples, and the law that the parts add up."""

from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from apps.invoices.compare import Effect, Item, Pair, Sort, explain, pairs

D = Decimal


def item(
    charge: str, quantity: str, amount: str, *, cell: str = "", sort: Sort = Sort.USAGE, exact: str = ""
) -> Item:
    return Item(
        charge=(charge,),
        cell=(("model", cell),) if cell else (),
        name=charge.title(),
        unit="tokens",
        sort=sort,
        quantity=D(quantity),
        amount=D(amount),
        exact=D(exact or amount),
    )


def test_more_use_at_the_same_price_is_volume() -> None:
    """100 at 2.00 = 200.00, then 130 at 2.00 = 260.00: 30 more x 2.00 = 60.00."""
    told = explain([item("calls", "100", "200.00")], [item("calls", "130", "260.00")], currency="USD")

    assert told.difference == D("60.00")
    assert told.parts == {Effect.VOLUME: D("60.00")}
    assert told.mover is not None
    assert (told.mover.name, told.mover.before, told.mover.now) == ("Calls", D(100), D(130))


def test_the_same_use_at_another_price_is_price() -> None:
    """100 at 2.00 = 200.00, then 100 at 1.80 = 180.00: 100 x -0.20 = -20.00."""
    told = explain([item("calls", "100", "200.00")], [item("calls", "100", "180.00")], currency="USD")

    assert told.parts == {Effect.PRICE: D("-20.00")}


def test_volume_and_price_are_told_apart() -> None:
    """100 at 2.00, then 150 at 1.80 = 270.00. Volume: 50 x 2.00 = 100.00; price: 150 x -0.20 = -30.00; in all 70.00."""
    told = explain([item("calls", "100", "200.00")], [item("calls", "150", "270.00")], currency="USD")

    assert told.parts == {Effect.VOLUME: D("100.00"), Effect.PRICE: D("-30.00")}


def test_use_that_moves_to_a_dearer_cell_is_mix() -> None:
    """Before 80 small at 1.00 and 20 large at 5.00: 180.00, on average 1.80. Now 50 and 50 at the same prices: 300.00.

    Volume: 0 x 1.80. Price: 0. Mix: 300.00 - 180.00 = 120.00.
    """
    before = [item("tokens", "80", "80.00", cell="small"), item("tokens", "20", "100.00", cell="large")]
    now = [item("tokens", "50", "50.00", cell="small"), item("tokens", "50", "250.00", cell="large")]

    assert explain(before, now, currency="USD").parts == {Effect.MIX: D("120.00")}


def test_all_three_at_once() -> None:
    """Before 80 x 1.00 + 20 x 5.00 = 180.00, on average 1.80. Now 100 x 0.90 + 50 x 5.00 = 340.00.

    Volume: 50 x 1.80 = 90.00. Price: 100 x -0.10 = -10.00. Mix: 160.00 - 90.00 + 10.00 = 80.00.
    """
    before = [item("tokens", "80", "80.00", cell="small"), item("tokens", "20", "100.00", cell="large")]
    now = [item("tokens", "100", "90.00", cell="small"), item("tokens", "50", "250.00", cell="large")]

    assert explain(before, now, currency="USD").parts == {
        Effect.VOLUME: D("90.00"),
        Effect.PRICE: D("-10.00"),
        Effect.MIX: D("80.00"),
    }


def test_what_is_new_gone_a_fee_a_discount_or_tax_stands_apart() -> None:
    """New 40.00, gone -25.00, fee +100.00, discount -10.00, tax +19.95: in all 124.95."""
    before = [item("old", "5", "25.00"), item("seats", "1", "100.00", sort=Sort.FEE)]
    now = [
        item("fresh", "4", "40.00"),
        item("seats", "2", "200.00", sort=Sort.FEE),
        item("discount", "1", "-10.00", sort=Sort.OTHER),
    ]

    told = explain(before, now, tax=D("19.95"), currency="USD")

    assert told.difference == D("124.95")
    assert told.parts == {
        Effect.NEW: D("40.00"),
        Effect.GONE: D("-25.00"),
        Effect.FEES: D("100.00"),
        Effect.OTHER: D("-10.00"),
        Effect.TAX: D("19.95"),
    }


def test_a_cent_of_rounding_is_no_change_of_price() -> None:
    """1,234 at 0.001 = 1.234, billed 1.23; 2,345 at 0.001 = 2.345, billed 2.35: the 1.12 are all volume."""
    before = [item("calls", "1234", "1.23", exact="1.234")]
    now = [item("calls", "2345", "2.35", exact="2.345")]

    assert explain(before, now, currency="USD").parts == {Effect.VOLUME: D("1.12")}


def test_nothing_that_changes_has_no_parts() -> None:
    told = explain([item("calls", "1", "2.00")], [item("calls", "1", "2.00")], currency="USD")

    assert (told.difference, dict(told.parts), told.mover) == (D("0.00"), {}, None)


def test_lines_stand_side_by_side_by_charge_and_cell() -> None:
    before = [item("tokens", "80", "80.00", cell="small"), item("gone", "1", "7.00")]
    now = [item("tokens", "50", "250.00", cell="large"), item("tokens", "90", "90.00", cell="small")]

    found = pairs(before, now)

    def told(pair: Pair) -> tuple[object, ...]:
        return (
            pair.name,
            dict(pair.cell).get("model"),
            pair.before and pair.before.amount,
            pair.now and pair.now.amount,
            pair.difference,
        )

    assert [told(pair) for pair in found] == [
        ("Tokens", "large", None, D("250.00"), D("250.00")),
        ("Tokens", "small", D("80.00"), D("90.00"), D("10.00")),
        ("Gone", None, D("7.00"), None, D("-7.00")),
    ]


items = st.lists(
    st.builds(
        Item,
        charge=st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(["own", "child"])),
        cell=st.sampled_from([(), (("model", "x"),), (("model", "y"),)]),
        name=st.just("Line"),
        unit=st.just(""),
        sort=st.sampled_from(Sort),
        quantity=st.decimals(-1000, 10**9, places=6),
        amount=st.decimals(-(10**6), 10**6, places=2),
        exact=st.decimals(-(10**6), 10**6, places=9),
    ),
    max_size=6,
)


@given(items, items, st.decimals(-1000, 1000, places=2))
def test_the_parts_add_up_to_the_difference(before: list[Item], now: list[Item], tax: Decimal) -> None:
    told = explain(before, now, tax=tax, currency="USD")

    difference = sum(one.amount for one in now) - sum(one.amount for one in before) + tax
    assert told.difference == difference
    assert sum(told.parts.values()) == difference


@given(items, items)
def test_looked_at_backwards_the_difference_turns_round(before: list[Item], now: list[Item]) -> None:
    there = explain(before, now, currency="USD")
    back = explain(now, before, currency="USD")

    assert there.difference == -back.difference
    assert sum(pair.difference for pair in pairs(before, now)) == there.difference


def test_a_price_is_of_the_exact_amount() -> None:
    """510 tokens for 0.0025 are billed at 0.00, and yet not free."""
    (pair,) = pairs([], [item("tokens", "510", "0.00", exact="0.00255")])

    assert pair.now
    assert pair.now.price == Fraction("0.000005")
