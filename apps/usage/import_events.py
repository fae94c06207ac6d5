"""Taking in a file of events in batches, through the same ingest as every event; stopped anywhere, it goes on from there."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F

from apps.core import audit, outbox
from apps.core.models import OutboxMessage
from apps.usage import event_files
from apps.usage.errors import UnreadableFile
from apps.usage.ingest import ingest
from apps.usage.intake import Ingested
from apps.usage.models import EventImport

BATCH = 1_000
Status = EventImport.Status
_TASK = "usage.import_events"
# A worker's turn has ended by then, of itself or by Celery's time limit, and has asked for the next one if it could.
_LOST_AFTER = timedelta(minutes=15)


def uploads() -> Path:
    """Return the folder of uploaded files, which are ours to remove."""
    folder: Path = settings.VAR_DIR / "imports"
    return folder


@transaction.atomic(durable=True)
def begin(
    *, path: Path, name: str, at: datetime, actor: str, format_: str = "", by_worker: bool = False
) -> EventImport:
    """Begin the import of a file, or find the one of the same file that has not ended; with `by_worker` a worker does it.

    Refuses a file that is not there.
    """
    try:
        digest = event_files.sha256_of(path)
    except OSError as mistake:
        raise UnreadableFile(name, mistake.strerror or str(mistake)) from mistake
    stopped = (
        EventImport.objects.filter(sha256=digest).exclude(status=Status.DONE).order_by("-started_at").first()
    )
    if stopped:
        if stopped.path != str(path):
            transaction.on_commit(partial(_remove_upload, stopped.path))
        stopped.status, stopped.path = Status.RUNNING, str(path)
        stopped.error, stopped.finished_at = "", None
        stopped.save(update_fields=["status", "path", "error", "finished_at"])
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
        _ask_worker(found, at=at)
    return found


def run(
    *,
    import_id: UUID,
    at: datetime,
    after_batch: Callable[[EventImport], None] = lambda _: None,
    is_turn_over: Callable[[], bool] = lambda: False,
) -> EventImport:
    """Take in what is left of a file, batch by batch, and note after each how far it is; an upload that is done is removed.

    A batch whose note was lost is taken in again, and counts once. Ends early where the import was canceled, or where
    another process does it too, and does nothing where it has ended; once `is_turn_over`, a worker is asked to go on.
    What goes wrong is noted as the import's error; what nobody foresaw is raised as well.
    """
    found = EventImport.objects.get(pk=import_id)
    if found.status != Status.RUNNING:
        return found
    try:
        for batch in _batches(event_files.rows_of(Path(found.path), found.format, skip=found.rows)):
            taken = ingest(events=batch, at=at, actor=found.actor)
            if not _noted(found, taken):
                return found
            after_batch(found)
            if is_turn_over():
                with transaction.atomic():
                    _ask_worker(found, at=at)
                return found
    except (UnreadableFile, OSError) as mistake:
        _end(found, Status.FAILED, at=at, error=str(mistake))
        return found
    except Exception as mistake:
        _end(found, Status.FAILED, at=at, error=f"{type(mistake).__name__}: {mistake}")
        raise
    if _end(found, Status.DONE, at=at):
        _remove_upload(found.path)
    return found


@transaction.atomic
def go_on_with_lost(*, at: datetime) -> int:
    """Ask a worker again for each upload that still runs though its last turn must be over; return how many there were.

    A turn is lost where it was killed: Celery does not give a task again that ran out of time. One too many does no harm.
    """
    lost = 0
    for running in EventImport.objects.filter(status=Status.RUNNING):
        turns = OutboxMessage.objects.filter(task=_TASK, key__startswith=f"{running.pk} ")
        last = turns.order_by("-created_at").first()
        is_over = last is not None and last.sent_at is not None and last.sent_at < at - _LOST_AFTER
        if is_over and _is_upload(running.path):
            _ask_worker(running, at=at)
            lost += 1
    return lost


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


def _end(found: EventImport, status: str, *, at: datetime, error: str = "") -> bool:
    """Write down how it ended, unless it was canceled or another process is at it; tell whether it ended so."""
    is_ended = EventImport.objects.filter(pk=found.pk, rows=found.rows, status=Status.RUNNING).update(
        status=status, finished_at=at, error=error
    )
    found.refresh_from_db()
    return bool(is_ended)


def _ask_worker(found: EventImport, *, at: datetime) -> None:
    key = f"{found.pk} {found.rows} {at.isoformat()}"
    outbox.enqueue(task=_TASK, key=key, at=at, import_id=str(found.pk))


def _is_upload(path: str) -> bool:
    return Path(path).parent == uploads()


def _remove_upload(path: str) -> None:
    """Remove a file that was uploaded; one that its owner named stays where it is."""
    if _is_upload(path):
        Path(path).unlink(missing_ok=True)
