"""Checking the books against the documents: each invoice is posted once as it is, and what is owed agrees both ways."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from django.db import connection
from django.db.models import Sum

from apps.credits.liability import liability
from apps.customers.models import LegalEntity
from apps.invoices.models import Invoice, InvoiceTax
from apps.invoices.post import entry_of
from apps.ledger.models import Account, Entry, Posting
from apps.ledger.post import summed
from apps.ledger.queries import Books, balance, balances, by_customer, currencies

_AT_ONCE = 500
_DOCUMENTS = [Entry.Kind.INVOICE, Entry.Kind.CREDIT_NOTE]
_ROLE = Account.Role
# By customer, from documents. A payment is in the books that it was posted to, where its customer is sold to by others since.
_PAYMENTS = """
    WITH payment AS (
        SELECT p.id, p.customer_id, p.currency, p.amount, coalesce(e.legal_entity_id, c.legal_entity_id) AS legal_entity_id
        FROM payments_payment p JOIN customers_customer c ON c.id = p.customer_id
        LEFT JOIN ledger_entry e ON e.kind = 'payment' AND e.source_key = p.id::text
    ), refund AS (
        SELECT r.customer_id, r.currency, r.amount, r.paid_on, coalesce(p.legal_entity_id, n.legal_entity_id) AS legal_entity_id
        FROM payments_refund r
        LEFT JOIN payment p ON p.id = r.payment_id LEFT JOIN invoices_invoice n ON n.id = r.credit_note_id
    )
"""
# What is open of invoices.
_OPEN = """
    SELECT i.customer_id, sum(i.total) - coalesce((
        SELECT sum(a.amount) FROM payments_allocation a JOIN invoices_invoice paid ON paid.id = a.invoice_id
        WHERE paid.customer_id = i.customer_id AND paid.legal_entity_id = %(entity)s AND paid.currency = %(currency)s
    ), 0)
    FROM invoices_invoice i
    WHERE i.legal_entity_id = %(entity)s AND i.currency = %(currency)s AND i.status = 'finalized' AND i.kind <> 'credit_note'
    GROUP BY i.customer_id
"""
# What of payments and credit notes pays no invoice and is not refunded.
_BALANCES = f"""{_PAYMENTS}
    SELECT customer_id, sum(amount) FROM (
        SELECT customer_id, legal_entity_id, currency, amount FROM payment
        UNION ALL SELECT customer_id, legal_entity_id, currency, -total FROM invoices_invoice
         WHERE kind = 'credit_note' AND status = 'finalized'
        UNION ALL SELECT i.customer_id, i.legal_entity_id, i.currency, -a.amount
         FROM payments_allocation a JOIN invoices_invoice i ON i.id = a.invoice_id WHERE a.write_off_id IS NULL
        UNION ALL SELECT customer_id, legal_entity_id, currency, -amount FROM refund
    ) AS moved WHERE legal_entity_id = %(entity)s AND currency = %(currency)s GROUP BY customer_id
"""  # noqa: S608 put together from constants
# What is owed back of payments, credit notes and credits, and not paid back yet.
_REFUNDS = f"""{_PAYMENTS}
    SELECT customer_id, sum(amount) FROM (
        SELECT customer_id, legal_entity_id, currency, amount FROM refund WHERE paid_on IS NULL
        UNION ALL SELECT g.customer_id, g.legal_entity_id, r.currency, r.amount
         FROM credits_refundowed r JOIN credits_creditgrant g ON g.id = r.grant_id
         WHERE r.amount IS NOT NULL AND r.refunded_at IS NULL
    ) AS owed WHERE legal_entity_id = %(entity)s AND currency = %(currency)s GROUP BY customer_id
