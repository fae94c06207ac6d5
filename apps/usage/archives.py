"""The archived events that a period is told, priced and proven from: the folders of months that are out of the database."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from django.conf import settings

from apps.usage import parquet
from apps.usage.archive import out_as
from apps.usage.archive_files import events_of, manifest_of, refuse_changed
from apps.usage.archived import months_out
from apps.usage.errors import ArchiveBroken, ArchiveMissing
from apps.usage.stored import StoredEvent


@dataclass(frozen=True, slots=True)
class Archives:
    """Folders of archived months, by month, as 2026-10."""

    folders: Mapping[str, Path] = field(default_factory=dict)

    def events(self) -> Iterator[StoredEvent]:
        """Yield the events of all of them, month by month, read anew each time."""
        for month in sorted(self.folders):
            refuse_changed(self.folders[month])
            yield from events_of(self.folders[month])

    def events_in(self, months: Iterable[str], *, contract_id: UUID) -> Iterator[StoredEvent]:
        """Yield a contract's events of these months in the order of their time; none, but a refusal, where one is missing."""
        self.refuse_missing(months)
        for month in sorted(months):
            yield from events_of(self.folders[month], contract_id=contract_id)

    def missing(self, months: Iterable[str]) -> list[str]:
        """Return the months that none of the folders is of."""
        return [month for month in months if month not in self.folders]

    def refuse_missing(self, months: Iterable[str]) -> None:
        """Refuse where one of the months is missing, or its file cannot be read or is not the one that was written."""
        if missing := self.missing(months):
            raise ArchiveMissing(missing)
        parquet.library()
        for month in months:
            refuse_changed(self.folders[month])


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
