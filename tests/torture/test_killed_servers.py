"""Server processes are killed hard while usage comes in; what was acknowledged is there, once (R01)."""

import os
import random
import signal
import time
from contextlib import suppress

from tests.torture import books
from tests.torture.clients import posting
from tests.torture.conftest import Site
from tests.torture.report import Torture
from tests.torture.server import Server


def test_no_acknowledged_event_is_lost_or_counted_twice_when_servers_are_killed(
    site: Site, torture: Torture
) -> None:
    dice, run = torture.dice("kill"), f"kill-{torture.seed}"
    kills = torture.size(6, 200)

    with posting(run, count=8, port=site.server.port, key=site.server.key, folder=site.folder) as clients:
        for _ in range(kills):
            time.sleep(dice.uniform(*torture.size((0.2, 0.6), (0.5, 2.0))))
            kill_one(site.server, dice)
        site.server.await_answer()
        time.sleep(0.5)

    found = books.balance(site.cluster, run, [client.journal for client in clients])
    assert (found.lost, found.counted_twice, found.torn) == ([], [], [])
    assert found.acknowledged > 0
    assert [one for client in clients for one in client.journal.wrong] == []
    books.require_reconciled(site.environment)
    broken = sum(client.journal.broken for client in clients)
    torture.found(
        f"R01 kill -9 of server processes, {kills} kills",
        f"{found.acknowledged:,} events acknowledged, 0 lost, 0 counted twice; {broken:,} calls cut off",
    )


def kill_one(server: Server, dice: random.Random) -> None:
    """Kill a random process of the server: once in ten times the main one, else one that answers."""
    workers = server.workers()
    victim = server.master if not workers or dice.random() < 0.15 else dice.choice(workers)
    with suppress(ProcessLookupError):
        os.kill(victim, signal.SIGKILL)
