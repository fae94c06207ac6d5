"""The slow rater's numbers: rounded and written as the pricing format says."""

from fractions import Fraction
from typing import Any

from tests.rating.slow_prices import Json

EXACT_DECIMALS = 18


def rounded(value: Fraction, decimals: int) -> Fraction:
    """Round to so many decimals, a half away from zero."""
    scale: int = 10**decimals
    units = int(abs(value) * scale + Fraction(1, 2))
    return Fraction(units if value >= 0 else -units, scale)


def money(value: Fraction, decimals: int) -> str:
    """Write money, which has exactly its currency's decimals."""
    units = value * 10**decimals
    assert units.denominator == 1, "money must have been rounded"
    digits = str(abs(units.numerator)).rjust(decimals + 1, "0")
    sign = "-" if value < 0 else ""
    return sign + (f"{digits[:-decimals]}.{digits[-decimals:]}" if decimals else digits)


def plain(value: Fraction) -> str:
    """Write a number without trailing zeros; one that has no end, to 18 decimals."""
    twos_and_fives = value.denominator
    for prime in (2, 5):
        while twos_and_fives % prime == 0:
            twos_and_fives //= prime
    if twos_and_fives != 1:
        value = rounded(value, EXACT_DECIMALS)
    decimals = 0
    while 10**decimals % value.denominator:
        decimals += 1
    return money(value, decimals)


def written(line: Json, decimals: int) -> Json:
    """Write a line's numbers: its amount as money, all else plain."""
    return {name: money(value, decimals) if name == "amount" else text(value) for name, value in line.items()}


def text(value: Any) -> Any:
    if isinstance(value, Fraction):
        return plain(value)
    if isinstance(value, list):
        return [{name: text(part) for name, part in step.items()} for step in value]
    return value
