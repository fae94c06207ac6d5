"""What the client has to tell: to the callbacks that were given, and to the log."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

logger = logging.getLogger("meterbook_client")
T = TypeVar("T")


class MeterbookError(Exception):
    """Something that the operator of this process should know."""


class SpoolFull(MeterbookError):
    """The spool has reached its bound, and an event was not taken."""


class EventNotKept(MeterbookError):
    """An event could not be written to the spool; `event` is its JSON, which the log has as well."""

    def __init__(self, event: str, why: Exception) -> None:
        super().__init__(f"An event could not be spooled and is not kept: {why} The event: {event}")
        self.event = event
        self.why = why


class Unreachable(MeterbookError):
    """Meterbook gave no usable answer; the events stay in the spool and are sent again soon."""


class Refused(MeterbookError):
    """Meterbook refused the call itself (key, scope, address); the events stay in the spool and are retried slowly."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(f"Meterbook refused the events with {status} {code}: {detail}".rstrip(": "))
        self.status = status
        self.code = code
        self.detail = detail


class EventSetAside(MeterbookError):
    """One event can never be read by Meterbook; it lies in refused.jsonl in the spool, and the others went on."""

    def __init__(self, event: str, why: str) -> None:
        super().__init__(f"An event was set aside in refused.jsonl: {why} The event: {event}")
        self.event = event


class SpoolDamaged(MeterbookError):
    """A file of the spool is gone or cannot be read."""


class NoUsage(MeterbookError):
    """A model's response says nothing of tokens; its event was recorded without them."""


@dataclass(frozen=True, slots=True)
class Detail:
    """What became of an event that was acknowledged and not counted: `conflict` or `quarantined`."""

    id: str | None
    state: str
    reason: str
    field: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Reports:
    """Tells callbacks and log; what a callback raises is logged, and hinders nothing."""

    on_error: Callable[[MeterbookError], object] | None = None
    on_detail: Callable[[Detail], object] | None = None

    def error(self, error: MeterbookError) -> None:
        """Tell an error."""
        logger.error("%s", error)
        if self.on_error is not None:
            _call(self.on_error, error)

    def detail(self, detail: Detail) -> None:
        """Tell what became of an event."""
        logger.warning("Event %s: %s, %s. %s", detail.id, detail.state, detail.reason, detail.remedy)
        if self.on_detail is not None:
            _call(self.on_detail, detail)


def _call(callback: Callable[[T], object], told: T) -> None:
    try:
        callback(told)
    except Exception:
        logger.exception("A callback of the Meterbook client failed")