"""  # noqa: S608 put together from constants


@dataclass(frozen=True, slots=True)
class Difference:
    """Something on which books and documents do not agree, with both figures."""

    what: str
    documents: str
    books: str

    def __str__(self) -> str:
        return f"{self.what}: {self.documents} by the documents, {self.books} in the books"


def check(entity: LegalEntity) -> Iterator[Difference]:
    """Yield everything on which the books of a legal entity and its documents differ; reads all of them."""
    yield from _documents(entity)
    for currency in currencies(entity.pk):
        books = Books(entity.pk, currency)
        yield from _sums_to_nothing(books)
        yield from _by_customer(books, _ROLE.RECEIVABLES, _OPEN)
        yield from _by_customer(books, _ROLE.BALANCES, _BALANCES)
        yield from _by_customer(books, _ROLE.REFUNDS, _REFUNDS)
        yield from _credits(books)
        yield from _taxes(books)


def _documents(entity: LegalEntity) -> Iterator[Difference]:
    """Compare each invoice and credit note with its entry, amount by amount, some hundred at a time."""
    found = (
        Invoice.objects.filter(legal_entity=entity, status=Invoice.Status.FINALIZED)
        .select_related("customer", "legal_entity")
        .prefetch_related("lines__adjusts")
        .defer("snapshot")
        .order_by("pk")
    )
    known: set[str] = set()
    some: list[Invoice] = []
    for invoice in found.iterator(_AT_ONCE):
        some.append(invoice)
        known.add(str(invoice.number))
        if len(some) == _AT_ONCE:
            yield from _compared(entity, some)
            some = []
    yield from _compared(entity, some)
    booked = Entry.objects.filter(legal_entity=entity, kind__in=_DOCUMENTS).values_list(
        "source_key", flat=True
    )
    for number in booked.iterator(_AT_ONCE):
        if number not in known:
            yield Difference(f"Invoice {number}", "no such invoice", "an entry")


def _compared(entity: LegalEntity, invoices: list[Invoice]) -> Iterator[Difference]:
    numbers = [str(one.number) for one in invoices]
    booked: dict[str, dict[tuple[str, str], Decimal]] = {}
    found = (
        Posting.objects.filter(
            entry__legal_entity=entity, entry__kind__in=_DOCUMENTS, entry__source_key__in=numbers
        )
        .values_list("entry__source_key", "account__role", "product_name")
        .annotate(sum=Sum("amount"))
        .order_by()
    )
    for number, role, product, amount in found:
        booked.setdefault(number, {})[role, product] = amount
    for invoice in invoices:
        expected: dict[tuple[str, str], Decimal] = {}
        for one in summed(entry_of(invoice, list(invoice.lines.all()))):
            key = (one.role.value, one.product_name)
            expected[key] = expected.get(key, Decimal(0)) + one.amount
        has = booked.get(str(invoice.number), {})
        if {key: one for key, one in expected.items() if one} != {
            key: one for key, one in has.items() if one
        }:
            yield Difference(f"Invoice {invoice.number}", _told(expected), _told(has))


def _told(amounts: dict[tuple[str, str], Decimal]) -> str:
    told = [
        f"{role} {product} {amount:f}".replace("  ", " ")
        for (role, product), amount in sorted(amounts.items())
    ]
    return "; ".join(told) or "nothing"


def _sums_to_nothing(books: Books) -> Iterator[Difference]:
    total = sum((one.closing for one in balances(books, starts_on=date.min, ends_on=date.max)), Decimal(0))
    if total:
        yield Difference(f"All accounts, {books.currency}", "0", f"{total:f}")


def _by_customer(books: Books, role: Account.Role, by_documents: str) -> Iterator[Difference]:
    """Compare what each customer owes, or is owed; entries by hand are no document, and show here."""
    with connection.cursor() as cursor:
        cursor.execute(by_documents, {"entity": books.legal_entity_id, "currency": books.currency})
        found: dict[UUID, Decimal] = dict(cursor.fetchall())
    sign = 1 if role == _ROLE.RECEIVABLES else -1
    booked = by_customer(books, role, ends_on=date.max)
    for customer_id in sorted({*found, *booked}):
        documents, entries = found.get(customer_id, Decimal(0)), sign * booked.get(customer_id, Decimal(0))
        if documents != entries:
            yield Difference(
                f"{role.label} of customer {customer_id}, {books.currency}", f"{documents:f}", f"{entries:f}"
            )


def _credits(books: Books) -> Iterator[Difference]:
    rows = liability(legal_entity_id=books.legal_entity_id, currency=books.currency, is_open=True)
    owed = sum((one.cost_left for one in rows), Decimal(0))
    booked = -balance(books, _ROLE.CREDITS, ends_on=date.max)
    if owed != booked:
        yield Difference(f"Customer credits, {books.currency}", f"{owed:f}", f"{booked:f}")


def _taxes(books: Books) -> Iterator[Difference]:
    """Compare the tax rows of all documents with what they posted as tax; what was paid to a tax office is no such."""
    rows = InvoiceTax.objects.filter(
        invoice__legal_entity=books.legal_entity_id,
        invoice__currency=books.currency,
        invoice__status=Invoice.Status.FINALIZED,
    ).aggregate(sum=Sum("amount"))["sum"] or Decimal(0)
    booked = books.postings().filter(account__role=_ROLE.TAX, entry__kind__in=_DOCUMENTS).aggregate(
        sum=Sum("amount")
    )["sum"] or Decimal(0)
    if rows != -booked:
        yield Difference(f"Tax, {books.currency}", f"{rows:f}", f"{-booked:f}")
