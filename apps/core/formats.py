"""How figures, days and instants are written in a reader's language; pages, mails and PDFs all use these."""

import re
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from functools import cache

from babel import Locale
from babel.dates import (
    format_date,
    format_interval,
    format_skeleton,
    format_time,
    format_timedelta,
    get_timezone,
)
from babel.numbers import (
    format_compact_decimal,
    format_currency,
    format_decimal,
    format_percent,
)

from apps.core.money import Money, minor_digits

MINUS = "\N{MINUS SIGN}"
NO_BREAK = "\N{NO-BREAK SPACE}"
_PER = {"en": "per", "de": "pro", "fr": "par", "es": "por"}
_MILLION = Decimal(1_000_000)
_CODE_MEETS_FIGURE = re.compile(r"([A-Z]{3})(\d)")
_TINY = Decimal("0.0005")
# Babel works in the thread's decimal context: give it room for every digit that we store.
_WIDE = Context(prec=120)


def format_money(money: Money, locale: str) -> str:
    """Write an amount with its currency, rounded to the minor unit: $1,619.56, 1.619,56 €."""
    return _typeset(_currency(money.rounded().amount, money.currency, minor_digits(money.currency), locale))


def say_money(money: Money) -> str:
    """Write an amount as refusals say it, in English and with every decimal that it has: $99,999.00, $0.005."""
    return format_unit_amount(money.amount, money.currency, "en")


def format_amount(money: Money, locale: str) -> str:
    """Write an amount without its currency, for columns whose head names it."""
    with localcontext(_WIDE):
        pattern = _with_decimals("#,##0.00", minor_digits(money.currency))
        return _typeset(format_decimal(money.rounded().amount, format=pattern, locale=_locale(locale)))


def format_quantity(quantity: Decimal, locale: str) -> str:
    """Write a quantity exactly, grouped, with no more decimals than it has."""
    with localcontext(_WIDE):
        return _typeset(format_decimal(plain(quantity), locale=_locale(locale), decimal_quantization=False))


def format_short(quantity: Decimal, locale: str) -> str:
    """Write a quantity in about three digits: 1.62 M; what is below a thousand keeps two decimals at most."""
    rounded = _three_digits(quantity)
    if abs(rounded) < 1000:
        return format_quantity(_hundredths(quantity), locale)
    with localcontext(_WIDE):
        text = format_compact_decimal(rounded, format_type="short", locale=_locale(locale), fraction_digits=2)
    # Some languages have no short word for thousands.
    return format_quantity(quantity, locale) if text[-1].isdigit() else _typeset(_spaced(text))


def format_unit_amount(amount: Decimal, currency: str, locale: str) -> str:
    """Write the price of one unit with every decimal it has, at least the currency's: $0.000000075."""
    return _typeset(_currency(amount, currency, max(minor_digits(currency), _decimals(amount)), locale))


def format_unit_price(amount: Decimal, currency: str, unit: str, locale: str) -> str:
    """Write the price of one unit; a tiny one for a million, as people think of tokens: $5.00 per 1 M tokens."""
    if not 0 < amount < _TINY:
        return format_unit_amount(amount, currency, locale)
    with localcontext(_WIDE):
        million = format_unit_amount(amount * _MILLION, currency, locale)
    per = _PER.get(_locale(locale).language, _PER["en"])
    return f"{million} {per} {format_short(_MILLION, locale)} {unit}"


def format_share(share: Decimal, locale: str) -> str:
    """Write a share of one as a whole percentage, never 100% before it is all, nor 0% where there is some."""
    shown = share
    if share < 1:
        shown = min(share, Decimal("0.99"))
    if 0 < share < Decimal("0.01"):
        shown = Decimal("0.01")
    return _typeset(format_percent(shown, locale=_locale(locale)))


def format_day(day: date, locale: str) -> str:
    """Write a day: Nov 23, 2026."""
    return format_date(day, format="medium", locale=_locale(locale))


def format_short_day(day: date, locale: str) -> str:
    """Write a day without its year: Nov 23."""
    return format_skeleton("MMMd", day, locale=_locale(locale))


