"""The files that a customer checks an invoice with: the usage behind it as CSV or Parquet, and the proof."""

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from django.http import FileResponse, HttpResponse, HttpResponseBase
from django.utils.http import content_disposition_header

from apps.core import spreadsheets
from apps.core.spreadsheets import Table
from apps.invoices.einvoice.errors import NoEInvoice
from apps.invoices.evidence.proof import proof_of
from apps.invoices.evidence.usage_rows import COLUMNS, UsageRow, refuse_missing, usage_rows
from apps.invoices.models import Invoice
from apps.usage import parquet

EVENTS_CSV, EVENTS_PARQUET, PROOF, XML = "events.csv", "events.parquet", "proof.json", "einvoice.xml"
KINDS = (EVENTS_CSV, EVENTS_PARQUET, PROOF, XML)
_PARQUET_TYPE = "application/vnd.apache.parquet"
_IN_MEMORY, _PAGE = 16 << 20, 10_000


def download(invoice: Invoice, kind: str) -> HttpResponseBase:
    """Return a finalized invoice's `events.csv`, `events.parquet`, `proof.json` or `einvoice.xml` to save.

    Another kind is a ValueError. Refuses the electronic form of an invoice that has none, and usage of an archived month that
    is not at hand, before anything of it is sent.
    """
    name = f"{invoice.number}-{kind}"
    if kind in {EVENTS_CSV, EVENTS_PARQUET}:
        refuse_missing(invoice)
    if kind == EVENTS_CSV:
        return spreadsheets.download(csv_table(invoice), spreadsheets.CSV)
    if kind == EVENTS_PARQUET:
        return FileResponse(
            parquet_file(invoice), as_attachment=True, filename=name, content_type=_PARQUET_TYPE
        )
    if kind == PROOF:
        text = json.dumps(proof_of(invoice), ensure_ascii=False, sort_keys=True, indent=1)
        return _file(text.encode(), name, "application/json")
    if kind == XML:
        electronic = invoice.electronic.first()
        if electronic is None:
            raise NoEInvoice(str(invoice.number))
        return _file(bytes(electronic.content), f"{invoice.number}.xml", "application/xml")
    raise ValueError(f"There is no {kind} of an invoice.")


def _file(content: bytes, name: str, content_type: str) -> HttpResponse:
    disposition = content_disposition_header(as_attachment=True, filename=name) or ""
    return HttpResponse(content, content_type=content_type, headers={"Content-Disposition": disposition})


def csv_table(invoice: Invoice) -> Table:
    """Return the usage as a table for CSV and XLSX, read while it is written."""
    return Table(
        f"{invoice.number}-events",
        COLUMNS,
        (row.cells for row in usage_rows(invoice)),
    )


def parquet_file(invoice: Invoice) -> IO[bytes]:
    """Return the usage as an open Parquet file at its beginning; refuses where the package that writes it is not there."""
    arrow, writer_of = parquet.library()
    schema = _schema(arrow)
    file: IO[bytes] = SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115  the caller closes it
    with writer_of.ParquetWriter(file, schema, compression="zstd") as writer:
        for page in _pages(usage_rows(invoice)):
            columns = {name: [getattr(row, name) for row in page] for name in COLUMNS}
            writer.write_table(arrow.table(columns, schema=schema))
    file.seek(0)
    return file


def _pages(rows: Iterable[UsageRow]) -> Iterator[list[UsageRow]]:
    left = iter(rows)
    while page := list(islice(left, _PAGE)):
        yield page


def _schema(arrow: Any) -> Any:
    instant = arrow.timestamp("us", tz="UTC")
    kinds = {"line": arrow.int32(), "time": instant, "received_at": instant, "day": arrow.date32()}
    return arrow.schema([(name, kinds.get(name, arrow.string())) for name in COLUMNS])
