"""The events on disk: appended before anybody is told that they are kept, removed when they are acknowledged.

Every process writes segments into a folder of its own, which it locks; the folders of processes that are dead are adopted.
"""

import errno
import os
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import RLock

from meterbook_client.event import new_id
from meterbook_client.folder_lock import FolderLock
from meterbook_client.reports import SpoolFull

SEGMENT_BYTES = 4 * 1024 * 1024
_APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


class SpoolClosed(Exception):
    """The spool was closed by another thread."""


@dataclass(slots=True, eq=False)
class Segment:
    """A file of events that is complete and not yet acknowledged."""

    path: Path
    size: int
    owner: FolderLock
    is_synced: bool = False

    def lines(self) -> Iterator[bytes]:
        """Yield the events; a last line that a crash has torn was never promised to anybody, and is none."""
        with self.path.open("rb") as file:
            for line in file:
                if line.endswith(b"\n"):
                    yield line


class _Open:
    """The segment that is being written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.descriptor = os.open(path, _APPEND, 0o600)
        self.size = 0
        self.events = 0
        self.is_torn = False

    def append(self, line: bytes, *, fsync: bool) -> None:
        try:
            _write(self.descriptor, line)
            if fsync:
                os.fsync(self.descriptor)
        except OSError:
            # Half a line would spoil the next one.
            self.is_torn = True
            os.ftruncate(self.descriptor, self.size)
            self.is_torn = False
            raise
        self.size += len(line)
        self.events += 1


class Spool:
    """A folder of segments, safe to be used by several threads and shared by several processes.

    It takes up to `most_bytes` in all: what this process has written, and what it has adopted. With `fsync`, every event is
    on the disk itself before `append` returns; without, it is in the system's memory, and `sync` brings it to the disk.
    """

    def __init__(self, folder: Path, *, most_bytes: int, fsync: bool = False) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder = folder
        self.lock = RLock()
        self._most_bytes = most_bytes
        self._fsync = fsync
        self._bytes = 0
        self._pending: deque[Segment] = deque()
        self._current: _Open | None = None
        self._number = 0
        self._is_closed = False
        self._own = self._new_folder()
        self._adopted: list[FolderLock] = []
        self.adopt()

    @property
    def waiting(self) -> int:
        """The number of events in the segment that is being written."""
        current = self._current
        return current.events if current else 0

    def append(self, line: bytes) -> int:
        """Keep an event, and return how many wait with it in their segment.

        Refuses with SpoolFull, or with OSError if the disk does; then nothing of it is kept.
        """
        with self.lock:
            if self._is_closed:
                raise SpoolClosed
            if self._bytes + len(line) > self._most_bytes:
                raise SpoolFull(
                    f"The spool {self.folder} has reached its bound of {self._most_bytes:,} bytes. Is Meterbook reachable?"
                )
            if self._current is not None and (self._current.is_torn or self._current.size >= SEGMENT_BYTES):
                self.cut()
            current = self._current = self._current or self._start()
            current.append(line, fsync=self._fsync)
            self._bytes += len(line)
            return current.events

    def cut(self) -> None:
        """Complete the segment that is being written, if there is one."""
        with self.lock:
            current, self._current = self._current, None
            if current is None:
                return
            os.close(current.descriptor)
            self._pending.append(Segment(current.path, current.size, self._own, is_synced=self._fsync))

    def pending(self) -> tuple[Segment, ...]:
        """Return the complete segments, oldest first."""
        with self.lock:
            return tuple(self._pending)

    def remove(self, segment: Segment) -> None:
        """Forget a segment whose events are acknowledged."""
        segment.path.unlink(missing_ok=True)
        with self.lock:
            if segment not in self._pending:
                return
            self._pending.remove(segment)
            self._bytes -= segment.size
            if segment.owner is not self._own and all(
                other.owner is not segment.owner for other in self._pending
            ):
                self._adopted.remove(segment.owner)
                segment.owner.release()

    def adopt(self) -> None:
        """Take over the segments of processes that are dead."""
        with self.lock:
            known = {self._own.folder, *(lock.folder for lock in self._adopted)}
            for folder in sorted(self.folder.iterdir()):
                if not folder.is_dir() or folder in known:
                    continue
                # What cannot be locked is another user's, or waits until the disk is better.
                with suppress(OSError):
                    if owner := FolderLock.take(folder):
                        self._take_over(owner)

    def sync(self) -> None:
        """Bring to the disk what the system still holds in memory, without holding up `append`."""
        with self.lock:
            unsynced = [segment for segment in self._pending if not segment.is_synced]
            current = None if self._fsync or self._current is None else os.dup(self._current.descriptor)
            names_in = self._own.folder
        if unsynced or current is not None:
            with suppress(FileNotFoundError):
                _sync_names(names_in)
        for segment in unsynced:
            # One that cannot be synced is sent all the same, or told of when it cannot be read.
            with suppress(OSError):
                _sync(os.open(segment.path, os.O_RDWR))
            segment.is_synced = True
        if current is not None:
            _sync(current)

    def set_aside(self, line: bytes) -> None:
        """Keep an event that can never be sent in refused.jsonl, for people to look at."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self.folder / "refused.jsonl").open("ab") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        _sync_names(self.folder)

    def close(self) -> None:
        """Let go of the folders; what is not acknowledged waits in them for the next process."""
        with self.lock:
            self.cut()
            self._is_closed = True
            for owner in (self._own, *self._adopted):
                with suppress(OSError):
                    owner.release()

    def forget(self) -> None:
        """Close the files of a spool that is the parent's, in a forked child."""
        if self._current is not None:
            os.close(self._current.descriptor)
        for owner in (self._own, *self._adopted):
            owner.forget()

    def _new_folder(self) -> FolderLock:
        while True:
            folder = self.folder / new_id()
            folder.mkdir(mode=0o700)
            try:
                lock = FolderLock.take(folder)
            except OSError:
                with suppress(OSError):
                    folder.rmdir()
                raise
            # Another process that looks for the dead may have been faster; then it removes the empty folder.
            if lock:
                if self._fsync:
                    _sync_names(self.folder)
                return lock

    def _start(self) -> _Open:
        self._number += 1
        name = f"{self._number:08}.jsonl"
        try:
            started = _Open(self._own.folder / name)
        except FileNotFoundError:
            # Somebody has cleaned up below us.
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            own = self._new_folder()
            self._own.forget()
            self._own = own
            started = _Open(self._own.folder / name)
        if self._fsync:
            try:
                # A file whose name is not on the disk is gone after a power cut, whatever is in it.
                _sync_names(self._own.folder)
            except OSError:
                os.close(started.descriptor)
                with suppress(OSError):
                    started.path.unlink()
                raise
        return started

    def _take_over(self, owner: FolderLock) -> None:
        found = [Segment(path, path.stat().st_size, owner) for path in sorted(owner.folder.glob("*.jsonl"))]
        if not found:
            owner.release()
            return
        self._adopted.append(owner)
        self._pending.extend(found)
        self._bytes += sum(segment.size for segment in found)


def _write(descriptor: int, line: bytes) -> None:
    if os.write(descriptor, line) < len(line):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _sync_names(folder: Path) -> None:
    """Bring the names in a folder to the disk; Windows does so by itself, and opens no folders."""
    if sys.platform != "win32":
        _sync(os.open(folder, os.O_RDONLY))


def _sync(descriptor: int) -> None:
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
