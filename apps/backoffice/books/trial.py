"""The trial balance: every account before, in and after the days; all of them add up to nothing."""

from decimal import Decimal

from django.http import HttpRequest
from django.urls import reverse

from apps.backoffice.books.asked import Asked
from apps.backoffice.books.report import Cell, Check, Column, Report, amount
from apps.core.money import Money
from apps.ledger.queries import balances


def trial_balance(asked: Asked, _request: HttpRequest) -> Report:
    """Return the trial balance, each account with a way to its part of the journal."""
    currency = asked.currency
    accounts = balances(asked.books, starts_on=asked.starts_on, ends_on=asked.ends_on)
    journal = reverse("backoffice:books_journal")
    columns = [[one.opening, one.debits, -one.credits, one.closing] for one in accounts]
    totals = [sum(column, Decimal(0)) for column in zip(*columns, strict=True)] or [Decimal(0)] * 4
    return Report(
        key="trial",
        title="Trial balance",
        label=f"Posted to both sides, {asked.days}",
        figure=Money(totals[1], currency),
        note="Debits are above zero, and so is what accounts hold on the debit side. Income adds up from the first entry on.",
        columns=[
            Column("Code"),
            Column("Account"),
            amount("Before", currency),
            amount("Debits", currency),
            amount("Credits", currency),
            amount("After", currency),
        ],
        rows=[
            [
                Cell(one.code),
                Cell(one.name, journal + asked.elsewhere(role=one.role)),
                *(Cell(Money(figure, currency)) for figure in figures),
            ]
            for one, figures in zip(accounts, columns, strict=True)
        ],
        totals=[Cell("All"), Cell(""), *(Cell(Money(figure, currency)) for figure in totals)],
        checks=[
            Check("Debits and credits are equal", totals[1] == totals[2]),
            Check("All accounts add up to nothing", totals[3] == 0),
        ],
    )
