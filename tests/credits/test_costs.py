"""What was paid for grants from before the books, in which currency: that of the contract, and never a made-up one."""

from decimal import Decimal
from pathlib import Path

import pytest
from django.db import IntegrityError, connection, transaction

from apps.credits import migrations
from apps.credits.models import CreditGrant
from tests.builders import fee_charge, make_contract, make_plan_version
from tests.credits.test_books import give

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("owner")]
SQL = Path(migrations.__file__).parent / "sql" / "costs.sql"


def migrate() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(SQL.read_text())


def test_it_was_paid_in_the_currency_of_the_contract() -> None:
    paid, gift = give("100", "50"), give("100", "0")
    make_contract(paid.customer, make_plan_version([fee_charge()], currency="EUR"))

    migrate()

    assert CreditGrant.objects.get(pk=paid.pk).cost_currency == "EUR"
    assert CreditGrant.objects.get(pk=gift.pk).cost_currency == ""


def test_without_a_contract_it_is_asked_for() -> None:
    paid = give("100", "50")

    with pytest.raises(IntegrityError, match=rf"no known currency: {paid.key}(.|\n)*Draft a contract"):
        migrate()


def test_a_gift_needs_no_currency() -> None:
    paid = give("100", "50")
    CreditGrant.objects.filter(pk=paid.pk).update(cost=Decimal(0))

    migrate()

    assert CreditGrant.objects.get(pk=paid.pk).cost_currency == ""
