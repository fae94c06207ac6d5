"""The journal: entries with their postings, the latest first, each with a way to its document."""

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from uuid import UUID

from django.http import HttpRequest
from django.urls import reverse

from apps.backoffice.books.asked import Asked, Chip
from apps.backoffice.books.documents import addresses
from apps.backoffice.books.report import Cell, Column, Report, amount
from apps.core.money import Money
from apps.core.spreadsheets import FORMATS
from apps.customers.models import Customer
from apps.ledger.models import Account, Entry, Posting
from apps.ledger.queries import JournalSearch, all_entries, balances
from apps.ledger.queries import journal as page_of

MOST = 50
# What the journal's address may say beside books and days.
ASKS = ("role", "kind", "customer", "product")


def journal(asked: Asked, request: HttpRequest) -> Report:
    """Return a page of the journal; saved, it has all entries that are asked for, the first first."""
    search = _search(asked, request)
    saves = request.GET.get("as", "") in FORMATS
    before = _before(request.GET.get("before", ""))
    found = [] if saves else page_of(search, before=before, most=MOST + 1)
    shown = found[:MOST]
    last = shown[-1] if shown else None
    moved = balances(asked.books, starts_on=asked.starts_on, ends_on=asked.ends_on)
    of_role = [one for one in moved if search.role in {"", one.role}]
    return Report(
        key="journal",
        title="Journal",
        label=_label(asked, search),
        figure=Money(sum((one.debits for one in of_role), Decimal(0)), asked.currency),
        note=_note(search, asked),
        columns=[
            Column("Day"),
            Column("What"),
            Column("Document"),
            Column("Account"),
            Column("Customer"),
            amount("Debit", asked.currency),
            amount("Credit", asked.currency),
        ],
        rows=_all_rows(search, asked.currency) if saves else _rows(shown, asked.currency),
        chips=_chips(asked),
        older=f"{asked.address()}&before={last.posted_on}_{last.pk}" if last and len(found) > MOST else "",
        newest=asked.address() if before else "",
    )


def _search(asked: Asked, request: HttpRequest) -> JournalSearch:
    more = asked.more
    role, kind = more.get("role", ""), more.get("kind", "")
    customer = Customer.objects.filter(key=more["customer"]).first() if "customer" in more else None
    return JournalSearch(
        books=asked.books,
        starts_on=asked.starts_on,
        ends_on=asked.ends_on,
        role=role if role in Account.Role.values else "",
        kind=kind if kind in Entry.Kind.values else "",
        customer_id=customer.pk if customer else None,
        # An empty one asks for what has no product.
        product_name=request.GET.get("product"),
    )


def _label(asked: Asked, search: JournalSearch) -> str:
    account = Account.Role(search.role).label if search.role else "all accounts"
    return f"Debits of {account.lower()}, {asked.days}"


def _note(search: JournalSearch, asked: Asked) -> str:
    narrowed = [
        f"by {Entry.Kind(search.kind).label.lower()}" if search.kind else "",
        f"of the customer {asked.more['customer']}" if search.customer_id else "",
        f"of the product {search.product_name or 'none'}" if search.product_name is not None else "",
    ]
    said = ", ".join(one for one in narrowed if one)
    return f"Listed are entries {said} alone." if said else "Each entry adds up to nothing."


def _chips(asked: Asked) -> list[Chip]:
    """Return the ways out of what the list is narrowed to."""
    return [
        Chip(f"{_said(name, value)} \N{MULTIPLICATION SIGN}", asked.address(**{name: ""}), is_chosen=False)
        for name, value in asked.more.items()
    ]


def _said(name: str, value: str) -> str:
    if name == "role" and value in Account.Role.values:
        return str(Account.Role(value).label)
    if name == "kind" and value in Entry.Kind.values:
        return str(Entry.Kind(value).label)
    return f"{name.capitalize()} {value}"


def _before(text: str) -> tuple[date, UUID] | None:
    day, _, entry_id = text.partition("_")
    try:
        return date.fromisoformat(day), UUID(entry_id)
    except ValueError:
        return None


def _rows(entries: Sequence[Entry], currency: str) -> list[list[Cell]]:
    ways = addresses(entries)
    return [row for entry in entries for row in _of_entry(entry, currency, ways[entry.pk])]


def _all_rows(search: JournalSearch, currency: str) -> Iterator[list[Cell]]:
    for entry in all_entries(search):
        # Every line of a file says of which entry it is; nothing in it leads anywhere.
        head = [Cell(entry.posted_on), Cell(entry.get_kind_display()), Cell(entry.description)]
        for posting in entry.postings.all():
            if posting.currency == currency:
                yield [*head, Cell(_account(posting)), Cell(posting.customer.name), *_sides(posting)]


def _of_entry(entry: Entry, currency: str, way: str) -> Iterator[list[Cell]]:
    head = [
        Cell(entry.posted_on, reverse("backoffice:books_entry", args=[entry.pk])),
        Cell(entry.get_kind_display()),
        Cell(entry.description, way),
    ]
    for posting in entry.postings.all():
        if posting.currency == currency:
            customer = posting.customer
            address = reverse("backoffice:customer", args=[customer.key])
            yield [*head, Cell(_account(posting)), Cell(customer.name, address), *_sides(posting)]
            head = [Cell(None)] * 3


def _account(posting: Posting) -> str:
    return f"{posting.account}, {posting.product_name}" if posting.product_name else str(posting.account)


def _sides(posting: Posting) -> tuple[Cell, Cell]:
    """Return the amount on its side."""
    size = Cell(Money(abs(posting.amount), posting.currency))
    return (size, Cell(None)) if posting.amount > 0 else (Cell(None), size)
