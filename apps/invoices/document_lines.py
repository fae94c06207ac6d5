"""The lines of an invoice as they are printed: grouped by account and product, each with its figures and reasons."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import groupby
from uuid import UUID

from apps.invoices.figures import Figures
from apps.invoices.models import InvoiceLine
from apps.invoices.reasons import explain

_ADJUSTMENT = InvoiceLine.Kind.ADJUSTMENT
# Lines of which there is one, and nothing to count.
_UNCOUNTED = frozenset(
    {
        InvoiceLine.Kind.MINIMUM,
        InvoiceLine.Kind.MAXIMUM,
        InvoiceLine.Kind.DISCOUNT,
        InvoiceLine.Kind.TRUE_UP,
        InvoiceLine.Kind.ADVANCE,
        InvoiceLine.Kind.CREDITS,
    }
)


@dataclass(frozen=True, slots=True)
class Row:
    """A line; `carried` and `brought` say what all lines come to up to and with it."""

    name: str
    detail: str
    quantity: str
    unit: str
    unit_price: str
    amount: str
    reasons: tuple[str, ...]
    carried: str
    brought: str


@dataclass(frozen=True, slots=True)
class Group:
    product: str
    rows: tuple[Row, ...]
    subtotal_label: str
    subtotal: str


def groups_of(
    lines: Sequence[InvoiceLine],
    figures: Figures,
    credit_units: Mapping[str, str],
    sign: int,
    *,
    is_interim: bool = False,
) -> tuple[Group, ...]:
    """Group the lines by account and product, in the order of their first line; what is of no product comes last.

    `is_interim`: they bill what was used of a period that runs on, or give that back.
    """
    order = {heading: place for place, heading in reversed(list(enumerate(map(_heading, lines))))}
    ordered = sorted(lines, key=lambda line: (*_place(line, order), line.position))
    carried, spread = Decimal(0), _spread(lines)
    groups = []
    for (account, name), members in groupby(ordered, key=_heading):
        product = " · ".join(text for text in (account, name or figures.words.whole_contract) if text)
        rows, subtotal = [], Decimal(0)
        for line in members:
            carried, subtotal = carried + line.amount * sign, subtotal + line.amount * sign
            row = _row(line, figures, credit_units, carried, sign, is_interim=is_interim)
            if line.pk in spread:
                detail = " · ".join(text for text in (row.detail, figures.percent(line.tax_rate)) if text)
                row = replace(row, detail=detail, reasons=row.reasons if spread[line.pk] else ())
            rows.append(row)
        label = figures.words.subtotal_of.format(product=product)
        groups.append(Group(product, tuple(rows), label, figures.amount(subtotal)))
    return tuple(groups)


def _spread(lines: Sequence[InvoiceLine]) -> dict[UUID, bool]:
    """Return the parts of lines that several taxes share, and whether each is the first: that one says the reasons of all.

    They differ in their amount and tax alone.
    """
    parts: dict[str, list[InvoiceLine]] = {}
    for line in lines:
        if not line.product_name:
            said = (line.account_name, line.kind, line.charge_key, line.key, line.name, line.steps)
            parts.setdefault(repr(said), []).append(line)
    return {
        part.pk: part is of_line[0]
        for of_line in parts.values()
        if len({(part.tax_category, part.tax_rate) for part in of_line}) == len(of_line) > 1
        for part in of_line
    }


def _heading(line: InvoiceLine) -> tuple[str, str]:
    return line.account_name, line.product_name


def _place(line: InvoiceLine, order: Mapping[tuple[str, str], int]) -> tuple[int, bool, int]:
    """Sort the invoice's own lines before those of the accounts on it, each account's together."""
    account, product = heading = _heading(line)
    first_of_account = min(place for other, place in order.items() if other[0] == account)
    return (first_of_account if account else -1, not product, order[heading])


def _row(
    line: InvoiceLine,
    figures: Figures,
    credit_units: Mapping[str, str],
    carried: Decimal,
    sign: int,
    *,
    is_interim: bool,
) -> Row:
    credit_unit = credit_units.get(line.price_unit, "") if line.price_unit != figures.currency else ""
    explained = explain(line.steps, figures=figures, unit=line.unit, credit_unit=credit_unit)
    # A credit note that gives back a part of a line's amount gives back no units.
    is_part = line.credits_line_id is not None and not line.quantity
    is_amount = line.kind == _ADJUSTMENT and _is_amount(line)
    is_counted = line.kind not in _UNCOUNTED and not is_part and not is_amount
    return Row(
        name=_name(line, figures),
        detail=_detail(line, figures, is_interim=is_interim),
        quantity=figures.quantity(line.quantity.copy_abs() if sign < 0 else line.quantity)
        if is_counted
        else "",
        unit=line.unit if is_counted else "",
        unit_price=f"{explained.unit_price} {credit_unit}".strip() if explained.unit_price else "",
        amount=figures.amount(line.amount * sign),
        reasons=explained.reasons,
        carried=figures.words.carried.format(amount=figures.total(carried)),
        brought=figures.words.brought.format(amount=figures.total(carried)),
    )


def _is_amount(line: InvoiceLine) -> bool:
    """Tell whether an adjustment is of an amount alone, and of no units."""
    return bool(line.key) or not line.quantity


def _name(line: InvoiceLine, figures: Figures) -> str:
    words = figures.words
    match line.kind:
        case InvoiceLine.Kind.MINIMUM:
            return words.minimum_of.format(name=line.name)
        case InvoiceLine.Kind.MAXIMUM:
            return words.maximum_of.format(name=line.name)
        case InvoiceLine.Kind.ADVANCE:
            return words.advance
        case InvoiceLine.Kind.CREDITS:
            return words.paid_from.format(name=line.name)
        case _:
            return line.name


def _detail(line: InvoiceLine, figures: Figures, *, is_interim: bool) -> str:
    """Return the dimension values of a line, and its days where they are not the invoice's."""
    values = [value for value in line.dimensions.values() if value != "*"]
    if is_interim:
        # It was used already, on days of the invoice: only fees are in advance.
        return " · ".join(values)
    if line.starts_on and line.ends_on and line.kind != InvoiceLine.Kind.ADVANCE:
        days = figures.days(line.starts_on, line.ends_on)
        values.append(figures.words.in_advance.format(period=days) if line.in_advance else days)
    return " · ".join(values)
