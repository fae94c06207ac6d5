"""Laws of sharing out: nothing is lost, and the order of lines changes no sum."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from apps.invoices.tax_shares import parts, ratio, shared, sums, taxes

CENT = Decimal("0.01")
amounts = st.decimals(-(10**6), 10**6, places=2)
percents = st.decimals(0, 40, places=3)
lines = st.lists(st.tuples(amounts, st.sampled_from(["a", "b", "c", None])), max_size=12)
Lines = Sequence[tuple[Decimal, str | None]]


def split(found: Lines) -> dict[str, Decimal]:
    return dict(sums(parts(found, otherwise="a", order=["a", "b", "c"], currency="EUR")))


def test_a_discount_on_all_is_spread_by_what_each_class_comes_to() -> None:
    """10.00 off of 60.00 at one rate and 30.00 at another: 6.67 and 3.33 (10 x 60/90 = 6.666...)."""
    found = split([(Decimal(60), "a"), (Decimal(30), "b"), (Decimal(-10), None)])

    assert found == {"a": Decimal("53.33"), "b": Decimal("26.67")}


def test_what_has_nothing_to_be_spread_over_is_of_the_default() -> None:
    assert split([(Decimal(-10), None), (Decimal(-5), "b")]) == {"a": Decimal(-10), "b": Decimal(-5)}


@given(lines)
def test_parts_add_up_to_their_lines(found: Lines) -> None:
    made = parts(found, otherwise="a", order=["a", "b", "c"], currency="EUR")

    for place, (amount, _) in enumerate(found):
        assert sum((part.amount for part in made if part.line == place), Decimal(0)) == amount


@given(lines, st.randoms())
def test_the_order_of_lines_changes_no_sum(found: Lines, randoms: "st.DrawFn") -> None:
    mixed = list(found)
    randoms.shuffle(mixed)  # type: ignore[attr-defined]

    assert split(mixed) == split(found)


@given(st.lists(amounts, max_size=20), percents)
def test_shares_add_up_to_the_tax_on_the_sum_rounded_once(found: list[Decimal], percent: Decimal) -> None:
    part = ratio(percent, is_included=False)

    made = sum(taxes(found, part, currency="EUR", is_by_line=False), Decimal(0))

    assert abs(Fraction(made) - Fraction(sum(found, Decimal(0))) * part) <= Fraction(CENT) / 2


@given(st.lists(amounts, max_size=20), percents)
def test_by_line_and_by_invoice_differ_by_half_a_cent_a_line(found: list[Decimal], percent: Decimal) -> None:
    part = ratio(percent, is_included=False)

    once = sum(taxes(found, part, currency="EUR", is_by_line=False), Decimal(0))
    each = sum(taxes(found, part, currency="EUR", is_by_line=True), Decimal(0))

    assert abs(once - each) <= (len(found) + 1) * CENT / 2


@given(st.decimals(0, 10**6, places=2), percents)
def test_of_an_inclusive_price_net_and_tax_make_the_gross(gross: Decimal, percent: Decimal) -> None:
    (tax,) = taxes([gross], ratio(percent, is_included=True), currency="EUR", is_by_line=False)

    net = gross - tax
    assert abs(Fraction(net) * Fraction(percent) / 100 - Fraction(tax)) <= Fraction(CENT)


@given(amounts, st.lists(st.fractions(Fraction(1, 100), 100), min_size=1, max_size=6))
def test_shares_add_up_to_what_is_shared(amount: Decimal, weights: list[Fraction]) -> None:
    assert sum(shared(amount, weights, "EUR"), Decimal(0)) == amount
