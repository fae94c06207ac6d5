"""Runs a command with the embedded services that its environment leaves open.

python -m billing_site.embedded COMMAND [ARGUMENT ...]
python -m billing_site.embedded --reset     remove their data
"""

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from types import FrameType

from billing_site.embedded import places
from billing_site.embedded.places import Trouble
from billing_site.embedded.postgres import Postgres, find_postgres, start_postgres
from billing_site.embedded.valkey import Valkey, find_valkey, start_valkey
from billing_site.settings import env

Service = Postgres | Valkey
VAR = env.VAR.absolute()
POSTGRES = VAR / "postgres"
VALKEY = VAR / "valkey"
# Held for reading by every command that uses the services, so the kernel knows who is the last.
USERS = "embedded.users"
# Held while services are started or stopped: one command at a time.
CHANGE = "embedded.change"


class Signals:
    """Hands the signals of this process on to its one child."""

    def __init__(self) -> None:
        self.received: int | None = None
        self._child: subprocess.Popen[bytes] | None = None
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._forward)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # ignored under nohup
            signal.signal(signal.SIGHUP, self._forward)

    def run(self, command: list[str]) -> int:
        """Run the command to its end; return its exit code, as a shell counts it."""
        if self.received is not None:
            return 128 + self.received
        try:
            self._child = subprocess.Popen(command)
        except OSError as error:
            print(f"{command[0]}: {error.strerror}", file=sys.stderr)
            return 127
        code = self._child.wait()
        return code if code >= 0 else 128 - code

    def _forward(self, number: int, _frame: FrameType | None) -> None:
        self.received = number
        if self._child is not None and not (number == signal.SIGINT and _typed_in_our_terminal()):
            self._child.send_signal(number)


def main(arguments: list[str]) -> int:
    """Return the command's exit code, or 2 with a message where a service cannot run."""
    if not arguments or (arguments[0].startswith("-") and arguments != ["--reset"]):
        print(__doc__, file=sys.stderr)
        return 2
    try:
        if arguments == ["--reset"]:
            return reset()
        signals = Signals()
        with services():
            return signals.run(arguments)
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        return 2


@contextlib.contextmanager
def services() -> Iterator[None]:
    """Set DATABASE_URL and CELERY_BROKER_URL if unset, to services that run until their last user left.

    With DATABASE_URL comes METERBOOK_OWNER_DATABASE_URL, for migrations.
    """
    if env.DATABASE_URL and env.BROKER_URL:
        yield
        return
    started: list[Service] = []
    with _opened(USERS) as users:
        try:
            with _changing():
                fcntl.flock(users, fcntl.LOCK_SH)
                _start(started)
            yield
        finally:
            with _changing():
                if _is_last(users):
                    _stop(started)


def reset() -> int:
    """Remove the embedded services' data; refuse while a command uses them."""
    if env.DATABASE_URL:
        raise Trouble(
            "DATABASE_URL is set: the data are on that server, and are not removed from here. "
            "Drop its database yourself, or unset the variable to remove the embedded one."
        )
    with _opened(USERS) as users, _changing():
        if not _is_last(users):
            raise Trouble(f"A command is using the services in {VAR} (the demo?). Stop it first, then reset.")
        _stop([])
        for place in (POSTGRES, VALKEY):
            for path in (place, places.stand_in(place)):
                if path.exists():
                    shutil.rmtree(path)
        shutil.rmtree(VAR / "mail", ignore_errors=True)
    print(f"Removed the data of the embedded services of {VAR}.")
    return 0


def _start(started: list[Service]) -> None:
    if not env.DATABASE_URL:
        postgres = start_postgres(POSTGRES, log=VAR / "log" / "postgres.log", choice=env.POSTGRES)
        started.append(postgres)
        os.environ["DATABASE_URL"] = postgres.url
        os.environ["METERBOOK_OWNER_DATABASE_URL"] = postgres.owner_url
    if not env.BROKER_URL:
        valkey = start_valkey(VALKEY, log=VAR / "log" / "valkey.log")
        started.append(valkey)
        os.environ["CELERY_BROKER_URL"] = valkey.url


def _stop(started: list[Service]) -> None:
    """Stop these, and whatever else runs: what a command started that has left since, or was killed."""
    for service in reversed(started):
        service.stop()
    for left in (find_valkey(VALKEY), find_postgres(POSTGRES)):
        if left is not None:
            left.stop()


@contextlib.contextmanager
def _opened(name: str) -> Iterator[int]:
    with places.explained(VAR):
        VAR.mkdir(parents=True, exist_ok=True)
        file = os.open(VAR / name, os.O_RDONLY | os.O_CREAT, 0o644)
    try:
        yield file
    finally:
        os.close(file)


@contextlib.contextmanager
def _changing() -> Iterator[None]:
    with _opened(CHANGE) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _is_last(users: int) -> bool:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _typed_in_our_terminal() -> bool:
    """Tell whether the terminal sends its Ctrl-C to our child as well, as to all in the foreground."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
