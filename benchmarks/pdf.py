"""Rendering a one-page invoice in a warm process, beside the most trivial page that WeasyPrint can make."""

import time
from collections.abc import Callable

from benchmarks import close
from benchmarks.harness import Context, Figure, percentile


def measure(context: Context) -> list[Figure]:
    """Render one invoice of six lines again and again."""
    from weasyprint import HTML  # noqa: PLC0415

    from apps.invoices import finalize, pdf  # noqa: PLC0415
    from apps.invoices.document import document_of  # noqa: PLC0415
    from apps.invoices.models import Invoice  # noqa: PLC0415

    (contract_id,) = close.prepare(1)
    close.close_one(contract_id)
    draft = Invoice.objects.get(contract_id=contract_id)
    invoice = finalize.finalize(invoice_id=draft.pk, at=close.NOVEMBER, actor=close.ACTOR)
    document = document_of(invoice, list(invoice.lines.all()))
    rendered = pdf.render(document, identifier=b"0" * 16)
    assert rendered.pages == 1, rendered.pages

    floor = _seconds(lambda: HTML(string="<p>Invoice</p>").write_pdf(), context.seconds / 2)
    took = _seconds(lambda: pdf.render(document, identifier=b"0" * 16), context.seconds)
    return [
        Figure(
            "one-page invoice PDF, median",
            percentile(took, 0.5) * 1000,
            "ms",
            floor=percentile(floor, 0.5) * 1000,
            floor_name="a page of one word by the same renderer",
            better="lower",
            note=f"{len(took)} renderings, 95th percentile {percentile(took, 0.95) * 1000:.0f} ms; "
            f"{len(rendered.content):,} bytes",
        )
    ]


def _seconds(work: Callable[[], object], length: float) -> list[float]:
    work()
    took: list[float] = []
    until = time.perf_counter() + length
    while time.perf_counter() < until:
        begun = time.perf_counter()
        work()
        took.append(time.perf_counter() - begun)
    return took
