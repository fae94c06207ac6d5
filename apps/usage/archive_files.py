"""Reading the files of an archived month: its manifest, which tells what it holds, and its events, batch by batch."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from apps.usage import event_files, parquet
from apps.usage.errors import ArchiveBroken
from apps.usage.stored import StoredEvent, read_stored

PAGE = 10_000
EVENTS, MANIFEST = "events.parquet", "manifest.json"
_SCHEMA = 1
COLUMNS = (
    "customer_id",
    "time",
    "key",
    "contract_id",
    "type",
    "quantity",
    "properties",
    "day",
    "received_at",
    "voided",
)

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an archive holds; `content` is the SHA-256 of its rows, whatever file they lie in."""

    month: str
    rows: int
    voided: int
    quantity: str
    first_time: str
    last_time: str
    content: str
    file_sha256: str
    file_bytes: int
    schema: int = _SCHEMA


def manifest_of(place: Path) -> Manifest:
    """Return what an archive says of itself; raises ArchiveBroken where it says nothing."""
    try:
        return Manifest(**json.loads((place / MANIFEST).read_text()))
    except (OSError, ValueError, TypeError) as mistake:
        raise ArchiveBroken(place, "it has no manifest that can be read") from mistake


def refuse_changed(place: Path) -> Manifest:
    """Return an archive's manifest; refuses where its file is not the one that was written, by its hash."""
    manifest = manifest_of(place)
    try:
        found = event_files.sha256_of(place / EVENTS)
    except OSError as mistake:
        raise ArchiveBroken(place, "its file of events cannot be read") from mistake
    if found != manifest.file_sha256:
        raise ArchiveBroken(place, "the file is not the one that was written")
    return manifest


def events_of(place: Path, *, contract_id: UUID | None = None) -> Iterator[StoredEvent]:
    """Yield the events of an archive, all or a contract's, as if they were stored; a contract's are in the order of time.

    Reads batch by batch.
    """
    manifest_of(place)
    for row in rows_of(place, str(contract_id) if contract_id else ""):
        customer_id, time, key, under, type_, quantity, properties, day, received_at, voided = row
        yield StoredEvent(
            customer_id=UUID(customer_id),
            contract_id=UUID(under),
            day=day,
            received_at=received_at,
            is_voided=voided,
            event=read_stored(key, type_, time, Decimal(quantity), properties),
        )


def rows_of(place: Path, contract_id: str = "") -> Iterator[Row]:
    arrow, reader_of = parquet.library()
    file = reader_of.ParquetFile(place / EVENTS)
    for batch in file.iter_batches(batch_size=PAGE):
        if contract_id:
            own = [one == contract_id for one in batch.column("contract_id").to_pylist()]
            if not any(own):
                continue
            batch = batch.filter(arrow.array(own))  # noqa: PLW2901
        for row in zip(*(batch.column(name).to_pylist() for name in COLUMNS), strict=True):
            yield (row[0], row[1].astimezone(UTC), *row[2:8], row[8].astimezone(UTC), row[9])
