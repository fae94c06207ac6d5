"""Proving one invoice or all of them; nothing is written."""

from collections.abc import Iterator
from uuid import UUID

from django.db import connection, transaction

from apps.invoices.models import Invoice
from apps.invoices.verify import priced
from apps.invoices.verify.archives import NONE, Archives
from apps.invoices.verify.findings import Check, Verified
from apps.invoices.verify.sealed import sealed
from apps.usage.archived import months_out


def one_consistent_state() -> None:
    """Let all that the transaction reads be of one moment; where it goes on within another, that one decides."""
    if not connection.savepoint_ids:
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")


@transaction.atomic
def verify(*, invoice_id: UUID, archives: Archives = NONE) -> Verified:
    """Prove a finalized invoice: its seal, sums, posting and document, and its prices from the raw events, to the cent.

    Reads one consistent state of the database. Of a period with months that are out of the database, `archives` must have these,
    else it is not provable from its events.
    """
    one_consistent_state()
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
    events, missing = 0, list[str]()
    if invoice.kind != Invoice.Kind.CREDIT_NOTE:
        if invoice.kind == Invoice.Kind.PERIOD:
            missing = archives.missing(_archived(invoice))
            checks += [] if missing else [Check.EVENTS]
            for contract in [] if missing else priced.contracts_on(invoice):
                proven, problems = priced.proven_usage(contract, invoice, archives.events())
                findings += problems
                events += proven.events if proven else 0
        checks.append(Check.PRICES)
        differing, waiting = priced.priced_again(invoice, lines)
        findings += differing
    number = str(invoice.number)
    found = (tuple(checks), tuple(findings), tuple(waiting))
    return Verified(invoice.pk, number, *found, events, archived=tuple(missing))


def verify_all(*, archives: Archives = NONE) -> Iterator[Verified]:
    """Prove every finalized invoice, one after the other in the order of their numbers."""
    found = Invoice.objects.filter(status=Invoice.Status.FINALIZED).order_by("number")
    for invoice_id in list(found.values_list("pk", flat=True)):
        yield verify(invoice_id=invoice_id, archives=archives)


def _archived(invoice: Invoice) -> list[str]:
    """Return the months that are out of the database and that days of the invoice's period may lie in."""
    return [
        month
        for month in months_out()
        if f"{invoice.period_start_on:%Y-%m}" <= month <= f"{invoice.period_end_on:%Y-%m}"
    ]
