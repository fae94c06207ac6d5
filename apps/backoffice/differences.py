"""Telling why a draft differs from the period before: its lines brought to the comparison, and its parts in words."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

from apps.core.formats import format_quantity, format_share, format_short, plain
from apps.core.money import Money, rounded_to
from apps.invoices import compare
from apps.invoices.compare import Effect, Explained, Item, Mover, Pair, Side, Sort
from apps.invoices.models import Invoice, InvoiceLine
from apps.invoices.to_decide import DraftRow

LOCALE = "en"
Kind = InvoiceLine.Kind
_SORTS = {
    Kind.USAGE: Sort.USAGE,
    Kind.OVERAGE: Sort.USAGE,
    Kind.RECURRING: Sort.FEE,
    Kind.ONE_TIME: Sort.FEE,
}
WORDS = {
    Effect.VOLUME: "volume",
    Effect.PRICE: "price",
    Effect.MIX: "mix",
    Effect.NEW: "newly used",
    Effect.GONE: "no longer used",
    Effect.FEES: "fees",
    Effect.OTHER: "discounts, credits and other lines",
    Effect.TAX: "tax",
}
MEANINGS = {
    Effect.VOLUME: "More or less was used, at the average price of the period before",
    Effect.PRICE: "The effective price of the same thing changed: its amount divided by its quantity",
    Effect.MIX: "Use moved between cheaper and dearer kinds of the same charge",
    Effect.NEW: "Nothing of these was used before",
    Effect.GONE: "Nothing of these is used now",
    Effect.FEES: "Recurring and one-time fees",
    Effect.OTHER: "Discounts, minimums, credits, adjustments and lines added by hand",
    Effect.TAX: "Tax on all of it",
}
_LINE_FIELDS = (
    *("invoice_id", "account_name", "kind", "charge_key", "key", "name", "unit"),
    *("dimensions", "quantity", "amount", "exact", "in_advance", "adjusts_id"),
)
# They are called like the charge that they are of.
_BOUNDS = {Kind.MINIMUM.value: "minimum", Kind.MAXIMUM.value: "maximum"}
# A price told beside a quantity keeps so many decimals: a token may cost 0.000000075.
_PRICE_DIGITS = 12
# And is told by five digits: it is a quotient.
_SHOWN_DIGITS = 4
# Prices closer than a thousandth are the same to a reader.
_SAME = Fraction(1, 1000)
# From so many times on, nobody thinks in percent.
_TIMES = 3


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a difference: what it is called, what that means, and its amount."""

    word: str
    meaning: str
    amount: Money


@dataclass(frozen=True, slots=True)
class Why:
    """Why a draft differs: the charge that moved the most in a sentence, and the parts that add up to the difference."""

    sentence: str
    parts: tuple[Part, ...]

    @property
    def is_one(self) -> bool:
        """Tell whether one part is all of the difference."""
        return len(self.parts) == 1


@dataclass(frozen=True, slots=True)
class Beside:
    """A line of a draft beside the one of the period before, with the unit prices and why it differs."""

    pair: Pair
    values: str
    before: Money | None
    now: Money | None
    price_before: Decimal | None
    price_now: Decimal | None
    difference: Money
    sentence: str


def reasons(rows: Sequence[DraftRow]) -> dict[UUID, Why]:
    """Return why each of these drafts differs from the period before, where there is one; the lines of all in one query."""
    told = [row for row in rows if row.before_id and row.difference and not row.difference.is_zero]
    items = items_of([one for row in told for one in (row.id, row.before_id) if one])
    return {
        row.id: why(
            compare.explain(
                items.get(row.before_id, []) if row.before_id else [],
                items.get(row.id, []),
                tax=row.tax - row.before_tax,
                currency=row.total.currency,
            ),
            row.total.currency,
        )
        for row in told
    }


def items_of(invoice_ids: Iterable[UUID]) -> dict[UUID, list[Item]]:
    """Return the lines of invoices as they are compared, in their order, in one query."""
    items: dict[UUID, list[Item]] = {}
    ids = list(invoice_ids)
    if ids:
        lines = InvoiceLine.objects.filter(invoice_id__in=ids).order_by("invoice_id", "position")
        for line in lines.only(*_LINE_FIELDS):
            items.setdefault(line.invoice_id, []).append(_item(line))
    return items


def why(explained: Explained, currency: str) -> Why:
    """Return the parts of a difference in words, the largest first."""
    parts = sorted(explained.parts.items(), key=lambda part: -abs(part[1]))
    return Why(
        sentence=_moved(explained.mover) if explained.mover else "",
        parts=tuple(
            Part(WORDS[effect], MEANINGS[effect], Money(amount, currency).rounded())
            for effect, amount in parts
        ),
    )


