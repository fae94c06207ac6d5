"""Clients that post batches under known ids, retry until acknowledged, and keep a journal as a bank would."""

import json
import os
import random
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from apps.core import clock
from tests.torture.seller import CUSTOMERS
from tests.torture.server import EVENTS, HOST, sent_headers

BATCH = 100
RETRY_SECONDS = 0.05
# One time for all events: it is part of a body, and another one under the same id would be a conflict.
STARTED = clock.now()


@dataclass(slots=True)
class Journal:
    """What one client was told, in a file that is on disk before it goes on, and in sum."""

    path: Path
    statuses: Counter[int] = field(default_factory=Counter)
    broken: int = 0
    wrong: list[str] = field(default_factory=list)

    def acknowledged(self) -> dict[str, int]:
        """Return by batch how many events were told counted, in all its answers."""
        told: Counter[str] = Counter()
        for line in self.path.read_text().splitlines():
            name, counted, _ = line.split()
            told[name] += int(counted)
        return dict(told)

    def write(self, name: str, counted: int, duplicate: int) -> None:
        with self.path.open("a") as file:
            file.write(f"{name} {counted} {duplicate}\n")
            file.flush()
            os.fsync(file.fileno())


class Client(threading.Thread):
    """One caller with a connection that it keeps open while it can."""

    def __init__(self, name: str, *, port: int, key: str, journal: Path, seed: str, pause: float) -> None:
        super().__init__(name=name, daemon=True)
        self.journal = Journal(journal)
        self.journal.path.touch()
        self.stopping = threading.Event()
        self._customer = random.Random(seed).choice(CUSTOMERS)
        self._port, self._key, self._pause = port, key, pause
        self._dice = random.Random(seed)
        self._connection: HTTPConnection | None = None

    def run(self) -> None:
        number = 0
        while not self.stopping.is_set():
            # A tenth of the batches is posted once more, though it was acknowledged.
            again = number > 0 and self._dice.random() < 0.1
            number += not again
            self._post_until_acknowledged(f"{self.name}-{number}")
            self.stopping.wait(self._dice.uniform(0, 2 * self._pause))
        self._close()

    def _post_until_acknowledged(self, name: str) -> None:
        body = batch(name, self._customer)
        while not self.stopping.is_set():
            try:
                status, headers, answer = self._post(body)
            except (OSError, HTTPException):
                self.journal.broken += 1
                self._close()
            else:
                self.journal.statuses[status] += 1
                if status == 200:
                    self._acknowledge(name, answer)
                    return
                if status != 503 or "retry-after" not in headers:
                    self.journal.wrong.append(f"{status}: {answer[:200]!r}")
            self.stopping.wait(RETRY_SECONDS)

    def _post(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        if self._connection is None:
            self._connection = HTTPConnection(HOST, self._port, timeout=10)
        self._connection.request("POST", EVENTS, body, sent_headers(self._key))
        response = self._connection.getresponse()
        return (
            response.status,
            {name.lower(): value for name, value in response.getheaders()},
            response.read(),
        )

    def _acknowledge(self, name: str, answer: bytes) -> None:
        said = json.loads(answer)
        if said["counted"] + said["duplicate"] != BATCH or said["received"] != BATCH:
            self.journal.wrong.append(f"{name}: {answer[:200]!r}")
        self.journal.write(name, said["counted"], said["duplicate"])

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


@contextmanager
def posting(
    run: str, *, count: int, port: int, key: str, folder: Path, pause: float = 0.05
) -> Iterator[list[Client]]:
    """Let so many clients post while the block runs; the last batches may stay unacknowledged."""
    clients = [
        Client(
            f"{run}-{number}",
            port=port,
            key=key,
            journal=folder / f"{run}-{number}.journal",
            seed=f"{run}-{number}",
            pause=pause,
        )
        for number in range(count)
    ]
    for client in clients:
        client.start()
    try:
        yield clients
    finally:
        for client in clients:
            client.stopping.set()
        for client in clients:
            client.join()


def batch(name: str, customer: str = CUSTOMERS[0], at: datetime = STARTED) -> bytes:
    """Return a batch whose ids and quantities follow from its name: event `i` has `i` tokens, from 1."""
    events = [
        {
            "id": f"{name}-{number}",
            "customer": customer,
            "type": "llm.call",
            "time": at.isoformat(),
            "properties": {"tokens": number},
        }
        for number in range(1, BATCH + 1)
    ]
    return json.dumps(events).encode()
