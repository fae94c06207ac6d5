"""Months of events that are put away as Parquet: exported with a manifest, verified, detached, read and restored.

A month's folder holds events.parquet and manifest.json; the manifest is written last, so without it there is no archive.
Ids stay in the database for ever, so an archived event still counts once.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, localcontext
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Max

from apps.contracts.models import Contract
from apps.core import audit
from apps.core.models import AuditEntry
from apps.core.money import EXACT
from apps.plans.models import Meter
from apps.usage import event_files, months, parquet, reads, sql
from apps.usage.archive_files import COLUMNS, EVENTS, MANIFEST, PAGE, Manifest, Row, refuse_changed, rows_of
from apps.usage.errors import ArchiveBroken, MonthInUse

_DETACHED, _RESTORED = "usage.detach_month", "usage.restore_month"


def export_month(*, month: date, folder: Path, at: datetime, actor: str) -> Manifest:
    """Write a month's events to a new folder of that name within `folder`, with its manifest; one consistent state.

    Times are in microseconds, UTC; quantities are exact, as text. Refuses a folder that holds an archive already, and a month
    that is out of the database, so that one archive holds all of a month.
    """
    arrow, writer_of = parquet.library()
    _refuse_out(f"{month:%Y-%m}")
    place = folder / f"{month:%Y-%m}"
    if (place / MANIFEST).exists():
        raise ArchiveBroken(place, "there is an archive already; name another folder")
    place.mkdir(parents=True, exist_ok=True)
    unfinished = place / f"{EVENTS}.unfinished"
    summary = _Summary()
    with writer_of.ParquetWriter(unfinished, _schema(arrow), compression="zstd") as writer:
        for page in _pages(_rows_of_month(month)):
            summary.add(page)
            columns = zip(*page, strict=True)
            writer.write_table(arrow.table(dict(zip(COLUMNS, columns, strict=True)), schema=_schema(arrow)))
    _sync(unfinished)
    unfinished.rename(place / EVENTS)
    manifest = summary.manifest(month, place / EVENTS)
    written = place / f"{MANIFEST}.unfinished"
    written.write_text(json.dumps(asdict(manifest), indent=2) + "\n")
    _sync(written)
    written.rename(place / MANIFEST)
    # Their names, too, must outlive a power cut: what is archived may be taken out of the database.
    for named_in in (place, folder):
        _sync(named_in)
    with transaction.atomic(durable=True):
        _audit("usage.export_month", manifest, at=at, actor=actor)
    return manifest


def verify(place: Path) -> Manifest:
    """Read an archive again and compare it with its manifest: the file's hash, every row, and the sums.

    Raises ArchiveBroken with what differs.
    """
    manifest = refuse_changed(place)
    summary = _Summary()
    for page in _pages(rows_of(place)):
        summary.add(page)
    found = summary.manifest(date.fromisoformat(f"{manifest.month}-01"), place / EVENTS)
    if found != manifest:
        raise ArchiveBroken(place, "its rows are not those that the manifest tells of")
    return manifest


def detach_month(*, place: Path, at: datetime, actor: str) -> Manifest:
    """Take an archived month out of the database, once the archive is proven to hold exactly what is there.

    Refuses a month that events may still come for, or that a contract has not been invoiced for. Its partition stays, empty,
    so that what comes for it all the same, by a release or a correction, lies where it belongs.
    """
    manifest = verify(place)
    month = date.fromisoformat(f"{manifest.month}-01")
    _refuse_use(month, at)
    months.make([month])
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        _hold(month)
        _refuse_out(manifest.month)
        summary = _Summary()
        for page in _pages(_rows_of_month(month)):
            summary.add(page)
        if summary.content() != manifest.content:
            raise ArchiveBroken(place, "the database has other events of this month; export it anew")
        # Whoever computes from stored events keeps them by holding the table.
        cursor.execute("LOCK TABLE ONLY usage_event IN ACCESS EXCLUSIVE MODE")
        cursor.execute(f"TRUNCATE {_table(month)}")
        _audit(_DETACHED, manifest, at=at, actor=actor)
    return manifest


def restore_month(*, place: Path, at: datetime, actor: str) -> Manifest:
    """Put back those events of an archive that the database does not have; what has come for the month meanwhile stays.

    Refuses an archive that is not the one by which the month was taken out, or of which an event stands in the database with
    another content; then nothing is put back.
    """
    manifest = verify(place)
    month = date.fromisoformat(f"{manifest.month}-01")
    months.make([month])
    with transaction.atomic(durable=True):
        _hold(month)
        if out_as(manifest.month) not in {None, manifest.content}:
            raise ArchiveBroken(place, "the month was taken out by another archive, which holds all of it")
        for page in _pages(rows_of(place)):
            standing = {row[:3]: row for row in _rows_named(page)}
            for row in page:
                # Whether it is voided may have changed since; that is kept beside the events.
                if (there := standing.get(row[:3])) and there[:-1] != row[:-1]:
                    raise ArchiveBroken(
                        place, f"event {row[2]!r} stands in the database with another content"
                    )
            sql.copy_stored([row[:-1] for row in page if row[:3] not in standing])
        _audit(_RESTORED, manifest, at=at, actor=actor)
    return manifest


class _Summary:
    """Sums of rows, and one hash over all of them in their order."""

    def __init__(self) -> None:
        self.rows = self.voided = 0
        self.quantity = Decimal(0)
        self.times: list[datetime] = []
        self._hash = sha256()

    def add(self, page: list[Row]) -> None:
        """Add rows."""
        with localcontext(EXACT):
            for row in page:
                self.quantity += Decimal(row[5])
                self.voided += bool(row[9])
                self._hash.update(json.dumps([str(value) for value in row]).encode())
        self.rows += len(page)
        self.times = [
            min([*self.times, *(row[1] for row in page)]),
            max([*self.times, *(row[1] for row in page)]),
        ]

    def content(self) -> str:
        """Return the hash of the rows."""
        return self._hash.hexdigest()

    def manifest(self, month: date, file: Path) -> Manifest:
        """Return what there is to say of them, and of their file."""
        first, last = self.times or (None, None)
        return Manifest(
            month=f"{month:%Y-%m}",
            rows=self.rows,
            voided=self.voided,
            quantity=f"{self.quantity:f}",
            first_time=first.isoformat() if first else "",
            last_time=last.isoformat() if last else "",
            content=self.content(),
            file_sha256=event_files.sha256_of(file),
            file_bytes=file.stat().st_size,
        )


def _table(month: date) -> str:
    return f"usage_event_{month:%Y_%m}"


def _hold(month: date) -> None:
    """Let nothing come into the month, from a release or a correction, until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {_table(month)} IN SHARE ROW EXCLUSIVE MODE")


