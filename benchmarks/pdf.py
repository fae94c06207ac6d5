"""Rendering invoices in warm workers, beside the most trivial page that WeasyPrint can make."""

import os
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import django

from benchmarks import close
from benchmarks.harness import Context, Figure, percentile

if TYPE_CHECKING:
    from apps.invoices.document import Document
    from apps.invoices.models import Invoice

WORKERS = 2
_IDENTIFIER = b"0" * 16


def measure(context: Context) -> list[Figure]:
    """Render invoices of six lines again and again: of fees alone, with days of usage, and one of 500 lines."""
    from weasyprint import HTML  # noqa: PLC0415

    invoice = _invoice()
    fees, some_days, every_day = _documents(invoice)
    with ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn"), initializer=django.setup) as workers:
        one = _seconds(lambda: _render(fees), context.seconds / 2)
        floor = _seconds(lambda: HTML(string="<p>Invoice</p>").write_pdf(), context.seconds / 4)
        return [
            Figure(
                "one-page invoice PDF, median of one process",
                percentile(one, 0.5) * 1000,
                "ms",
                floor=percentile(floor, 0.5) * 1000,
                floor_name="a page of one word by the same renderer",
                better="lower",
                note=f"{len(one)} renderings, 95th percentile {percentile(one, 0.95) * 1000:.0f} ms",
            ),
            _rate(workers, fees, "one-page invoice PDFs, two warm workers", context),
            _rate(workers, some_days, "the same and a page of days, 6 with usage of 6 meters", context),
            _rate(workers, every_day, "the same and a page of days, 31 with usage of 6 meters", context),
            _long(invoice),
        ]


def _invoice() -> "Invoice":
    from apps.invoices import finalize  # noqa: PLC0415
    from apps.invoices.models import Invoice  # noqa: PLC0415

    (contract_id,) = close.prepare(1)
    close.close_one(contract_id)
    draft = Invoice.objects.get(contract_id=contract_id)
    return finalize.finalize(invoice_id=draft.pk, at=close.NOVEMBER, actor=close.ACTOR)


def _documents(invoice: "Invoice") -> tuple["Document", "Document", "Document"]:
    """Return the invoice as one without usage prints, as it is, and as one with usage on every day."""
    from apps.invoices.document import document_of  # noqa: PLC0415

    lines = list(invoice.lines.all())
    some_days = document_of(invoice, lines)
    october = [invoice.period_start_on + timedelta(days=day) for day in range(31)]
    for place, of_meter in enumerate(invoice.snapshot["days"]):
        of_meter["quantities"] = {day.isoformat(): str(1000 * day.day + place) for day in october}
    return replace(some_days, usage=()), some_days, document_of(invoice, lines)


def _rate(workers: ProcessPoolExecutor, document: "Document", name: str, context: Context) -> Figure:
    """Let each worker render for as long as is measured, and add up what they did."""
    done = list(workers.map(_many, [document] * WORKERS, [context.seconds] * WORKERS))
    count = sum(one for one, _, _ in done)
    processor = sum(spent for _, spent, _ in done) / count
    memory = max(held for _, _, held in done)
    pages = _render(document)
    return Figure(
        name,
        count / context.seconds,
        "PDFs/s",
        note=f"{count} of {pages} page{'s' if pages > 1 else ''}; {processor * 1000:.0f} ms of processor time each, "
        f"so {WORKERS / processor:.1f}/s on {WORKERS} free cores; {memory:.0f} MiB a worker",
    )


def _many(document: "Document", seconds: float) -> tuple[int, float, float]:
    """Return how many a warm process rendered, the processor time of it, and its memory in MiB."""
    _render(document)
    count, spent, until = 0, time.process_time(), time.perf_counter() + seconds
    while time.perf_counter() < until:
        _render(document)
        count += 1
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return count, time.process_time() - spent, pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _long(invoice: "Invoice") -> Figure:
    from apps.invoices.document import document_of  # noqa: PLC0415

    (line, *_) = invoice.lines.all()
    document = document_of(invoice, [line] * 500)
    begun = time.process_time()
    pages = _render(document)
    return Figure(
        "invoice PDF of 500 lines, processor time",
        time.process_time() - begun,
        "s",
        better="lower",
        note=f"{pages} pages, carried totals of {Decimal(500) * line.amount:,} {invoice.currency}",
    )


def _render(document: "Document") -> int:
    from apps.invoices import pdf  # noqa: PLC0415

    return pdf.render(document, identifier=_IDENTIFIER).pages


def _seconds(work: Callable[[], object], length: float) -> list[float]:
    work()
    took: list[float] = []
    until = time.perf_counter() + length
    while time.perf_counter() < until:
        begun = time.perf_counter()
        work()
        took.append(time.perf_counter() - begun)
    return took
