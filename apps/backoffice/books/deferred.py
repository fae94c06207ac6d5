"""The roll-forward of deferred revenue: what was billed in advance, earned since, given back, and is still ahead, by month."""

from datetime import date
from decimal import Decimal

from django.http import HttpRequest
from django.urls import reverse

from apps.backoffice.books.asked import Asked
from apps.backoffice.books.report import Cell, Check, Column, Report, amount
from apps.core.formats import format_day, format_month
from apps.core.money import Money
from apps.ledger.models import Account, Entry
from apps.ledger.post import month_after
from apps.ledger.queries import Movement, balance, movements

_ROLE = Account.Role.DEFERRED


def deferred(asked: Asked, _request: HttpRequest) -> Report:
    """Return a row a month that begins with what is ahead, and ends with it; above zero is owed to customers in service."""
    ahead = opening = -balance(asked.books, _ROLE, ends_on=asked.starts_on)
    found = movements(asked.books, _ROLE, starts_on=asked.starts_on, ends_on=asked.ends_on)
    rows: list[list[Cell]] = []
    month = asked.starts_on.replace(day=1)
    last = max(asked.as_of, asked.starts_on)
    sums = [Decimal(0)] * 4
    while month <= last:
        moved = _moved([one for one in found if one.month == month])
        figures = [ahead, *moved, ahead + sum(moved, Decimal(0))]
        ahead = figures[-1]
        sums = [before + one for before, one in zip(sums, moved, strict=True)]
        # The books begin with the first month in which anything was ahead.
        if rows or any(figures):
            rows.append(_row(asked, month, figures))
        month = month_after(month)
    at_end = -balance(asked.books, _ROLE, ends_on=asked.ends_on)
    return Report(
        key="deferred",
        title="Deferred revenue",
        label=f"Billed in advance and not earned by {format_day(asked.as_of, 'en')}",
        figure=Money(ahead, asked.currency),
        note="Fees billed in advance are earned when the invoice of their own period is finalized.",
        columns=[
            Column("Month"),
            *(
                amount(title, asked.currency)
                for title in ("Before", "Billed in advance", "Earned", "Credited", "Other", "After")
            ),
        ],
        rows=rows,
        totals=[
            Cell("All"),
            *(Cell(Money(figure, asked.currency)) for figure in (opening, *sums, ahead)),
        ],
        checks=[Check("The last month ends with what the journal has", ahead == at_end)],
    )


def _moved(found: list[Movement]) -> list[Decimal]:
    """Return what was billed, earned, credited and moved otherwise, each above zero where more is ahead."""
    invoices = [one for one in found if one.kind == Entry.Kind.INVOICE]
    notes = [one for one in found if one.kind == Entry.Kind.CREDIT_NOTE]
    others = [one for one in found if one not in invoices and one not in notes]
    return [
        -sum((one.credits for one in invoices), Decimal(0)),
        -sum((one.debits for one in invoices), Decimal(0)),
        -sum((one.debits + one.credits for one in notes), Decimal(0)),
        -sum((one.debits + one.credits for one in others), Decimal(0)),
    ]


def _row(asked: Asked, month: date, figures: list[Decimal]) -> list[Cell]:
    journal = reverse("backoffice:books_journal")
    days = (max(month, asked.starts_on), min(month_after(month), asked.ends_on))
    ways = {
        2: journal + asked.elsewhere(*days, role=_ROLE.value, kind=Entry.Kind.INVOICE.value),
        3: journal + asked.elsewhere(*days, role=_ROLE.value, kind=Entry.Kind.INVOICE.value),
        4: journal + asked.elsewhere(*days, role=_ROLE.value, kind=Entry.Kind.CREDIT_NOTE.value),
    }
    return [
        Cell(format_month(month, "en"), journal + asked.elsewhere(*days, role=_ROLE.value)),
        *(
            Cell(Money(figure, asked.currency), ways.get(place, "") if figure else "")
            for place, figure in enumerate(figures, start=1)
        ),
    ]
