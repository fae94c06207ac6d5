"""`manage.py demo`: one real month, from usage posted over HTTP to invoices, then the site to look at."""

import os
import signal
import socket
import subprocess
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from apps.core import clock
from apps.demo import month, state, visit
from apps.demo.post import PostFailed
from apps.demo.state import DemoState

HOST = "127.0.0.1"
START_SECONDS = 40


class Command(BaseCommand):
    help = "Loads one real month of usage through the API, closes it into invoices and serves the site."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="fetch the main pages and a PDF, then stop")
        parser.add_argument("--port", type=int, default=os.environ.get("METERBOOK_PORT") or "8000")

    def handle(self, *, check: bool, port: int, **_options: object) -> None:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        var: Path = settings.VAR_DIR
        begun = time.monotonic()
        _require_free(port)
        self._say("Preparing the database")
        call_command("migrate", verbosity=0, interactive=False)
        self._say("Making the seller, its plans, its customers and their contracts")
        month.make_catalogue(at=clock.now())
        demo = state.remembered(var / "demo.json") or state.begin(var / "demo.json", at=clock.now())
        self._say(f"Starting web server, worker and Beat (their output: {var / 'log'})")
        with _site(port, logs=var / "log") as site:
            self._lead(demo, port=port)
            if check:
                self._visit(demo, port=port)
                self._say(f"The demo works; it took {time.monotonic() - begun:.0f} s.")
                return
            self._welcome(demo, port=port, seconds=time.monotonic() - begun)
            code = _until_stopped(site)
        self._say("Stopped." if code == 0 else "The site stopped by itself; its logs say why.")
        sys.exit(code)

    def _lead(self, demo: DemoState, *, port: int) -> None:
        self._say("Posting real usage through the API")
        try:
            loaded = month.load(demo, host=HOST, port=port, progress=self._progress)
            self._say(
                f"  {loaded.received:,} events in {loaded.seconds:.1f} s ({loaded.received / loaded.seconds:,.0f} a second): "
                f"{loaded.counted:,} counted, {loaded.duplicate:,} seen before, {loaded.quarantined:,} in quarantine"
            )
            self._say("Closing the finished month, by the task that Beat runs")
            drafts = month.close(at=clock.now(), say=self._say)
            self._say(f"Finalizing reviewed drafts and rendering their PDFs ({drafts} drafts)")
            month.finalize_reviewed(since=demo.first_at.date(), say=self._say)
        except (month.DemoStuck, PostFailed) as stuck:
            raise CommandError(str(stuck)) from stuck

    def _visit(self, demo: DemoState, *, port: int) -> None:
        try:
            for line in visit.visit(demo, base=f"http://{HOST}:{port}"):
                self._say(f"  {line}")
        except visit.VisitFailed as failed:
            raise CommandError(str(failed)) from failed

    def _progress(self, done: int, total: int) -> None:
        if done % 5_000 == 0 or done == total:
            self._say(f"  {done:,} of {total:,} events posted")

    def _welcome(self, demo: DemoState, *, port: int, seconds: float) -> None:
        lines = [
            "",
            f"Meterbook is ready after {seconds:.0f} s:  http://localhost:{port}/",
            "",
            *(f"  {login.email:<32} {login.password:<14} {login.what}" for login in demo.logins),
            "",
            f"  API reference  http://localhost:{port}/api/docs/",
            f"  API key        {demo.api_key}",
            "",
            "Mail goes to files in var/mail. Ctrl-C stops everything; `make demo` goes on where it was.",
        ]
        for line in lines:
            self._say(line)

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def _require_free(port: int) -> None:
    """Refuse a port on which something answers already, before anything is posted there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError) as taken:
            raise CommandError(
                f"Port {port} cannot be used: {taken}. Stop what uses it, or choose another: METERBOOK_PORT=8010 make demo"
            ) from taken


@contextmanager
def _site(port: int, *, logs: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run web server, worker and Beat beside the block, and stop them after it."""
    command = [
        sys.executable,
        "-m",
        "billing_site.serve",
        "--host",
        HOST,
        "--port",
        str(port),
        "--logs",
        str(logs),
    ]
    # A session of its own: Ctrl-C reaches this command alone, which then stops the site in order.
    site = subprocess.Popen(command, start_new_session=True)  # noqa: S603 fixed words
    try:
        _await_site(site, port)
        yield site
    finally:
        # The same Ctrl-C may arrive twice, from the terminal and from the parent: stop once, in peace.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if site.poll() is None:
            site.send_signal(signal.SIGTERM)
        site.wait()


def _await_site(site: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if site.poll() is not None:
            raise CommandError("The site did not start; what it said stands above.")
        try:
            with urlopen(f"http://{HOST}:{port}/healthz", timeout=5):
                return
        except (URLError, OSError):
            time.sleep(0.1)
    raise CommandError(f"The site did not answer within {START_SECONDS} s. Look into var/log/web.log.")


def _until_stopped(site: subprocess.Popen[bytes]) -> int:
    try:
        return site.wait()
    except KeyboardInterrupt:
        return 0
