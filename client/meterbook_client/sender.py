"""The thread that posts what lies in the spool, until Meterbook has acknowledged it."""

import json
import logging
import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException
from math import inf
from threading import Condition, Thread, current_thread
from time import monotonic

from meterbook_client.reports import (
    Detail,
    EventNotKept,
    EventSetAside,
    Refused,
    Reports,
    SpoolDamaged,
    Unreachable,
)
from meterbook_client.spool import Segment, Spool
from meterbook_client.transport import Transport
from meterbook_client.verdict import No, Taken, TryAgain, Unfit, Verdict, judge

logger = logging.getLogger("meterbook_client")

BATCH_BYTES = 4 * 1024 * 1024
_LONGEST_WAIT = 3600.0
_LAST_CALL = 1.0
# After so many failures a batch is sent in halves, since one of its events may be what fails, and an event alone waits aside.
_PATIENCE = 5
# How many events that fail alone are tried in one round.
_MISSES = 3


@dataclass(frozen=True, slots=True)
class Pace:
    """How events are sent; all in seconds but `batch`, the most events of one call.

    The n-th retry waits for a random half to whole of `first_retry` times 2^n, at most `most_retry`; what is refused, and what
    fails alone while others pass it, is tried again every `refused_retry`. Folders of dead processes are looked for every `adopt`.
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
    """Posts segments one after the other; nothing that happens to it reaches whoever records.

    What keeps failing is found by halves and left behind in its segment, which stays until it is taken too.
    """

    def __init__(self, spool: Spool, transport: Transport, pace: Pace, reports: Reports) -> None:
        self._spool = spool
        self._transport = transport
        self._pace = pace
        self._reports = reports
        self._changed = Condition()
        self._is_hurried = self._is_stopped = False
        self._adopt_at = monotonic() + pace.adopt
        self._failures = 0
        # The events that segments are kept for; none if a segment could not be read or removed, and is to be sent anew.
        self._left: dict[Segment, list[bytes]] = {}
        self._retry_at = 0.0
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
            self._wait(
                min(self._pace.flush, self._until_retry()),
                lambda: self._is_hurried or self._spool.waiting >= self._pace.batch,
            )
            try:
                self._drain()
                if self._until_retry() <= 0:
                    self._retry()
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
        while segment := next((one for one in self._spool.pending() if one not in self._left), None):
            self._send(segment)

    def _until_retry(self) -> float:
        return self._retry_at - monotonic() if self._left else inf

    def _retry(self) -> None:
        """Try again what was left behind, event by event, until some more have failed."""
        pause, misses = self._pace.refused_retry, 0
        for segment, lines in list(self._left.items()):
            if not lines:
                # Drained again with the others.
                del self._left[segment]
                continue
            failed: list[bytes] = []
            tried = 0
            while tried < len(lines) and misses < _MISSES:
                line = lines[tried]
                verdict = self._post([line])
                tried += 1
                if isinstance(verdict, Taken):
                    self._tell(verdict.details)
                elif isinstance(verdict, Unfit):
                    self._set_aside(line, verdict.why)
                else:
                    failed.append(line)
                    misses = misses + 1 if verdict.after is None else _MISSES
                    pause = max(pause, min(verdict.after or 0.0, _LONGEST_WAIT))
            # Those that were not tried come first the next time. Whatever happens before this, all are kept.
            self._finish(segment, lines[tried:] + failed)
        if misses:
            self._reports.error(Unreachable(f"Some events fail alone. Trying them again in {pause:.1f} s."))
        self._retry_at = monotonic() + pause

    def _tend(self) -> None:
        if monotonic() >= self._adopt_at:
            self._adopt_at = monotonic() + self._pace.adopt
            self._spool.adopt()
        try:
            self._spool.sync()
        finally:
            self._spool.cut()

    def _send(self, segment: Segment) -> None:
        left: list[bytes] = []
        try:
            for lines in self._batches(segment):
                left += self._deliver(lines)
        except FileNotFoundError:
            self._reports.error(
                SpoolDamaged(
                    f"{segment.path} is gone with {segment.size:,} bytes of events; who removes files there?"
                )
            )
        except OSError as trouble:
            self._leave(segment, f"{segment.path} cannot be read: {trouble}")
            return
        self._finish(segment, left)

    def _finish(self, segment: Segment, left: list[bytes]) -> None:
        """Forget a segment whose events are taken; else keep it for those that are left."""
        if left:
            self._left[segment] = left
            self._retry_at = monotonic() + self._pace.refused_retry
            return
        try:
            self._spool.remove(segment)
        except OSError as trouble:
            self._leave(segment, f"{segment.path} was sent and cannot be removed: {trouble}")
            return
        self._left.pop(segment, None)
        with self._changed:
            self._changed.notify_all()

    def _leave(self, segment: Segment, trouble: str) -> None:
        """Keep a segment to be sent anew later; what it has was perhaps taken, and counts once."""
        self._left[segment] = []
        self._retry_at = monotonic() + self._pace.refused_retry
        self._reports.error(SpoolDamaged(trouble))

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

    def _deliver(self, lines: list[bytes]) -> list[bytes]:
        """Post until the events are acknowledged; return those that fail also alone, and again and again.

        Goes on in halves if together they are too much, or if together they keep failing.
        """
        failed = 0
        while failed < _PATIENCE:
            verdict = self._post(lines)
            if isinstance(verdict, Taken):
                self._failures = 0
                self._tell(verdict.details)
                return []
            if isinstance(verdict, Unfit):
                if len(lines) > 1:
                    break
                self._set_aside(lines[0], verdict.why)
                return []
            self._bide(verdict)
            # Where Meterbook asks for a pause, it is not the events that are at fault.
            failed += verdict.after is None
        if len(lines) == 1:
            return lines
        middle = len(lines) // 2
        return self._deliver(lines[:middle]) + self._deliver(lines[middle:])

    def _bide(self, verdict: TryAgain | No) -> None:
        """Tell what went wrong, and wait until it is time for another attempt."""
        self._failures += 1
        if isinstance(verdict, TryAgain):
            seconds = backoff(self._failures, verdict.after, self._pace)
            self._reports.error(
                Unreachable(f"{verdict.why}. Trying again in {seconds:.1f} s; nothing is lost.")
            )
        else:
            seconds = max(self._pace.refused_retry, min(verdict.after or 0.0, _LONGEST_WAIT))
            self._reports.error(Refused(verdict.status, verdict.code, verdict.detail))
        self._pause(seconds, may_hurry=verdict.after is None)

    def _post(self, lines: list[bytes]) -> Verdict:
        if self._is_stopped:
            raise _Stopped
        try:
            return judge(self._transport.post(lines), posted=len(lines))
        except (OSError, HTTPException) as trouble:
            return TryAgain(f"No answer from Meterbook: {type(trouble).__name__} {trouble}", None)

    def _tell(self, details: Iterable[Detail]) -> None:
        for detail in details:
            self._reports.detail(detail)

    def _set_aside(self, line: bytes, why: str) -> None:
        event = line.decode(errors="replace").strip()
        try:
            self._spool.set_aside(line)
        except OSError as trouble:
            # It can never be counted; kept here it would keep room that the others need.
            self._reports.error(
                EventNotKept(event, OSError(f"{why} And refused.jsonl cannot be written: {trouble}"))
            )
        else:
            self._reports.error(EventSetAside(event, why))


def _is_whole(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False
