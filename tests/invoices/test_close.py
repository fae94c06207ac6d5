"""Closing finished periods into drafts, once each."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.core.models import AuditEntry
from apps.invoices import close, draft, finalize, queries
from apps.invoices.models import Invoice, InvoiceLine, ParkedClose
from tests.builders import (
    make_contract,
    make_customer,
    make_legal_entity,
    make_meter,
    make_plan_version,
    usage_charge,
)
from tests.invoices.months import ACTOR, IN_NOVEMBER, unpriced, use

pytestmark = pytest.mark.django_db


def test_a_finished_month_is_drafted() -> None:
    """150 calls at 0.01 are 1.50; no tax. The draft waits 24 hours for review."""
    contract = make_contract()
    use(contract, "calls", "150")

    closed = close.close_contract(contract_id=contract.pk, at=IN_NOVEMBER, actor=ACTOR)

    (made,) = closed.drafts
    assert (made.status, made.number, made.total) == ("draft", None, Decimal("1.50"))
    assert (made.period_start_on, made.period_end_on) == (date(2026, 10, 1), date(2026, 11, 1))
    assert made.review_until_at == IN_NOVEMBER + timedelta(hours=24)
    assert closed.parked is None


def test_closing_again_makes_nothing_new() -> None:
    contract = make_contract()
    close.close_contract(contract_id=contract.pk, at=IN_NOVEMBER, actor=ACTOR)

    again = close.close_contract(contract_id=contract.pk, at=IN_NOVEMBER, actor=ACTOR)

    assert again.drafts == ()
    assert Invoice.objects.count() == 1


def test_a_period_is_not_closed_before_its_last_local_day_is_over() -> None:
    """October in New York ends at 04:00 UTC on 1 November, while clocks still show daylight time."""
    contract = make_contract(timezone="America/New_York")
    over_at = datetime(2026, 11, 1, 4, tzinfo=UTC)

    early = close.close_contract(contract_id=contract.pk, at=over_at - timedelta(seconds=1), actor=ACTOR)
    on_time = close.close_contract(contract_id=contract.pk, at=over_at, actor=ACTOR)

    assert (len(early.drafts), len(on_time.drafts)) == (0, 1)


def test_every_finished_period_is_drafted_oldest_first() -> None:
    contract = make_contract(starts_on=date(2026, 8, 1))

    closed = close.close_contract(contract_id=contract.pk, at=IN_NOVEMBER, actor=ACTOR)

    assert [made.period_start_on.month for made in closed.drafts] == [8, 9, 10]


def test_a_contract_that_ended_is_closed_to_its_last_day_and_then_left_alone() -> None:
    """1 to 14 October is 14 of 31 days, all that is billed; nothing is due afterwards."""
    contract = make_contract(ends_on=date(2026, 10, 15))

    closed = close.close_contract(contract_id=contract.pk, at=IN_NOVEMBER, actor=ACTOR)
    (made,) = closed.drafts
    finalize.finalize(invoice_id=made.pk, at=IN_NOVEMBER, actor=ACTOR)

    assert made.period_end_on == date(2026, 10, 15)
    later = close.close_contract(contract_id=contract.pk, at=IN_NOVEMBER + timedelta(days=90), actor=ACTOR)
    assert (later.drafts, later.parked) == ((), None)
    assert queries.due_to_close(at=IN_NOVEMBER + timedelta(days=90)) == []


def test_a_draft_is_refreshed_from_the_usage_of_now() -> None:
    """100 calls at 0.01 are 1.00; 50 more make it 1.50, and the review time does not begin again."""
    contract = make_contract()
    use(contract, "calls", "100")
    (made,) = close.close_contract(contract_id=contract.pk, at=IN_NOVEMBER, actor=ACTOR).drafts
    use(contract, "calls", "50", day=date(2026, 10, 31))

    refreshed = draft.refresh(invoice_id=made.pk, at=IN_NOVEMBER + timedelta(hours=3), actor=ACTOR)

    assert (made.total, refreshed.total) == (Decimal("1.00"), Decimal("1.50"))
    assert refreshed.review_until_at == made.review_until_at
    assert InvoiceLine.objects.get().amount == Decimal("1.50")


def test_tax_is_rounded_once_on_the_subtotal() -> None:
    """3 lines of 0.05 make 0.15; 19% of it are 0.0285, so 0.03, where line by line it would be 3 x 0.01 = 0.03 too.

    2 lines of 0.03 make 0.06 and 19% are 0.0114, so 0.01; line by line 0.0057 would twice round up to 0.02.
    """
    make_meter()
    make_meter("pages", unit="pages", event_type="page.read")
    version = make_plan_version([usage_charge(), usage_charge("pages")])
    contract = make_contract(make_customer(tax_rate=Decimal(19)), version)
    use(contract, "calls", "3")
    use(contract, "pages", "3")

    (made,) = close.close_contract(contract_id=contract.pk, at=IN_NOVEMBER, actor=ACTOR).drafts

    assert (made.subtotal, made.tax_amount, made.total) == (Decimal("0.06"), Decimal("0.01"), Decimal("0.07"))


def test_a_contract_that_cannot_be_priced_is_parked_with_the_reason_and_others_go_on() -> None:
    """The matrix prices model a alone; the totals were changed to model b by hand."""
    parked_one, contract = unpriced(), make_contract(make_customer("fine"))

    closed = close.close_contract(contract_id=parked_one.pk, at=IN_NOVEMBER, actor=ACTOR)
    fine = close.close_contract(contract_id=contract.pk, at=IN_NOVEMBER, actor=ACTOR)

    assert closed.drafts == ()
    assert closed.parked is not None
    assert (closed.parked.code, closed.parked.period_start_on) == ("no-price", date(2026, 10, 1))
    assert "model 'b'" in closed.parked.reason
    assert len(fine.drafts) == 1
    assert not Invoice.objects.filter(contract=parked_one).exists()


def test_a_parked_contract_is_tried_again_after_an_hour_and_counts_its_attempts() -> None:
    contract = unpriced()
    for minutes in (0, 30):
        at = IN_NOVEMBER + timedelta(minutes=minutes)
        close.close_contract(contract_id=contract.pk, at=at, actor=ACTOR)

    assert queries.due_to_close(at=IN_NOVEMBER + timedelta(minutes=89)) == []
    assert queries.due_to_close(at=IN_NOVEMBER + timedelta(minutes=90)) == [contract.pk]
    parked = ParkedClose.objects.get()
    assert (parked.attempts, parked.first_parked_at) == (2, IN_NOVEMBER)


def test_a_close_that_gets_through_takes_the_contract_out_of_parking() -> None:
    contract = make_contract()
    close.park(contract_id=contract.pk, problem=RuntimeError("the disk is full"), at=IN_NOVEMBER, actor=ACTOR)
    assert ParkedClose.objects.get().reason == "RuntimeError: the disk is full"

    closed = close.close_contract(contract_id=contract.pk, at=IN_NOVEMBER, actor=ACTOR)

    assert len(closed.drafts) == 1
    assert not ParkedClose.objects.exists()
    assert set(AuditEntry.objects.filter(subject_key=contract.number).values_list("action", flat=True)) >= {
        "invoices.park",
        "invoices.unpark",
        "invoices.draft",
    }


def test_a_crash_in_the_middle_of_a_draft_leaves_nothing_half_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The lines' insert dies after the invoice is written: neither stays, and the next close does it all."""
    contract = make_contract()
    with monkeypatch.context() as broken:
        broken.setattr(InvoiceLine.objects, "bulk_create", _dies)
        closed = close.close_contract(contract_id=contract.pk, at=IN_NOVEMBER, actor=ACTOR)

    assert closed.parked is not None
    assert closed.parked.code == "unexpected-error"
    assert not Invoice.objects.exists()
    assert len(close.close_contract(contract_id=contract.pk, at=IN_NOVEMBER, actor=ACTOR).drafts) == 1


