"""A PostgreSQL of the torture's own, durable as in production, that can be broken and started again."""

import os
import signal
import time
from pathlib import Path

import psycopg

from billing_site.embedded import places
from billing_site.embedded.places import Trouble
from billing_site.embedded.postgres import Postgres, start_postgres

IMMEDIATE_STOP, KILL = signal.SIGQUIT, signal.SIGKILL


class Cluster:
    """One server process after another on the same files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._server = self._start()

    @property
    def url(self) -> str:
        """The owner's."""
        return self._server.owner_url

    @property
    def application_url(self) -> str:
        return self._server.url

    @property
    def home(self) -> Path:
        return self._server.folder

    def crash(self, number: signal.Signals) -> None:
        """End the main process by a signal, as `pg_ctl stop -m immediate` or a crash does."""
        os.kill(self._server.pid, number)
        places.wait_until(lambda: not places.alive(self._server.pid), seconds=30)
        self._server.stop()

    def start_again(self) -> None:
        """Start the server once more; what a killed one left behind ends by itself within moments."""
        until = time.monotonic() + 20
        while True:
            try:
                self._server = self._start()
            except Trouble:
                if time.monotonic() > until:
                    raise
                time.sleep(0.2)
            else:
                return

    def stop(self) -> None:
        self._server.stop()

    def rows(self, question: str, *values: object) -> list[tuple[object, ...]]:
        """Ask the database itself, past the server under torture."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            return connection.execute(question.encode(), values).fetchall()

    def do(self, *statements: str) -> None:
        """Tell the database, past the server under torture."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def _start(self) -> Postgres:
        choice = os.environ.get("METERBOOK_POSTGRES", "")
        return start_postgres(self.folder / "postgres", log=self.folder / "postgres.log", choice=choice)
