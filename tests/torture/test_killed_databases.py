"""PostgreSQL is ended in the middle of its work while usage comes in; the service is back by itself (R02)."""

import threading
import time
from http.client import HTTPException

from tests.torture import books
from tests.torture.clients import posting
from tests.torture.cluster import IMMEDIATE_STOP, KILL
from tests.torture.conftest import Site
from tests.torture.report import Torture
from tests.torture.server import Server

BACK_WITHIN_SECONDS = 10


class Probe(threading.Thread):
    """A caller who asks all the time, and notes when it was answered what."""

    def __init__(self, server: Server) -> None:
        super().__init__(daemon=True)
        self.answers: list[tuple[float, int, str, str]] = []
        self.stopping = threading.Event()
        self._server = server

    def run(self) -> None:
        while not self.stopping.wait(0.02):
            asked = time.monotonic()
            try:
                answer = self._server.post(b"{}", timeout=15)
            except (OSError, HTTPException) as failure:
                self.answers.append((asked, 0, repr(failure), ""))
            else:
                kind = answer.headers["content-type"]
                self.answers.append((asked, answer.status, kind, answer.headers.get("retry-after", "")))

    def first_success_after(self, instant: float) -> float:
        """Return when the first call asked after this instant was counted or kept."""
        return next(asked for asked, status, *_ in self.answers if asked >= instant and status == 200)


def test_the_service_survives_crashes_of_postgresql(site: Site, torture: Torture) -> None:
    dice, run = torture.dice("crash"), f"crash-{torture.seed}"
    crashes = torture.size(2, 30)
    recoveries: list[float] = []
    probe = Probe(site.server)
    probe.start()

    with posting(run, count=8, port=site.server.port, key=site.server.key, folder=site.folder) as clients:
        for number in range(crashes):
            time.sleep(dice.uniform(*torture.size((0.3, 0.8), (1.0, 4.0))))
            site.cluster.crash((IMMEDIATE_STOP, KILL)[number % 2])
            time.sleep(dice.uniform(0.3, torture.size(0.6, 3.0)))
            site.cluster.start_again()
            recoveries.append(time.monotonic())
            site.server.await_answer(seconds=BACK_WITHIN_SECONDS)
        time.sleep(0.5)
    probe.stopping.set()
    probe.join()

    found = books.balance(site.cluster, run, [client.journal for client in clients])
    assert (found.lost, found.counted_twice, found.torn) == ([], [], [])
    assert found.acknowledged > 0
    assert [one for client in clients for one in client.journal.wrong] == []
    books.require_reconciled(site.environment)
    away = {answer[1:] for answer in probe.answers} - {(200, "application/json", "")}
    assert away == {(503, "application/problem+json", "2")}
    slowest = max(probe.first_success_after(ready) - ready for ready in recoveries)
    assert slowest < BACK_WITHIN_SECONDS
    torture.found(
        f"R02 crashes of PostgreSQL, {crashes}",
        f"{found.acknowledged:,} events acknowledged, 0 lost, 0 counted twice; back {slowest:.1f} s after it",
    )
