"""Proving one invoice or all of them; nothing is written."""

import logging
from collections.abc import Iterator
from uuid import UUID

from django.db import connection, transaction

from apps.core import db
from apps.invoices.models import Invoice
from apps.invoices.verify import priced
from apps.invoices.verify.archives import needed_of
from apps.invoices.verify.findings import Check, Finding, Verified
from apps.invoices.verify.sealed import sealed
from apps.usage import archived
from apps.usage.archives import NONE, Archives
from apps.usage.errors import ArchiveMissing

logger = logging.getLogger(__name__)


def one_consistent_state() -> None:
    """Let all that the transaction reads be of one moment; where it goes on within another, that one decides."""
    if not connection.savepoint_ids:
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        # Before its first reading: emptying a month is seen by those that began earlier.
        archived.keep_months()


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
            missing = archives.missing(needed_of(invoice))
            checks += [] if missing else [Check.EVENTS]
            for contract in [] if missing else priced.contracts_on(invoice):
                proven, problems = priced.proven_usage(contract, invoice, archives)
                findings += problems
                events += proven.events if proven else 0
        try:
            differing, waiting = priced.priced_again(invoice, lines, archives=archives)
            findings += differing
            checks.append(Check.PRICES)
        except ArchiveMissing as lacking:
            missing = sorted({*missing, *lacking.months})
    number = str(invoice.number)
    found = (tuple(checks), tuple(findings), tuple(waiting))
    return Verified(invoice.pk, number, *found, events, archived=tuple(missing))


def verify_all(*, archives: Archives = NONE) -> Iterator[Verified]:
    """Prove every finalized invoice, one after the other in the order of their numbers."""
    found = Invoice.objects.filter(status=Invoice.Status.FINALIZED).order_by("number")
    for invoice_id in list(found.values_list("pk", flat=True)):
        yield verify_or_tell(invoice_id=invoice_id, archives=archives)


def verify_or_tell(*, invoice_id: UUID, archives: Archives = NONE) -> Verified:
    """Prove an invoice as `verify` does, and where the proof itself fails, tell that as what was found of it.

    So one invoice never stops the proof of others; a lost connection is raised.
    """
    try:
        return verify(invoice_id=invoice_id, archives=archives)
    except Exception as problem:  # whatever is wrong with it
        if db.is_away(problem):
            raise
        number = str(Invoice.objects.values_list("number", flat=True).get(pk=invoice_id))
        logger.exception("The proof of %s failed", number)
        failed = Finding(Check.PROOF, f"The proof itself failed: {type(problem).__name__}: {problem}")
        return Verified(invoice_id, number, (), (failed,))
