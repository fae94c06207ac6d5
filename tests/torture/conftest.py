"""The site under torture: its own durable PostgreSQL, its real server, one for all checks of a run."""

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.torture.cluster import Cluster
from tests.torture.report import Torture, table
from tests.torture.server import Server, make_seller


@dataclass(frozen=True, slots=True)
class Site:
    """What there is to torture."""

    cluster: Cluster
    server: Server
    environment: dict[str, str]
    folder: Path


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    passed = terminalreporter.stats.get("passed", [])
    lines = table(one for report in passed for one in report.user_properties)
    if lines:
        terminalreporter.section("torture")
        terminalreporter.write("\n".join([*lines, ""]))


@pytest.fixture
def torture(request: pytest.FixtureRequest) -> Torture:
    """Give the check its seed, which METERBOOK_TORTURE_SEED chooses."""
    seed = int(os.environ.get("METERBOOK_TORTURE_SEED") or secrets.randbelow(10**6))
    print(f"To repeat: METERBOOK_TORTURE_SEED={seed}")
    return Torture(seed, request.node.user_properties)


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    folder = Path(tempfile.mkdtemp(prefix="meterbook-torture-"))
    # The database's account must pass through.
    folder.chmod(0o711)
    cluster = Cluster(folder)
    try:
        environment = {
            "DATABASE_URL": cluster.application_url,
            "CELERY_BROKER_URL": "memory://",
            "METERBOOK_VAR": str(folder / "var"),
            "DJANGO_SETTINGS_MODULE": "billing_site.settings.dev",
        }
        key = make_seller({**environment, "METERBOOK_OWNER_DATABASE_URL": cluster.url})
        server = Server(environment=environment, log=folder / "web.log", key=key)
        try:
            server.await_answer()
            yield Site(cluster, server, environment, folder)
        finally:
            server.stop()
    finally:
        cluster.stop()
        shutil.rmtree(cluster.home, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)
