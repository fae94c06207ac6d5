"""How an invoice writes its figures: exact, in the customer's language, the currency named once a column."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, localcontext

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_decimal

from apps.core import formats
from apps.core.money import Money
from apps.invoices.labels import words_for
from apps.invoices.labels.words import Words

_MILLION = Decimal(1_000_000)
_TINY = Decimal("0.001")
_NORTH_AMERICA = frozenset({"US", "CA"})


@dataclass(frozen=True, slots=True)
class Figures:
    """Writes amounts, prices, quantities and days for one invoice."""

    words: Words
    language: str
    locale: str
    currency: str
    paper: str

    @property
    def currency_name(self) -> str:
        return "円" if (self.language, self.currency) == ("ja", "JPY") else self.currency

    def amount(self, amount: Decimal) -> str:
        """Write an amount of the invoice's currency without naming it."""
        return formats.format_amount(Money(amount, self.currency), self.locale)

    def total(self, amount: Decimal) -> str:
        """Write an amount with its currency code, 1,234.56 USD; yen in Japanese as 1,234円."""
        space = "" if self.currency_name != self.currency else formats.NO_BREAK
        return f"{self.amount(amount)}{space}{self.currency_name}"

    def quantity(self, quantity: Decimal) -> str:
        return formats.format_quantity(quantity, self.locale)

    def price(self, price: Decimal, *, money: bool = True) -> str:
        """Write an exact amount: every decimal that it has, and for money at least the currency's."""
        least = self.amount(Decimal(0)).count("0") - 1 if money else 0
        pattern = f"#,##0.{'0' * least}{'#' * (36 - least)}"
        with localcontext(prec=120):
            text = format_decimal(price, format=pattern, locale=Locale.parse(self.locale))
        return text.replace("\N{NARROW NO-BREAK SPACE}", formats.NO_BREAK)

    def unit_price(self, price: Decimal, *, money: bool = True) -> str:
        """Write the price of one unit, or of a million where one is tiny."""
        if 0 < price < _TINY:
            return self.words.per_million.format(price=self.price(price * _MILLION, money=money))
        return self.price(price, money=money)

    def percent(self, percent: Decimal) -> str:
        space = "" if self.language in {"en", "ja"} else formats.NO_BREAK
        return f"{self.quantity(percent)}{space}%"

    def rate(self, rate: Decimal) -> str:
        """Write a share as a percentage with every decimal that it has: 0.029 is 2.9%."""
        with localcontext(prec=120):
            return self.percent(rate * 100)

    def day(self, day: date) -> str:
        return format_date(day, format="long", locale=Locale.parse(self.locale))

    def period(self, starts_on: date, ends_on: date) -> str:
        """Write the days of a half-open period, the first and the last."""
        return self.words.period_text.format(
            first=self.day(starts_on), last=self.day(ends_on - timedelta(days=1))
        )

    def days(self, starts_on: date, ends_on: date) -> str:
        """Write the days of a half-open period in short, for lists."""
        return formats.format_days(starts_on, ends_on, self.locale)

    def short_day(self, day: date) -> str:
        return formats.format_short_day(day, self.locale)

    def country(self, code: str) -> str:
        """Return a country's name in the invoice's language; an unknown code stands as it is."""
        name: str = Locale.parse(self.locale).territories.get(code, code)
        return name


def figures_for(*, language: str, currency: str, countries: frozenset[str]) -> Figures:
    """Return the figures of an invoice between these countries: Letter and American days for the US and Canada."""
    american = bool(countries & _NORTH_AMERICA)
    words = words_for(language)
    locale = {"en": "en_US" if american else "en_GB"}.get(language, language)
    return Figures(words, language, locale, currency, "Letter" if american else "A4")
