"""The archived events that a proof is made from: the folders of months that are out of the database."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from apps.usage.archive import events_of
from apps.usage.archived import months_out
from apps.usage.stored import StoredEvent


@dataclass(frozen=True, slots=True)
class Archives:
    """Folders of archived months, each named like 2026-10."""

    folders: tuple[Path, ...] = ()

    def events(self) -> Iterator[StoredEvent]:
        """Yield the events of all of them, read anew each time."""
        for folder in self.folders:
            yield from events_of(folder)

    def missing(self, months: list[str]) -> list[str]:
        """Return the months that none of the folders is of."""
        given = {folder.name for folder in self.folders}
        return [month for month in months if month not in given]


NONE = Archives()


def configured() -> Archives:
    """Return the archives of the months that are out, as far as they lie in the folder of METERBOOK_ARCHIVE."""
    if settings.ARCHIVE_DIR is None:
        return NONE
    folders = (settings.ARCHIVE_DIR / month for month in months_out())
    return Archives(tuple(folder for folder in folders if folder.is_dir()))
