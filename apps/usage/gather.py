"""Small requests that come at the same time share one transaction: a commit costs the same for one event as for fifty.

Of the threads of a process one leads: it takes in what waits, its own and the others', and hands the lead on. Nobody waits
for company; what gathers is what came while the transaction before was under way. Nor does it wait for a contract that is
being billed: others would wait along.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from apps.contracts.locks import Held
from apps.usage.ingest import ingest_all
from apps.usage.intake import Batch, Ingested

# Larger batches gain nothing by company, and would make it wait.
SMALL = 50
_MOST_TOGETHER = 500


@dataclass(slots=True, eq=False)
class _Ticket:
    batch: Batch
    at: datetime
    ready: threading.Event = field(default_factory=threading.Event)
    answer: Ingested | None = None


_lock = threading.Lock()
_waiting: list[_Ticket] = []
_is_led = False


def ingest(
    *, events: Sequence[object], at: datetime, actor: str, customer_key: str | None = None
) -> Ingested:
    """Count a few events, together with those that other threads bring at this moment; see `ingest.ingest`.

    The answer is as if they had come alone, and is given after their commit. If the common transaction fails, or would
    have to wait for a contract, each tries for itself, so nobody answers or waits for another's events.
    """
    global _is_led  # noqa: PLW0603 who leads is a matter of the whole process
    ticket = _Ticket(Batch(events, actor, customer_key), at)
    with _lock:
        _waiting.append(ticket)
        leads = not _is_led
        _is_led = True
    if not leads:
        ticket.ready.wait()
    # Still without an answer, it leads now, or what it was taken in with has failed.
    if ticket.answer is None and ticket in _waiting:
        _lead()
    if ticket.answer is None:
        ticket.answer = ingest_all([ticket.batch], at=at)[0]
    return ticket.answer


def _lead() -> None:
    """Take in what waits, in one transaction, and hand the lead to whoever came meanwhile."""
    global _is_led  # noqa: PLW0603
    taken = _take()
    try:
        answers = ingest_all(
            [ticket.batch for ticket in taken], at=max(ticket.at for ticket in taken), waits=False
        )
        for ticket, answer in zip(taken, answers, strict=True):
            ticket.answer = answer
    except Exception as failure:
        # A request of its own tells each what is wrong; alone there is nobody to spare.
        if len(taken) == 1 and not isinstance(failure, Held):
            raise
    finally:
        with _lock:
            _is_led = bool(_waiting)
            following = _waiting[:1]
        for ticket in (*taken, *following):
            ticket.ready.set()


def _take() -> list[_Ticket]:
    with _lock:
        events = 0
        taken: list[_Ticket] = []
        while _waiting and (not taken or events + len(_waiting[0].batch.events) <= _MOST_TOGETHER):
            taken.append(_waiting.pop(0))
            events += len(taken[-1].batch.events)
        return taken
