"""Trying composed charges: usage that people type, priced by the one engine, with nothing written."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.core.exceptions import ValidationError

from apps.core.formats import format_amount
from apps.core.periods import Period
from apps.plans import priced
from apps.plans.builder.fields import Amount
from apps.plans.described import NewAllowance
from apps.plans.models import Price
from apps.plans.steps_told import beyond_the_grants, reasons
from apps.plans.summary import Named
from apps.plans.told import LOCALE, Teller, number
from apps.rating.engine import rate
from apps.rating.lines import Line, LineKind, Rated
from apps.rating.price_models.matrix import ANY
from apps.rating.terms import EVENT_KINDS, Terms
from apps.rating.usage import Event, Usage

# Cells of a matrix that the form offers at once, and lines to name others.
_MOST_CELLS = 6
_BETWEEN = re.compile(r"[\s;]+|,\s+")
_NUMBER = Amount("", needed="Write a number.")


@dataclass(frozen=True, slots=True)
class AskedRow:
    """One quantity to type, of usage with these dimension values."""

    name: str
    values: tuple[tuple[str, str, str], ...]
    typed: str
    mistake: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the form asks about one charge of usage; `day` is None where its prices have no dates."""

    key: str
    name: str
    unit: str
    hint: str
    rows: tuple[AskedRow, ...]
    day_name: str = ""
    day: str = ""


@dataclass(frozen=True, slots=True)
class LineTold:
    """A priced line in words."""

    name: str
    detail: str
    quantity: str
    amount: str
    reasons: tuple[str, ...]


def asked(charges: Sequence[Named], typed: Mapping[str, str], *, today: date) -> tuple[Asked, ...]:
    """Return what to ask about each charge of usage, with what was typed."""
    return tuple(_asked(one, typed, today) for one in charges if one.is_usage)


def usage_of(
    charges: Sequence[Named], typed: Mapping[str, str], *, period: Period
) -> tuple[list[Usage], tuple[Asked, ...]]:
    """Read the usage that was typed; the second value is the form again, with its mistakes."""
    usage: list[Usage] = []
    form = []
    for one in charges:
        if not one.is_usage:
            continue
        question = _asked(one, typed, period.starts_on)
        rows = []
        for row in question.rows:
            try:
                usage += _usage(one, row, question.day, period)
                rows.append(row)
            except (ValidationError, ValueError) as mistake:
                text = mistake.messages[0] if isinstance(mistake, ValidationError) else str(mistake)
                rows.append(AskedRow(row.name, row.values, row.typed, text))
        form.append(
            Asked(
                question.key,
                question.name,
                question.unit,
                question.hint,
                tuple(rows),
                question.day_name,
                question.day,
            )
        )
    return usage, tuple(form)


def price(
    charges: Sequence[Named],
    allowances: Sequence[NewAllowance],
    usage: Sequence[Usage],
    *,
    currency: str,
    period: Period,
) -> Rated:
    """Price usage under composed charges, with no credit grants.

    Raises ValueError where the charges are not whole, and refuses as the engine does.
    """
    composed = [one.charge for one in charges]
    terms = Terms(
        currency=currency,
        period=period,
        charges=tuple(priced.charge_of(charge) for charge in composed),
        allowances=priced.allowances_of(allowances, composed),
    )
    return rate(terms, usage)


def lines_told(
    rated: Rated, charges: Sequence[Named], allowances: Sequence[NewAllowance], *, currency: str
) -> tuple[LineTold, ...]:
    """Return the lines in words, each with its reasons."""
    by_key = {one.charge.key: one for one in charges}
    names = {one.charge.key: one.charge.name for one in charges} | {one.key: one.name for one in allowances}
    return tuple(_line(line, by_key[line.charge or ""], names, currency) for line in rated.lines)


