"""What every figure is measured in: a fresh scratch database, the real server on it, and a report beside the floors."""

import json
import os
import platform
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from billing_site.serve import web_command

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure, beside the floor that was measured in the same run."""

    name: str
    value: float
    unit: str
    floor: float | None = None
    floor_name: str = ""
    better: Literal["higher", "lower"] = "higher"
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Return the figure as a share of its floor."""
        return self.value / self.floor if self.floor else None


@dataclass(frozen=True, slots=True)
class Context:
    """Where figures are measured: the scratch database by its owner, the server on it, and how much to do."""

    database_url: str
    host: str
    port: int
    server_pid: int
    seconds: float
    clients: int


@contextmanager
def scratch_database(owner_url: str) -> Iterator[str]:
    """Make a database of its own beside the one that the owner's URL names, yield its name, and drop it at the end."""
    name = f"meterbook_bench_{os.getpid()}"
    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield name
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def of_database(url: str, name: str) -> str:
    """Return the URL of another database on the same server, by the same role."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, f"/{name}", parts.query, ""))


@contextmanager
def server(*, workers: int = 2) -> Iterator[tuple[str, int, int]]:
    """Run the site's own web server on a free port, and yield host, port and process id."""
    host, port = "127.0.0.1", _free_port()
    command = web_command(host=host, port=port, workers=workers)
    process = subprocess.Popen(command, cwd=ROOT, start_new_session=True)
    try:
        _await_answer(process, host, port)
        yield host, port, process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=20)


def report(figures: Sequence[Figure], *, database_url: str, folder: Path) -> Path:
    """Print the figures with machine, versions and commit, and write them as JSON; return the file."""
    where = _where(database_url)
    print("  ".join(f"{name}: {value}" for name, value in where.items()), end="\n\n")
    print(f"{'figure':<58} {'measured':>16} {'floor':>14} {'ratio':>7}")
    for figure in figures:
        floor = f"{figure.floor:,.1f}" if figure.floor else ""
        ratio = f"{figure.ratio:.2f}" if figure.ratio else ""
        measured = f"{figure.value:,.1f} {figure.unit}"
        print(f"{figure.name:<58} {measured:>16} {floor:>14} {ratio:>7}")
        for note in filter(None, (figure.floor_name and f"floor: {figure.floor_name}", figure.note)):
            print(f"    {note}")
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}.json"
    rows = [{**asdict(figure), "ratio": figure.ratio} for figure in figures]
    file.write_text(json.dumps({**where, "figures": rows}, indent=2) + "\n")
    print(f"\nWritten to {file}")
    return file


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that this share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def _where(database_url: str) -> dict[str, str]:
    with psycopg.connect(database_url) as connection:
        postgres = connection.info.parameter_status("server_version") or ""
        durable = {
            name: connection.execute("SELECT current_setting(%s)", [name]).fetchone()
            for name in ("fsync", "synchronous_commit")
        }
    return {
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {_memory()}",
        "python": platform.python_version(),
        "postgresql": postgres.split(" ", maxsplit=1)[0],
        **{name: str(row[0]) if row else "" for name, row in durable.items()},
        "commit": _commit(),
    }


def _memory() -> str:
    return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"


def _commit() -> str:
    # Without a repository, or before its first commit, there is nothing to name.
    with suppress(OSError, subprocess.CalledProcessError):
        command = ["git", "describe", "--always", "--dirty"]
        return subprocess.check_output(command, cwd=ROOT, text=True, stderr=subprocess.DEVNULL).strip()
    return "none"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _await_answer(process: subprocess.Popen[bytes], host: str, port: int) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        connection = HTTPConnection(host, port, timeout=5)
        try:
            connection.request("GET", "/api/schema/")
            connection.getresponse().read()
        except OSError:
            time.sleep(0.1)
        else:
            return
        finally:
            connection.close()
    raise SystemExit("The web server did not start; what it said stands above.")
