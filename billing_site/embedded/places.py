"""Where an embedded service keeps its files, as which account it runs, and how its process is watched."""

import contextlib
import errno
import hashlib
import os
import pwd
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

# Linux allows 107 bytes for the path of a socket, macOS 103.
LONGEST_SOCKET_PATH = 103
WORLD_READABLE = Path("/var/lib/meterbook")
POLL_SECONDS = 0.02
NOT_COPIED = shutil.ignore_patterns("include", "doc", "*.a")


class Trouble(Exception):
    """A service cannot run here; the text names the cause and the remedy."""


class RunAs(TypedDict, total=False):
    """What `subprocess` takes to run a program as another account."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True, slots=True)
class Home:
    """The one folder of a service, and the account it runs as (None: the one that runs us)."""

    path: Path
    account: pwd.struct_passwd | None

    @property
    def run_as(self) -> RunAs:
        if self.account is None:
            return {}
        return {"user": self.account.pw_uid, "group": self.account.pw_gid, "extra_groups": []}

    def folder(self, name: str) -> Path:
        """Return a subfolder that only the service's account may enter, made if need be."""
        return self._private(self.path / name)

    def sockets(self, name: str) -> Path:
        """Return the folder of the service's socket `name`: short enough for the kernel, closed to others."""
        inside = self.path / "run"
        if len(os.fsencode(inside / name)) <= LONGEST_SOCKET_PATH:
            return self._private(inside)
        owner = self.account.pw_uid if self.account else os.getuid()
        outside = Path("/tmp") / f"meterbook-{owner}-{_digest(self.path)}"  # noqa: S108  checked below
        self._private(outside)
        found = outside.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner or found.st_mode & 0o077:
            raise Trouble(f"{outside} is not a private folder of this account. Remove it and start again.")
        return outside

    def program(self, base: Path, name: str, *, parts: tuple[str, ...]) -> Path:
        """Return program `name` under `base`; where the account cannot run it, a copy in this home.

        `parts` are the folders under `base` that the program needs around it.
        """
        if self.account is None or _can(self.account, '"$1" --version', base / name):
            return base / name
        made = (base / name).stat()
        copy = self.folder("programs") / f"{made.st_mtime_ns:x}-{made.st_size:x}"
        if not copy.exists():
            for older in copy.parent.iterdir():
                shutil.rmtree(older)
            fresh = copy.with_name("copying")
            for part in parts:
                shutil.copytree(base / part, fresh / part, symlinks=True, ignore=NOT_COPIED)
            for path in (fresh, *fresh.rglob("*")):
                os.chown(path, self.account.pw_uid, self.account.pw_gid, follow_symlinks=False)
            fresh.rename(copy)
        return copy / name

    def _private(self, path: Path) -> Path:
        with contextlib.suppress(FileExistsError):
            path.mkdir(mode=0o700)
            if self.account is not None:
                os.chown(path, self.account.pw_uid, self.account.pw_gid)
        return path


def settle(place: Path) -> Home:
    """Make and return the home of a service at `place`.

    For root the service runs as an unprivileged account; where that account cannot come, the home
    is a folder of its own under /var/lib/meterbook. No folder above a home is ever changed.
    """
    place = place.absolute()
    if os.geteuid() != 0:
        place.mkdir(parents=True, exist_ok=True)
        place.chmod(0o700)
        return Home(place, None)
    account = _owner(place) or _unprivileged()
    for path in (place, stand_in(place)):
        known = path.exists()
        _make_parents(path)
        path.mkdir(exist_ok=True)
        os.chown(path, account.pw_uid, account.pw_gid)
        path.chmod(0o700)
        if _can(account, 'cd "$1"', path):
            return Home(path, account)
        if not known:
            path.rmdir()
    raise Trouble(
        f"The account {account.pw_name} cannot enter {place} nor {WORLD_READABLE}. "
        "Set METERBOOK_VAR to a folder that every account can reach, or run as a plain user."
    )


