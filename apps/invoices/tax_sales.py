"""Reporting finalized invoices and credit notes to the tax service that told their tax: by the outbox, once each."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db import transaction

from apps.core import db, outbox
from apps.core.money import minor_digits
from apps.invoices import tax_answers
from apps.invoices.errors import TaxProviderFailed
from apps.invoices.models import Invoice, TaxCalculation, TaxTransaction
from apps.invoices.tax_asked import AskedLine, TaxRequest

_TASK = "invoices.report_tax"
_PATIENCE = timedelta(minutes=10)
_MOST = 500


def sale_later(invoice: Invoice, *, at: datetime) -> None:
    """Ask for a finalized invoice to be reported as a sale. A step."""
    _later(TaxTransaction(invoice=invoice, calculation=invoice.tax_calculation), at)


def reversal_later(note: Invoice, *, at: datetime) -> None:
    """Ask for a credit note to be reported as given back. A step."""
    _later(TaxTransaction(invoice=note), at)


def _later(due: TaxTransaction, at: datetime) -> None:
    db.require_transaction()
    due.save(force_insert=True)
    outbox.enqueue(task=_TASK, key=str(due.pk), at=at, invoice_id=str(due.pk))


def report(*, invoice_id: UUID, at: datetime) -> TaxTransaction:
    """Report a document to its tax service, and note what that calls it; one that was reported stays as it is.

    The service knows the document by its number, so reporting twice is one report. Refuses with TaxProviderFailed, for the task
    to be tried again; of a credit note also while its invoice has not been reported.
    """
    due = TaxTransaction.objects.select_related("invoice__customer__legal_entity", "calculation").get(
        pk=invoice_id
    )
    if due.transaction:
        return due
    name = _sale(due, at) if due.calculation else _reversal(due)
    with transaction.atomic():
        due = TaxTransaction.objects.select_for_update().get(pk=invoice_id)
        if not due.transaction:
            due.transaction, due.reported_at = name, at
            due.save(update_fields=["transaction", "reported_at"])
    return due


def left(*, at: datetime) -> list[UUID]:
    """Return the documents that wait for being reported for ten minutes or longer, oldest first."""
    waiting = TaxTransaction.objects.filter(reported_at=None, invoice__finalized_at__lte=at - _PATIENCE)
    return list(waiting.order_by("invoice__finalized_at").values_list("pk", flat=True)[:_MOST])


def _sale(due: TaxTransaction, at: datetime) -> str:
    calculation, number = due.calculation, due.invoice.number
    assert calculation
    assert number, "what is reported has a number"
    provider = tax_answers.PROVIDERS[calculation.provider]()
    named = calculation.calculation
    if calculation.expires_at <= at:
        named = provider.calculate(_again(calculation, at)).calculation
    return provider.commit(named, reference=number)


def _reversal(due: TaxTransaction) -> str:
    note = due.invoice
    sale = TaxTransaction.objects.select_related("calculation").get(pk=note.credits_id)
    assert sale.calculation
    assert note.number, "what is reported has a number"
    provider = tax_answers.PROVIDERS[sale.calculation.provider]()
    if not sale.transaction:
        raise TaxProviderFailed(provider.name, "the invoice is to be reported before its credit note.")
    total = int(note.total.scaleb(minor_digits(note.currency)))
    return provider.reverse(sale.transaction, reference=note.number, currency=note.currency, total=total)


def _again(calculation: TaxCalculation, at: datetime) -> TaxRequest:
    """Return the question of an answer that ran out, as a new one."""
    asked = dict(calculation.request)
    request = TaxRequest(
        **{
            **asked,
            "on": date.fromisoformat(asked["on"]),
            "address": tuple((name, value) for name, value in asked["address"]),
            "lines": tuple(AskedLine(**line) for line in asked["lines"]),
        }
    )
    return replace(request, asked_again=at.isoformat())
