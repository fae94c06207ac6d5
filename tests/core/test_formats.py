"""Figures, days and instants as readers see them."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from apps.core import formats
from apps.core.money import Money

NOON = datetime(2026, 11, 23, 12, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("amount", "currency", "locale", "written"),
    [
        ("1619.565", "USD", "en", "$1,619.57"),
        ("1619.565", "USD", "de", "1.619,57\u00a0$"),
        ("1619.565", "EUR", "fr", "1\u00a0619,57\u00a0€"),
        ("1619.565", "EUR", "es", "1.619,57\u00a0€"),
        ("-1234.5", "EUR", "en", "\u2212€1,234.50"),
        ("1234.5", "JPY", "en", "¥1,235"),
        ("1.2345", "KWD", "en", "KWD\u00a01.235"),
        ("0", "USD", "en", "$0.00"),
        ("1234.567", "IQD", "en", "IQD\u00a01,234.567"),
    ],
)
def test_money_is_written_in_the_readers_way(amount: str, currency: str, locale: str, written: str) -> None:
    assert formats.format_money(Money(Decimal(amount), currency), locale) == written


@pytest.mark.parametrize(
    ("amount", "currency", "written"),
    [
        ("1619.565", "USD", "1,619.57"),
        ("-2", "USD", "\u22122.00"),
        ("1234.5", "JPY", "1,235"),
        ("1", "KWD", "1.000"),
    ],
)
def test_an_amount_leaves_the_currency_to_its_column(amount: str, currency: str, written: str) -> None:
    assert formats.format_amount(Money(Decimal(amount), currency), "en") == written


@pytest.mark.parametrize(
    ("quantity", "written"),
    [
        ("1619567", "1,619,567"),
        ("0.500000000000000000", "0.5"),
        ("1E+6", "1,000,000"),
        ("-3", "\u22123"),
        ("1234567890123456789012.123456789012345678", "1,234,567,890,123,456,789,012.123456789012345678"),
    ],
)
def test_a_quantity_is_written_exactly(quantity: str, written: str) -> None:
    assert formats.format_quantity(Decimal(quantity), "en") == written


@pytest.mark.parametrize(
    ("quantity", "locale", "written"),
    [
        ("1619567", "en", "1.62\u00a0M"),
        ("1619567", "de", "1,62\u00a0Mio."),
        ("999999", "en", "1\u00a0M"),
        ("123456", "en", "123\u00a0K"),
        ("123456", "de", "123.456"),
        ("999", "en", "999"),
        ("12.3456", "en", "12.35"),
        ("0", "en", "0"),
    ],
)
def test_a_short_quantity_keeps_three_digits(quantity: str, locale: str, written: str) -> None:
    assert formats.format_short(Decimal(quantity), locale) == written


@pytest.mark.parametrize(
    ("amount", "written"),
    [
        ("0.000000075", "$0.000000075"),
        ("5", "$5.00"),
        ("12.50", "$12.50"),
        ("1E-18", "$0.000000000000000001"),
    ],
)
def test_a_unit_amount_keeps_every_decimal(amount: str, written: str) -> None:
    assert formats.format_unit_amount(Decimal(amount), "USD", "en") == written


@pytest.mark.parametrize(
    ("amount", "locale", "written"),
    [
        ("0.000005", "en", "$5.00 per 1\u00a0M tokens"),
        ("0.000000075", "en", "$0.075 per 1\u00a0M tokens"),
        ("0.000005", "de", "5,00\u00a0$ pro 1\u00a0Mio. tokens"),
        ("0.000005", "fr", "5,00\u00a0$US par 1\u00a0M tokens"),
        ("0.80", "en", "$0.80"),
        ("0", "en", "$0.00"),
    ],
)
def test_a_tiny_unit_price_is_given_for_a_million(amount: str, locale: str, written: str) -> None:
    assert formats.format_unit_price(Decimal(amount), "USD", "tokens", locale) == written


@pytest.mark.parametrize(
    ("share", "written"),
    [("0.614", "61%"), ("0.9999", "99%"), ("0.0001", "1%"), ("0", "0%"), ("1.2", "120%")],
)
def test_a_share_is_neither_all_nor_nothing_before_it_is(share: str, written: str) -> None:
    assert formats.format_share(Decimal(share), "en") == written


def test_days_are_written_with_the_last_one() -> None:
    assert (
        formats.format_days(date(2026, 11, 1), date(2026, 12, 1), "en") == "Nov 1\u00a0\u2013\u00a030, 2026"
    )
    assert formats.format_day(date(2026, 11, 23), "de") == "23.11.2026"
    assert formats.format_month(date(2026, 11, 23), "fr") == "novembre 2026"


def test_an_instant_names_its_zone() -> None:
    assert formats.format_instant(NOON, "Europe/Berlin", "en") == "Nov 23, 2026, 13:05 Europe/Berlin"


@pytest.mark.parametrize(
    ("seconds", "written"), [(0, "1 second ago"), (12, "12 seconds ago"), (240, "4 minutes ago")]
)
def test_freshness_is_told_in_seconds(seconds: int, written: str) -> None:
    assert formats.format_ago(NOON - timedelta(seconds=seconds), NOON, "en") == written
