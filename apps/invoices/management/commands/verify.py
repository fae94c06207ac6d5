"""`manage.py verify`: proves invoices from the raw events, to the cent."""

import sys
from pathlib import Path
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.invoices.models import Invoice
from apps.invoices.verify.findings import Verified
from apps.invoices.verify.run import verify, verify_all
from apps.invoices.verify.sealed import broken_chains
from apps.usage.archives import archives_in, configured


class Command(BaseCommand):
    help = "Rates invoices again from their events and compares to the cent; checks hashes, numbers, chain and journal. Ends with 1 where something differs."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "numbers", nargs="*", metavar="NUMBER", help="invoices to prove; without any, all"
        )
        parser.add_argument(
            "--archive", type=Path, action="append", default=[], help="the folder of a month that is archived"
        )

    def handle(self, *, numbers: list[str], archive: list[Path], **_options: object) -> None:
        archives = archives_in(archive) if archive else configured()
        found = (
            (verify(invoice_id=one, archives=archives) for one in _ids(numbers))
            if numbers
            else verify_all(archives=archives)
        )
        proven = failed = events = 0
        for one in found:
            proven, failed, events = proven + one.is_proven, failed + (not one.is_proven), events + one.events
            self._say(one, every=bool(numbers))
        broken = broken_chains()
        for gap in broken:
            self.stdout.write(f"Series {gap.prefix}: {gap.problem}")
        self.stdout.write(
            f"{proven:,} of {proven + failed:,} documents proven from {events:,} events; "
            + (
                "numbers without gaps, chain unbroken."
                if not broken
                else f"{len(broken):,} breaks in the series."
            )
        )
        if failed or broken:
            sys.exit(1)

    def _say(self, one: Verified, *, every: bool) -> None:
        if every and one.is_proven:
            self.stdout.write(f"{one.number}: proven ({', '.join(one.checks)}), {one.events:,} events.")
        for finding in one.findings:
            self.stdout.write(f"{one.number}: {finding.problem}")
        if one.archived:
            self.stdout.write(f"{one.number}: {one.not_provable}")
        for text in one.waiting:
            self.stdout.write(f"{one.number}: {text} The next invoice adjusts it.")


def _ids(numbers: list[str]) -> list[UUID]:
    known = dict(Invoice.objects.filter(number__in=numbers).values_list("number", "pk"))
    if unknown := [number for number in numbers if number not in known]:
        raise CommandError(f"There is no finalized invoice {', '.join(unknown)}.")
    return [known[number] for number in numbers]
