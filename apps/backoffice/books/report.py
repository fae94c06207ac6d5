"""A report of the books as rows of cells: shown on a page, and saved as exactly what is shown."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import chain

from django.http import HttpRequest, HttpResponse, HttpResponseBase

from apps.backoffice.books.asked import Asked, Chip, read
from apps.backoffice.views import page, require
from apps.core import clock
from apps.core.formats import format_amount, format_day, format_money, format_quantity
from apps.core.money import Money
from apps.core.spreadsheets import FORMATS, Table, download

LOCALE = "en"
Value = str | int | Decimal | Money | date | None


@dataclass(frozen=True, slots=True)
class Column:
    """The head of a column; of amounts it names their currency."""

    title: str
    is_number: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in a row, and where it leads."""

    value: Value
    address: str = ""

    @property
    def text(self) -> str:
        """Return it as people read it."""
        match self.value:
            case None:
                return ""
            case str():
                return self.value
            case Money():
                return format_amount(self.value, LOCALE)
            case date():
                return format_day(self.value, LOCALE)
            case _:
                return format_quantity(Decimal(self.value), LOCALE)


@dataclass(frozen=True, slots=True)
class Check:
    """Something that must hold: said in words, with whether it does."""

    text: str
    is_kept: bool


@dataclass(frozen=True, slots=True)
class Report:
    """A headline figure, what it is made of as rows, and their totals."""

    key: str
    title: str
    label: str
    figure: Money
    columns: Sequence[Column]
    rows: Iterable[Sequence[Cell]]
    totals: Sequence[Cell] = ()
    note: str = ""
    checks: Sequence[Check] = ()
    when_empty: str = "Nothing was posted in these days."
    chips: Sequence[Chip] = ()
    is_of_today: bool = False
    older: str = ""
    newest: str = ""

    @property
    def headline(self) -> str:
        """Return the figure as people read it."""
        return format_money(self.figure, LOCALE)

    def beside(self, row: Sequence[Cell]) -> list[tuple[Column, Cell]]:
        """Return each cell of a row with its column."""
        return list(zip(self.columns, row, strict=True))

    def table(self, asked: Asked) -> Table:
        """Return it as a table to save."""
        rows = chain(self.rows, [self.totals] if self.totals else [])
        return Table(
            name=f"{self.title} {asked.entity.key} {asked.currency} {asked.starts_on} {asked.last_on}",
            headers=[column.title for column in self.columns],
            rows=([cell.value for cell in row] for row in rows),
        )


def view(
    make: Callable[[Asked, HttpRequest], Report], *, more: Sequence[str] = ()
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Return the page of a report, for staff who may see the journal; `as=csv` or `as=xlsx` saves it."""

    def show(request: HttpRequest) -> HttpResponseBase:
        require(request, "ledger.view_entry")
        asked = read(request, today=clock.now().date(), more=more)
        if asked is None:
            return no_books(request)
        report = make(asked, request)
        kind = request.GET.get("as", "")
        if kind in FORMATS:
            return download(report.table(asked), kind)
        rows = [report.beside(row) for row in report.rows]
        context = {
            "title": report.title,
            "report": report,
            "rows": rows,
            "totals": report.beside(report.totals) if report.totals else [],
            "asked": asked,
            "saves": [(one.upper(), f"{asked.address()}&as={one}") for one in FORMATS],
        }
        return page(request, "backoffice/books_report.html", context)

    return show


def no_books(request: HttpRequest) -> HttpResponse:
    """Say what is missing before there are books."""
    return page(request, "backoffice/books_none.html", {"title": "Books"})


def amount(title: str, currency: str) -> Column:
    """Return the head of a column of amounts."""
    return Column(f"{title}, {currency}", is_number=True)
