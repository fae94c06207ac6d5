"""Proving one invoice or all of them; nothing is written."""

from collections.abc import Callable, Iterable, Iterator
from uuid import UUID

from django.db import connection, transaction

from apps.invoices.models import Invoice
from apps.invoices.verify import priced
from apps.invoices.verify.findings import Check, Finding, Verified
from apps.invoices.verify.sealed import sealed
from apps.usage.archived import months_out
from apps.usage.stored import StoredEvent

# Gives the archived events anew each time that they are read.
Archived = Callable[[], Iterable[StoredEvent]]


def nothing_archived() -> Iterable[StoredEvent]:
    """Return no events: all months are in the database."""
    return ()


@transaction.atomic
def verify(*, invoice_id: UUID, archived: Archived = nothing_archived) -> Verified:
    """Prove a finalized invoice: its seal, sums, posting and document, and its prices from the raw events, to the cent.

    Reads one consistent state of the database. Of a period with months that are out of the database, `archived` must give these
    events, else that is a finding.
    """
    with connection.cursor() as cursor:
        if not connection.savepoint_ids:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    invoice = (
        Invoice.objects.select_related(
            "customer", "legal_entity", "contract__customer", "contract__plan_version__plan"
        )
        .prefetch_related("lines__adjusts", "taxes")
        .get(pk=invoice_id)
    )
    lines, taxes = list(invoice.lines.all()), list(invoice.taxes.all())
    findings = list(sealed(invoice, lines, taxes))
    checks = [Check.SEAL, Check.SUMS, Check.JOURNAL, Check.DOCUMENT]
    waiting: list[str] = []
    events = 0
    if invoice.kind != Invoice.Kind.CREDIT_NOTE:
        if invoice.kind == Invoice.Kind.PERIOD:
            checks.append(Check.EVENTS)
            findings += _archives_missing(invoice, archived)
            for contract in priced.contracts_on(invoice):
                proven, problems = priced.proven_usage(contract, invoice, archived())
                findings += problems
                events += proven.events if proven else 0
        checks.append(Check.PRICES)
        differing, waiting = priced.priced_again(invoice, lines)
        findings += differing
    return Verified(invoice.pk, str(invoice.number), tuple(checks), tuple(findings), tuple(waiting), events)


def verify_all(*, archived: Archived = nothing_archived) -> Iterator[Verified]:
    """Prove every finalized invoice, one after the other in the order of their numbers."""
    found = Invoice.objects.filter(status=Invoice.Status.FINALIZED).order_by("number")
    for invoice_id in list(found.values_list("pk", flat=True)):
        yield verify(invoice_id=invoice_id, archived=archived)


def _archives_missing(invoice: Invoice, archived: Archived) -> Iterator[Finding]:
    out = [
        month
        for month in months_out()
        if f"{invoice.period_start_on:%Y-%m}" <= month <= f"{invoice.period_end_on:%Y-%m}"
    ]
    if out and archived is nothing_archived:
        yield Finding(
            Check.EVENTS,
            f"Events of {', '.join(out)} are archived. Name the archive's folder: manage.py verify --archive FOLDER.",
        )
