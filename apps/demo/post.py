"""Posting events to the API over HTTP, as a seller's backend does."""

import http.client
import json
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass, field
from typing import Any

import orjson

BATCH = 1_000
TRIES = 5


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load brought, as the API answered it."""

    received: int
    counted: int
    duplicate: int
    conflict: int
    quarantined: int
    seconds: float

    def with_more(self, more: "Loaded") -> "Loaded":
        """Return both loads as one."""
        return Loaded(*(mine + theirs for mine, theirs in zip(astuple(self), astuple(more), strict=True)))


class PostFailed(Exception):
    """The API did not take a batch."""


@dataclass(frozen=True, slots=True)
class _Poster:
    """Posts batches, each thread over a connection of its own that it keeps."""

    host: str
    port: int
    key: str
    kept: threading.local = field(default_factory=threading.local)

    def post(self, batch: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Post a batch until it is answered, and return the answer."""
        body = orjson.dumps({"events": batch})
        trouble = ""
        for attempt in range(TRIES):
            try:
                status, text = self._send(body)
            except (OSError, http.client.HTTPException) as fault:
                # The same ids are sent again: what was counted the first time is answered as a duplicate.
                trouble = str(fault)
                self.kept.connection = None
            else:
                if status == http.HTTPStatus.OK:
                    answer: dict[str, Any] = json.loads(text)
                    return answer
                trouble = f"{status} {text[:500].decode(errors='replace')}"
                if status < http.HTTPStatus.INTERNAL_SERVER_ERROR:
                    break
            time.sleep(0.2 * 2**attempt)
        raise PostFailed(f"The API did not take a batch of {len(batch)} events: {trouble}")

    def _send(self, body: bytes) -> tuple[int, bytes]:
        connection = getattr(self.kept, "connection", None)
        if connection is None:
            connection = self.kept.connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        connection.request("POST", "/api/v1/events", body, headers)
        response = connection.getresponse()
        return response.status, response.read()


def post_events(
    events: Sequence[dict[str, Any]],
    *,
    host: str,
    port: int,
    key: str,
    clients: int = 4,
    progress: Callable[[int], None] = lambda _: None,
) -> Loaded:
    """Post `events` in batches of 1,000 from several clients at once; a batch is sent again until it is answered."""
    batches = [events[start : start + BATCH] for start in range(0, len(events), BATCH)]
    poster = _Poster(host, port, key)
    begun = time.monotonic()
    done = 0
    answers = []
    with ThreadPoolExecutor(clients) as pool:
        for batch, answer in zip(batches, pool.map(poster.post, batches), strict=True):
            done += len(batch)
            answers.append(answer)
            progress(done)
    totals = {
        name: sum(answer[name] for answer in answers)
        for name in ("received", "counted", "duplicate", "conflict", "quarantined")
    }
    return Loaded(**totals, seconds=time.monotonic() - begun)
