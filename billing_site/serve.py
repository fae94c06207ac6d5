"""Runs the site on one machine: web server, worker and Beat, stopped together by one Ctrl-C.

python -m billing_site.serve [--port 8000] [--host 127.0.0.1] [--logs DIR]
"""

import argparse
import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import IO

GRACE_SECONDS = 15


def web_command(*, host: str, port: int, workers: int = 2) -> list[str]:
    """Return the command of the web server: granian serving WSGI, as measured best for Django's threads."""
    return [
        *(sys.executable, "-m", "granian", "--interface", "wsgi", "--host", host, "--port", str(port)),
        *("--workers", str(workers), "--blocking-threads", "32", "--no-ws", "--log-level", "warning"),
        *("--respawn-failed-workers", "--respawn-interval", "1", "--workers-kill-timeout", "5"),
        "billing_site.wsgi:application",
    ]


def worker_command(*, state: Path) -> list[str]:
    """Return the command of the worker with Beat inside; run exactly one such process."""
    return [
        *(sys.executable, "-m", "celery", "-A", "billing_site.celery", "worker", "-B", "--concurrency", "2"),
        *("--scheduler", "django_celery_beat.schedulers:DatabaseScheduler", "--loglevel", "WARNING"),
        *("--without-gossip", "--without-mingle", "--schedule", str(state / "beat")),
    ]


def port_is_free(host: str, port: int) -> bool:
    """Tell whether a server could listen there now."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, OverflowError):
            return False
        return True


def main(argv: list[str] | None = None) -> int:
    """Serve until a signal or until one of the processes ends; return 0 when stopped by a signal."""
    parser = argparse.ArgumentParser(prog="python -m billing_site.serve")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=os.environ.get("METERBOOK_PORT") or "8000")
    parser.add_argument("--logs", type=Path, help="write the servers' output to files in this folder")
    options = parser.parse_args(argv)
    if not port_is_free(options.host, options.port):
        print(
            f"Port {options.port} is taken by another program. Stop it, or choose another: METERBOOK_PORT=8010.",
            file=sys.stderr,
        )
        return 2
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "billing_site.settings.dev")
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    with tempfile.TemporaryDirectory(prefix="meterbook-") as state:
        commands = {
            "web": web_command(host=options.host, port=options.port),
            "worker": worker_command(state=Path(state)),
        }
        with contextlib.ExitStack() as files:
            running = {
                name: _start(command, _output(options.logs, name, files))
                for name, command in commands.items()
            }
            return _watch(running, stopping)


def _start(command: list[str], output: IO[bytes] | None) -> subprocess.Popen[bytes]:
    # Who serves is not the owner of the database, and is not told how to be.
    environment = {key: value for key, value in os.environ.items() if key != "METERBOOK_OWNER_DATABASE_URL"}
    return subprocess.Popen(command, env=environment, start_new_session=True, stdout=output, stderr=output)


def _output(logs: Path | None, name: str, files: contextlib.ExitStack) -> IO[bytes] | None:
    """Return the file that a process writes to; None is this terminal."""
    if logs is None:
        return None
    logs.mkdir(parents=True, exist_ok=True)
    return files.enter_context((logs / f"{name}.log").open("ab"))


def _watch(running: dict[str, subprocess.Popen[bytes]], stopping: threading.Event) -> int:
    code = 0
    while not stopping.wait(0.2):
        ended = [name for name, process in running.items() if process.poll() is not None]
        if ended:
            print(f"The {ended[0]} process ended by itself; stopping the rest. See its log.", file=sys.stderr)
            code = 1
            break
    for process in running.values():
        if process.poll() is None:
            process.terminate()
    for process in running.values():
        _end(process)
    return code


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(GRACE_SECONDS)
    # Its session is its own: children of a main process that was killed would go on answering from the same port.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


if __name__ == "__main__":
    sys.exit(main())
