"""API keys: shown once, kept as a hash, ended at once."""

import pytest
from django.db import IntegrityError, connection, transaction

from apps.core.models import AuditEntry
from apps.customers import api_keys
from apps.customers.models import ApiKey
from tests.builders import ACTOR, AT, make_customer

pytestmark = pytest.mark.django_db


def make_key() -> api_keys.NewKey:
    return api_keys.create(name="backend", scopes=["events:write"], at=AT, actor=ACTOR)


def test_a_secret_opens_its_key_in_one_query(django_assert_num_queries: pytest.FixtureRequest) -> None:
    new = make_key()

    with django_assert_num_queries(1):  # type: ignore[operator]
        found = api_keys.recognized(new.secret)

    assert found == new.api_key


def test_the_database_holds_no_secret() -> None:
    new = make_key()

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT row_to_json(k)::text FROM customers_apikey k UNION SELECT after::text FROM core_auditentry"
        )
        stored = " ".join(row[0] for row in cursor.fetchall())

    assert new.secret not in stored
    assert new.secret.split("_", 2)[2] not in stored


@pytest.mark.parametrize("wrong", ["", "mb", "mb_00000000_x", "Bearer", "mb__", "\x00"])
def test_other_words_open_nothing(wrong: str) -> None:
    make_key()

    assert api_keys.recognized(wrong) is None


def test_a_secret_with_one_letter_changed_opens_nothing() -> None:
    secret = make_key().secret

    assert api_keys.recognized(secret[:-1] + ("a" if secret[-1] != "a" else "b")) is None


def test_a_revoked_key_opens_nothing_and_revoking_again_leaves_its_time() -> None:
    new = make_key()

    api_keys.revoke(api_key_id=new.api_key.pk, at=AT, actor=ACTOR)
    api_keys.revoke(api_key_id=new.api_key.pk, at=AT.replace(year=2027), actor=ACTOR)

    assert api_keys.recognized(new.secret) is None
    assert ApiKey.objects.get().revoked_at == AT
    assert AuditEntry.objects.filter(action="customers.revoke_api_key").count() == 1


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("UPDATE customers_apikey SET scopes = '{}'", "api_key_has_a_scope"),
        ("UPDATE customers_apikey SET revoked_at = '2020-01-01'", "api_key_revoked_after_created"),
        ("UPDATE customers_customer SET key = 'Not Plain'", "customer_key_is_plain"),
        ("UPDATE customers_customer SET name = ''", "customer_has_a_name"),
        ("UPDATE customers_customer SET tax_rate = 101", "tax_rate_is_a_percentage"),
    ],
)
def test_the_database_refuses_impossible_keys_and_customers(statement: str, constraint: str) -> None:
    make_key()
    make_customer()

    with pytest.raises(IntegrityError) as refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)

    assert refused.value.__cause__.diag.constraint_name == constraint  # type: ignore[union-attr]
