"""The proof file of an invoice: all that its hash is over, and how each line's events are counted."""

from typing import Any

from apps.contracts.terms import terms_in
from apps.core.periods import Period
from apps.invoices import snapshot
from apps.invoices.models import Invoice, InvoiceLine
from apps.plans.models import Meter

FORMAT = "meterbook-proof-1"


def proof_of(invoice: Invoice) -> dict[str, Any]:
    """Return what a customer checks a finalized invoice with, as JSON; the script check_invoice.py reads it."""
    lines = list(invoice.lines.all())
    return {
        "format": FORMAT,
        "number": invoice.number,
        "hash": bytes(invoice.snapshot_hash or b"").hex(),
        "content": snapshot.content_of(invoice, lines, list(invoice.taxes.all())),
        "meters": _meters(invoice, lines),
    }


def _meters(invoice: Invoice, lines: list[InvoiceLine]) -> dict[str, dict[str, str]]:
    """Return how the events of each usage line are brought together, by the line's position.

    A credit note gives back amounts and counts nothing: its events are proven with the invoice that it credits.
    """
    if invoice.kind == Invoice.Kind.CREDIT_NOTE:
        return {}
    period = Period(invoice.period_start_on, invoice.period_end_on, invoice.timezone)
    found: dict[str, dict[str, str]] = {}
    contracts = {line.of_contract_id: line.of_contract or invoice.contract for line in lines}
    for contract_id, contract in contracts.items():
        covered = period.overlap(contract.starts_on, contract.ends_on)
        if covered is None:
            continue
        charges = {one.charge.key: one for one in terms_in(contract, covered).charges}
        meters = {
            one.pk: one for one in Meter.objects.filter(pk__in=[one.meter_id for one in charges.values()])
        }
        for line in lines:
            planned = charges.get(line.charge_key)
            if line.kind != InvoiceLine.Kind.USAGE or line.of_contract_id != contract_id or planned is None:
                continue
            meter = meters.get(planned.meter_id) if planned.meter_id else None
            if meter is not None:
                found[str(line.position)] = {
                    "meter": meter.key,
                    "counts": "level" if meter.level else meter.aggregation,
                    "rounding": planned.rounding or "",
                    "rounding_step": f"{planned.rounding_step or 0:f}",
                }
    return found
