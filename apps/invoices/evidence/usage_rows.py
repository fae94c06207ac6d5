"""The usage behind each line of an invoice: a row for each event and line."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from uuid import UUID

import orjson

from apps.contracts.models import Contract
from apps.contracts.terms import PeriodTerms, terms_in
from apps.core import spreadsheets
from apps.core.periods import Period, written_instant
from apps.invoices.models import Invoice, InvoiceLine
from apps.invoices.verify.priced import contracts_on
from apps.plans.models import Meter
from apps.plans.queries import PlannedCharge
from apps.rating.price_models.matrix import Matrix
from apps.rating.steps import written
from apps.usage.archived import in_period, months_out
from apps.usage.archives import configured
from apps.usage.measure import Stage, Value
from apps.usage.models import Reversal
from apps.usage.prove import counted_events
from apps.usage.stored import Feeding, StoredEvent, in_pages
from apps.usage.ways import Cell

COLUMNS = (
    "line",
    "account",
    "event",
    "time",
    "day",
    "type",
    "meter",
    "value",
    "dimensions",
    "received_at",
    "status",
)


@dataclass(frozen=True, slots=True)
class UsageRow:
    """What one event is on one line: `value` is a quantity, or what a meter counts or compares.

    `status` tells whether it is on this invoice: counted, voided before it, or late, which is received after the instant until
    which the invoice counts. What came late, or was voided after that, is adjusted on a later one.
    """

    line: int
    account: str
    event: str
    time: datetime
    day: date
    type: str
    meter: str
    value: str
    dimensions: str
    received_at: datetime
    status: str

    @property
    def cells(self) -> tuple[spreadsheets.Cell, ...]:
        """Return the row in the order of the columns, its instants to the microsecond: which came first may hang on that."""
        values = (getattr(self, name) for name in COLUMNS)
        return tuple(written_instant(value) if isinstance(value, datetime) else value for value in values)


def usage_rows(invoice: Invoice) -> Iterator[UsageRow]:
    """Yield the events behind the lines of an invoice, account by account, each in the order of time.

    Reads page by page, of a month that is archived from the folder of METERBOOK_ARCHIVE. Refuses where that lacks the month.
    """
    lines = [line for line in invoice.lines.all() if line.kind == InvoiceLine.Kind.USAGE]
    for contract in contracts_on(invoice):
        period = Period(invoice.period_start_on, invoice.period_end_on, invoice.timezone).overlap(
            contract.starts_on, contract.ends_on
        )
        if period is not None:
            yield from _Rows(invoice, contract, period, lines).rows()


def refuse_missing(invoice: Invoice) -> None:
    """Refuse where the usage behind an invoice is not whole: a month of it is archived and not at hand."""
    if months := _months_out(invoice):
        configured().refuse_missing(months)


def months_missing(invoice: Invoice) -> list[str]:
    """Return the archived months, as 2026-10, without which the usage behind an invoice cannot be told."""
    months = _months_out(invoice)
    return configured().missing(months) if months else []


def _months_out(invoice: Invoice) -> list[str]:
    """Return the months that are out of which the usage of the invoice is; one query, one more where there are any."""
    out = in_period(months_out(), Period(invoice.period_start_on, invoice.period_end_on, invoice.timezone))
    return out if out and invoice.lines.filter(kind=InvoiceLine.Kind.USAGE).exists() else []


class _Rows:
    """Writes the rows of one contract."""

    def __init__(
        self, invoice: Invoice, contract: Contract, period: Period, lines: Sequence[InvoiceLine]
    ) -> None:
        self._invoice, self._contract, self._period = invoice, contract, period
        self._terms = self._terms_of_lines()
        own = None if contract.pk == invoice.contract_id else contract.pk
        # An account that is priced with its parent has no lines of its own.
        of_account = [line for line in lines if line.of_contract_id == own]
        self._lines = of_account or [line for line in lines if line.of_contract_id is None]
        charges = {line.charge_key for line in self._lines}
        self._charges: dict[str, list[PlannedCharge]] = {}
        for planned in self._terms.charges:
            if planned.meter_id and planned.charge.key in charges:
                self._charges.setdefault(str(planned.meter_id), []).append(planned)
        self._meters = {
            str(meter.pk): meter
            for meter in Meter.objects.filter(pk__in=[UUID(key) for key in self._charges])
        }
        self._places: dict[tuple[str, str, date], tuple[int, ...]] = {}

    @cached_property
    def _voided_later(self) -> set[str]:
        """Return the ids of events that were voided after the invoice was finalized."""
        found = Reversal.objects.filter(
            customer_id=self._contract.customer_id, correction__at__gt=self._invoice.counted_until
        )
        return set(found.values_list("key", flat=True)) if self._invoice.counted_until else set()

    def rows(self) -> Iterator[UsageRow]:
        """Yield them page by page."""
        meters = list(self._meters.values())
        if not meters:
            return
        feeding = Feeding(meters=meters)
        for page in in_pages(counted_events(self._contract, self._period, feeding.types.keys())):
            known = {stored.event.key: stored for stored in page}
            # They come together by type and day.
            for fed in sorted(feeding.of_all(page), key=lambda fed: (fed.event.micros, fed.event.key)):
                for cell, value in (*fed.feeds, *fed.others):
                    yield from self._of(known[fed.event.key], cell, value)

    def _terms_of_lines(self) -> PeriodTerms:
        is_pooled = (
            self._contract.usage == Contract.Usage.POOLED and self._contract.pk != self._invoice.contract_id
        )
        return terms_in(self._invoice.contract if is_pooled else self._contract, self._period)

    def _of(self, stored: StoredEvent, cell: Cell, value: Value) -> Iterator[UsageRow]:
        for position in self._positions(cell, stored.day):
            yield UsageRow(
                line=position,
                account=self._contract.customer.key,
                event=stored.event.key or "",
                time=stored.event.time,
                day=stored.day,
                type=stored.event.type,
                meter=self._meters[cell.meter_id].key,
                value=_told(value),
                dimensions=cell.dimensions,
                received_at=stored.received_at,
                status=self._status(stored),
            )

    def _status(self, stored: StoredEvent) -> str:
        counted_until = self._invoice.counted_until
        if counted_until and stored.received_at > counted_until:
            return "late"
        return "voided" if stored.is_voided and stored.event.key not in self._voided_later else "counted"

    def _positions(self, cell: Cell, day: date) -> tuple[int, ...]:
        key = (cell.meter_id, cell.dimensions, day)
        if key not in self._places:
            given: dict[str, str] = orjson.loads(cell.dimensions)
            self._places[key] = tuple(
                position
                for planned in self._charges.get(cell.meter_id, ())
                if (position := self._position(planned, given, day)) is not None
            )
        return self._places[key]

    def _position(self, planned: PlannedCharge, given: Mapping[str, str], day: date) -> int | None:
        """Return the line of a charge that usage of a day with these values is on."""
        wanted = _priced_by(planned, given, day)
        found = [
            line
            for line in self._lines
            if line.charge_key == planned.charge.key
            and line.dimensions == wanted
            and (line.starts_on is None or line.starts_on <= day)
        ]
        return max(found, key=lambda line: line.starts_on or date.min).position if found else None


def _priced_by(planned: PlannedCharge, given: Mapping[str, str], day: date) -> dict[str, str]:
    """Return what the line names: of a matrix the cell's values, with * for any."""
    begun = [change.price for change in planned.charge.changes if change.starts_on <= day]
    price = begun[-1] if begun else planned.charge.price
    if not isinstance(price, Matrix):
        return {}
    named = {name: given.get(name, "") for name in price.dimensions}
    place = price.place_of(named)
    return named if place is None else dict(price.match_at(place))


def _told(value: Value) -> str:
    if isinstance(value, Stage):
        return f"{value.outcome}:{value.state}:{written(value.weight)}"
    return value if isinstance(value, str) else f"{value}" if isinstance(value, int) else written(value)
