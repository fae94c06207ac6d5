"""What is owed for credits that customers paid for, by customer and grant, in their units and in money."""

from datetime import date
from decimal import Decimal

from django.http import HttpRequest
from django.urls import reverse

from apps.backoffice.books.asked import Asked, Chip
from apps.backoffice.books.report import Cell, Check, Column, Report, amount
from apps.core.formats import plain
from apps.core.money import Money
from apps.credits.liability import Owed, liability
from apps.ledger.models import Account
from apps.ledger.queries import balance


def owed_credits(asked: Asked, _request: HttpRequest) -> Report:
    """Return what every grant was, and what is left of it now; those that hold something, or all."""
    shows_all = asked.more.get("show") == "all"
    found = list(liability(legal_entity_id=asked.entity.pk, currency=asked.currency, is_open=not shows_all))
    sums = [
        sum((getattr(one, name) for one in found), Decimal(0))
        for name in ("cost", "cost_used", "cost_expired", "cost_paid_back", "cost_left")
    ]
    # Whatever the days of the other pages: what is left is left now.
    booked = -balance(asked.books, Account.Role.CREDITS, ends_on=date.max)
    return Report(
        key="credits",
        title="Credits owed",
        label="Paid for and not used, today",
        figure=Money(sums[-1], asked.currency),
        is_of_today=True,
        note="Gifts cost nothing and are not among them. Money is what was paid, not what it buys.",
        columns=_columns(asked.currency),
        rows=[_row(one, asked.currency) for one in found],
        totals=[
            Cell("All"),
            *(Cell(None) for _ in range(8)),
            *(Cell(Money(figure, asked.currency)) for figure in sums),
        ],
        checks=[Check("Grants and journal agree", sums[-1] == booked)],
        chips=[
            Chip("With something left", asked.address(show=""), not shows_all),
            Chip("All grants", asked.address(show="all"), shows_all),
        ],
        when_empty="No customer has credits left that were paid for in this currency.",
    )


def _columns(currency: str) -> list[Column]:
    return [
        Column("Customer"),
        Column("Grant"),
        Column("Expires"),
        Column("Unit"),
        *(Column(title, is_number=True) for title in ("Granted", "Used", "Expired", "Paid back", "Left")),
        *(
            amount(title, currency)
            for title in ("Paid", "Paid, used", "Paid, expired", "Paid, given back", "Owed")
        ),
    ]


def _row(one: Owed, currency: str) -> list[Cell]:
    grant = one.grant
    address = reverse("admin:credits_creditgrant_change", args=[grant.pk])
    return [
        Cell(grant.customer.name, reverse("backoffice:customer", args=[grant.customer.key])),
        Cell(grant.name, address),
        Cell(grant.expires_on),
        Cell(grant.credit_unit.name if grant.credit_unit else grant.currency),
        *(Cell(plain(value)) for value in (grant.amount, one.used, one.expired, one.paid_back, grant.left)),
        *(
            Cell(Money(value, currency))
            for value in (one.cost, one.cost_used, one.cost_expired, one.cost_paid_back, one.cost_left)
        ),
    ]