def _line(line: Line, one: Named, names: Mapping[str, str], currency: str) -> LineTold:
    teller = Teller(
        one.credit_unit if one.charge.credit_unit else currency, one.unit, is_money=not one.charge.credit_unit
    )
    if line.kind is LineKind.OVERAGE:
        teller = beyond_the_grants(teller, currency=currency)
    shared = {key: name for key, name in names.items() if key != one.charge.key}
    told = [text for text in reasons(line, teller, shared) if text]
    if line.credits:
        told.append(f"{number(line.credits)} {one.credit_unit}, no grants counted")
    bound = line.kind in {LineKind.MINIMUM, LineKind.MAXIMUM}
    name = {LineKind.OVERAGE: f"{one.charge.name}, beyond the grants"}.get(line.kind, line.name)
    return LineTold(
        name=name,
        detail=" and ".join(value for _, value in line.dimensions if value != ANY)
        or ("all else" if line.dimensions else ""),
        quantity="" if bound else f"{number(line.quantity)} {teller.unit if one.is_usage else ''}".strip(),
        amount=format_amount(line.amount, LOCALE),
        reasons=tuple(told),
    )


def _asked(one: Named, typed: Mapping[str, str], today: date) -> Asked:
    prefix = f"use-{one.charge.key}-"
    is_dated = any(price.starts_on for price in one.charge.prices)
    by_event = {price.model for price in one.charge.prices} & EVENT_KINDS
    seats = any(price.model == Price.Model.PER_SEAT for price in one.charge.prices)
    hint = "amounts of the events, one after the other: 60 60 500" if by_event else ""
    return Asked(
        key=one.charge.key,
        name=one.charge.name,
        unit=f"{one.unit}, all period long" if seats else one.unit,
        hint=hint,
        rows=tuple(_rows(one, prefix, typed)),
        day_name=f"{prefix}day" if is_dated else "",
        day=typed.get(f"{prefix}day", today.isoformat()) if is_dated else "",
    )


def _rows(one: Named, prefix: str, typed: Mapping[str, str]) -> Iterator[AskedRow]:
    dimensions = one.charge.dimensions
    if not dimensions:
        yield AskedRow(f"{prefix}0-quantity", (), typed.get(f"{prefix}0-quantity", ""))
        return
    cells = [dict(match) for match in priced.cells_of(one.charge)][:_MOST_CELLS]
    for place, cell in enumerate([*cells, {}] if {} not in cells else cells):
        names = [(name, f"{prefix}{place}-for-{name}") for name in dimensions]
        values = tuple((name, field, typed.get(field, cell.get(name, ""))) for name, field in names)
        yield AskedRow(f"{prefix}{place}-quantity", values, typed.get(f"{prefix}{place}-quantity", ""))


def _usage(one: Named, row: AskedRow, day: str, period: Period) -> Iterator[Usage]:
    if not row.typed.strip():
        return
    dimensions = tuple((name, value) for name, _, value in row.values)
    kinds = _kinds_for(one, dict(dimensions))
    on = date.fromisoformat(day) if day else None
    if kinds & EVENT_KINDS:
        amounts = [_number(text) for text in _BETWEEN.split(row.typed.strip()) if text]
        is_dynamic = Price.Model.DYNAMIC in kinds
        events = tuple(Event(amount=amount) if is_dynamic else Event(quantity=amount) for amount in amounts)
        quantity = sum((event.quantity for event in events), Decimal(0))
        yield Usage(one.charge.key, quantity, dimensions, events=events, day=on)
        return
    quantity = _number(row.typed)
    if Price.Model.PER_SEAT in kinds:
        quantity *= period.days
    yield Usage(one.charge.key, quantity, dimensions, day=on)


def _kinds_for(one: Named, values: Mapping[str, str]) -> set[str]:
    """Return the price models of the cell that decides; the most specific one."""
    cells = priced.cells_of(one.charge)
    matching = [match for match in cells if all(values.get(name) == value for name, value in match)]
    if not matching:
        return set()
    order = {name: place for place, name in enumerate(one.charge.dimensions)}
    decides = min(matching, key=lambda match: (-len(match), sorted(order.get(name, 0) for name, _ in match)))
    return {price.model for price in cells[decides]}


def _number(text: str) -> Decimal:
    number: Decimal = _NUMBER.clean(text)
    return number
