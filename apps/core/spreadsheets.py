"""Tables as CSV and XLSX, whose cells hold the figures that a page shows and never a formula."""

import csv
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from io import StringIO
from tempfile import SpooledTemporaryFile
from typing import IO

from django.http import FileResponse, HttpResponseBase, StreamingHttpResponse
from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from apps.core.money import Money, minor_digits

Cell = str | int | Decimal | Money | date | datetime | None

CSV, XLSX = "csv", "xlsx"
FORMATS = (CSV, XLSX)
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

# Spreadsheets take a cell that begins like this for a formula or a command, whatever quotes the file has around it.
_BEGINS_A_FORMULA = re.compile("'*[\\s'\"]*[=+\\-@|%\t\r\n\uff1d\uff0b\uff0d\uff20]")
# Neither kind of file can hold them.
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff\ud800-\udfff]")
_UNSAFE_IN_NAME = re.compile(r"[^A-Za-z0-9._-]+")
# The limits of Excel; it keeps 15 digits of a number.
_ROWS, _CHARACTERS, _DIGITS = 1_048_576, 32_767, 15
_IN_MEMORY = 4 << 20
_ROWS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Table:
    """A named table: `headers`, and rows of as many cells, read once and never all held at a time.

    Money takes one column; put its currency into another or into the header, for it is not written beside the figure.
    """

    name: str
    headers: Sequence[str]
    rows: Iterable[Sequence[Cell]]


def download(table: Table, kind: str) -> HttpResponseBase:
    """Return the table as a file to save, `kind` being csv or xlsx; another kind is a ValueError."""
    if kind == CSV:
        return StreamingHttpResponse(
            csv_lines(table),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{file_name(table.name, CSV)}"'},
        )
    if kind == XLSX:
        return FileResponse(
            xlsx_file(table), as_attachment=True, filename=file_name(table.name, XLSX), content_type=XLSX_TYPE
        )
    raise ValueError(f"There is no {kind} of a table.")


def file_name(name: str, kind: str) -> str:
    """Return a name for a file that every system takes: ASCII letters, digits, points, hyphens and underscores."""
    ascii_only = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return f"{_UNSAFE_IN_NAME.sub('-', ascii_only).strip('.-')[:100] or 'table'}.{kind}"


def csv_lines(table: Table) -> Iterator[bytes]:
    """Yield the table as CSV (RFC 4180, UTF-8 with the mark that Excel looks for), some hundred rows at a time.

    Text is in quotes, and has an apostrophe before it where a spreadsheet would take it for a formula; numbers are bare, with a
    point and all their decimals, days and instants in ISO 8601.
    """
    buffer = StringIO()
    writer = csv.writer(buffer, quoting=csv.QUOTE_NONNUMERIC)
    buffer.write("\ufeff")
    writer.writerow([as_text(header) for header in table.headers])
    for place, row in enumerate(table.rows, start=1):
        writer.writerow([_for_csv(cell) for cell in row])
        if place % _ROWS_AT_ONCE == 0:
            yield _taken(buffer)
    yield _taken(buffer)


def as_text(text: str) -> str:
    """Return what a CSV file holds so that a spreadsheet shows `text` and computes nothing; `as_written` undoes it."""
    clean = _CONTROLS.sub("", text)
    return f"'{clean}" if _BEGINS_A_FORMULA.match(clean) else clean


def as_written(text: str) -> str:
    """Return the text that a cell of our CSV stands for."""
    return text[1:] if text.startswith("'") and _BEGINS_A_FORMULA.match(text) else text


def xlsx_file(table: Table) -> IO[bytes]:
    """Return the table as an open XLSX file at its beginning; a row is on disk before the next one is read.

    Numbers that Excel would cut at 15 digits are written as text. More rows than a sheet holds go on to another sheet.
    """
    file: IO[bytes] = SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115  # the caller closes it
    with Workbook(
        file,
        {
            "constant_memory": True,
            "strings_to_formulas": False,
            "strings_to_numbers": False,
            "strings_to_urls": False,
        },
    ) as workbook:
        _Sheets(workbook, table.headers).write(table.rows)
    file.seek(0)
    return file


class _Sheets:
    """Writes rows to one sheet after the other."""

    def __init__(self, workbook: Workbook, headers: Sequence[str]) -> None:
        self._workbook, self._headers = workbook, headers
        self._head = workbook.add_format({"bold": True, "bottom": 1})
        self._formats: dict[str, Format] = {}

    def write(self, rows: Iterable[Sequence[Cell]]) -> None:
        sheet, place = self._begun(), 1
        for row in rows:
            if place == _ROWS:
                sheet, place = self._begun(), 1
            for column, cell in enumerate(row):
                self._put(sheet, place, column, cell)
            place += 1

    def _begun(self) -> Worksheet:
        sheet = self._workbook.add_worksheet()
        sheet.freeze_panes(1, 0)
        for column, header in enumerate(self._headers):
            sheet.set_column(column, column, max(12, min(40, len(header) + 4)))
            sheet.write_string(0, column, _for_xlsx(header), self._head)
        return sheet

    def _put(self, sheet: Worksheet, row: int, column: int, cell: Cell) -> None:
        match cell:
            case None:
                pass
            case str():
                sheet.write_string(row, column, _for_xlsx(cell))
            case datetime():
                naive = cell.astimezone(UTC).replace(tzinfo=None)
                sheet.write_datetime(row, column, naive, self._format("yyyy-mm-dd hh:mm:ss"))
            case date():
                sheet.write_datetime(row, column, cell, self._format("yyyy-mm-dd"))
            case Money():
                digits = minor_digits(cell.currency)
                pattern = f"#,##0.{'0' * digits}" if digits else "#,##0"
                self._number(sheet, row, column, cell.rounded().amount, pattern)
            case _:
                self._number(sheet, row, column, Decimal(cell), "General")

    def _number(self, sheet: Worksheet, row: int, column: int, number: Decimal, pattern: str) -> None:
        if len(number.normalize().as_tuple().digits) > _DIGITS:
            sheet.write_string(row, column, f"{number:f}")
        else:
            sheet.write_number(row, column, number, self._format(pattern))

    def _format(self, pattern: str) -> Format:
        if pattern not in self._formats:
            self._formats[pattern] = self._workbook.add_format({"num_format": pattern})
        return self._formats[pattern]


class _Bare(Decimal):
    """A number that the CSV writer leaves without quotes and without an exponent."""

    def __str__(self) -> str:
        return f"{self:f}"


def _for_csv(cell: Cell) -> str | Decimal:
    match cell:
        case None:
            return ""
        case str():
            return as_text(cell)
        case Money():
            return _Bare(cell.rounded().amount)
        case datetime():
            return f"{cell.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        case date():
            return cell.isoformat()
        case _:
            return _Bare(cell)


def _for_xlsx(text: str) -> str:
    return _CONTROLS.sub("", text)[:_CHARACTERS]


def _taken(buffer: StringIO) -> bytes:
    """Return what is in the buffer, and empty it."""
    written = buffer.getvalue().encode()
    buffer.seek(0)
    buffer.truncate()
    return written
