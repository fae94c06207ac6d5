"""On which invoice lines a single event is, drafted or finalized, or which invoice it waits for."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from django.db.models import Q

from apps.contracts.models import Contract
from apps.invoices.brought import of_period
from apps.invoices.models import Invoice, InvoiceLine
from apps.usage.one_event import Fed, OneEvent


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

    What came onto the bill, or was taken off it, after its period's invoice was finalized is on the first adjustment after
    that: a late event or a voided one, and an outcome that is disputed.
    """
    feeds = [fed for fed in event.feeds if fed.charges and fed.turns]
    if event.contract is None or event.day is None or not feeds:
        return Placement((), Awaits.NOTHING)
    of_day = of_period(event.contract).filter(period_start_on__lte=event.day, period_end_on__gt=event.day)
    invoice = of_day.last()
    whose = _whose(event.contract, invoice) if invoice else None
    standing = [priced for fed in feeds if _is_on(fed.turns) for priced in _priced(fed)]
    if invoice is None:
        return Placement((), Awaits.INVOICE if standing else Awaits.NOTHING)
    if invoice.counted_until is None:
        own = _lines(invoice, whose, standing) if standing else []
        return Placement(_placed(own, invoice), Awaits.INVOICE if standing and not own else Awaits.NOTHING)
    return _after(invoice, whose, invoice.counted_until, feeds)


def _whose(contract: Contract, invoice: Invoice) -> UUID | None:
    """Return the account that the event's lines name: none on its own invoice, nor where it is priced with the parent's."""
    is_apart = invoice.contract_id != contract.pk and contract.usage == Contract.Usage.SEPARATE
    return contract.pk if is_apart else None


def _after(invoice: Invoice, whose: UUID | None, counted_until: datetime, feeds: Sequence[Fed]) -> Placement:
    """Return where an event is whose period's invoice is finalized."""
    lines = _lines(invoice, whose, [priced for fed in feeds for priced in _priced(fed)])
    on: set[UUID] = set()
    awaits = Awaits.NOTHING
    for fed in feeds:
        of_feed = _of(lines, _priced(fed))
        if _is_on([turn for turn in fed.turns if turn <= counted_until]):
            on |= {line.pk for line in of_feed if line.adjusts_id is None}
        adjusting = [_first_after(turn, of_feed) for turn in fed.turns if turn > counted_until]
        # What came and went between two invoices none of them knows.
        for found in {found[0].invoice_id if found else None: found for found in adjusting}.values():
            if not _is_on([same for same in adjusting if same == found]):
                continue
            on |= {line.pk for line in found}
            awaits = awaits if found else Awaits.ADJUSTMENT
    return Placement(_placed((line for line in lines if line.pk in on), invoice), awaits)


def _is_on(turns: Sequence[object]) -> bool:
    """Tell whether what takes turns, on the bill first, is on it after these."""
    return len(turns) % 2 == 1


def _priced(fed: Fed) -> list[Priced]:
    return [(charge.key, charge.dimensions) for charge in fed.charges]


def _lines(invoice: Invoice, whose: UUID | None, priced: Collection[Priced]) -> list[InvoiceLine]:
    """Return the lines of these charges and dimension values, on the invoice and on later ones that adjust it."""
    found = (
        InvoiceLine.objects.filter(
            Q(invoice=invoice, kind=InvoiceLine.Kind.USAGE)
            | Q(adjusts=invoice, kind=InvoiceLine.Kind.ADJUSTMENT),
            of_contract=whose,
            charge_key__in={charge_key for charge_key, _ in priced},
        )
        .select_related("invoice")
        .defer("invoice__snapshot", "steps")
        .order_by("invoice__period_start_on", "position")
    )
    return _of(found, priced)


def _of(lines: Iterable[InvoiceLine], priced: Collection[Priced]) -> list[InvoiceLine]:
    wanted = [(charge_key, dict(dimensions)) for charge_key, dimensions in priced]
    return [line for line in lines if (line.charge_key, line.dimensions) in wanted]


def _first_after(instant: datetime, lines: Sequence[InvoiceLine]) -> list[InvoiceLine]:
    """Return the adjusting lines of the first invoice that could know what happened at an instant."""
    found = [
        line
        for line in lines
        if line.adjusts_id and (line.invoice.counted_until is None or line.invoice.counted_until >= instant)
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
