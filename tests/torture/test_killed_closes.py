"""Workers and PostgreSQL are killed in the middle of closes; what is left goes on, and nothing is half-written (R15)."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from email import message_from_bytes
from pathlib import Path

from tests.torture.cluster import IMMEDIATE_STOP, KILL, Cluster
from tests.torture.conftest import Site
from tests.torture.report import Torture
from tests.torture.server import ROOT

WORKERS = 2
_STARTED = "SELECT 1 FROM invoices_closerun WHERE finished_at IS NULL LIMIT 1"
_UNMAILED = """
    SELECT 1 FROM core_outboxmessage WHERE task IN ('invoices.render_pdf', 'invoices.send') AND sent_at IS NULL LIMIT 1
"""
_WRONG_LINES = """
    SELECT number FROM invoices_invoice i WHERE status <> 'finalized' OR subtotal IS DISTINCT FROM
        (SELECT sum(amount) FROM invoices_invoiceline l WHERE l.invoice_id = i.id)
"""
_UNBALANCED = "SELECT entry_id FROM ledger_posting GROUP BY entry_id, currency HAVING sum(amount) <> 0"
_BROKEN_CHAIN = """
    SELECT number FROM (
        SELECT number, previous_hash, lag(snapshot_hash) OVER (PARTITION BY legal_entity_id ORDER BY number) AS before
        FROM invoices_invoice
    ) AS chain WHERE previous_hash IS DISTINCT FROM before
"""
_NOT_ONE = """
    SELECT i.number FROM invoices_invoice i
    WHERE (SELECT count(*) FROM core_outboxmessage m WHERE m.task = 'invoices.render_pdf' AND m.key = i.id::text) <> 1
       OR (SELECT count(*) FROM ledger_entry e WHERE e.kind = 'invoice' AND e.source_key = i.number) <> 1
       OR (SELECT count(*) FROM core_auditentry a WHERE a.action = 'invoices.finalize' AND a.subject_key = i.number) <> 1
"""


class Workers:
    """Processes that work on close runs and mails, each started again when it ended, as a supervisor does."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = {**os.environ, **environment}
        self._running = [self._start() for _ in range(WORKERS)]

    def kill(self, place: int) -> None:
        self._running[place].send_signal(signal.SIGKILL)
        self._running[place].wait()
        self._running[place] = self._start()

    def revive(self) -> None:
        self._running = [one if one.poll() is None else self._start() for one in self._running]

    def stop(self) -> None:
        for one in self._running:
            one.kill()
            one.wait()

    def _start(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [sys.executable, "-m", "tests.torture.close_worker"],
            cwd=ROOT,
            env=self._environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


@dataclass(frozen=True, slots=True)
class Killer:
    """Kills workers and the database, as the dice fall."""

    cluster: Cluster
    workers: Workers
    dice: random.Random

    def kill_while(self, left: str, *, longest: float, most: int) -> int:
        """Kill again and again while the question finds something left, up to `most` times, and wait for the end; return how often."""
        kills, until = 0, time.monotonic() + 600
        while self.cluster.rows(left):
            assert time.monotonic() < until, "the work does not come to its end"
            time.sleep(self.dice.uniform(0.01, longest))
            if kills >= most:
                self.workers.revive()
                continue
            kills += 1
            if self.dice.random() < 0.3:
                self.cluster.crash(self.dice.choice([IMMEDIATE_STOP, KILL]))
                self.cluster.start_again()
                self.workers.revive()
            else:
                self.workers.kill(self.dice.randrange(WORKERS))
        return kills


def test_closes_go_on_after_workers_and_databases_were_killed(site: Site, torture: Torture) -> None:
    dice, customers, wanted = torture.dice("close"), torture.size(30, 500), torture.size(4, 40)
    _say(site.environment, "make", str(customers))
    kills, months = 0, 0

    batch, pause = torture.size((1, 0.2), (5, 1.0))

    with _workers({**site.environment, "CLOSE_BATCH": str(batch)}) as workers:
        killer = Killer(site.cluster, workers, dice)
        while kills < wanted or not months:
            months += 1
            ended_on = date(2025 + months // 12, months % 12 + 1, 1)
            for step, day in (("draft", ended_on), ("finalize", ended_on.replace(day=3))):
                assert _say(site.environment, "start", step, day.isoformat()) == str(customers)
                kills += killer.kill_while(_STARTED, longest=pause, most=wanted - kills)
        killed_mailing = killer.kill_while(_UNMAILED, longest=2.0, most=torture.size(2, 20))

    rows = site.cluster.rows("SELECT number FROM invoices_invoice ORDER BY number")
    by_year: dict[str, int] = {}
    for (number,) in rows:
        _, year, count = str(number).split("-")
        by_year[year] = by_year.get(year, 0) + 1
        assert int(count) == by_year[year], f"a number is missing before {number}"
    assert len(rows) == customers * months
    for question in (_WRONG_LINES, _UNBALANCED, _BROKEN_CHAIN, _NOT_ONE):
        assert site.cluster.rows(question) == []
    assert site.cluster.rows("SELECT count(*) FROM invoices_closetask WHERE status <> 'done'") == [(0,)]
    mails = Counter(_handed_over(site.folder / "var" / "mail"))
    assert set(mails) == {str(pk) for (pk,) in site.cluster.rows("SELECT id FROM invoices_invoice")}
    again = mails.total() - len(mails)
    # Who dies between handing over and noting it hands over again, under the same Message-ID.
    assert again <= killed_mailing
    torture.found(
        f"R15 workers and PostgreSQL killed during closes, {kills}",
        f"{len(rows):,} invoices of {customers} customers: none missing, none twice, numbers without a gap, chain intact",
    )
    torture.found(
        f"R15 workers and PostgreSQL killed while mailing, {killed_mailing}",
        f"{len(mails):,} mails of as many invoices, {again} handed over twice with their Message-ID",
    )


def _handed_over(folder: Path) -> Iterator[str]:
    """Yield the invoice of each mail that was handed over whole."""
    for file in folder.iterdir():
        for text in file.read_bytes().split(b"-" * 79 + b"\n")[:-1]:
            message = message_from_bytes(text)
            yield message["Message-ID"].removeprefix("<invoice-").removesuffix("@meterbook>")


@contextmanager
def _workers(environment: Mapping[str, str]) -> Iterator[Workers]:
    workers = Workers(environment)
    try:
        yield workers
    finally:
        workers.stop()


def _say(environment: Mapping[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "tests.torture.close_worker", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.strip()
