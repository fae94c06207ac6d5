"""The thread that posts what lies in the spool, until Meterbook has acknowledged it."""

import json
import logging
import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException
from threading import Condition, Thread, current_thread
from time import monotonic

from meterbook_client.reports import EventSetAside, Refused, Reports, SpoolDamaged, Unreachable
from meterbook_client.spool import Segment, Spool
from meterbook_client.transport import Transport
from meterbook_client.verdict import No, Taken, TryAgain, Unfit, Verdict, judge

logger = logging.getLogger("meterbook_client")

BATCH_BYTES = 4 * 1024 * 1024
_LONGEST_WAIT = 3600.0
_LAST_CALL = 1.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How events are sent; all in seconds but `batch`, the most events of one call.

    The n-th retry waits for a random half to whole of `first_retry` times 2^n, at most `most_retry`; what is refused is
    tried again every `refused_retry`. Folders of dead processes are looked for every `adopt`.
    """

    batch: int = 500
    flush: float = 1.0
    first_retry: float = 0.5
    most_retry: float = 60.0
    refused_retry: float = 60.0
    adopt: float = 30.0


class _Stopped(Exception):
    """The client is being closed; what is left stays in the spool."""


def backoff(attempt: int, after: float | None, pace: Pace) -> float:
    """Return the seconds to wait after the failed `attempt`, from 1: never shorter than Meterbook asked for with `after`."""
    longest = min(pace.most_retry, pace.first_retry * 2.0 ** min(attempt - 1, 30))
    own = longest * random.uniform(0.5, 1)  # noqa: S311  no secret, but a spread
    return max(own, min(after or 0.0, _LONGEST_WAIT))


class Sender:
    """Posts segments one after the other; nothing that happens to it reaches whoever records."""

    def __init__(self, spool: Spool, transport: Transport, pace: Pace, reports: Reports) -> None:
        self._spool = spool
        self._transport = transport
        self._pace = pace
        self._reports = reports
        self._changed = Condition()
        self._is_hurried = self._is_stopped = False
        self._adopt_at = monotonic() + pace.adopt
        self._thread = Thread(target=self._run, name="meterbook-client", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        # While the interpreter goes down there are no new threads: the next process sends what is in the spool.
        with suppress(RuntimeError):
            self._thread.start()

    def wake(self) -> None:
        """Say that a whole batch waits."""
        with self._changed:
            self._changed.notify_all()

    def flush(self, timeout: float | None) -> bool:
        """Wait until all that is in the spool now is acknowledged; tell whether it is."""
        with suppress(OSError):
            self._spool.cut()
        wanted = set(self._spool.pending())
        if current_thread() is self._thread or not self._thread.is_alive():
            return not wanted
        with self._changed:
            self._is_hurried = bool(wanted)
            self._changed.notify_all()
            return self._changed.wait_for(
                lambda: self._is_stopped or wanted.isdisjoint(self._spool.pending()), timeout
            ) and wanted.isdisjoint(self._spool.pending())

    def stop(self) -> None:
        """End the thread, after the call that is under way if that ends soon."""
        with self._changed:
            self._is_stopped = True
            self._changed.notify_all()
        if current_thread() is not self._thread and self._thread.is_alive():
            self._thread.join(_LAST_CALL)

    def _run(self) -> None:
        while not self._is_stopped:
            self._wait(self._pace.flush, lambda: self._is_hurried or self._spool.waiting >= self._pace.batch)
            try:
                self._drain()
            except _Stopped:
                break
            except Exception:
                logger.exception("The Meterbook client stumbled; it goes on")
                self._wait(self._pace.most_retry, lambda: False)
        self._transport.close()

    def _wait(self, seconds: float, is_over: Callable[[], bool]) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._is_stopped or is_over(), seconds)
            self._is_hurried = False

    def _pause(self, seconds: float, *, may_hurry: bool) -> None:
        """Wait between two attempts. A flush is worth one attempt more, unless Meterbook itself asked for the pause."""
        self._wait(seconds, lambda: may_hurry and self._is_hurried)
        if self._is_stopped:
            raise _Stopped

    def _drain(self) -> None:
        try:
            self._tend()
        except OSError as trouble:
            self._reports.error(SpoolDamaged(f"The spool cannot be tended: {trouble}"))
        while pending := self._spool.pending():
            self._send(pending[0])
            self._spool.remove(pending[0])
            with self._changed:
                self._changed.notify_all()

    def _tend(self) -> None:
        if monotonic() >= self._adopt_at:
            self._adopt_at = monotonic() + self._pace.adopt
            self._spool.adopt()
        self._spool.sync()
        self._spool.cut()

    def _send(self, segment: Segment) -> None:
        try:
            for lines in self._batches(segment):
                self._deliver(lines)
        except FileNotFoundError:
            self._reports.error(
                SpoolDamaged(
                    f"{segment.path} is gone with {segment.size:,} bytes of events; who removes files there?"
                )
            )

    def _batches(self, segment: Segment) -> Iterator[list[bytes]]:
        batch: list[bytes] = []
        size = 0
        for line in segment.lines():
            if not _is_whole(line):
                self._set_aside(line, "The line in the spool is damaged.")
                continue
            if len(batch) >= self._pace.batch or size + len(line) > BATCH_BYTES:
                yield batch
                batch, size = [], 0
            batch.append(line)
            size += len(line)
        if batch:
            yield batch

    def _deliver(self, lines: list[bytes]) -> None:
        """Post until the events are acknowledged, in halves if together they are too much."""
        attempt = 0
        while True:
            attempt += 1
            match self._post(lines):
                case Taken(details):
                    for detail in details:
                        self._reports.detail(detail)
                    return
                case Unfit(why):
                    self._divide(lines, why)
                    return
                case TryAgain(why, after):
                    seconds = backoff(attempt, after, self._pace)
                    self._reports.error(
                        Unreachable(f"{why}. Trying again in {seconds:.1f} s; nothing is lost.")
                    )
                    self._pause(seconds, may_hurry=after is None)
                case No(status, code, detail, after):
                    self._reports.error(Refused(status, code, detail))
                    self._pause(
                        max(self._pace.refused_retry, min(after or 0.0, _LONGEST_WAIT)),
                        may_hurry=after is None,
                    )

    def _post(self, lines: list[bytes]) -> Verdict:
        if self._is_stopped:
            raise _Stopped
        try:
            return judge(self._transport.post(lines), posted=len(lines))
        except (OSError, HTTPException) as trouble:
            return TryAgain(f"No answer from Meterbook: {type(trouble).__name__} {trouble}", None)

    def _divide(self, lines: list[bytes], why: str) -> None:
        if len(lines) == 1:
            self._set_aside(lines[0], why)
            return
        middle = len(lines) // 2
        self._deliver(lines[:middle])
        self._deliver(lines[middle:])

    def _set_aside(self, line: bytes, why: str) -> None:
        self._spool.set_aside(line)
        self._reports.error(EventSetAside(line.decode(errors="replace").strip(), why))


def _is_whole(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False
