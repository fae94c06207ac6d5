"""What an answer means for the events that were posted."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from meterbook_client.reports import Detail
from meterbook_client.transport import Answer

# The answers that say that one of the events can never be read; found by halves, it is set aside.
_UNREADABLE = frozenset(
    {"malformed-json", "not-utf-8", "duplicate-name", "too-deep", "nul-character", "lone-surrogate"}
)
_TOO_LARGE = 413
_PASSING = frozenset({408, 425, 429})
_TOLD = frozenset({"conflict", "quarantined"})


@dataclass(frozen=True, slots=True)
class Taken:
    """Committed; `details` names what was not counted."""

    details: tuple[Detail, ...]


@dataclass(frozen=True, slots=True)
class TryAgain:
    """Meterbook is away or busy, which passes; after `after` seconds if it said so."""

    why: str
    after: float | None


@dataclass(frozen=True, slots=True)
class Unfit:
    """Not this batch as a whole, but perhaps parts of it."""

    why: str


@dataclass(frozen=True, slots=True)
class No:
    """The call is refused, whatever it carries, until somebody changes something."""

    status: int
    code: str
    detail: str
    after: float | None


Verdict = Taken | TryAgain | Unfit | No


def judge(answer: Answer, *, posted: int) -> Verdict:
    """Return what became of `posted` events. Only an answer that accounts for all of them means that they are taken."""
    said = _read(answer.body)
    code, detail = str(said.get("code", "")), str(said.get("detail", ""))
    if answer.status == 200 and said.get("received") == posted:
        return Taken(tuple(_details(said)))
    if answer.status >= 500 or answer.status in _PASSING:
        return TryAgain(f"{answer.status} {code} {detail}".strip(), answer.retry_after)
    if answer.status == _TOO_LARGE or (answer.status == 400 and code in _UNREADABLE):
        return Unfit(f"{answer.status} {code} {detail}".strip())
    return No(
        answer.status, code, detail or "The answer is not Meterbook's; check the address.", answer.retry_after
    )


def _read(body: bytes) -> Mapping[str, Any]:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _details(said: Mapping[str, Any]) -> list[Detail]:
    details = said.get("details")
    return [
        Detail(
            id=one.get("id"),
            **{name: str(one.get(name, "")) for name in ("state", "reason", "field", "remedy")},
        )
        for one in (details if isinstance(details, list) else ())
        if isinstance(one, dict) and str(one.get("state")) in _TOLD
    ]