def test_only_contracts_with_an_undrafted_finished_period_are_due() -> None:
    drafted, waiting = make_contract(make_customer("drafted")), make_contract(make_customer("waiting"))
    make_contract(make_customer("new"), starts_on=date(2026, 11, 1))
    close.close_contract(contract_id=drafted.pk, at=IN_NOVEMBER, actor=ACTOR)

    assert queries.due_to_close(at=IN_NOVEMBER) == [waiting.pk]


def test_the_review_window_is_the_legal_entity_s() -> None:
    make_legal_entity(review_hours=48)
    contract = make_contract()

    (made,) = close.close_contract(contract_id=contract.pk, at=IN_NOVEMBER, actor=ACTOR).drafts

    assert made.review_until_at == IN_NOVEMBER + timedelta(hours=48)
    assert queries.due_to_finalize(at=IN_NOVEMBER + timedelta(hours=47)) == []
    assert queries.due_to_finalize(at=IN_NOVEMBER + timedelta(hours=48)) == [made.pk]


def test_a_draft_takes_a_bounded_number_of_queries() -> None:
    """However many lines and days: the plan's prices are kept by the process."""
    contract = make_contract()
    other = make_contract(make_customer("other"), contract.plan_version)
    for day in range(1, 32):
        use(other, "calls", "5", day=date(2026, 10, day))
    draft.draft_next(contract_id=contract.pk, at=IN_NOVEMBER, actor=ACTOR)

    with CaptureQueriesContext(connection) as asked:
        draft.draft_next(contract_id=other.pk, at=IN_NOVEMBER, actor=ACTOR)

    statements = [query["sql"] for query in asked if "SAVEPOINT" not in query["sql"]]
    assert len(statements) <= 8, statements


def _dies(*_: object) -> None:
    raise RuntimeError("the worker was killed")
