"""Gives the test run a PostgreSQL of its own, thrown away at the end."""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import dj_database_url
import hypothesis
import psycopg
import pytest
from django.conf import settings
from django.test import TransactionTestCase
from pytest_django import DjangoDbBlocker
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from apps.core import roles
from billing_site.embedded.places import Trouble
from billing_site.embedded.postgres import APPLICATION, start_postgres
from tests.browser.absence import pytest_terminal_summary  # noqa: F401  a hook that must be here to be heard
from tests.roles import as_owner, every_connection_as_application, make_role, owners

# A law is kept or broken; on a busy machine it is neither because the example came late.
hypothesis.settings.register_profile(
    "house", deadline=None, print_blob=True, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("house")
# Django's own way to empty the database after a test that commits.
TEARDOWN = "_fixture_teardown"


def pytest_configure(config: pytest.Config) -> None:
    """Start the server, once: the workers of a parallel run inherit its URL."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        return
    url = os.environ.get("TEST_DATABASE_URL") or _start_throw_away_server(config)
    make_role(url)
    os.environ["DATABASE_URL"] = url
    # pytest-django has read the settings before it read this file.
    address = dj_database_url.parse(url)
    settings.DATABASES["default"].update(
        {key: address[key] for key in ("NAME", "USER", "PASSWORD", "HOST", "PORT")}
    )


class Together(LoadScopeScheduling):  # type: ignore[misc]  # xdist is not typed
    """Deals single tests to the workers, but those that share a browser, or a site under torture, to one of them.

    Marks of `xdist_group` do not arrive: the test ids of this pytest are not those that xdist changes.
    """

    def _split_scope(self, nodeid: str) -> str:
        folder = "/".join(nodeid.split("/")[:2])
        shared = folder in {"tests/browser", "tests/torture"} and "test_fuzzed_bodies" not in nodeid
        return folder if shared else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Together:
    return Together(config, log)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Give tests the database as the application has it: with the rights that its role was granted, and no others."""
    with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patch:
        roles.grant_to(APPLICATION)
        # What a test has committed is truncated away, as only the owner may.
        patch.setattr(TransactionTestCase, TEARDOWN, owners(getattr(TransactionTestCase, TEARDOWN)))
        with every_connection_as_application():
            yield


@pytest.fixture
def owner(db: None) -> Iterator[None]:
    """Let the test act as the owner of the database, for triggers that the application's role does not come to."""
    with as_owner():
        yield


def pytest_report_header(config: pytest.Config) -> str:
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        return f"PostgreSQL {connection.info.parameter_status('server_version')}"


def _start_throw_away_server(config: pytest.Config) -> str:
    # Ended by a timeout, too, the run leaves no server behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder = Path(tempfile.mkdtemp(prefix="meterbook-tests-"))
    # The server's account must pass through; what is below is closed again.
    folder.chmod(0o711)
    config.add_cleanup(lambda: shutil.rmtree(folder))
    try:
        server = start_postgres(
            folder / "postgres",
            log=folder / "postgres.log",
            durable=False,
            choice=os.environ.get("METERBOOK_POSTGRES", ""),
        )
    except Trouble as trouble:
        pytest.exit(str(trouble), returncode=2)
    config.add_cleanup(lambda: shutil.rmtree(server.folder))
    config.add_cleanup(server.stop)
    return server.owner_url
