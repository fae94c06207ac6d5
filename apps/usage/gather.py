"""Requests that come at the same time share a transaction: a commit, and what is asked before it, cost the same for many.

Of the threads of a process some lead: one takes in a group, its own request and others', and hands the lead on. Nobody
waits for company; what gathers is what came while the transactions before were under way. Nor does a group wait for a
contract that is being billed: others would wait along.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from apps.contracts.locks import Held
from apps.usage.ingest import ingest_all
from apps.usage.intake import Batch, Ingested

# Larger requests do not go with these: who sends one event is not to wait for ten thousand.
_SMALL = 50
# Then the caller is told to come again: threads are few, and one customer's callers must not keep them all.
_MOST_WAIT = timedelta(seconds=5)


@dataclass(slots=True, eq=False)
class _Ticket:
    batch: Batch
    at: datetime
    ready: threading.Event = field(default_factory=threading.Event)
    # Those that it is to lead, itself the first.
    group: list["_Ticket"] = field(default_factory=list)
    answer: Ingested | None = None


class _Lane:
    """Takes in requests in groups of at most so many events, so many groups at a time."""

    def __init__(self, *, most_events: int, most_leaders: int) -> None:
        self._most_events = most_events
        self._most_leaders = most_leaders
        self._lock = threading.Lock()
        self._waiting: list[_Ticket] = []
        self._leaders = 0

    def ingest(self, ticket: _Ticket) -> Ingested:
        with self._lock:
            if self._leaders < self._most_leaders:
                self._leaders += 1
                ticket.group = [ticket]
            else:
                self._waiting.append(ticket)
        if not ticket.group:
            ticket.ready.wait()
        if ticket.group:
            self._lead(ticket.group)
        # What it was taken in with has failed.
        if ticket.answer is None:
            ticket.answer = ingest_all([ticket.batch], at=ticket.at, most_wait=_MOST_WAIT)[0]
        return ticket.answer

    def _lead(self, group: Sequence[_Ticket]) -> None:
        """Take the group in, in one transaction, and hand the lead to whoever came meanwhile."""
        try:
            answers = ingest_all(
                [ticket.batch for ticket in group], at=max(ticket.at for ticket in group), waits=False
            )
            for ticket, answer in zip(group, answers, strict=True):
                ticket.answer = answer
        except Exception as failure:
            # A request of its own tells each what is wrong; alone there is nobody to spare.
            if len(group) == 1 and not isinstance(failure, Held):
                raise
        finally:
            for ticket in group:
                ticket.ready.set()
            self._hand_on()

    def _hand_on(self) -> None:
        with self._lock:
            following = self._take()
            if not following:
                self._leaders -= 1
                return
        following[0].group = following
        following[0].ready.set()

    def _take(self) -> list[_Ticket]:
        events = 0
        taken: list[_Ticket] = []
        while self._waiting:
            events += len(self._waiting[0].batch.events)
            if taken and events > self._most_events:
                break
            taken.append(self._waiting.pop(0))
        return taken


_small = _Lane(most_events=500, most_leaders=1)
# Two, so that one is read and judged while the database writes the other.
_large = _Lane(most_events=4_000, most_leaders=2)


def ingest(
    *, events: Sequence[object], at: datetime, actor: str, customer_key: str | None = None
) -> Ingested:
    """Count events, together with those that other threads bring at this moment; see `ingest.ingest`.

    The answer is as if they had come alone, and is given after their commit. If the common transaction fails, or would
    have to wait for a contract, each tries for itself, so nobody answers or waits for another's events. Raises
    OperationalError after five seconds of waiting.
    """
    lane = _small if len(events) <= _SMALL else _large
    return lane.ingest(_Ticket(Batch(events, actor, customer_key), at))
