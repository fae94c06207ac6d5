"""Posting events to the API over HTTP, as a seller's backend does."""

import http.client
import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

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


class PostFailed(Exception):
    """The API did not take a batch."""


def post_events(
    events: Sequence[dict[str, Any]],
    *,
    host: str,
    port: int,
    key: str,
    clients: int = 2,
    progress: Callable[[int], None] = lambda _: None,
) -> Loaded:
    """Post `events` in batches of 1,000 from several clients at once; a batch is sent again until it is answered."""
    batches = [events[start : start + BATCH] for start in range(0, len(events), BATCH)]
    begun = time.monotonic()
    done = 0
    answers = []
    with ThreadPoolExecutor(clients) as pool:
        for batch, answer in zip(
            batches, pool.map(lambda batch: _post(batch, host=host, port=port, key=key), batches), strict=True
        ):
            done += len(batch)
            answers.append(answer)
            progress(done)
    totals = {
        name: sum(answer[name] for answer in answers)
        for name in ("received", "counted", "duplicate", "conflict", "quarantined")
    }
    return Loaded(**totals, seconds=time.monotonic() - begun)


def _post(batch: Sequence[dict[str, Any]], *, host: str, port: int, key: str) -> dict[str, Any]:
    body = json.dumps({"events": batch}).encode()
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    trouble = ""
    for attempt in range(TRIES):
        connection = http.client.HTTPConnection(host, port, timeout=60)
        try:
            connection.request("POST", "/api/v1/events", body, headers)
            response = connection.getresponse()
            text = response.read()
        except OSError as fault:
            # The same ids are sent again: what was counted the first time is answered as a duplicate.
            trouble = str(fault)
        else:
            if response.status == http.HTTPStatus.OK:
                answer: dict[str, Any] = json.loads(text)
                return answer
            trouble = f"{response.status} {text[:500].decode(errors='replace')}"
            if response.status < http.HTTPStatus.INTERNAL_SERVER_ERROR:
                break
        finally:
            connection.close()
        time.sleep(0.2 * 2**attempt)
    raise PostFailed(f"The API did not take a batch of {len(batch)} events: {trouble}")
