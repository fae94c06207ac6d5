"""The archived events that a proof is made from: the folders of months that are out of the database."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, timedelta
from pathlib import Path

from django.conf import settings

from apps.contracts.terms import terms_in
from apps.core.periods import Period
from apps.invoices.models import Invoice
from apps.invoices.verify.priced import contracts_on
from apps.plans.models import Meter
from apps.usage.archive import events_of, manifest_of, out_as
from apps.usage.archived import months_out
from apps.usage.by_event import is_by_event
from apps.usage.errors import ArchiveBroken
from apps.usage.stored import StoredEvent

_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Archives:
    """Folders of archived months, by month, as 2026-10."""

    folders: Mapping[str, Path] = field(default_factory=dict)

    def events(self) -> Iterator[StoredEvent]:
        """Yield the events of all of them, read anew each time."""
        for folder in self.folders.values():
            yield from events_of(folder)

    def missing(self, months: Iterable[str]) -> list[str]:
        """Return the months that none of the folders is of."""
        return [month for month in months if month not in self.folders]


@dataclass(frozen=True, slots=True)
class Needed:
    """The months out of the database that a proof needs; its prices need them too where they hang on single events."""

    months: tuple[str, ...]
    prices_by_event: bool = False


NONE = Archives()


def archives_in(folders: Iterable[Path]) -> Archives:
    """Return those of the folders by which a month was taken out of the database: so says their manifest, whatever their name."""
    found: dict[str, Path] = {}
    for folder in folders:
        try:
            manifest = manifest_of(folder)
        except ArchiveBroken:
            continue
        if out_as(manifest.month) == manifest.content:
            found[manifest.month] = folder
    return Archives(found)


def configured() -> Archives:
    """Return the archives of the months that are out, as far as they lie in the folder of METERBOOK_ARCHIVE."""
    if settings.ARCHIVE_DIR is None:
        return NONE
    return archives_in(settings.ARCHIVE_DIR / month for month in months_out())


def needed_of(invoice: Invoice) -> Needed:
    """Return which months that are out of the database an invoice is proven from.

    They are those that its days lie in. Of levels and outcomes, which run on, and of what is priced by event and brings
    something into the next period, they are all that are out.
    """
    out = months_out()
    if not out:
        return Needed(())
    period = Period(invoice.period_start_on, invoice.period_end_on, invoice.timezone)
    covered = [(one, period.overlap(one.starts_on, one.ends_on)) for one in contracts_on(invoice)]
    terms = [terms_in(one, days) for one, days in covered if days]
    charges = [planned for of_one in terms for planned in of_one.charges]
    by_event = any(map(is_by_event, charges))
    runs_on = any(one.is_level or one.aggregation == Meter.Aggregation.OUTCOMES for one in charges)
    if runs_on or (by_event and any(of_one.takes_forward for of_one in terms)):
        return Needed(tuple(out), by_event)
    first, last = period.starts_at.astimezone(UTC), (period.ends_at - _MICROSECOND).astimezone(UTC)
    return Needed(tuple(month for month in out if f"{first:%Y-%m}" <= month <= f"{last:%Y-%m}"), by_event)