def _rows_of_month(month: date) -> Iterator[Row]:
    """Yield the month's events in the order of their keys."""
    following = (month.replace(day=28) + timedelta(days=4)).replace(day=1)
    after: Row = (UUID(int=0), datetime(1, 1, 1, tzinfo=UTC), "")
    while True:
        with connection.cursor() as cursor:
            cursor.execute(reads.EVENTS_OF_MONTH, [month, following, *after, PAGE])
            rows = cursor.fetchall()
        yield from map(_in_one_form, rows)
        if len(rows) < PAGE:
            return
        after = rows[-1][:3]


def _rows_named(page: list[Row]) -> list[Row]:
    """Return those of these events that are in the database."""
    customers, times, keys = zip(*(row[:3] for row in page), strict=True)
    with connection.cursor() as cursor:
        cursor.execute(reads.EVENTS_NAMED, [list(customers), list(times), list(keys)])
        return list(map(_in_one_form, cursor.fetchall()))


def _in_one_form(stored: Row) -> Row:
    """Return a row of the database as it is archived: ids and quantities as text, times in UTC."""
    customer_id, time, key, contract_id, type_, quantity, properties, day, received_at, voided = stored
    return (
        str(customer_id),
        time.astimezone(UTC),
        key,
        str(contract_id),
        type_,
        f"{quantity:f}".rstrip("0").rstrip(".") or "0",
        properties,
        day,
        received_at.astimezone(UTC),
        voided,
    )


def _pages(rows: Iterator[Row]) -> Iterator[list[Row]]:
    page: list[Row] = []
    for row in rows:
        page.append(row)
        if len(page) == PAGE:
            yield page
            page = []
    if page:
        yield page


def out_as(month: str) -> str | None:
    """Return the content of the archive by which a month is out of the database, or None if it is not."""
    moves = AuditEntry.objects.filter(
        subject_type="month", subject_key=month, action__in=(_DETACHED, _RESTORED)
    )
    last = moves.order_by("-at", "-id").first()
    return str(last.after["content"]) if last and last.action == _DETACHED else None


def _refuse_out(month: str) -> None:
    if out_as(month):
        raise MonthInUse(month, "it is out of the database already; restore it first")


def _refuse_use(month: date, at: datetime) -> None:
    late = Meter.objects.aggregate(days=Max("late_days", default=0))["days"]
    following = (month.replace(day=28) + timedelta(days=4)).replace(day=1)
    if following > (at - timedelta(days=late + 1)).date():
        raise MonthInUse(f"{month:%Y-%m}", f"events of it may come for {late} days yet")
    ending = following + timedelta(days=1)
    signed = Contract.objects.filter(starts_on__lt=ending).exclude(status=Contract.Status.DRAFT)
    open_ = [
        one.number
        for one in signed.exclude(ends_on__lte=month)
        if (one.billed_until_on or one.starts_on) < min(ending, one.ends_on or ending)
    ]
    if open_:
        raise MonthInUse(f"{month:%Y-%m}", f"contract {open_[0]} is not invoiced for all of it")


def _schema(arrow: Any) -> Any:
    instant = arrow.timestamp("us", tz="UTC")
    kinds = {"time": instant, "received_at": instant, "day": arrow.date32(), "voided": arrow.bool_()}
    return arrow.schema([(name, kinds.get(name, arrow.string())) for name in COLUMNS])


def _sync(path: Path) -> None:
    """Bring a file, or the names in a folder, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _audit(action: str, manifest: Manifest, *, at: datetime, actor: str) -> None:
    audit.record(
        at=at,
        actor=actor,
        action=action,
        subject_type="month",
        subject_key=manifest.month,
        after={"rows": manifest.rows, "content": manifest.content},
    )