def _make_parents(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.parent == WORLD_READABLE and path.parent.stat().st_uid == os.geteuid():
        path.parent.chmod(0o755)


def stand_in(place: Path) -> Path:
    """Return where root keeps a service whose account cannot reach `place`."""
    return WORLD_READABLE / _digest(place.absolute())


def log_file(path: Path, home: Home) -> Path:
    """Return `path` ready to be appended to; a log beyond 10 MB is set aside as one `.1`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > 10_000_000:
        path.rename(path.with_name(path.name + ".1"))
    path.touch()
    return path


def last_lines(path: Path, count: int = 3) -> str:
    """Return the end of a log as one line, for a message."""
    return " | ".join(path.read_text(errors="replace").splitlines()[-count:])


def alive(pid: int) -> bool:
    """Tell whether the process runs; one that has ended and waits to be collected does not."""
    with contextlib.suppress(ChildProcessError):
        if os.waitpid(pid, os.WNOHANG)[0]:
            return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (OSError, IndexError):
        return not Path("/proc/self").exists()


def runs_in(pid: int | None, folder: Path) -> bool:
    """Tell whether process `pid` lives and was started with `folder` on its command line."""
    if pid is None or not alive(pid):
        return False
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        command = ["/bin/ps", "-p", str(pid), "-o", "command="]
        words = subprocess.run(command, capture_output=True, check=False).stdout
    return os.fsencode(folder) in words


def read_pid(path: Path) -> int | None:
    """Return the process id on the first line of a pid file, if there is one."""
    try:
        return int(path.read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return None


def wait_until(met: Callable[[], bool], *, seconds: float) -> bool:
    """Poll until the condition is met; return whether it was, within that time."""
    deadline = time.monotonic() + seconds
    while not met():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def end(pid: int, *steps: tuple[signal.Signals, float]) -> None:
    """Send each signal in turn, with its patience in seconds, until the process has ended."""
    for number, seconds in steps:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        if wait_until(lambda: not alive(pid), seconds=seconds):
            return


def environment() -> Mapping[str, str]:
    """Return this process's environment without PostgreSQL's own variables, which would redirect us."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")}


@contextlib.contextmanager
def explained(place: Path) -> Iterator[None]:
    """Turn what the operating system refuses into a Trouble with a remedy."""
    try:
        yield
    except OSError as error:
        # A tree that could not be copied is told by its first file.
        cause = error.args[0][0][2] if isinstance(error, shutil.Error) else str(error)
        if error.errno == errno.ENOSPC or os.strerror(errno.ENOSPC) in cause:
            remedy = "Free some space, or set METERBOOK_VAR to a folder on another disk."
        else:
            remedy = f"Check who owns {place}, or set METERBOOK_VAR to a folder of your own."
        raise Trouble(f"{cause}. {remedy}") from error


def require_space(path: Path, megabytes: int) -> None:
    """Refuse to begin on a disk with less than that free."""
    free = shutil.disk_usage(path).free // 1_000_000
    if free < megabytes:
        raise Trouble(
            f"Only {free} MB are free on the disk of {path}, and {megabytes} MB are needed. "
            "Free some space, or set METERBOOK_VAR to a folder on another disk."
        )


def _owner(path: Path) -> pwd.struct_passwd | None:
    """Return the account whose service already lives at `path`; None for root's and unknown ones."""
    try:
        uid = path.stat().st_uid
        return pwd.getpwuid(uid) if uid != 0 else None
    except (OSError, KeyError):
        return None


def _unprivileged() -> pwd.struct_passwd:
    # Not the account of an installed PostgreSQL if it can be helped: ours needs none of its rights.
    for name in ("nobody", "postgres"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise Trouble("PostgreSQL refuses to run as root, and no account `nobody` exists. Run as a plain user.")


def _can(account: pwd.struct_passwd, script: str, path: Path) -> bool:
    asked = subprocess.run(
        ["/bin/sh", "-c", script, "sh", str(path)],
        cwd="/",
        user=account.pw_uid,
        group=account.pw_gid,
        extra_groups=[],
        capture_output=True,
        check=False,
    )
    return asked.returncode == 0


def _digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:12]
