"""The database has no room: callers are told to come back, nothing is acknowledged, and no restart is needed (R10)."""

import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from tests.torture import books
from tests.torture.clients import BATCH, STARTED, batch
from tests.torture.cluster import Cluster
from tests.torture.conftest import Site
from tests.torture.report import Torture
from tests.torture.server import Answer

COME_BACK = "503 application/problem+json unavailable 2"
LAST_MONTH = STARTED.replace(day=1, hour=12) - timedelta(days=1)


def test_without_a_free_connection_callers_are_told_to_come_back(site: Site, torture: Torture) -> None:
    workers, before = site.server.workers(), stored(site.cluster)
    asked = torture.size(20, 1_000)

    with every_connection_taken(site.cluster):
        answers = [site.server.post(batch(f"pool-{torture.seed}-{number}")) for number in range(asked)]
    site.server.await_answer(seconds=5)

    assert Counter(map(outcome, answers)) == {COME_BACK: asked}
    assert stored(site.cluster) == before
    assert site.server.workers() == workers
    torture.found("R10 no database connection free", f"{asked:,} calls answered 503, nothing stored")


def test_on_a_full_disk_callers_are_told_to_come_back(site: Site, torture: Torture) -> None:
    run, asked = f"disk-{torture.seed}", torture.size(20, 1_000)
    assert site.server.post(batch(f"{run}-first", at=LAST_MONTH)).status == 200

    with last_month_on_a_small_disk(site.cluster, site.folder) as disk:
        workers, before = site.server.workers(), stored(site.cluster)
        fill(disk / "ballast")
        answers = [site.server.post(batch(f"{run}-{number}", at=LAST_MONTH)) for number in range(asked)]
        of_today = site.server.post(batch(f"{run}-today"))
        during = stored(site.cluster)
        (disk / "ballast").unlink()
        again = site.server.post(batch(f"{run}-0", at=LAST_MONTH))

    assert Counter(map(outcome, answers)) == {COME_BACK: asked}
    # What lies on another disk goes on.
    assert of_today.said["counted"] == during - before == BATCH
    assert again.said["counted"] == BATCH
    assert site.server.workers() == workers
    books.require_reconciled(site.environment)
    torture.found("R10 disk full", f"{asked:,} calls answered 503, nothing stored; back at once")


def outcome(answer: Answer) -> str:
    """Return what a caller can tell of an answer."""
    said = answer.said if answer.body else {}
    told = (answer.status, answer.headers.get("content-type"), said.get("code"))
    return " ".join(map(str, (*told, answer.headers.get("retry-after"))))


def stored(cluster: Cluster) -> int:
    return int(str(cluster.rows("SELECT count(*) FROM usage_event")[0][0]))


@contextmanager
def every_connection_taken(cluster: Cluster) -> Iterator[None]:
    """Take all connections that the database has, those of the server too, and hold them."""
    with ExitStack() as held, psycopg.connect(cluster.url, autocommit=True) as first:
        ours = [first.info.backend_pid]
        full = False
        while not full:
            try:
                connection = held.enter_context(psycopg.connect(cluster.url, autocommit=True))
            except psycopg.OperationalError:
                full = not others(first, ours)
            else:
                ours.append(connection.info.backend_pid)
        yield


def others(connection: psycopg.Connection, ours: list[int]) -> bool:
    """End the connections to the database that are not ours; return whether there were any."""
    found = connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> ALL (%s)",
        [ours],
    )
    return bool(found.fetchall())


@contextmanager
def last_month_on_a_small_disk(cluster: Cluster, folder: Path) -> Iterator[Path]:
    """Move last month's events to a disk of their own of 4 MB, and back."""
    partition = f"usage_event_{LAST_MONTH:%Y_%m}"
    disk = folder / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", disk], check=False)
    if mounted.returncode:
        pytest.skip("a small disk can be made by root alone")
    try:
        space = disk / "space"
        space.mkdir(mode=0o700)
        owner = cluster.home.stat()
        os.chown(space, owner.st_uid, owner.st_gid)
        cluster.do(f"CREATE TABLESPACE small LOCATION '{space}'", *moved(cluster, partition, "small"))
        yield disk
        cluster.do(*moved(cluster, partition, "pg_default"), "CHECKPOINT", "DROP TABLESPACE small")
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


def moved(cluster: Cluster, table: str, space: str) -> list[str]:
    """Return the statements that move a table and its indexes."""
    indexes = cluster.rows("SELECT indexname FROM pg_indexes WHERE tablename = %s", table)
    return [
        f"ALTER TABLE {table} SET TABLESPACE {space}",
        *(f"ALTER INDEX {name} SET TABLESPACE {space}" for (name,) in indexes),
    ]


def fill(file: Path) -> None:
    """Write until the disk is full."""
    with suppress(OSError), file.open("wb", buffering=0) as ballast:
        while True:
            ballast.write(bytes(4096))
