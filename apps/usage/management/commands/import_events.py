"""`manage.py import_events FILE`: takes in a file of events; run again after a stop, it goes on where it was."""

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.core import clock
from apps.usage import import_events
from apps.usage.models import EventImport


class Command(BaseCommand):
    help = "Takes in a CSV file, or one of a JSON event a line, plain or gzipped, in batches. Events count once for ever."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--format", choices=EventImport.Format.values, default="", help="told by the name if left out"
        )
        parser.add_argument(
            "--strict", action="store_true", help="end with 1 if an event conflicts or waits in quarantine"
        )

    def handle(self, *, file: Path, strict: bool, **options: Any) -> None:
        if not file.is_file():
            raise CommandError(f"There is no file {file}.")
        begun = import_events.begin(
            path=file.resolve(),
            name=file.name,
            format_=options["format"],
            at=clock.now(),
            actor="import_events",
        )
        if begun.rows:
            self.stderr.write(f"Going on after {begun.rows:,} rows.")
        done = import_events.run(import_id=begun.pk, at=clock.now(), after_batch=self._tell)
        self.stdout.write(
            f"{done.rows:,} rows: {done.counted:,} counted, {done.duplicate:,} duplicate, {done.conflict:,} conflict, "
            f"{done.quarantined:,} in quarantine."
        )
        if done.status == EventImport.Status.FAILED:
            raise CommandError(done.error)
        if strict and (done.conflict or done.quarantined):
            sys.exit(1)

    def _tell(self, run: EventImport) -> None:
        seconds = max((clock.now() - run.started_at).total_seconds(), 0.001)
        self.stderr.write(f"\r{run.rows:,} rows, {run.rows / seconds:,.0f} a second", ending="")
        self.stderr.flush()