def side_by_side(draft: Invoice, before: Invoice | None) -> tuple[list[Beside], Why | None]:
    """Return the lines of a draft beside those of the period before, matched by charge and dimensions, and why they differ.

    One query.
    """
    items = items_of([draft.pk, *([before.pk] if before else [])])
    now, then = items.get(draft.pk, []), items.get(before.pk, []) if before else []
    beside = [
        _beside(pair, draft.currency, has_before=before is not None) for pair in compare.pairs(then, now)
    ]
    if before is None:
        return beside, None
    told = compare.explain(then, now, tax=draft.tax_amount - before.tax_amount, currency=draft.currency)
    return beside, why(told, draft.currency)


def _item(line: InvoiceLine) -> Item:
    sort = _SORTS.get(Kind(line.kind), Sort.OTHER)
    # What staff added has a key of its own each month; of the same name it is the same.
    key = line.name if line.kind == Kind.MANUAL else line.charge_key or line.key
    return Item(
        charge=(line.account_name, line.kind, key, "in advance" if line.in_advance else ""),
        cell=tuple(sorted((name, str(value)) for name, value in line.dimensions.items())),
        name=line.name,
        unit=line.unit,
        sort=sort,
        quantity=line.quantity,
        amount=line.amount,
        exact=line.exact,
    )


def _beside(pair: Pair, currency: str, *, has_before: bool) -> Beside:
    account, kind, _, ahead = pair.charge
    values = (value for _, value in pair.cell if value != "*")
    return Beside(
        pair=pair,
        values=" · ".join(text for text in (account, *values, _BOUNDS.get(kind, ""), ahead) if text),
        before=Money(pair.before.amount, currency).rounded() if pair.before else None,
        now=Money(pair.now.amount, currency).rounded() if pair.now else None,
        price_before=_price(pair.before),
        price_now=_price(pair.now),
        difference=Money(pair.difference, currency).rounded(),
        sentence=_line_sentence(pair) if has_before else "",
    )


def _price(side: Side | None) -> Decimal | None:
    price = side.price if side else None
    if price is None:
        return None
    exact = rounded_to(price, _PRICE_DIGITS)
    return plain(rounded_to(price, min(max(_SHOWN_DIGITS - exact.adjusted(), 2), _PRICE_DIGITS)))


def _line_sentence(pair: Pair) -> str:
    """Say in words why a line differs from the one of the period before."""
    if pair.before is None:
        return "New"
    if pair.now is None:
        return "Not on this invoice"
    if pair.sort is Sort.OTHER:
        return "" if not pair.difference else "Changed"
    used = _more(pair.before.quantity, pair.now.quantity)
    price = _dearer(pair.before, pair.now)
    if not used and not price:
        return "The same"
    if used and price:
        return f"{used}, and {price}"
    return f"{used} at the same price" if used else f"As much, {price}"


def _moved(mover: Mover) -> str:
    if not mover.unit:
        return f"Most of it: {mover.name}"
    if not mover.before:
        return f"{mover.name}: newly used, {_counted(mover.now, mover.unit)}"
    if not mover.now:
        return f"{mover.name}: no longer used"
    used = _more(mover.before, mover.now)
    change = f"{_counted(mover.before, mover.unit)} to {_counted(mover.now, mover.unit)}"
    return f"{mover.name}: {used.lower()}, {change}" if used else f"{mover.name}: as much, at another price"


def _more(before: Decimal, now: Decimal) -> str:
    if before == now:
        return ""
    if not before:
        return "Used again"
    if now >= _TIMES * before > 0:
        return (
            f"{format_quantity(rounded_to(Fraction(now) / Fraction(before), 1), LOCALE)} times as much used"
        )
    share = (now - before) / abs(before)
    return f"{format_share(abs(share), LOCALE)} {'more' if share > 0 else 'less'} used"


def _dearer(before: Side, now: Side) -> str:
    then, today = before.price, now.price
    if then is None or today is None or abs(today - then) <= abs(then) * _SAME:
        return ""
    if not then:
        return "no longer free"
    share = rounded_to(abs((today - then) / then), 4)
    return f"the unit {format_share(share, LOCALE)} {'dearer' if today > then else 'cheaper'}"


def _counted(quantity: Decimal, unit: str) -> str:
    return f"{format_short(quantity, LOCALE)} {unit}"
