"""What the application's role is given by `migrate`, and what is said where it has more."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.core.checks import run_checks
from django.core.management import call_command
from django.db import ProgrammingError, connection, transaction
from pytest_django import Settings

from apps.core import roles
from apps.core.checks import history_is_out_of_reach
from apps.core.models import AuditEntry
from apps.core.owner import acting_as_owner
from billing_site.embedded.postgres import APPLICATION
from tests.roles import PASSWORD

pytestmark = pytest.mark.django_db


def test_the_role_of_the_tests_has_no_power_over_history() -> None:
    assert roles.powers(APPLICATION) == []


def test_the_models_say_append_only_of_just_those_tables_whose_trigger_does() -> None:
    assert [one.msg for one in run_checks(databases=["default"]) if one.id == "core.E001"] == []


@pytest.mark.usefixtures("owner")
def test_a_trigger_that_no_model_tells_of_is_found() -> None:
    do(
        "CREATE TRIGGER more BEFORE DELETE ON customers_customer FOR EACH ROW EXECUTE FUNCTION refuse_change()",
        "ALTER TABLE core_auditentry DISABLE TRIGGER audit_is_append_only",
    )

    assert roles.undeclared() == [
        "core_auditentry is declared to refuse DELETE and UPDATE, and its triggers refuse nothing.",
        "customers_customer is declared to refuse nothing, and its triggers refuse DELETE.",
    ]


@pytest.mark.usefixtures("owner")
@pytest.mark.parametrize(
    ("statement", "power"),
    [
        ("ALTER ROLE {} SUPERUSER", "is a superuser"),
        ("ALTER ROLE {} CREATEROLE", "may give itself other roles"),
        ("GRANT pg_write_all_data TO {}", "acts for pg_write_all_data"),
        ("ALTER TABLE invoices_invoice OWNER TO {}", "owns invoices_invoice"),
        ("GRANT CREATE ON SCHEMA public TO {}", "may create tables and functions"),
        ("GRANT CREATE ON SCHEMA public TO PUBLIC", "may create tables and functions"),
        ("GRANT TRUNCATE ON invoices_invoice TO {}", "may truncate or re-trigger invoices_invoice"),
        ("GRANT UPDATE ON core_auditentry TO PUBLIC", "may update or delete rows of core_auditentry"),
    ],
)
def test_each_power_over_history_is_named(statement: str, power: str) -> None:
    do(statement.format(APPLICATION))

    assert power in roles.powers(APPLICATION)


@pytest.mark.usefixtures("owner")
def test_granting_takes_away_what_was_given_beyond() -> None:
    do(
        f"GRANT ALL ON invoices_invoice, core_auditentry TO {APPLICATION}",
        "GRANT ALL ON invoices_invoicepdf TO PUBLIC",
        "GRANT CREATE ON SCHEMA public TO PUBLIC",
    )

    roles.grant_to(APPLICATION)

    assert roles.powers(APPLICATION) == []


@pytest.mark.usefixtures("owner")
def test_a_trigger_has_a_path_of_its_own_that_no_temporary_table_comes_before() -> None:
    do("ALTER FUNCTION refuse_finalized_line_change() SET search_path = pg_catalog, public")

    roles.pin_triggers()

    paths = "SELECT DISTINCT proconfig FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid WHERE NOT tgisinternal"
    assert ask(paths) == [(["search_path=public, pg_temp"],)]


@pytest.mark.usefixtures("owner")
def test_the_deploy_check_warns_of_an_owner_that_serves() -> None:
    (warning,) = history_is_out_of_reach()

    assert (warning.id, "is a superuser" in warning.msg) == ("core.W001", True)


def test_the_deploy_check_has_nothing_against_the_application_s_role() -> None:
    assert history_is_out_of_reach() == []


@pytest.mark.django_db(transaction=True)
def test_migrate_is_done_by_the_owner_and_grants_the_rest(settings: Settings) -> None:
    with application_alone(settings):
        with acting_as_owner():
            do(f"REVOKE ALL ON core_auditentry FROM {APPLICATION}")
        with pytest.raises(ProgrammingError, match="permission denied"):
            AuditEntry.objects.count()

        call_command("migrate", verbosity=0)

        assert ask("SELECT session_user") == [(APPLICATION,)]
        assert AuditEntry.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_nobody_becomes_the_owner_within_a_transaction(settings: Settings) -> None:
    with (
        application_alone(settings),
        transaction.atomic(),
        pytest.raises(RuntimeError, match="before it"),
        acting_as_owner(),
    ):
        pass


@contextmanager
def application_alone(settings: Settings) -> Iterator[None]:
    """Connect by the application's own login, with the owner's address aside, as in production."""
    own = connection.settings_dict
    settings.OWNER_DATABASE = {**own, "OPTIONS": {}}
    connection.close()
    connection.settings_dict = {**own, "USER": APPLICATION, "PASSWORD": PASSWORD, "OPTIONS": {}}
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict = own


def do(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def ask(question: str) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(question)
        return list(cursor.fetchall())
