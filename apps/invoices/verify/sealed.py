"""Whether a finalized invoice is still what was sealed: its hash, its sums, its place in the chain, its posting, its PDF."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.db.models import Sum
from django.db.models.functions import Length

from apps.invoices import snapshot
from apps.invoices.models import Invoice, InvoiceLine, InvoicePdf, InvoiceTax, NumberSeries
from apps.invoices.post import entry_of
from apps.invoices.verify.findings import Check, Finding
from apps.ledger.models import Posting


@dataclass(frozen=True, slots=True)
class ChainFinding:
    """Where the numbers of a series have a gap, or its chain is broken."""

    prefix: str
    problem: str


def sealed(invoice: Invoice, lines: Sequence[InvoiceLine], taxes: Sequence[InvoiceTax]) -> Iterator[Finding]:
    """Yield what no longer is as it was when the invoice was finalized."""
    if snapshot.hash_of(invoice, lines, taxes) != bytes(invoice.snapshot_hash or b""):
        yield Finding(
            Check.SEAL, "Its content does not match its hash: something was changed after it was finalized."
        )
    yield from _sums(invoice, lines, taxes)
    yield from _journal(invoice, lines)
    kept = InvoicePdf.objects.filter(pk=invoice.pk).first()
    if kept and hashlib.sha256(bytes(kept.content)).digest() != bytes(kept.sha256):
        yield Finding(Check.DOCUMENT, "Its PDF does not match the hash that was kept with it.")


def broken_chains() -> list[ChainFinding]:
    """Return every gap in the numbers and every break in the chain, of all series; three queries a series at most, read row by row."""
    found: list[ChainFinding] = []
    before: dict[str, NumberSeries] = {}
    for series in NumberSeries.objects.order_by("prefix", "year"):
        found += _broken(series, before.get(series.prefix))
        before[series.prefix] = series
    return found


def _broken(series: NumberSeries, before: NumberSeries | None) -> Iterator[ChainFinding]:
    """Yield what is wrong in a series that begins after the one of the year before."""
    head = f"{series.prefix}-{series.year}-"
    expected, number = 1, ""
    last = _begins_after(head, before)
    rows = (
        Invoice.objects.filter(number__startswith=head)
        .order_by(Length("number"), "number")
        .values_list("number", "previous_hash", "snapshot_hash")
    )
    for found, previous, own in rows.iterator():
        number, place = str(found), int(str(found).removeprefix(head))
        if place != expected:
            yield ChainFinding(series.prefix, f"{head}{expected:06d} is missing before {number}.")
        elif last is not None and _bytes(previous) != last:
            yield ChainFinding(series.prefix, f"{number} does not carry the hash of the document before it.")
        expected, last = place + 1, _bytes(own)
    if series.next_number != expected:
        yield ChainFinding(
            series.prefix,
            f"The next number is {head}{series.next_number:06d}, but the last document is {number or 'none'}.",
        )
    # Documents from before there was a chain left no hash.
    if series.last_hash is not None and _bytes(series.last_hash) != last:
        yield ChainFinding(series.prefix, f"The last document {number} is not the one that was chained last.")


def _begins_after(head: str, before: NumberSeries | None) -> bytes | None:
    """Return the hash that a series' first document has to carry: of the last document of the year before.

    At New Year the old year goes on in some places for some hours. Then it is the document that was the last when the new year
    began in the first of them, which the old year's own chain proves.
    """
    if before is None or before.last_hash is None:
        return None
    first = Invoice.objects.filter(number=f"{head}{1:06d}").values_list("previous_hash", flat=True).first()
    of_year = Invoice.objects.filter(number__startswith=f"{before.prefix}-{before.year}-")
    is_one_of_them = first is not None and of_year.filter(snapshot_hash=first).exists()
    return _bytes(first if is_one_of_them else before.last_hash)


def _bytes(value: bytes | memoryview | None) -> bytes | None:
    return None if value is None else bytes(value)


def _sums(invoice: Invoice, lines: Sequence[InvoiceLine], taxes: Sequence[InvoiceTax]) -> Iterator[Finding]:
    subtotal = sum((line.amount for line in lines), Decimal(0))
    tax = sum((row.amount for row in taxes), Decimal(0))
    if subtotal != invoice.subtotal:
        yield Finding(Check.SUMS, f"Its lines add up to {subtotal:f}, its subtotal is {invoice.subtotal:f}.")
    # Invoices from before there was a summary have no rows.
    if taxes and tax != invoice.tax_amount:
        yield Finding(Check.SUMS, f"Its tax rows add up to {tax:f}, its tax is {invoice.tax_amount:f}.")
    whole = subtotal if invoice.tax_included else subtotal + invoice.tax_amount
    if whole != invoice.total:
        yield Finding(Check.SUMS, f"Subtotal and tax come to {whole:f}, its total is {invoice.total:f}.")


def _journal(invoice: Invoice, lines: Sequence[InvoiceLine]) -> Iterator[Finding]:
    entry = entry_of(invoice, lines)
    expected: dict[tuple[str, str, UUID], Decimal] = {}
    for one in entry.postings:
        key = (str(one.role), one.product_name, entry.customer.pk)
        expected[key] = expected.get(key, Decimal(0)) + one.amount
    expected = {key: amount for key, amount in expected.items() if amount}
    # What is billed in advance and what was earned of it are two postings on one account.
    posted = {
        (role, product, customer): amount
        for role, product, customer, amount in Posting.objects.filter(
            entry__legal_entity=invoice.legal_entity_id,
            entry__kind=entry.kind,
            entry__source_key=invoice.number,
        )
        .values_list("account__role", "product_name", "customer_id")
        .annotate(sum=Sum("amount"))
        .order_by()
        if amount
    }
    if posted == expected:
        return
    if not posted:
        yield Finding(Check.JOURNAL, "It is not posted to the journal.")
        return
    for key in sorted(expected.keys() | posted.keys(), key=str):
        asked, booked = expected.get(key, Decimal(0)), posted.get(key, Decimal(0))
        if asked != booked:
            yield Finding(
                Check.JOURNAL, f"{key[0]} {key[1]}: posted is {booked:f}, the invoice says {asked:f}."
            )
