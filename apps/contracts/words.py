"""What was negotiated beside the plan, in plain words."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

from apps.contracts.models import Cap, Commitment, Contract, Discount, Phase, PromisedGrant, SeatChange
from apps.core.formats import format_day, format_money, format_quantity
from apps.core.money import Money

_LANGUAGE = "en"


def phase_words(row: Phase) -> str:
    """Return "From Jan 1, 2027: Pro, version 2"."""
    return f"From {day(row.starts_on)}: {row.plan_version}"


def seat_words(row: SeatChange, names: Mapping[str, str]) -> str:
    """Return "From Nov 10, 2026: 12 x Seats"; `names` are those of the charges by their keys."""
    return f"From {day(row.starts_on)}: {_number(row.quantity)} x {names.get(row.charge_key, row.charge_key)}"


def discount_words(row: Discount, currency: str, names: Mapping[str, str]) -> str:
    """Return "Launch discount: 10% off Tokens, from Oct 1, 2026 until Jan 1, 2027"."""
    if row.percent is not None:
        off = f"{_number(row.percent)}% off"
    elif row.amount is not None:
        off = f"{_money(row.amount, currency)} off every period"
    else:
        off = f"the first {_number(row.units or Decimal(0))} units free"
    scope = row.product.name if row.product else _named(row.charge_keys, names)
    of = f" {scope}" if scope and row.percent is not None else f", on {scope}" if scope else ""
    return f"{row.name}: {off}{of}, {_days(row.starts_on, row.ends_on)}"


def commitment_words(row: Commitment, currency: str, names: Mapping[str, str]) -> str:
    """Return "Annual commitment: at least $100,000.00 in all, trued up every 3 months, from ... until ..."."""
    per = "every billing period" if row.per == Commitment.Per.PERIOD else "in all"
    between = f", trued up every {row.settled_months} months" if row.settled_months else ""
    counts = f" of {_named(row.charge_keys, names)}" if row.charge_keys else ""
    return f"{row.name}: at least {_money(row.amount, currency)} {per}{counts}{between}, {_days(row.starts_on, row.ends_on)}"


def cap_words(row: Cap, currency: str) -> str:
    """Return "Cap: at most $5,000.00 in a period, a hard one, from ..."."""
    if row.amount is not None:
        most = _money(row.amount, currency)
    else:
        most = f"{_number(row.quantity or Decimal(0))} {row.meter.unit if row.meter else ''}".strip()
    on = f" on {row.meter}" if row.meter else ""
    kind = "a hard one" if row.is_hard else "a soft one"
    return f"Cap{on}: at most {most} in a period, {kind}, {_days(row.starts_on, row.ends_on)}"


def grant_words(row: PromisedGrant, currency: str) -> str:
    """Return "Included credits: 10,000 credits every month, each good for 12 months, from ..."."""
    if row.credit_unit is None:
        amount = _money(row.amount, currency)
    else:
        amount = f"{_number(row.amount)} {row.credit_unit.name}"
    again = {None: "once", 1: "every month"}.get(row.every_months, f"every {row.every_months} months")
    good = f", each good for {row.valid_months} months" if row.valid_months else ""
    paid = f" for {_money(row.cost, currency)}" if row.cost else ""
    return f"{row.name}: {amount} {again}{paid}{good}, {_days(row.starts_on, row.ends_on)}"


def bill_above_words(contract: Contract) -> str:
    """Return "Usage is billed as soon as it comes to $500.00", or nothing where it waits for the period's end."""
    if contract.bill_above is None:
        return ""
    return f"Usage is billed as soon as it comes to {_money(contract.bill_above, contract.plan_version.currency)}"


def day(on: date) -> str:
    """Return a day as sentences name it."""
    return format_day(on, _LANGUAGE)


def _days(starts_on: date, ends_on: date | None) -> str:
    return f"from {day(starts_on)} until {day(ends_on)}" if ends_on else f"from {day(starts_on)} on"


def _named(keys: Sequence[str], names: Mapping[str, str]) -> str:
    return ", ".join(names.get(key, key) for key in keys)


def _money(amount: Decimal, currency: str) -> str:
    return format_money(Money(amount, currency), _LANGUAGE)


def _number(number: Decimal) -> str:
    return format_quantity(number, _LANGUAGE)
