"""Four eyes: above the legal entity's amount two people approve the total that is finalized, by whichever way."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import connection

from apps.invoices import approve, draft, finalize, hold, manual_lines, queries, to_decide
from apps.invoices.errors import ApprovalMissing, DraftChanged, Held, OwnEdit, TotalChanged
from apps.invoices.manual_lines import NewLine
from apps.invoices.models import Approval, Invoice, ParkedClose
from apps.invoices.to_decide import Filter
from apps.usage.correct import correct
from apps.usage.models import Event
from tests.builders import (
    fee_charge,
    make_contract,
    make_customer,
    make_legal_entity,
    make_meter,
    make_plan_version,
    usage_charge,
)
from tests.invoices.months import IN_NOVEMBER, drafted, finalized_by_run, use

pytestmark = pytest.mark.django_db

ANNA, BEN, CARA = "anna@seller.example", "ben@seller.example", "cara@seller.example"


def make_draft(*, above: str | None = "100") -> Invoice:
    """A draft of 150.00, of a legal entity that wants two approvals above 100.00."""
    entity = make_legal_entity(approval_above=None if above is None else Decimal(above))
    make_meter()
    contract = make_contract(
        make_customer("acme", legal_entity=entity),
        make_plan_version([fee_charge("150"), usage_charge(unit_amount="1")]),
    )
    return drafted(contract)


def approved(made: Invoice, *people: str) -> None:
    for person in people:
        approve.approve(invoice_id=made.pk, at=IN_NOVEMBER, actor=person)


def finalized(made: Invoice) -> Invoice:
    return finalize.finalize(invoice_id=made.pk, at=IN_NOVEMBER, actor=ANNA)


def missing(made: Invoice) -> int:
    return approve.missing(Invoice.objects.select_related("legal_entity").get(pk=made.pk))


def test_two_people_let_a_draft_above_the_amount_through() -> None:
    made = make_draft()

    with pytest.raises(ApprovalMissing, match=r"comes to \$150\.00, above \$100\.00: 2 people"):
        finalized(made)
    approved(made, ANNA)
    with pytest.raises(ApprovalMissing, match="one more person"):
        finalized(made)
    approved(made, BEN)

    assert finalized(made).number == "INV-2026-000001"


def test_below_the_amount_and_where_there_is_none_nobody_is_asked() -> None:
    at_the_amount = make_draft(above="150")

    assert missing(at_the_amount) == 0
    assert finalized(at_the_amount).number


def test_one_person_counts_once() -> None:
    made = make_draft()

    approved(made, ANNA, ANNA)

    assert Approval.objects.count() == 1
    assert missing(made) == 1


def test_who_changed_the_lines_last_does_not_approve() -> None:
    made = make_draft()
    approved(made, ANNA)
    new = NewLine(name="Setup", amount=Decimal(10), reason="Agreed by mail")

    manual_lines.add(invoice_id=made.pk, new=new, at=IN_NOVEMBER, actor=BEN)

    with pytest.raises(OwnEdit, match="two other people"):
        approved(made, BEN)
    approved(made, ANNA, CARA)
    assert missing(made) == 0


def test_approvals_lapse_when_lines_change_though_the_total_is_the_same() -> None:
    """Cara adds 100.00 and takes 100.00 off: 150.00 again, but not the draft that Anna and Ben approved."""
    made = make_draft()
    later = made.review_until_at + timedelta(minutes=1)
    approved(made, ANNA, BEN)
    assert queries.due_to_finalize(at=later) == [made.pk]

    for amount in ("100", "-100"):
        new = NewLine(name="Setup", amount=Decimal(amount), reason="Agreed by mail")
        manual_lines.add(invoice_id=made.pk, new=new, at=IN_NOVEMBER, actor=CARA)

    assert Invoice.objects.get(pk=made.pk).total == 150
    assert missing(made) == 2
    assert queries.due_to_finalize(at=later) == []
    assert [row.approvals for row in to_decide.page(Filter())[0]] == [0]
    with pytest.raises(ApprovalMissing):
        finalized(made)
    approved(made, ANNA, BEN)
    assert finalized(made).total == 150


def test_approvals_lapse_when_a_line_is_taken_off_again() -> None:
    made = make_draft()
    approved(made, ANNA, BEN)
    new = NewLine(name="Setup", amount=Decimal(10), reason="Agreed by mail")

    line = manual_lines.add(invoice_id=made.pk, new=new, at=IN_NOVEMBER, actor=BEN)
    manual_lines.remove(invoice_id=made.pk, line_id=line.pk, at=IN_NOVEMBER, actor=BEN)

    assert missing(made) == 2
    approved(made, ANNA)
    assert missing(made) == 1


def test_approvals_lapse_when_the_total_goes_and_comes_back() -> None:
    """5 late calls are rated, then voided: 155.00 between."""
    made = make_draft()
    approved(made, ANNA, BEN)
    use(made.contract, "calls", "5", day=date(2026, 10, 30))
    assert draft.refresh(invoice_id=made.pk, at=IN_NOVEMBER, actor=CARA).total == 155
    keys = list(Event.objects.values_list("key", flat=True))
    correct(customer_key="acme", keys=keys, reason="Test calls", at=IN_NOVEMBER, actor=CARA)

    assert draft.refresh(invoice_id=made.pk, at=IN_NOVEMBER, actor=CARA).total == 150

    assert missing(made) == 2


def test_approvals_lapse_when_the_draft_is_held_and_count_when_given_since() -> None:
    made = make_draft()
    approved(made, ANNA, BEN)
    hold.hold(invoice_id=made.pk, reason="The customer disputes the seats", at=IN_NOVEMBER, actor=CARA)
    approved(made, ANNA)

    hold.release(invoice_id=made.pk, at=IN_NOVEMBER, actor=CARA)

    assert missing(made) == 1


def test_a_draft_that_was_changed_since_somebody_looked_is_not_approved() -> None:
    made = make_draft()
    hold.hold(invoice_id=made.pk, reason="The customer disputes the seats", at=IN_NOVEMBER, actor=CARA)

    with pytest.raises(DraftChanged, match="since you looked"):
        approve.approve(invoice_id=made.pk, at=IN_NOVEMBER, actor=ANNA, seen=made.total, edition=made.edition)

    assert not Approval.objects.exists()


def test_approvals_lapse_when_the_draft_is_rated_at_something_else() -> None:
    """Late usage of 5 calls comes in after both approved 150.00: 155.00 is not what they saw."""
    made = make_draft()
    approved(made, ANNA, BEN)
    use(made.contract, "calls", "5", day=date(2026, 10, 30))

    with pytest.raises(ApprovalMissing, match=r"comes to \$155\.00"):
        finalized(made)
    finalized_by_run(made)

    made.refresh_from_db()
    assert (made.number, made.total) == (None, Decimal(155))
    assert missing(made) == 2


def test_what_was_looked_at_is_what_is_approved() -> None:
    made = make_draft()

    with pytest.raises(TotalChanged, match=r"was \$149\.00 when you looked, and is \$150\.00"):
        approve.approve(invoice_id=made.pk, at=IN_NOVEMBER, actor=ANNA, seen=Decimal(149))

    assert not Approval.objects.exists()


def test_the_end_of_the_review_time_does_not_get_around_it() -> None:
    made = make_draft()
    later = made.review_until_at + timedelta(minutes=1)

    assert queries.due_to_finalize(at=later) == []
    finalized_by_run(made, at=later)
    made.refresh_from_db()
    assert made.number is None
    assert not ParkedClose.objects.exists()

    approved(made, ANNA, BEN)
    assert queries.due_to_finalize(at=later) == [made.pk]


def test_a_held_draft_waits_until_it_is_released() -> None:
    made = make_draft(above=None)
    later = made.review_until_at + timedelta(minutes=1)
    hold.hold(invoice_id=made.pk, reason="The customer disputes the seats", at=IN_NOVEMBER, actor=ANNA)

    assert queries.due_to_finalize(at=later) == []
    with pytest.raises(Held, match="disputes the seats"):
        finalized(made)
    assert hold.release(invoice_id=made.pk, at=IN_NOVEMBER, actor=ANNA)
    assert queries.due_to_finalize(at=later) == [made.pk]
    assert finalized(made).number


def test_many_drafts_are_asked_about_in_one_query(django_assert_num_queries: object) -> None:
    make_draft()
    invoices = list(Invoice.objects.select_related("legal_entity"))

    with django_assert_num_queries(1):  # type: ignore[operator]
        assert list(approve.missing_approvals(invoices).values()) == [2]


@pytest.mark.django_db(transaction=True)
def test_two_people_who_approve_at_once_both_count() -> None:
    made = make_draft()

    def one(person: str) -> None:
        try:
            approved(made, person)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(one, [ANNA, BEN, ANNA, BEN]))

    assert Approval.objects.count() == 2
    assert missing(made) == 0
