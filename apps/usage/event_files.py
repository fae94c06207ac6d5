"""Reading files of events row by row, never whole: CSV or one JSON object a line, plain or gzipped. No database."""

import csv
import gzip
import zlib
from collections.abc import Iterator, Sequence
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import IO, Any

from apps.usage import strict_json
from apps.usage.errors import UnreadableFile
from apps.usage.strict_json import BadJson

_LONGEST_ROW = 1024 * 1024
_GZIP_MAGIC = b"\x1f\x8b"
_OWN = ("id", "customer", "contract", "type", "time", "quantity")
_NEEDED = frozenset({"id", "customer", "type", "time"})
_PROPERTY = "properties."


def format_of(name: str) -> str:
    """Return the format that a file's name tells: csv or ndjson."""
    plain = name.lower().removesuffix(".gz")
    return "csv" if plain.endswith((".csv", ".tsv", ".txt")) else "ndjson"


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, read piece by piece."""
    digest = sha256()
    with path.open("rb") as file:
        while piece := file.read(1024 * 1024):
            digest.update(piece)
    return digest.hexdigest()


def rows_of(path: Path, format_: str, *, skip: int = 0) -> Iterator[object]:
    """Yield the file's events after the first `skip`; a row that cannot be read comes as its text, for the quarantine to keep.

    In CSV the first row names the columns: id, customer, type, time, quantity, and properties by their names. An empty
    cell is an absent one. Raises UnreadableFile for a file that is none.
    """
    try:
        with _opened(path) as file:
            yield from _csv_rows(file, skip) if format_ == "csv" else _lines(file, skip)
    except (UnicodeDecodeError, EOFError, gzip.BadGzipFile, zlib.error, csv.Error) as mistake:
        raise UnreadableFile(path.name, str(mistake)) from mistake


def _opened(path: Path) -> IO[str]:
    with path.open("rb") as file:
        is_gzip = file.read(2) == _GZIP_MAGIC
    if is_gzip:
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open("rt", encoding="utf-8-sig", newline="")


# What is skipped is not parsed: an import that goes on must get to its place in a fraction of the time that it took.
def _lines(file: IO[str], skip: int) -> Iterator[object]:
    lines = (line for line in iter(lambda: file.readline(_LONGEST_ROW), "") if line.strip())
    for line in islice(lines, skip, None):
        try:
            yield strict_json.load(line.encode())
        except BadJson:
            yield line.strip()


def _csv_rows(file: IO[str], skip: int) -> Iterator[object]:
    head = file.readline(_LONGEST_ROW)
    delimiter = max(",;\t", key=head.count)
    names = [name.strip() for name in next(csv.reader([head], delimiter=delimiter), [])]
    if trouble := _trouble_with(names):
        raise UnreadableFile(Path(getattr(file, "name", "")).name, trouble)
    csv.field_size_limit(_LONGEST_ROW)
    for cells in islice(filter(None, csv.reader(file, delimiter=delimiter)), skip, None):
        yield _event(names, cells) if len(cells) == len(names) else delimiter.join(cells)


def _trouble_with(names: Sequence[str]) -> str:
    """Say why rows under these columns cannot be read in one way only; empty if they can."""
    if missing := sorted(_NEEDED - set(names)):
        return f"its first row does not name the columns {', '.join(missing)}"
    filled = [name if name in _OWN else _PROPERTY + name.removeprefix(_PROPERTY) for name in names if name]
    twice = sorted({field for field in filled if filled.count(field) > 1})
    return f"its first row names more than one column for {', '.join(twice)}" if twice else ""


def _event(names: list[str], cells: list[str]) -> dict[str, Any]:
    given = {name: cell for name, cell in zip(names, cells, strict=True) if cell and name}
    event: dict[str, Any] = {name: given.pop(name) for name in _OWN if name in given}
    if given:
        event["properties"] = {name.removeprefix(_PROPERTY): cell for name, cell in given.items()}
    return event
