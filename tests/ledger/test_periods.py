"""Months are closed in their order, and a locked one stays as it is."""

from datetime import UTC, date, datetime

import pytest
from django.db import IntegrityError, connection

from apps.core.models import AuditEntry
from apps.customers.models import LegalEntity
from apps.ledger import periods
from apps.ledger.errors import MonthNotClosable, ReasonMissing
from apps.ledger.models import AccountingPeriod
from tests.builders import ACTOR, make_customer
from tests.ledger.test_post import posted, sale

pytestmark = pytest.mark.django_db(transaction=True)
AT = datetime(2026, 12, 1, tzinfo=UTC)
SEPTEMBER, OCTOBER, NOVEMBER = date(2026, 9, 1), date(2026, 10, 1), date(2026, 11, 1)


def seller() -> LegalEntity:
    return LegalEntity.objects.first() or make_customer().legal_entity


def soft_close(month: date, at: datetime = AT) -> AccountingPeriod:
    return periods.soft_close(legal_entity_id=seller().pk, month=month, at=at, actor=ACTOR)


def lock(month: date) -> AccountingPeriod:
    return periods.lock(legal_entity_id=seller().pk, month=month, at=AT, actor=ACTOR)


def reopen(month: date, reason: str = "A bill was forgotten") -> AccountingPeriod:
    return periods.reopen(legal_entity_id=seller().pk, month=month, reason=reason, at=AT, actor=ACTOR)


def test_a_month_is_closed_opened_and_closed_again_and_the_trail_tells_why() -> None:
    assert soft_close(OCTOBER).status == "soft_closed"
    assert reopen(OCTOBER).status == "open"
    soft_close(OCTOBER)
    assert lock(OCTOBER).status == "locked"

    trail = AuditEntry.objects.filter(subject_type="accounting period").order_by("id")
    assert [(one.action, one.subject_key, one.reason) for one in trail] == [
        ("ledger.soft_close", "seller 2026-10", ""),
        ("ledger.reopen", "seller 2026-10", "A bill was forgotten"),
        ("ledger.soft_close", "seller 2026-10", ""),
        ("ledger.lock", "seller 2026-10", ""),
    ]


def test_a_month_is_not_closed_before_it_is_over() -> None:
    with pytest.raises(MonthNotClosable, match=r"is not over\. Close it from 2026-12-01 on"):
        soft_close(NOVEMBER, at=datetime(2026, 11, 30, 23, tzinfo=UTC))

    assert soft_close(NOVEMBER).status == "soft_closed"


def test_a_month_is_locked_after_all_before_it() -> None:
    posted(sale(make_customer(), on=SEPTEMBER))
    soft_close(NOVEMBER)

    with pytest.raises(MonthNotClosable, match="Lock September 2026 first"):
        lock(NOVEMBER)
    for month in (SEPTEMBER, OCTOBER):
        soft_close(month)
        lock(month)

    assert lock(NOVEMBER).status == "locked"


def test_a_month_is_looked_at_before_it_is_locked() -> None:
    with pytest.raises(MonthNotClosable, match="Soft-close it first"):
        lock(OCTOBER)


def test_a_locked_month_is_locked_for_good() -> None:
    soft_close(OCTOBER)
    lock(OCTOBER)

    with pytest.raises(MonthNotClosable, match="locked for good"):
        reopen(OCTOBER)
    for statement in (
        "UPDATE ledger_accountingperiod SET status = 'open'",
        "DELETE FROM ledger_accountingperiod",
    ):
        with (
            pytest.raises(IntegrityError, match="locked for good"),
            connection.cursor() as sql,
        ):
            sql.execute(statement)

    assert AccountingPeriod.objects.get().status == "locked"


def test_a_month_is_opened_with_a_reason() -> None:
    soft_close(OCTOBER)

    with pytest.raises(ReasonMissing, match="October 2026 is opened again"):
        reopen(OCTOBER, " ")

    assert AccountingPeriod.objects.get().status == "soft_closed"


def test_what_lies_before_a_locked_month_is_locked_with_it() -> None:
    """September had no entry when October was locked: what is dated in it is posted in November."""
    soft_close(OCTOBER)
    lock(OCTOBER)

    (entry,) = posted(sale(make_customer("late"), on=date(2026, 9, 17)))

    assert (entry.document_on, entry.posted_on) == (date(2026, 9, 17), NOVEMBER)


def test_a_far_day_is_posted_after_the_locked_months_without_rows_for_those_before() -> None:
    soft_close(OCTOBER)
    lock(OCTOBER)

    (entry,) = posted(sale(make_customer("old"), on=date(1970, 1, 1)))

    assert entry.posted_on == NOVEMBER
    months = AccountingPeriod.objects.order_by("starts_on").values_list("starts_on", flat=True)
    assert list(months) == [OCTOBER, NOVEMBER]
