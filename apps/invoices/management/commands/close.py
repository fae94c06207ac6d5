"""`manage.py close`: drafts what ended, or finalizes what was reviewed, and tells how it goes."""

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.core import clock
from apps.core.formats import format_money
from apps.customers.models import LegalEntity
from apps.invoices import run
from apps.invoices.errors import RunUnderWay
from apps.invoices.models import CloseRun
from apps.invoices.progress import Progress, run_progress

ACTOR = "close"
_SECONDS = 2.0


class Command(BaseCommand):
    help = (
        "Drafts every finished period, or with --finalize turns reviewed drafts into invoices. Works together with the workers, "
        "goes on with a run that is under way, and exits with 1 where contracts were parked."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--finalize", action="store_true", help="finalize drafts whose review time is over"
        )
        parser.add_argument("--legal-entity", metavar="KEY", help="of this legal entity alone")

    def handle(self, *, finalize: bool, legal_entity: str | None, **_options: Any) -> None:
        entity = LegalEntity.objects.filter(key=legal_entity).first() if legal_entity else None
        if legal_entity and entity is None:
            raise CommandError(f"There is no legal entity {legal_entity!r}.")
        step = CloseRun.Step.FINALIZE if finalize else CloseRun.Step.DRAFT
        start = run.start_finalize if finalize else run.start_drafts
        try:
            begun = start(at=clock.now(), actor=ACTOR, legal_entity=entity)
        except RunUnderWay:
            begun = CloseRun.objects.get(step=step, legal_entity=entity, finished_at=None)
        if begun is None:
            self.stdout.write("There is nothing to do.")
            return
        done = self._follow(begun)
        if done.parked:
            raise CommandError(f"{done.parked} of {done.contracts} contracts were parked.", returncode=1)

    def _follow(self, begun: CloseRun) -> Progress:
        """Work on the run until nothing waits, also for what other workers are at, and say how far it is."""
        shown_at = 0.0
        while True:
            got_on = run.advance(run_id=begun.pk, at=clock.now())
            begun.refresh_from_db()
            if begun.finished_at is not None or time.monotonic() - shown_at > _SECONDS:
                shown_at = time.monotonic()
                progress = run_progress(begun, at=clock.now())
                self._say(progress)
                if begun.finished_at is not None:
                    return progress
            if not got_on:
                time.sleep(0.2)

    def _say(self, progress: Progress) -> None:
        totals = ", ".join(format_money(total, "en") for total in progress.totals)
        self.stdout.write(
            f"{progress.done + progress.parked:,} of {progress.contracts:,} contracts, {progress.invoices:,} invoices"
            f"{f', {totals}' if totals else ''}; {progress.parked:,} parked; {progress.rate:f} contracts/s"
        )
        if progress.run.finished_at is not None:
            for one in progress.stopped:
                self.stdout.write(f"  parked: {one.contract_number}, {one.customer_name}: {one.reason}")
