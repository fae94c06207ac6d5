"""Taking in a file of events in batches, through the same ingest as every event; stopped anywhere, it goes on from there."""

from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path
from uuid import UUID

from django.db import transaction
from django.db.models import F

from apps.core import audit, outbox
from apps.usage import event_files
from apps.usage.errors import UnreadableFile
from apps.usage.ingest import ingest
from apps.usage.intake import Ingested
from apps.usage.models import EventImport

BATCH = 1_000
Status = EventImport.Status


@transaction.atomic(durable=True)
def begin(
    *, path: Path, name: str, at: datetime, actor: str, format_: str = "", by_worker: bool = False
) -> EventImport:
    """Begin the import of a file, or find the one of the same file that has not ended; with `by_worker` a worker does it."""
    digest = event_files.sha256_of(path)
    stopped = (
        EventImport.objects.filter(sha256=digest).exclude(status=Status.DONE).order_by("-started_at").first()
    )
    if stopped:
        stopped.status, stopped.path, stopped.error = Status.RUNNING, str(path), ""
        stopped.save(update_fields=["status", "path", "error"])
        found = stopped
    else:
        found = EventImport.objects.create(
            name=name[:200],
            format=format_ or event_files.format_of(name),
            sha256=digest,
            path=str(path),
            started_at=at,
            actor=actor,
        )
    audit.record(at=at, actor=actor, action="usage.import", subject_type="import", subject_key=found.name)
    if by_worker:
        key = f"{found.pk} {found.rows} {at.isoformat()}"
        outbox.enqueue(task="usage.import_events", key=key, at=at, import_id=str(found.pk))
    return found


def run(
    *, import_id: UUID, at: datetime, after_batch: Callable[[EventImport], None] = lambda _: None
) -> EventImport:
    """Take in what is left of a file, batch by batch, and note after each how far it is.

    A batch whose note was lost is taken in again, and counts once. Ends early where the import was canceled, or where
    another process does it too.
    """
    found = EventImport.objects.get(pk=import_id)
    try:
        rows = event_files.rows_of(Path(found.path), found.format)
        for batch in _batches(islice(rows, found.rows, None)):
            taken = ingest(events=batch, at=at, actor=found.actor)
            if not _noted(found, taken):
                return found
            after_batch(found)
    except (UnreadableFile, OSError) as mistake:
        _end(found, Status.FAILED, at=at, error=str(mistake))
        return found
    _end(found, Status.DONE, at=at)
    return found


@transaction.atomic(durable=True)
def cancel(*, import_id: UUID, at: datetime, actor: str) -> EventImport:
    """Stop an import after the batch that it is at; what is counted stays counted."""
    found = EventImport.objects.select_for_update().get(pk=import_id)
    if found.status == Status.RUNNING:
        found.status, found.finished_at = Status.CANCELED, at
        found.save(update_fields=["status", "finished_at"])
        audit.record(
            at=at, actor=actor, action="usage.cancel_import", subject_type="import", subject_key=found.name
        )
    return found


def _batches(rows: Iterator[object]) -> Iterator[list[object]]:
    while batch := list(islice(rows, BATCH)):
        yield batch


def _noted(found: EventImport, taken: Ingested) -> bool:
    """Write down what a batch brought; tell whether the import still runs, and this process alone does it.

    Were two to note the same batch, rows would be taken for read that nobody has read.
    """
    is_ours = EventImport.objects.filter(pk=found.pk, rows=found.rows).update(
        rows=F("rows") + taken.received,
        counted=F("counted") + taken.counted,
        duplicate=F("duplicate") + taken.duplicate,
        conflict=F("conflict") + taken.conflict,
        quarantined=F("quarantined") + taken.quarantined,
    )
    found.refresh_from_db()
    return bool(is_ours) and found.status == Status.RUNNING


def _end(found: EventImport, status: str, *, at: datetime, error: str = "") -> None:
    found.status, found.finished_at, found.error = status, at, error
    found.save(update_fields=["status", "finished_at", "error"])
