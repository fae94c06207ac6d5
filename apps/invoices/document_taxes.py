"""The tax summary of an invoice as it is printed."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from apps.invoices.figures import Figures
from apps.invoices.labels import WORDS
from apps.invoices.models import Invoice, InvoiceTax

_Category = InvoiceTax.Category
# The word for what the law wants to be named, by category.
_GROUNDS = {
    _Category.REVERSE_CHARGE: "reverse_charge",
    _Category.INTRA_COMMUNITY: "intra_community",
    _Category.EXPORT: "export",
}


@dataclass(frozen=True, slots=True)
class TaxRow:
    """The tax of one rate; `label` says name, rate and base in one, for the totals, and `reason` why there is none."""

    label: str
    kind: str
    base: str
    amount: str
    reason: str


def taxes_of(
    invoice: Invoice, figures: Figures, sign: int, known: Sequence[InvoiceTax] | None = None
) -> tuple[TaxRow, ...]:
    """Return the rows of the summary, in words of the law where the category has such; `known` are those that are not stored."""
    rows = (list(invoice.taxes.all()) or _of_the_whole(invoice)) if known is None else known
    return tuple(_row(row, figures, sign, is_included=invoice.tax_included) for row in rows)


def _of_the_whole(invoice: Invoice) -> Sequence[InvoiceTax]:
    """Return the one tax of an invoice that was finalized before summaries were kept."""
    note = invoice.snapshot["customer"].get("tax_note", "")
    if invoice.tax_rate:
        return [
            InvoiceTax(
                category=_Category.STANDARD,
                rate=invoice.tax_rate,
                base=invoice.subtotal,
                amount=invoice.tax_amount,
                reason=note,
            )
        ]
    nothing = Decimal(0)
    outside = InvoiceTax(
        category=_Category.OUTSIDE_SCOPE, rate=nothing, base=invoice.subtotal, amount=nothing, reason=note
    )
    return [outside] if note else []


def _row(row: InvoiceTax, figures: Figures, sign: int, *, is_included: bool) -> TaxRow:
    words = figures.words
    name, rate = row.name or words.tax_name, figures.percent(row.rate)
    label = words.tax.format(name=name, rate=rate, base=figures.total(row.base * sign))
    return TaxRow(
        label=words.of_which.format(tax=label) if is_included else label,
        kind=f"{name} {rate}",
        base=figures.amount(row.base * sign),
        amount=figures.amount(row.amount * sign),
        reason=_reason(row, figures),
    )


def _reason(row: InvoiceTax, figures: Figures) -> str:
    """Name the ground in the document's language, and then what the seller wrote about it; one that is named stays as it is."""
    key = _GROUNDS.get(_Category(row.category))
    if key is None or row.reason in {getattr(words, key) for words in WORDS.values()}:
        return row.reason
    ground: str = getattr(figures.words, key)
    written = "" if row.reason.casefold() in ground.casefold() else row.reason
    return ". ".join(text for text in (ground, written) if text)