def format_days(start: date, end: date, locale: str) -> str:
    """Write the days from `start` up to, not with, `end`: Nov 1-30, 2026 (with a dash)."""
    text: str = format_interval(start, end - timedelta(days=1), skeleton="yMMMd", locale=_locale(locale))
    return _typeset(text)


def format_month(day: date, locale: str) -> str:
    """Write the month of a day: November 2026."""
    return format_skeleton("yMMMM", day, locale=_locale(locale))


def format_short_month(day: date, locale: str) -> str:
    """Write the month of a day in few letters: Nov 2026."""
    return format_skeleton("yMMM", day, locale=_locale(locale))


def format_instant(at: datetime, zone: str, locale: str) -> str:
    """Write an instant in a time zone, and name the zone: Nov 23, 2026, 14:05 Europe/Berlin."""
    local = get_timezone(zone)
    day = format_date(at.astimezone(local), format="medium", locale=_locale(locale))
    return f"{day}, {format_time(at, format='HH:mm', tzinfo=local, locale=_locale(locale))} {zone}"


def format_exact_instant(at: datetime, zone: str, locale: str) -> str:
    """Write an instant to the last digit it has, without naming the zone: Nov 23, 2026, 14:05:09.25."""
    local = get_timezone(zone)
    day = format_date(at.astimezone(local), format="medium", locale=_locale(locale))
    fraction = f".{at.microsecond:06}".rstrip("0") if at.microsecond else ""
    return f"{day}, {format_time(at, format='HH:mm:ss', tzinfo=local, locale=_locale(locale))}{fraction}"


def format_ago(at: datetime, now: datetime, locale: str) -> str:
    """Write how long ago an instant was: 12 seconds ago."""
    return format_timedelta(
        min(at - now, timedelta(seconds=-1)), add_direction=True, threshold=1.5, locale=_locale(locale)
    )


def format_until(at: datetime, now: datetime, locale: str) -> str:
    """Write how far off an instant is: in 5 hours; one that has passed is a moment off."""
    return format_timedelta(
        max(at - now, timedelta(seconds=1)), add_direction=True, threshold=1.5, locale=_locale(locale)
    )


def plain(number: Decimal) -> Decimal:
    """Return the same number without trailing zeros and without an exponent."""
    with localcontext(_WIDE):
        short = number.normalize() + 0
        return short.quantize(Decimal(1)) if short.as_tuple().exponent > 0 else short  # type: ignore[operator]


@cache
def _locale(name: str) -> Locale:
    return Locale.parse(name.replace("-", "_"))


def _currency(amount: Decimal, currency: str, digits: int, locale: str) -> str:
    standard: str = _locale(locale).currency_formats["standard"].pattern
    with localcontext(_WIDE):
        return format_currency(
            plain(amount),
            currency,
            format=_with_decimals(standard, digits),
            locale=_locale(locale),
            currency_digits=False,
        )


def _with_decimals(pattern: str, digits: int) -> str:
    return pattern.replace("0.00", f"0.{'0' * digits}" if digits else "0")


def _decimals(number: Decimal) -> int:
    exponent = plain(number).as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _three_digits(number: Decimal) -> Decimal:
    with localcontext(Context(prec=3, rounding=ROUND_HALF_UP)):
        return plain(+number)


def _spaced(text: str) -> str:
    """Set a no-break space between the digits and the letter, where the language writes none."""
    if text[-1:].isalpha() and text[-2:-1].isdigit():
        return f"{text[:-1]}{NO_BREAK}{text[-1]}"
    return text


def _typeset(text: str) -> str:
    """Use the true minus sign, the one no-break space that every font has, and one between a code and its figure."""
    text = _CODE_MEETS_FIGURE.sub(rf"\1{NO_BREAK}\2", text)
    return (
        text.replace("-", MINUS)
        .replace("\N{NARROW NO-BREAK SPACE}", NO_BREAK)
        .replace("\N{THIN SPACE}", NO_BREAK)
    )


def _hundredths(number: Decimal) -> Decimal:
    return number.quantize(Decimal("0.01"), ROUND_HALF_UP)
