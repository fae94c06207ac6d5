"""Real usage as events: two public traces, laid over the days from the finished month's first to now."""

import csv
import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data"
CODING_TRACE = DATA / "claude_code_requests.csv.gz"
CONVERSATION_TRACE = DATA / "mooncake_conversation_first30min.jsonl.gz"

# The conversation trace counts prompt tokens; a page of text is taken to be 512 of them.
TOKENS_PER_PAGE = 512


@dataclass(frozen=True, slots=True)
class CodingRequest:
    """One request of a coding agent's session; `input_tokens` leaves out those read from the cache."""

    session: str
    seq: int
    seconds: float
    model: str
    input_tokens: int
    cached_tokens: int
    output_tokens: int


def coding_requests() -> Iterator[CodingRequest]:
    """Yield the 21,798 requests of the coding trace, session by session (see data/README.md)."""
    with gzip.open(CODING_TRACE, "rt", newline="") as file:
        for row in csv.DictReader(file):
            cached = int(row["cache_read_tokens"])
            yield CodingRequest(
                session=row["session"],
                seq=int(row["seq"]),
                seconds=float(row["t_seconds"]),
                model=row["model"],
                input_tokens=int(row["input_tokens"]) - cached,
                cached_tokens=cached,
                output_tokens=int(row["output_tokens"]),
            )


def coding_events(*, first_at: datetime, last_at: datetime, customers: list[str]) -> list[dict[str, Any]]:
    """Return the coding trace as events, its sessions dealt to `customers` in turn and begun evenly over the days.

    A session keeps its own pace; what would run past `last_at` is held there.
    """
    requests = list(coding_requests())
    sessions = {name: number for number, name in enumerate(dict.fromkeys(r.session for r in requests))}
    step = (last_at - first_at) / len(sessions)
    events = []
    for request in requests:
        number = sessions[request.session]
        at = first_at + step * number + timedelta(seconds=request.seconds)
        events.append(
            {
                "id": f"{request.session}-{request.seq}",
                "customer": customers[number % len(customers)],
                "type": "llm.request",
                "time": min(at, last_at).isoformat(),
                "properties": {
                    "model": request.model,
                    "session": request.session,
                    "input_tokens": request.input_tokens,
                    "cached_tokens": request.cached_tokens,
                    "output_tokens": request.output_tokens,
                },
            }
        )
    return events


def document_events(*, first_at: datetime, last_at: datetime, customers: list[str]) -> list[dict[str, Any]]:
    """Return the conversation trace's 5,719 prompts as documents processed, stretched from half an hour over the days.

    They are dealt to `customers` in turn.
    """
    with gzip.open(CONVERSATION_TRACE, "rt") as file:
        rows = [json.loads(line) for line in file]
    longest = rows[-1]["timestamp"]
    span = last_at - first_at
    return [
        {
            "id": f"document-{number:05d}",
            "customer": customers[number % len(customers)],
            "type": "document.processed",
            "time": (first_at + span * (row["timestamp"] / longest)).isoformat(),
            "properties": {"pages": -(-row["input_length"] // TOKENS_PER_PAGE)},
        }
        for number, row in enumerate(rows, start=1)
    ]
