"""The client: keeps events on disk, and has them sent in the background."""

import atexit
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import Literal, TypeVar

from meterbook_client import llm
from meterbook_client.event import Quantity, new_id, write_event
from meterbook_client.reports import (
    Detail,
    EventNotKept,
    MeterbookError,
    NoUsage,
    Reports,
    SpoolFull,
)
from meterbook_client.sender import Pace, Sender
from meterbook_client.spool import Spool, SpoolClosed
from meterbook_client.transport import Transport

Chunk = TypeVar("Chunk")
_MOST_BATCH = 10_000


@dataclass(frozen=True, slots=True)
class _Session:
    """What one process has open; a forked child begins one of its own."""

    spool: Spool
    sender: Sender


class Meterbook:
    """Records usage. One object serves all threads of a process, and its forked children.

    `url` and `key` may come from METERBOOK_URL and METERBOOK_API_KEY, the folder `spool` from METERBOOK_SPOOL. A spool
    belongs to one Meterbook and may be shared by processes. Each of them fills it with up to `spool_bytes`; beyond that, or
    when the disk refuses, an event is not kept: that is told to `on_error` and logged with the event, or with
    `when_full="raise"` raised as EventNotKept. See the guide for all settings.
    """

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        *,
        spool: str | os.PathLike[str] | None = None,
        flush_seconds: float = 1.0,
        batch: int = 500,
        spool_bytes: int = 256 * 1024 * 1024,
        fsync: bool = False,
        when_full: Literal["report", "raise"] = "report",
        timeout: float = 30.0,
        first_retry_seconds: float = 0.5,
        most_retry_seconds: float = 60.0,
        refused_retry_seconds: float = 60.0,
        exit_seconds: float = 5.0,
        on_error: Callable[[MeterbookError], object] | None = None,
        on_detail: Callable[[Detail], object] | None = None,
    ) -> None:
        self._url = url or os.environ.get("METERBOOK_URL", "")
        self._key = (key or os.environ.get("METERBOOK_API_KEY", "")).strip()
        if not self._key or not self._key.isascii() or not self._key.isprintable():
            raise ValueError("Give Meterbook's API key, or set METERBOOK_API_KEY.")
        if not 1 <= batch <= _MOST_BATCH:
            raise ValueError(f"`batch` is {batch}; give 1 to {_MOST_BATCH:,} events.")
        self._folder = Path(spool or os.environ.get("METERBOOK_SPOOL") or _own_folder(self._url))
        self._pace = Pace(
            batch, flush_seconds, first_retry_seconds, most_retry_seconds, refused_retry_seconds
        )
        self._spool_bytes, self._fsync, self._timeout = spool_bytes, fsync, timeout
        self._exit_seconds = exit_seconds
        self._raises = when_full == "raise"
        self._reports = Reports(on_error, on_detail)
        self._lock = RLock()
        self._session: _Session | None = None
        # At once, so that a wrong setting is seen at the start, and what a crash has left is sent.
        self._open()

    def record(
        self,
        *,
        customer: str,
        type: str,
        quantity: Quantity | None = None,
        properties: Mapping[str, object] | None = None,
        id: str | None = None,
        time: datetime | None = None,
    ) -> str:
        """Keep an event on disk, to be sent in the background, and return its id, made here if none is given.

        `time` is when it happened, now if left out; `quantity` is 1 if left out. Raises TypeError or ValueError for what is
        a mistake of the program (see `write_event`), and nothing else, unless `when_full` says so.
        """
        event_id = new_id() if id is None else id
        self._keep(
            write_event(
                id=event_id, customer=customer, type=type, time=time, quantity=quantity, properties=properties
            )
        )
        return event_id

    def openai(
        self,
        response: object,
        *,
        customer: str,
        type: str = "llm.request",
        id: str | None = None,
        **properties: object,
    ) -> str:
        """Record the tokens of an OpenAI-style response under `id`, else the response's own; see `llm.read_openai`."""
        return self._record_usage(llm.read_openai(response), customer, type, id, properties)

    def anthropic(
        self,
        response: object,
        *,
        customer: str,
        type: str = "llm.request",
        id: str | None = None,
        **properties: object,
    ) -> str:
        """Record the tokens of an Anthropic-style response under `id`, else the response's own; see `llm.read_anthropic`."""
        return self._record_usage(llm.read_anthropic(response), customer, type, id, properties)

    def openai_stream(
        self,
        stream: Iterable[Chunk],
        *,
        customer: str,
        type: str = "llm.request",
        id: str | None = None,
        **properties: object,
    ) -> Iterator[Chunk]:
        """Yield a stream's chunks, and record its tokens at its end; Chat Completions tell them with `include_usage` only."""
        return llm.follow_openai(
            stream, lambda whole: self.openai(whole, customer=customer, type=type, id=id, **properties)
        )

    def anthropic_stream(
        self,
        stream: Iterable[Chunk],
        *,
        customer: str,
        type: str = "llm.request",
        id: str | None = None,
        **properties: object,
    ) -> Iterator[Chunk]:
        """Yield a stream's events, and record its tokens at its end, or where the reader stopped."""
        return llm.follow_anthropic(
            stream, lambda whole: self.anthropic(whole, customer=customer, type=type, id=id, **properties)
        )

    def flush(self, timeout: float | None = 10.0) -> bool:
        """Wait until all that was recorded is acknowledged, at most `timeout` seconds; tell whether it is."""
        session = self._session
        return session is None or session.sender.flush(timeout)

    def close(self, timeout: float | None = 10.0) -> bool:
        """Flush and end; tell whether all is acknowledged. What is not, waits on disk for the next process."""
        with self._lock:
            session, self._session = self._session, None
            _living.discard(self)
        if session is None:
            return True
        is_sent = session.sender.flush(timeout)
        session.sender.stop()
        session.spool.close()
        return is_sent

    def __enter__(self) -> "Meterbook":  # noqa: PYI034  Python 3.10 has no Self
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _record_usage(
        self,
        usage: llm.Usage,
        customer: str,
        type: str,
        id: str | None,
        properties: Mapping[str, object],
    ) -> str:
        if not usage.is_known:
            self._reports.error(NoUsage(f"The response {usage.id} for {customer} says nothing of tokens."))
        event_id = usage.id if id is None else id
        return self.record(
            customer=customer, type=type, id=event_id, properties={**usage.properties, **properties}
        )

    def _keep(self, line: bytes) -> None:
        try:
            self._append(line)
        except (OSError, SpoolFull) as why:
            not_kept = EventNotKept(line.decode().strip(), why)
            if self._raises:
                raise not_kept from why
            self._reports.error(not_kept)

    def _append(self, line: bytes) -> None:
        while True:
            session = self._session or self._open()
            try:
                waiting = session.spool.append(line)
            except SpoolClosed:
                # Another thread has closed the client since we looked.
                continue
            if waiting % self._pace.batch == 0:
                session.sender.wake()
            return

    def _open(self) -> _Session:
        with self._lock:
            if self._session is None:
                transport = Transport(self._url, self._key, timeout=self._timeout)
                spool = Spool(self._folder, most_bytes=self._spool_bytes, fsync=self._fsync)
                self._session = _Session(spool, Sender(spool, transport, self._pace, self._reports))
                self._session.sender.start()
                _living.add(self)
            return self._session

    # --- Around a fork: no thread may be inside the spool, and the child begins anew ------------

    def _before_fork(self) -> None:
        self._lock.acquire()
        if self._session is not None:
            self._session.spool.lock.acquire()

    def _after_fork_in_parent(self) -> None:
        if self._session is not None:
            self._session.spool.lock.release()
        self._lock.release()

    def _after_fork_in_child(self) -> None:
        self._lock = RLock()
        if self._session is not None:
            self._session.spool.forget()
            self._session = None


def _own_folder(url: str) -> Path:
    digest = sha256(url.encode()).hexdigest()[:12]
    return Path.home() / ".local" / "state" / "meterbook" / digest


# Clients that are open; each stays until it is closed, so that what it has kept is sent at the end of the process.
_living: set[Meterbook] = set()
_held: list[Meterbook] = []


def _at_exit() -> None:
    for client in tuple(_living):
        client.close(client._exit_seconds)


def _before_fork() -> None:
    _held[:] = _living
    for client in _held:
        client._before_fork()


def _after_fork_in_parent() -> None:
    for client in _held:
        client._after_fork_in_parent()
    _held.clear()


def _after_fork_in_child() -> None:
    for client in _held:
        client._after_fork_in_child()
    _held.clear()
    _living.clear()


atexit.register(_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child
    )
