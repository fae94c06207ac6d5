"""`manage.py reconcile`: proves that the daily totals are those of the stored events."""

import sys
from itertools import chain
from pathlib import Path

from django.core.management.base import BaseCommand, CommandParser

from apps.usage import months
from apps.usage.archive_files import events_of
from apps.usage.reconcile import reconcile


class Command(BaseCommand):
    help = "Rebuilds the daily totals from the events and compares; says what differs, and then ends with 1."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--archive", type=Path, action="append", default=[], help="the folder of a month that is archived"
        )

    def handle(self, *, archive: list[Path], **_options: object) -> None:
        found = reconcile(archived=chain.from_iterable(map(events_of, archive)))
        for difference in found.differences:
            self.stdout.write(
                f"{difference.what}: the events say {difference.from_events}, stored is {difference.stored}"
            )
        many = len(found.differences)
        if astray := months.astray():
            many += 1
            self.stdout.write(f"{astray:,} events lie in no month: they count, and cannot be archived.")
        for key in found.not_whole:
            self.stdout.write(f"Meter {key} is not compared: it does not count all past events yet.")
        it = found.received
        self.stdout.write(
            f"{it.received:,} received = {it.counted:,} counted + {it.voided:,} voided + {it.duplicate:,} duplicate + "
            f"{it.conflict:,} conflict + {it.quarantined:,} quarantined."
        )
        self.stdout.write(
            f"{found.events:,} events, {found.totals:,} daily totals: "
            + ("all agree." if not many else f"{many:,} differences.")
        )
        if many:
            sys.exit(1)
