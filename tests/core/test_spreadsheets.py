"""Exports hold what the page shows, as numbers, days and text, and nothing in them is ever computed."""

import csv
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook

from apps.core import spreadsheets
from apps.core.money import Money
from apps.core.spreadsheets import Cell, Table, as_text, as_written, csv_lines, download, xlsx_file

FORMULAS = (
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(1,1)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "\0=1+1",
    "  =1+1",
    "'=1+1",
    "''=1+1",
    '"=1+1',
    "\uff1d1+1",
    "=HYPERLINK(\"http://attacker.example\",'x')",
    "=cmd|' /C calc'!A0",
    "|calc",
    'x",=1+1',
    "x;=1+1",
    "x\n=1+1",
    "https://attacker.example",
    "-12.50",
)


def table(*rows: Sequence[Cell], headers: tuple[str, ...] = ("What", "Amount")) -> Table:
    return Table("Trial balance", headers, rows)


def read_csv(of: Table) -> list[list[str]]:
    return list(csv.reader(StringIO(b"".join(csv_lines(of)).decode("utf-8-sig"), newline="")))


def read_xlsx(of: Table) -> list[list[Any]]:
    with xlsx_file(of) as file:
        sheets = load_workbook(BytesIO(file.read())).worksheets
    return [list(row) for sheet in sheets for row in sheet.iter_rows()]


def test_csv_has_bare_numbers_and_quoted_text() -> None:
    lines = csv_lines(table(["Acme, Inc.", Decimal("-1200.50")], ["Tiny", Decimal("1E-9")], ["None", None]))

    assert b"".join(lines) == (
        b'\xef\xbb\xbf"What","Amount"\r\n"Acme, Inc.",-1200.50\r\n"Tiny",0.000000001\r\n"None",""\r\n'
    )


@pytest.mark.parametrize(
    ("money", "written"),
    [
        (Money(Decimal("-12.5"), "USD"), "-12.50"),
        (Money(Decimal(1200), "JPY"), "1200"),
        (Money(Decimal("0.1"), "KWD"), "0.100"),
    ],
)
def test_money_has_its_minor_digits(money: Money, written: str) -> None:
    assert read_csv(table(["x", money]))[1] == ["x", written]
    (_, cell) = read_xlsx(table(["x", money]))[1]
    assert cell.data_type == "n"
    assert Decimal(str(cell.value)) == money.amount


@pytest.mark.parametrize("text", FORMULAS)
def test_csv_text_is_never_taken_for_a_formula_and_can_be_read_back(text: str) -> None:
    ((_, first), (_, cell)) = read_csv(table(["x", text], headers=("x", text)))

    assert first == cell
    assert cell.lstrip("'\" ")[:1] not in {"=", "+", "-", "@", "\t", "\r", "\n", "\0"} or cell[0] == "'"
    assert as_written(cell) == text.replace("\0", "")


@pytest.mark.parametrize("text", FORMULAS)
def test_xlsx_text_is_text(text: str) -> None:
    for _, cell in read_xlsx(table(["x", text], headers=("x", text))):
        assert cell.data_type == "s"
        assert cell.hyperlink is None
        assert cell.value.replace("_x000D_", "\r") == text.replace("\0", "")


@given(st.text())
def test_csv_text_can_always_be_read_back(text: str) -> None:
    clean = spreadsheets._CONTROLS.sub("", text)

    assert as_written(as_text(text)) == clean


def test_days_are_days_and_instants_are_utc() -> None:
    cells: list[Cell] = [date(2026, 2, 28), datetime(2026, 2, 28, 23, 30, tzinfo=UTC)]

    assert read_csv(table(cells))[1] == ["2026-02-28", "2026-02-28T23:30:00Z"]
    assert [cell.value for cell in read_xlsx(table(cells))[1]] == [
        datetime(2026, 2, 28),  # noqa: DTZ001  # a sheet knows no zone
        datetime(2026, 2, 28, 23, 30),  # noqa: DTZ001
    ]


def test_xlsx_keeps_every_digit() -> None:
    """Excel would make 1234567890123456.79 of it: it is written as text then."""
    (_, exact), (_, long) = read_xlsx(
        table(["x", Decimal("-123456789012.345")], ["x", Decimal("1234567890123456.789")])
    )[1:]

    assert (exact.data_type, exact.value) == ("n", -123456789012.345)
    assert (long.data_type, long.value) == ("s", "1234567890123456.789")


def test_more_rows_than_a_sheet_holds_go_on_to_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spreadsheets, "_ROWS", 3)

    rows = read_xlsx(table(*((f"row {n}", n) for n in range(4))))

    assert [row[0].value for row in rows] == ["What", "row 0", "row 1", "What", "row 2", "row 3"]


def test_csv_is_sent_while_rows_are_read() -> None:
    read = []

    def rows() -> Iterator[list[Cell]]:
        for place in range(5000):
            read.append(place)
            yield [place]

    next(csv_lines(Table("Journal", ["n"], rows())))

    assert len(read) < 1000


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("Trial balance 2026-10", "Trial-balance-2026-10.csv"),
        ("../../etc/passwd", "etc-passwd.csv"),
        ('x"\r\nSet-Cookie: a=b', "x-Set-Cookie-a-b.csv"),
        ("Müller & Söhne", "Muller-Sohne.csv"),
        ("株式会社", "table.csv"),
    ],
)
def test_file_names_are_safe(name: str, safe: str) -> None:
    assert spreadsheets.file_name(name, "csv") == safe


def test_a_download_is_a_file_to_save() -> None:
    sent = download(table(["x", 1]), "xlsx")

    assert sent["Content-Type"] == spreadsheets.XLSX_TYPE
    assert sent["Content-Disposition"] == 'attachment; filename="Trial-balance.xlsx"'
    sent.close()
    with pytest.raises(ValueError, match="no ods"):
        download(table(), "ods")


@pytest.mark.skipif(not shutil.which("soffice"), reason="LibreOffice is not on this machine")
@pytest.mark.parametrize("kind", spreadsheets.FORMATS)
def test_libreoffice_evaluates_nothing(kind: str, tmp_path: Path) -> None:
    rows = table(*((text, Decimal(-1)) for text in FORMULAS))
    content = b"".join(csv_lines(rows)) if kind == "csv" else xlsx_file(rows).read()
    (tmp_path / f"in.{kind}").write_bytes(content)

    subprocess.run(
        ["soffice", "--headless", "--convert-to", "fods", "--outdir", tmp_path, tmp_path / f"in.{kind}"],
        check=True,
        timeout=120,
    )

    opened = (tmp_path / "in.fods").read_text()
    assert "table:formula" not in opened
    assert opened.count('office:value="-1"') == len(FORMULAS)
