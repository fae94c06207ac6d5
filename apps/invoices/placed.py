"""On which invoice lines a single event is, drafted or finalized, or which invoice it waits for."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from django.db.models import Q

from apps.invoices.models import Invoice, InvoiceLine
from apps.usage.one_event import OneEvent


class Awaits(StrEnum):
    """What will bill an event that is on no line, or only on a part of them."""

    NOTHING = ""
    INVOICE = "invoice"
    ADJUSTMENT = "adjustment"


@dataclass(frozen=True, slots=True)
class Placed:
    """A line that an event is part of; `adjusts` is the number of the earlier invoice that it adjusts."""

    charge_key: str
    invoice_id: UUID
    number: str
    position: int
    name: str
    dimensions: Mapping[str, str]
    adjusts: str


@dataclass(frozen=True, slots=True)
class Placement:
    """The lines, by their invoices' age, and what is to come."""

    lines: tuple[Placed, ...]
    awaits: Awaits


# A charge, and the dimension values that it prices by.
Priced = tuple[str, Mapping[str, str]]


def placement(event: OneEvent) -> Placement:
    """Return where the usage of one event is billed, in at most two queries.

    What came, or was voided, after its period's invoice was finalized is on the first adjustment after that.
    """
    priced = [(charge.key, charge.dimensions) for fed in event.feeds for charge in fed.charges]
    if event.contract is None or event.day is None or not priced:
        return Placement((), Awaits.NOTHING)
    voided_at = event.voided.at if event.voided else None
    invoice = Invoice.objects.filter(
        contract_id=event.contract.pk, period_start_on__lte=event.day, period_end_on__gt=event.day
    ).first()
    if invoice is None:
        return Placement((), Awaits.NOTHING if voided_at else Awaits.INVOICE)
    if invoice.finalized_at is None:
        own = [] if voided_at else _lines(invoice, priced)
        return Placement(_placed(own, invoice), Awaits.NOTHING if voided_at or own else Awaits.INVOICE)
    return _after(invoice, invoice.finalized_at, _lines(invoice, priced), event.received_at, voided_at)


def _after(
    invoice: Invoice,
    finalized_at: datetime,
    lines: Sequence[InvoiceLine],
    received_at: datetime,
    voided_at: datetime | None,
) -> Placement:
    """Return where an event is whose period's invoice is finalized."""
    own = [line for line in lines if line.adjusts_id is None]
    is_on = received_at <= finalized_at and (voided_at is None or voided_at > finalized_at)
    later = [instant for instant in (received_at, voided_at) if instant and instant > finalized_at]
    adjusting = [_first_after(instant, lines) for instant in later]
    if len(adjusting) > 1 and adjusting[0] == adjusting[1]:
        # It came and went between two invoices, so none of them knows it.
        return Placement((), Awaits.NOTHING)
    return Placement(
        _placed([*(own if is_on else ()), *(line for found in adjusting for line in found)], invoice),
        Awaits.ADJUSTMENT if [] in adjusting else Awaits.NOTHING,
    )


def _lines(invoice: Invoice, priced: Collection[Priced]) -> list[InvoiceLine]:
    """Return the lines of these charges and dimension values, on the invoice and on later ones that adjust it."""
    found = (
        InvoiceLine.objects.filter(
            Q(invoice=invoice, kind=InvoiceLine.Kind.USAGE) | Q(adjusts=invoice),
            charge_key__in={charge_key for charge_key, _ in priced},
        )
        .select_related("invoice")
        .defer("invoice__snapshot", "steps")
        .order_by("invoice__period_start_on", "position")
    )
    wanted = [(charge_key, dict(dimensions)) for charge_key, dimensions in priced]
    return [line for line in found if (line.charge_key, line.dimensions) in wanted]


def _first_after(instant: datetime, lines: Sequence[InvoiceLine]) -> list[InvoiceLine]:
    """Return the adjusting lines of the first invoice that could know what happened at an instant."""
    found = [
        line
        for line in lines
        if line.adjusts_id and (line.invoice.finalized_at is None or line.invoice.finalized_at >= instant)
    ]
    return [line for line in found if line.invoice_id == found[0].invoice_id]


def _placed(lines: Iterable[InvoiceLine], invoice: Invoice) -> tuple[Placed, ...]:
    return tuple(
        Placed(
            charge_key=line.charge_key,
            invoice_id=line.invoice_id,
            number=line.invoice.number or "",
            position=line.position,
            name=line.name,
            dimensions=line.dimensions,
            adjusts=(invoice.number or "") if line.adjusts_id else "",
        )
        for line in lines
    )
