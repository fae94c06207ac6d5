"""The real web server under torture, and the supervisor that production has too: what ended is started again."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from billing_site.embedded import places
from billing_site.serve import web_command

ROOT = Path(__file__).resolve().parents[2]
HOST = "127.0.0.1"
EVENTS = "/api/v1/events"
WORKERS = 2


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call was answered: status, headers in lower case, and the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def said(self) -> Any:
        return json.loads(self.body)


class Server:
    """The web server on a port of its own, started again by a supervisor whenever its main process ended."""

    def __init__(self, *, environment: Mapping[str, str], log: Path, key: str) -> None:
        self.port = _free_port()
        self.key = key
        self.restarts = 0
        self._environment = {**os.environ, **environment}
        self._log = log
        self._stopping = threading.Event()
        self._process = self._start()
        self._supervisor = threading.Thread(target=self._supervise, daemon=True)
        self._supervisor.start()

    @property
    def master(self) -> int:
        return self._process.pid

    def workers(self) -> list[int]:
        """Return the processes that answer, youngest generation only."""
        children = Path(f"/proc/{self.master}/task/{self.master}/children")
        with suppress(OSError):
            pids = [int(pid) for pid in children.read_text().split()]
            return [pid for pid in pids if b"spawn_main" in _command(pid) or b"granian" in _command(pid)]
        return []

    def post(self, body: bytes, *, timeout: float = 10, **headers: str) -> Answer:
        """Post events over a connection of its own; raises what the network raises."""
        return ask(self.port, self.key, body, timeout=timeout, **headers)

    def await_answer(self, *, seconds: float = 30) -> None:
        """Wait until all its processes are there, and an empty batch is counted."""
        assert places.wait_until(self._answers, seconds=seconds), self._log.read_text()[-3000:]

    def stop(self) -> None:
        """Stop supervisor and server, and all that the server has left."""
        self._stopping.set()
        self._supervisor.join()
        self._process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(15)
        self._end_all()

    def _answers(self) -> bool:
        # Children of a main process that has just been killed answer too, until the supervisor ends them.
        if self._process.poll() is not None or len(self.workers()) < WORKERS:
            return False
        with suppress(OSError, HTTPException):
            return self.post(b"[]", timeout=2).status == 200
        return False

    def _start(self) -> "subprocess.Popen[bytes]":
        command = web_command(host=HOST, port=self.port, workers=WORKERS)
        with self._log.open("ab") as output:
            return subprocess.Popen(
                command,
                cwd=ROOT,
                env=self._environment,
                start_new_session=True,
                stdout=output,
                stderr=output,
            )

    def _supervise(self) -> None:
        while not self._stopping.wait(0.05):
            if self._process.poll() is not None:
                # As systemd and containers do: nothing of the ended service outlives it.
                self._end_all()
                self._process = self._start()
                self.restarts += 1

    def _end_all(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def ask(port: int, key: str, body: bytes, *, timeout: float = 10, **headers: str) -> Answer:
    """Post a body of events to a port of this machine, over a connection of its own."""
    connection = HTTPConnection(HOST, port, timeout=timeout)
    try:
        connection.request("POST", EVENTS, body, sent_headers(key, **headers))
        response = connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, found, response.read())
    finally:
        connection.close()


def sent_headers(key: str, **headers: str) -> dict[str, str]:
    """Return the headers of a post; given ones replace ours."""
    given = {name.replace("_", "-").title(): value for name, value in headers.items()}
    return {"Authorization": f"Bearer {key}", "Content-Type": "application/json", **given}


def make_seller(environment: Mapping[str, str]) -> str:
    """Migrate the database, make the seller in it, and return the key."""
    return _python(environment, "-m", "tests.torture.seller").stdout.strip()


def reconcile(environment: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    """Run `manage.py reconcile`."""
    return _python(environment, "manage.py", "reconcile", check=False)


def _python(
    environment: Mapping[str, str], *arguments: str, check: bool = True
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=check,
    )


def _command(pid: int) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
