"""What customers owe on a day, by age, from their documents; beside it what the journal says of each."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from django.db import connection
from django.http import HttpRequest
from django.urls import reverse

from apps.backoffice.books.asked import Asked
from apps.backoffice.books.report import Cell, Check, Column, Report, amount
from apps.core.formats import format_day
from apps.core.money import Money
from apps.customers.models import Customer
from apps.ledger.models import Account
from apps.ledger.post import month_after
from apps.ledger.queries import by_customer
from apps.payments.queries import AGES

# What is open on a day is an invoice's total less what the books have as paying it by then; those that the books have later,
# since their month was closed, are not among them yet.
_OPEN = """
    SELECT i.id, i.number, i.customer_id, i.issued_on, i.due_on, i.total - coalesce(sum(paid.amount), 0)
    FROM invoices_invoice i
    JOIN ledger_entry e ON e.legal_entity_id = i.legal_entity_id AND e.kind = 'invoice' AND e.source_key = i.number
        AND e.posted_on <= %(day)s
    LEFT JOIN LATERAL (
        SELECT a.amount FROM payments_allocation a
        JOIN ledger_entry p ON p.legal_entity_id = i.legal_entity_id AND p.posted_on <= %(day)s
            AND p.source_key = coalesce(a.write_off_id, a.id)::text
            AND p.kind IN ('allocation', 'write_off')
        WHERE a.invoice_id = i.id
        UNION ALL
        SELECT a.amount FROM payments_allocation a
        JOIN payments_writeoff w ON w.id = a.write_off_id
        JOIN ledger_entry p ON p.legal_entity_id = i.legal_entity_id AND p.posted_on <= %(day)s
            AND p.source_key = w.id::text AND p.kind = 'reversal'
        WHERE a.invoice_id = i.id AND a.amount < 0
    ) paid ON true
    WHERE i.legal_entity_id = %(entity)s AND i.currency = %(currency)s AND i.status = 'finalized' AND i.kind <> 'credit_note'
    GROUP BY i.id HAVING i.total <> coalesce(sum(paid.amount), 0)
    ORDER BY i.due_on, i.number
"""


@dataclass(frozen=True, slots=True)
class Open:
    """An invoice of which something is open on the day."""

    invoice_id: UUID
    number: str
    customer_id: UUID
    issued_on: date
    due_on: date
    amount: Decimal


def open_on(asked: Asked) -> list[Open]:
    """Return what is open on the report's day, the longest overdue first; one query."""
    with connection.cursor() as cursor:
        cursor.execute(_OPEN, {"entity": asked.entity.pk, "currency": asked.currency, "day": asked.as_of})
        return [Open(*row) for row in cursor.fetchall()]


def receivables(asked: Asked, _request: HttpRequest) -> Report:
    """Return what is owed by customer and age, or of one customer by invoice."""
    key = asked.more.get("customer", "")
    customer = Customer.objects.filter(key=key).first() if key else None
    return _of_customer(asked, customer) if customer else _of_all(asked)


def _of_all(asked: Asked) -> Report:
    found = open_on(asked)
    booked = by_customer(
        asked.books, Account.Role.RECEIVABLES, ends_on=date.fromordinal(asked.as_of.toordinal() + 1)
    )
    ages: dict[UUID, list[Decimal]] = {one: [Decimal(0)] * len(AGES) for one in booked}
    for one in found:
        ages.setdefault(one.customer_id, [Decimal(0)] * len(AGES))[_age(one, asked.as_of)] += one.amount
    customers = Customer.objects.in_bulk(list(ages))
    rows = [
        (customers[pk], [*by_age, sum(by_age, Decimal(0)), booked.get(pk, Decimal(0))])
        for pk, by_age in sorted(ages.items(), key=lambda one: (-sum(one[1]), customers[one[0]].name))
    ]
    totals = [sum(column, Decimal(0)) for column in zip(*(figures for _, figures in rows), strict=True)] or [
        Decimal(0)
    ] * (len(AGES) + 2)
    journal = reverse("backoffice:books_journal")
    return Report(
        key="receivables",
        title="Receivables",
        label=f"Owed by customers on {format_day(asked.as_of, 'en')}",
        figure=Money(totals[-2], asked.currency),
        note="By days past due. What the books have in a later month, since its own was closed, counts from then on.",
        columns=[
            Column("Customer"),
            *(amount(label, asked.currency) for _, label in AGES),
            amount("Open", asked.currency),
            amount("In the journal", asked.currency),
        ],
        rows=[
            [
                Cell(customer.name, asked.address(customer=customer.key)),
                *(Cell(Money(figure, asked.currency)) for figure in figures[:-1]),
                Cell(
                    Money(figures[-1], asked.currency),
                    journal
                    + asked.elsewhere(
                        date(2000, 1, 1), month_after(asked.as_of), role="receivables", customer=customer.key
                    ),
                ),
            ]
            for customer, figures in rows
        ],
        totals=[Cell("All"), *(Cell(Money(figure, asked.currency)) for figure in totals)],
        checks=[
            Check(
                "Journal and documents agree for every customer",
                all(figures[-1] == figures[-2] for _, figures in rows),
            )
        ],
        when_empty="Nobody owes anything on that day.",
    )


def _of_customer(asked: Asked, customer: Customer) -> Report:
    found = [one for one in open_on(asked) if one.customer_id == customer.pk]
    total = sum((one.amount for one in found), Decimal(0))
    return Report(
        key="receivables",
        title=f"Receivables of {customer.name}",
        label=f"Owed on {format_day(asked.as_of, 'en')}",
        figure=Money(total, asked.currency),
        columns=[
            Column("Invoice"),
            Column("Issued"),
            Column("Due"),
            Column("Days overdue", is_number=True),
            amount("Open", asked.currency),
        ],
        rows=list(_invoices(asked, found)),
        totals=[Cell("All"), Cell(None), Cell(None), Cell(None), Cell(Money(total, asked.currency))],
        when_empty="Nothing is open on that day.",
    )


def _invoices(asked: Asked, found: list[Open]) -> Iterator[list[Cell]]:
    for one in found:
        yield [
            Cell(one.number, reverse("backoffice:invoice", args=[one.invoice_id])),
            Cell(one.issued_on),
            Cell(one.due_on),
            Cell(max((asked.as_of - one.due_on).days, 0)),
            Cell(Money(one.amount, asked.currency)),
        ]


def _age(one: Open, day: date) -> int:
    overdue = max((day - one.due_on).days, 0)
    return next(place for place, (limit, _) in enumerate(AGES) if limit is None or overdue <= limit)
