"""Exact amounts of one currency, and the one place that rounds them."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import (
    ROUND_HALF_UP,
    Context,
    Decimal,
    DivisionByZero,
    FloatOperation,
    Inexact,
    InvalidOperation,
    Overflow,
)
from fractions import Fraction
from functools import cache

# Wide enough for any price times any count, also where credits of 18 digits a side are made of such and priced again;
# whatever would not be exact raises instead of rounding in silence.
EXACT = Context(
    prec=300,
    rounding=ROUND_HALF_UP,
    traps=[Inexact, InvalidOperation, DivisionByZero, Overflow, FloatOperation],
)
_ROUNDING = Context(prec=340, rounding=ROUND_HALF_UP, traps=[InvalidOperation, DivisionByZero, Overflow])

# ISO 4217, exponents other than 2.
_MINOR_DIGITS = (
    dict.fromkeys(
        (
            *("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG"),
            *("RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"),
        ),
        0,
    )
    | dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3)
    | dict.fromkeys(("CLF", "UYW"), 4)
)
# ISO 4217, with ANG and BGN, withdrawn in 2025 and 2026: terms in them are still priced again. Metals, testing codes and
# other units without a minor unit are no currency that an invoice can be in.
_CURRENCIES = frozenset(
    (
        *("AED", "AFN", "ALL", "AMD", "ANG", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM", "BBD"),
        *("BDT", "BGN", "BHD", "BIF", "BMD", "BND", "BOB", "BOV", "BRL", "BSD", "BTN", "BWP"),
        *("BYN", "BZD", "CAD", "CDF", "CHE", "CHF", "CHW", "CLF", "CLP", "CNY", "COP", "COU"),
        *("CRC", "CUP", "CVE", "CZK", "DJF", "DKK", "DOP", "DZD", "EGP", "ERN", "ETB", "EUR"),
        *("FJD", "FKP", "GBP", "GEL", "GHS", "GIP", "GMD", "GNF", "GTQ", "GYD", "HKD", "HNL"),
        *("HTG", "HUF", "IDR", "ILS", "INR", "IQD", "IRR", "ISK", "JMD", "JOD", "JPY", "KES"),
        *("KGS", "KHR", "KMF", "KPW", "KRW", "KWD", "KYD", "KZT", "LAK", "LBP", "LKR", "LRD"),
        *("LSL", "LYD", "MAD", "MDL", "MGA", "MKD", "MMK", "MNT", "MOP", "MRU", "MUR", "MVR"),
        *("MWK", "MXN", "MXV", "MYR", "MZN", "NAD", "NGN", "NIO", "NOK", "NPR", "NZD", "OMR"),
        *("PAB", "PEN", "PGK", "PHP", "PKR", "PLN", "PYG", "QAR", "RON", "RSD", "RUB", "RWF"),
        *("SAR", "SBD", "SCR", "SDG", "SEK", "SGD", "SHP", "SLE", "SOS", "SRD", "SSP", "STN"),
        *("SVC", "SYP", "SZL", "THB", "TJS", "TMT", "TND", "TOP", "TRY", "TTD", "TWD", "TZS"),
        *("UAH", "UGX", "USD", "USN", "UYI", "UYU", "UYW", "UZS", "VED", "VES", "VND", "VUV"),
        *("WST", "XAF", "XCD", "XCG", "XOF", "XPF", "YER", "ZAR", "ZMW", "ZWG"),
    )
)


class CurrencyMismatch(ValueError):
    """Amounts of two currencies were to be added or compared."""


def is_currency(code: str) -> bool:
    """Tell whether a code is a currency of ISO 4217."""
    return code in _CURRENCIES


def minor_digits(currency: str) -> int:
    """Return how many decimals the currency's minor unit has (ISO 4217)."""
    return _MINOR_DIGITS.get(currency, 2)


def rounded_to_minor_unit(exact: Decimal | Fraction, currency: str) -> Decimal:
    """Return the value rounded to the currency's minor unit, a half away from zero."""
    return rounded_to(exact, minor_digits(currency))


def rounded_to(exact: Decimal | Fraction, digits: int) -> Decimal:
    """Return the value with `digits` decimals, a half away from zero; a fraction is rounded from its true value."""
    if isinstance(exact, Decimal):
        rounded = exact.quantize(_unit(digits), context=_ROUNDING)
        # Nobody reads "-0.00" on an invoice.
        return rounded or rounded.copy_abs()
    scaled = abs(exact) * 10**digits
    whole, rest = divmod(scaled.numerator, scaled.denominator)
    if 2 * rest >= scaled.denominator:
        whole += 1
    return Decimal(whole if exact >= 0 else -whole).scaleb(-digits, context=_ROUNDING)


@cache
def _unit(digits: int) -> Decimal:
    return Decimal(1).scaleb(-digits, context=_ROUNDING)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount of one currency; arithmetic is exact, and refuses to mix currencies."""

    amount: Decimal
    currency: str

    @classmethod
    def zero(cls, currency: str) -> "Money":
        """Return nothing, in this currency's minor unit."""
        return cls(Decimal(0).scaleb(-minor_digits(currency)), currency)

    @classmethod
    def total(cls, amounts: Iterable["Money"], currency: str) -> "Money":
        """Return the sum of amounts that are all in this currency."""
        return sum(amounts, cls.zero(currency))

    @property
    def is_zero(self) -> bool:
        """Tell whether the amount is nothing."""
        return self.amount == 0

    def rounded(self) -> "Money":
        """Return the amount rounded to the currency's minor unit, a half away from zero."""
        return Money(rounded_to_minor_unit(self.amount, self.currency), self.currency)

    def __add__(self, other: "Money") -> "Money":
        return Money(EXACT.add(self.amount, self._same(other)), self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(EXACT.subtract(self.amount, self._same(other)), self.currency)

    def __neg__(self) -> "Money":
        return Money(EXACT.minus(self.amount), self.currency)

    def __lt__(self, other: "Money") -> bool:
        return self.amount < self._same(other)

    def __le__(self, other: "Money") -> bool:
        return self.amount <= self._same(other)

    def __gt__(self, other: "Money") -> bool:
        return self.amount > self._same(other)

    def __ge__(self, other: "Money") -> bool:
        return self.amount >= self._same(other)

    def __str__(self) -> str:
        return f"{self.amount:f} {self.currency}"

    def _same(self, other: "Money") -> Decimal:
        if other.currency != self.currency:
            raise CurrencyMismatch(
                f"{self} and {other} are of two currencies and cannot be added or compared."
            )
        return other.amount
