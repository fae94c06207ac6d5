"""Granting credits and drawing on them."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from threading import Barrier

import pytest
from django.db import DatabaseError, connection, transaction

from apps.core.models import AuditEntry
from apps.credits import burn, grant, queries
from apps.credits.errors import GrantExists, GrantHasNoDays, GrantIsEmpty, GrantOverdrawn
from apps.credits.models import CreditBurn, CreditGrant
from apps.customers.models import Customer
from tests.builders import ACTOR, AT, make_credit_unit, make_customer

pytestmark = pytest.mark.django_db


def test_a_grant_is_whole_when_it_is_given() -> None:
    granted = _grant("welcome", "100")

    assert (granted.amount, granted.left) == (Decimal(100), Decimal(100))
    assert AuditEntry.objects.get(action="credits.grant").after["amount"] == "100"


def test_a_key_is_granted_once() -> None:
    _grant("welcome", "100")

    with pytest.raises(GrantExists, match="welcome"):
        _grant("welcome", "500")

    assert CreditGrant.objects.get().amount == Decimal(100)


@pytest.mark.parametrize("amount", ["0", "-1"])
def test_a_grant_of_nothing_is_refused(amount: str) -> None:
    with pytest.raises(GrantIsEmpty, match=amount):
        _grant("nothing", amount)


def test_a_grant_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(GrantHasNoDays, match="2026-10-01"):
        _grant("late", "1", effective_on=date(2026, 10, 1), expires_on=date(2026, 10, 1))


def test_burns_lower_what_is_left_and_are_noted_with_the_invoice() -> None:
    """100 less 30 less 12.5 leaves 57.5."""
    _grant("welcome", "100")

    with transaction.atomic():
        burn.burn(source_key="INV-1", used={"welcome": Decimal(30)}, on=AT.date(), at=AT, actor=ACTOR)
        burn.burn(
            source_key="INV-2",
            used={"welcome": Decimal("12.5"), "other": Decimal(0)},
            on=AT.date(),
            at=AT,
            actor=ACTOR,
        )

    assert CreditGrant.objects.get().left == Decimal("57.5")
    assert list(CreditBurn.objects.order_by("burned_at", "id").values_list("source_key", "amount")) == [
        ("INV-1", Decimal(30)),
        ("INV-2", Decimal("12.5")),
    ]


def test_a_grant_is_never_overdrawn_and_then_nothing_is_drawn_at_all() -> None:
    _grant("full", "100")
    _grant("nearly-empty", "5")

    with pytest.raises(GrantOverdrawn, match="5 left, and 6"), transaction.atomic():
        burn.burn(
            source_key="INV-1",
            used={"full": Decimal(10), "nearly-empty": Decimal(6)},
            on=AT.date(),
            at=AT,
            actor=ACTOR,
        )

    assert sorted(CreditGrant.objects.values_list("left", flat=True)) == [Decimal(5), Decimal(100)]
    assert not CreditBurn.objects.exists()


def test_a_burn_belongs_inside_an_action() -> None:
    with pytest.raises(RuntimeError, match="action"):
        burn.burn(source_key="INV-1", used={"welcome": Decimal(1)}, on=AT.date(), at=AT, actor=ACTOR)


@pytest.mark.django_db(transaction=True)
def test_sixteen_burns_at_once_take_no_more_than_there_is() -> None:
    """10 credits, 16 callers who want 1 each: ten get it, six are refused."""
    _grant("welcome", "10")
    together = Barrier(16)

    def caller(place: int) -> bool:
        try:
            together.wait()
            with transaction.atomic():
                burn.burn(
                    source_key=f"INV-{place}", used={"welcome": Decimal(1)}, on=AT.date(), at=AT, actor=ACTOR
                )
        except GrantOverdrawn:
            return False
        else:
            return True
        finally:
            connection.close()

    with ThreadPoolExecutor(16) as pool:
        drawn = list(pool.map(caller, range(16)))

    assert sum(drawn) == 10
    assert CreditGrant.objects.get().left == 0


def test_open_grants_are_those_good_on_the_first_day_or_begun_within_the_period() -> None:
    october_on, november_on = date(2026, 10, 1), date(2026, 11, 1)
    _grant("forever", "1", effective_on=date(2026, 1, 1))
    _grant("gone-on-the-first", "1", effective_on=date(2026, 1, 1), expires_on=october_on)
    _grant("gone-on-the-second", "1", effective_on=date(2026, 1, 2), expires_on=date(2026, 10, 2))
    _grant("mid-month", "1", effective_on=date(2026, 10, 15))
    _grant("next-month", "1", effective_on=november_on)
    customer = Customer.objects.get()

    whole_month = queries.open_grants([customer.pk], on=october_on, until=november_on)[customer.pk]
    first_day = queries.open_grants([customer.pk], on=october_on)[customer.pk]

    assert [found.grant.key for found in whole_month] == ["forever", "gone-on-the-second", "mid-month"]
    assert [found.grant.key for found in first_day] == ["forever", "gone-on-the-second"]


def test_a_used_up_grant_is_not_open_but_still_shown() -> None:
    _grant("welcome", "3")
    customer = Customer.objects.get()
    with transaction.atomic():
        burn.burn(source_key="INV-1", used={"welcome": Decimal(3)}, on=AT.date(), at=AT, actor=ACTOR)

    assert queries.open_grants([customer.pk], on=date(2026, 10, 1))[customer.pk] == ()
    assert [row.left for row in queries.grants_of(customer_id=customer.pk)] == [Decimal(0)]


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ('UPDATE credits_creditgrant SET "left" = -1', "grant_is_never_overdrawn"),
        ('UPDATE credits_creditgrant SET "left" = amount + 1', "grant_is_never_overdrawn"),
        ('UPDATE credits_creditgrant SET amount = 0, "left" = 0', "grant_is_above_zero"),
        ("UPDATE credits_creditgrant SET expires_on = effective_on", "grant_expires_after_it_begins"),
        (
            "INSERT INTO credits_creditburn SELECT gen_random_uuid(), 'INV-2', 0, now(), id FROM credits_creditgrant",
            "burn_is_above_zero",
        ),
        (
            "INSERT INTO credits_creditburn SELECT gen_random_uuid(), 'INV-1', 1, now(), id FROM credits_creditgrant",
            "an_invoice_draws_once_from_a_grant",
        ),
        ("UPDATE credits_creditburn SET amount = 1", "append-only"),
        ("DELETE FROM credits_creditburn", "append-only"),
    ],
)
@pytest.mark.usefixtures("owner")
def test_the_database_refuses_it_too(statement: str, constraint: str) -> None:
    _grant("welcome", "10")
    with transaction.atomic():
        burn.burn(source_key="INV-1", used={"welcome": Decimal(2)}, on=AT.date(), at=AT, actor=ACTOR)

    with pytest.raises(DatabaseError, match=constraint), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def _grant(
    key: str, amount: str, *, effective_on: date = date(2026, 10, 1), expires_on: date | None = None
) -> CreditGrant:
    customer = Customer.objects.first() or make_customer()
    return grant.grant(
        key=key,
        name=key,
        customer_id=customer.pk,
        credit_unit_id=make_credit_unit().pk,
        amount=Decimal(amount),
        effective_on=effective_on,
        expires_on=expires_on,
        at=AT,
        actor=ACTOR,
    )
