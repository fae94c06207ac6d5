"""Worked examples of each price model, from the public pricing format."""

from collections.abc import Callable

import pytest

from apps.rating.price_models.base import PriceModel
from apps.rating.price_models.graduated import Graduated
from apps.rating.price_models.package import Package
from apps.rating.price_models.per_unit import PerUnit
from apps.rating.price_models.volume import Volume
from tests.rating.cases import GRADUATED, D, price, tier, usage_charge, use


def amount(model: PriceModel, quantity: str, included: str = "0") -> str:
    return str(price(usage_charge(model, included=D(included)), usage=[use(quantity)]).total)


@pytest.mark.parametrize(
    ("quantity", "total"),
    [("0", "0.00 USD"), ("1000", "105.00 USD"), ("1000.5", "107.04 USD"), ("1500", "147.00 USD")],
)
def test_graduated_prices_each_unit_in_its_tier(quantity: str, total: str) -> None:
    """1000 at 0.10 with 5 flat, then 0.08 with 2 flat: 1500 -> 105 + 42; the edge belongs to the first tier.

    1000.5 -> 105 + 0.5 x 0.08 + 2 = 107.04; nothing used enters no tier.
    """
    assert amount(GRADUATED, quantity) == total


def test_volume_prices_all_units_in_the_tier_of_the_total() -> None:
    """1500 x 0.08 + 2 = 122.00; 1000 stays in the first tier: 1000 x 0.10 + 5 = 105.00."""
    assert amount(Volume(GRADUATED.tiers), "1500") == "122.00 USD"
    assert amount(Volume(GRADUATED.tiers), "1000") == "105.00 USD"
    assert amount(Volume(GRADUATED.tiers), "0") == "0.00 USD"


def test_included_units_come_off_before_the_tiers() -> None:
    """600 of 1500 are included; 900 x 0.10 + 5 = 95.00, and the line tells of all 1500."""
    rated = price(usage_charge(GRADUATED, included=D("600")), usage=[use("1500")])

    (line,) = rated.lines
    assert (str(line.amount), line.quantity) == ("95.00 USD", D("1500"))
    assert [step.quantity for step in line.steps] == [D("600"), D("900")]


def test_tiers_may_sell_by_the_package() -> None:
    """1001 with packages of 300 up to 1000 and of 1000 beyond: 4 x 3 + 1 x 10 = 22.00."""
    tiers = Graduated((tier("1000", "3", package="300"), tier(None, "10", package="1000")))

    assert amount(tiers, "1001") == "22.00 USD"


@pytest.mark.parametrize(
    ("quantity", "total"),
    [("0", "0.00 USD"), ("250", "0.00 USD"), ("251", "0.50 USD"), ("350", "0.50 USD"), ("351", "1.00 USD")],
)
def test_packages_are_started_beyond_the_free_units(quantity: str, total: str) -> None:
    """Packages of 100 at 0.50 after 250 free units: 251 starts one, 350 fills it, 351 starts another."""
    assert amount(Package(D("100"), D("0.50"), D("250")), quantity) == total


def test_per_unit_is_quantity_times_amount_rounded_once() -> None:
    """1,000 x 0.000005 = 0.005, a half, so 0.01; as two entries of 500 it is the same line, not 0.00 + 0.00."""
    assert amount(PerUnit(D("0.000005")), "1000") == "0.01 USD"
    assert str(price(usage_charge(PerUnit(D("0.000005"))), usage=[use(500), use(500)]).total) == "0.01 USD"


def test_a_token_price_keeps_every_digit() -> None:
    """123,456,789,012.123456 x 0.000000075123456789 has 24 decimals; the usual 28 digits would drop some."""
    rated = price(usage_charge(PerUnit(D("0.000000075123456789"))), usage=[use("123456789012.123456")])

    assert rated.lines[0].exact == D("9274.500754660946443949342784")
    assert str(rated.total) == "9274.50 USD"


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (lambda: Graduated(()), "at least one tier"),
        (lambda: Graduated((tier("10", "1"),)), "without end"),
        (lambda: Volume((tier("10", "1"), tier("10", "1"), tier(None, "1"))), "must end above 10"),
        (lambda: Graduated((tier(None, "1"), tier(None, "1"))), "must end above 0"),
        (lambda: tier("10", "-1"), "unit_amount is -1"),
        (lambda: tier("10", "1", package="0"), "above 0"),
        (lambda: Package(D("0"), D("1")), "package_size must be above 0"),
        (lambda: Package(D("1"), D("-1")), "package_amount is -1"),
        (lambda: PerUnit(D("-0.01")), "must not be negative"),
    ],
)
def test_a_broken_price_is_refused_by_name(broken: Callable[[], object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        broken()
