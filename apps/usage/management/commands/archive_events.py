"""`manage.py archive_events`: months of events to Parquet and back."""

from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.core import clock
from apps.core.errors import Refusal
from apps.core.owner import acting_as_owner
from apps.usage import archive

ACTOR = "archive_events"


class Command(BaseCommand):
    help = "Exports a month of events to Parquet, verifies an archive, takes its month out of the database, or puts it back."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=("export", "verify", "detach", "restore"))
        parser.add_argument("month", help="such as 2026-01")
        parser.add_argument("folder", type=Path, help="where the archives are, a folder for each month")

    def handle(self, *, what: str, month: str, folder: Path, **_options: Any) -> None:
        try:
            first = date.fromisoformat(f"{month}-01")
        except ValueError:
            raise CommandError(f"{month!r} is no month. Write it like 2026-01.") from None
        place = folder / f"{first:%Y-%m}"
        at = clock.now()
        try:
            match what:
                case "export":
                    done = archive.export_month(month=first, folder=folder, at=at, actor=ACTOR)
                case "verify":
                    done = archive.verify(place)
                case "detach":
                    with acting_as_owner():
                        done = archive.detach_month(place=place, at=at, actor=ACTOR)
                case _:
                    with acting_as_owner():
                        done = archive.restore_month(place=place, at=at, actor=ACTOR)
        except Refusal as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(
            f"{what} {done.month}: {done.rows:,} events, {done.voided:,} voided, content {done.content[:16]}."
        )
