"""What a credit note gives back of each line and of its tax: pure arithmetic on what is left of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

from apps.core.money import rounded_to_minor_unit


@dataclass(frozen=True, slots=True)
class Left:
    """A line of an invoice: its amount and its tax, and what earlier credit notes left of both."""

    line_id: UUID
    amount: Decimal
    tax: Decimal
    amount_left: Decimal
    tax_left: Decimal

    @property
    def is_untouched(self) -> bool:
        """Tell whether no credit note gave anything of it back."""
        return self.amount_left == self.amount and self.tax_left == self.tax


@dataclass(frozen=True, slots=True)
class Part:
    """What is given back of a line, and of its tax; `is_whole` where nothing of it had been and nothing is left."""

    line_id: UUID
    amount: Decimal
    tax: Decimal
    is_whole: bool = False


def total_left(lines: Sequence[Left], *, tax_included: bool) -> Decimal:
    """Return what a customer can still get back, with tax."""
    return sum((_gross(one, tax_included=tax_included) for one in lines), Decimal(0))


def whole(lines: Sequence[Left]) -> list[Part]:
    """Give back all that is left; a line that was untouched as a whole, also where it is of no amount."""
    return [
        Part(one.line_id, one.amount_left, one.tax_left, is_whole=one.is_untouched)
        for one in lines
        if one.amount_left or one.tax_left or one.is_untouched
    ]


def by_line(lines: Sequence[Left], amounts: Mapping[UUID, Decimal], currency: str) -> list[Part]:
    """Give back so much of each line named, at most what is left of it, with its share of the tax.

    All that was given back of a line has the tax of line tax x given back / line amount, half up; who gives back the rest gives
    back the rest of the tax.
    """
    parts = []
    for one in lines:
        amount = amounts.get(one.line_id, Decimal(0))
        if not amount:
            continue
        if amount == one.amount_left:
            parts.append(Part(one.line_id, amount, one.tax_left, is_whole=one.is_untouched))
            continue
        given_back = one.amount - one.amount_left + amount
        due = rounded_to_minor_unit(Fraction(one.tax) * Fraction(given_back) / Fraction(one.amount), currency)
        tax = _within(due - (one.tax - one.tax_left), one.tax_left)
        parts.append(Part(one.line_id, amount, tax))
    return parts


def by_amount(lines: Sequence[Left], amount: Decimal, currency: str, *, tax_included: bool) -> list[Part]:
    """Give back an amount with tax, at most all that is left, spread over the lines by what is left of each.

    All that was given back of the invoice has the tax of invoice tax x given back / invoice total, half up, so it is the same in
    however many parts; who gives back the rest gives back the rest of the tax.
    """
    left = total_left(lines, tax_included=tax_included)
    if amount == left:
        return [part for part in whole(lines) if part.amount or part.tax]
    tax_left = sum((one.tax_left for one in lines), Decimal(0))
    net_left = sum((one.amount_left for one in lines), Decimal(0))
    tax = _tax_of(lines, amount, left, currency, tax_included=tax_included)
    # Neither the tax nor what is taxed may come to more than is left of it.
    lowest = Decimal(0) if tax_included else max(Decimal(0), amount - net_left)
    tax = min(max(tax, lowest), tax_left, amount)
    net = amount if tax_included else amount - tax
    amounts = _spread(net, [one.amount_left for one in lines], currency)
    taxes = _spread(tax, [one.tax_left for one in lines], currency)
    return [
        Part(one.line_id, of_line, of_tax)
        for one, of_line, of_tax in zip(lines, amounts, taxes, strict=True)
        if of_line or of_tax
    ]


def _tax_of(
    lines: Sequence[Left], amount: Decimal, left: Decimal, currency: str, *, tax_included: bool
) -> Decimal:
    """Return the tax of all that is given back with this, less that of what was before."""
    tax = sum((one.tax for one in lines), Decimal(0))
    total = sum((one.amount for one in lines), Decimal(0)) + (Decimal(0) if tax_included else tax)
    given_back = total - left + amount
    due = rounded_to_minor_unit(Fraction(tax) * Fraction(given_back) / Fraction(total), currency)
    return due - sum((one.tax - one.tax_left for one in lines), Decimal(0))


def _spread(amount: Decimal, weights: Sequence[Decimal], currency: str) -> list[Decimal]:
    """Share an amount out by weights, to the minor unit: each has the share of all up to it, less that of all before it."""
    whole_weight = sum(weights, Decimal(0))
    if not amount or not whole_weight:
        return [Decimal(0)] * len(weights)
    shares, weighed, given = [], Decimal(0), Decimal(0)
    for weight in weights:
        weighed += weight
        so_far = rounded_to_minor_unit(
            Fraction(amount) * Fraction(weighed) / Fraction(whole_weight), currency
        )
        shares.append(so_far - given)
        given = so_far
    return shares


def _gross(one: Left, *, tax_included: bool) -> Decimal:
    return one.amount_left if tax_included else one.amount_left + one.tax_left


def _within(tax: Decimal, left: Decimal) -> Decimal:
    """Keep a share of a tax between nothing and what is left of it, which is below zero for a discount."""
    return min(max(tax, min(left, Decimal(0))), max(left, Decimal(0)))
