"""Entries by hand, and taking them back."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from apps.core.models import AuditEntry
from apps.customers.models import Customer
from apps.ledger import manual, periods
from apps.ledger.errors import (
    MonthClosed,
    NotAnEntry,
    NothingToPost,
    NotReversible,
    OutOfBalance,
    ReasonMissing,
)
from apps.ledger.models import Account, Entry
from apps.ledger.post import NewPosting, credit, debit
from tests.builders import ACTOR, make_customer

pytestmark = pytest.mark.django_db(transaction=True)
AT = datetime(2026, 12, 1, tzinfo=UTC)
OCTOBER_9 = date(2026, 10, 9)
ROLE = Account.Role
FEE = (debit(ROLE.WRITE_OFFS, "USD", Decimal(7)), credit(ROLE.CASH, "USD", Decimal(7)))


def enter(
    *postings: NewPosting, on: date = OCTOBER_9, reason: str = "Bank fee", into_soft_closed: bool = False
) -> Entry:
    customer = Customer.objects.first() or make_customer()
    return manual.enter(
        legal_entity_id=customer.legal_entity_id,
        customer_id=customer.pk,
        on=on,
        postings=postings,
        description="Fee of the bank",
        reason=reason,
        into_soft_closed=into_soft_closed,
        at=AT,
        actor=ACTOR,
    )


def reverse(entry: Entry, on: date = OCTOBER_9, reason: str = "Booked twice") -> Entry:
    return manual.reverse(entry_id=entry.pk, on=on, reason=reason, at=AT, actor=ACTOR)


def amounts(entry: Entry) -> dict[str, Decimal]:
    return {one.account.role: one.amount for one in entry.postings.select_related("account")}


def test_staff_enter_what_no_document_says_with_the_reason() -> None:
    entry = enter(*FEE)

    assert amounts(entry) == {"write_offs": Decimal(7), "cash": Decimal(-7)}
    assert (entry.kind, entry.posted_on, entry.reason) == ("manual", OCTOBER_9, "Bank fee")
    trail = AuditEntry.objects.get(action="ledger.enter")
    assert (trail.subject_key, trail.reason) == (str(entry.pk), "Bank fee")


def test_what_is_wrong_is_refused_and_nothing_is_posted() -> None:
    with pytest.raises(ReasonMissing):
        enter(*FEE, reason="")
    with pytest.raises(OutOfBalance):
        enter(FEE[0])
    with pytest.raises(NothingToPost):
        enter()
    with pytest.raises(NotAnEntry, match="another account"):
        enter(debit(ROLE.CASH, "USD", Decimal(7)), credit(ROLE.CASH, "USD", Decimal(7)))
    with pytest.raises(NotAnEntry, match="at most 0 decimals"):
        enter(debit(ROLE.CASH, "JPY", Decimal("0.5")), credit(ROLE.WRITE_OFFS, "JPY", Decimal("0.5")))
    with pytest.raises(NotAnEntry, match="ISO 4217"):
        enter(debit(ROLE.CASH, "QQQ", Decimal(7)), credit(ROLE.WRITE_OFFS, "QQQ", Decimal(7)))

    assert not Entry.objects.exists()


def test_a_soft_closed_month_takes_entries_of_staff_who_say_so() -> None:
    entity = make_customer().legal_entity
    periods.soft_close(legal_entity_id=entity.pk, month=OCTOBER_9, at=AT, actor=ACTOR)

    with pytest.raises(MonthClosed, match=r"soft-closed for October 2026\..*or say that it is to go into"):
        enter(*FEE)
    assert enter(*FEE, into_soft_closed=True).posted_on == OCTOBER_9
    periods.lock(legal_entity_id=entity.pk, month=OCTOBER_9, at=AT, actor=ACTOR)
    with pytest.raises(MonthClosed, match=r"locked for October 2026\. Post on a day of an open month\.$"):
        enter(*FEE, into_soft_closed=True)


def test_a_reversal_is_an_entry_of_its_own() -> None:
    entry = enter(*FEE)

    back = reverse(entry)

    assert amounts(back) == {"write_offs": Decimal(-7), "cash": Decimal(7)}
    assert (back.kind, back.reverses_id, back.reason) == ("reversal", entry.pk, "Booked twice")


def test_an_entry_is_reversed_once_on_its_day_or_later() -> None:
    entry = enter(*FEE)
    with pytest.raises(NotReversible, match="Reverse it on that day or later"):
        reverse(entry, on=date(2026, 10, 8))
    with pytest.raises(ReasonMissing):
        reverse(entry, reason="")
    reverse(entry)

    with pytest.raises(NotReversible, match="is reversed already"):
        reverse(entry)
    assert Entry.objects.count() == 2


def test_only_what_was_entered_by_hand_is_reversed_by_hand() -> None:
    reversal = reverse(enter(*FEE))

    with pytest.raises(NotReversible, match="Correct the document"):
        reverse(reversal)
