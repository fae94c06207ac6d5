"""Finalizing drafts: numbered without gaps, fixed for ever, all or nothing."""

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.contracts.errors import BilledOutOfOrder
from apps.core import outbox
from apps.core.models import AuditEntry, OutboxMessage
from apps.customers import enroll
from apps.invoices import close, draft, finalize, numbering, queries, snapshot
from apps.invoices.compose import Wanted, compose
from apps.invoices.errors import AlreadyFinalized, PrefixTaken
from apps.invoices.models import Invoice, NumberSeries, ParkedClose
from apps.invoices.pool import Family
from apps.invoices.verify.sealed import broken_chains
from tests.builders import make_contract, make_customer, make_legal_entity
from tests.invoices.months import ACTOR, IN_NOVEMBER, drafted, finalized_by_run, invoiced, use

pytestmark = pytest.mark.django_db


def test_a_finalized_invoice_is_numbered_dated_and_closes_its_days() -> None:
    contract = make_contract(payment_days=14)
    use(contract, "calls", "150")

    invoice = invoiced(contract)

    assert (invoice.status, invoice.number, invoice.total) == (
        "finalized",
        "INV-2026-000001",
        Decimal("1.50"),
    )
    assert (invoice.issued_on, invoice.due_on) == (date(2026, 11, 2), date(2026, 11, 16))
    contract.refresh_from_db()
    assert contract.billed_until_on == date(2026, 11, 1)
    assert OutboxMessage.objects.get(task="invoices.render_pdf").arguments == {"invoice_id": str(invoice.pk)}
    assert AuditEntry.objects.get(action="invoices.finalize").subject_key == invoice.number


def test_an_invoice_is_dated_by_the_contract_s_own_calendar() -> None:
    """23:30 UTC on 31 December is New Year's Day in Berlin: the number belongs to 2027."""
    contract = make_contract(timezone="Europe/Berlin")
    at = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)
    close.close_contract(contract_id=contract.pk, at=at, actor=ACTOR)
    first = Invoice.objects.earliest("period_start_on")

    invoice = finalize.finalize(invoice_id=first.pk, at=at, actor=ACTOR)

    assert (invoice.issued_on, invoice.number) == (date(2027, 1, 1), "INV-2027-000001")


def test_finalizing_rates_the_usage_that_came_in_since_the_draft() -> None:
    contract = make_contract()
    use(contract, "calls", "100")
    made = drafted(contract)
    use(contract, "calls", "50", day=date(2026, 10, 31))

    invoice = finalize.finalize(invoice_id=made.pk, at=IN_NOVEMBER, actor=ACTOR)

    assert invoice.total == Decimal("1.50")
    assert AuditEntry.objects.get(action="invoices.finalize").before == {"total": "1.0000"}


def test_numbers_run_without_gaps_and_an_attempt_that_fails_uses_none_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = (drafted(make_contract(make_customer(key))) for key in ("first", "second"))
    with monkeypatch.context() as broken:
        broken.setattr(outbox, "enqueue_many", _dies)
        with pytest.raises(RuntimeError):
            finalize.finalize(invoice_id=first.pk, at=IN_NOVEMBER, actor=ACTOR)
    first.refresh_from_db()
    assert (first.status, first.contract.billed_until_on) == ("draft", None)
    assert not NumberSeries.objects.exists()

    numbers = [
        finalize.finalize(invoice_id=made.pk, at=IN_NOVEMBER, actor=ACTOR).number for made in (second, first)
    ]

    assert numbers == ["INV-2026-000001", "INV-2026-000002"]


def test_each_legal_entity_has_a_series_of_its_own() -> None:
    german = make_legal_entity("german", name="Seller GmbH", invoice_prefix="RE")
    american = make_legal_entity("american")

    numbers = [
        invoiced(make_contract(make_customer(f"customer-of-{entity.key}", legal_entity=entity))).number
        for entity in (german, american)
    ]

    assert numbers == ["RE-2026-000001", "INV-2026-000001"]


def test_two_legal_entities_cannot_share_a_prefix_in_one_year() -> None:
    one, other = make_legal_entity("one", name="One Inc."), make_legal_entity("other", name="Other Inc.")
    invoiced(make_contract(make_customer("first", legal_entity=one)))
    made = drafted(make_contract(make_customer("second", legal_entity=other)))

    with pytest.raises(PrefixTaken, match=re.escape("Other Inc.")):
        finalize.finalize(invoice_id=made.pk, at=IN_NOVEMBER, actor=ACTOR)

    assert NumberSeries.objects.get().next_number == 2


def test_a_number_is_taken_only_inside_an_action() -> None:
    with pytest.raises(RuntimeError, match="action"):
        numbering.locked_series(legal_entity=make_legal_entity(), prefix="INV", year=2026)


def test_an_invoice_is_finalized_once() -> None:
    invoice = invoiced(make_contract())

    with pytest.raises(AlreadyFinalized, match="INV-2026-000001"):
        finalize.finalize(invoice_id=invoice.pk, at=IN_NOVEMBER, actor=ACTOR)
    with pytest.raises(AlreadyFinalized):
        draft.refresh(invoice_id=invoice.pk, at=IN_NOVEMBER, actor=ACTOR)

    assert NumberSeries.objects.get().next_number == 2


def test_periods_are_finalized_in_their_order() -> None:
    contract = make_contract(starts_on=date(2026, 9, 1))
    october = drafted(contract)
    september = Invoice.objects.get(period_start_on=date(2026, 9, 1))
    assert queries.due_to_finalize(at=IN_NOVEMBER + timedelta(days=2)) == [september.pk]

    with pytest.raises(BilledOutOfOrder, match="2026-09-01"):
        finalize.finalize(invoice_id=october.pk, at=IN_NOVEMBER, actor=ACTOR)
    finalized_by_run(october, september)

    in_order = Invoice.objects.order_by("number").values_list("pk", flat=True)
    assert list(in_order) == [september.pk, october.pk]


def test_a_refusal_of_one_draft_stops_no_other() -> None:
    done_before = invoiced(make_contract(make_customer("before")))
    waiting = drafted(make_contract(make_customer("waiting")))

    finalized_by_run(done_before, waiting)

    waiting.refresh_from_db()
    assert waiting.number == "INV-2026-000002"
    assert not ParkedClose.objects.exists()


def test_a_draft_that_the_schedule_cannot_finalize_is_parked_and_later_goes_through() -> None:
    one, other = make_legal_entity("one"), make_legal_entity("other")
    invoiced(make_contract(make_customer("first", legal_entity=one)))
    made = drafted(make_contract(make_customer("second", legal_entity=other)))

    finalized_by_run(made)

    assert ParkedClose.objects.get().code == "invoice-prefix-taken"
    other.invoice_prefix = "OTH"
    other.save(update_fields=["invoice_prefix"])
    finalized_by_run(made)
    made.refresh_from_db()
    assert made.number
    assert not ParkedClose.objects.exists()


def test_the_snapshot_keeps_names_as_they_were_and_the_hash_proves_it() -> None:
    customer = make_customer(billing_email="ap@acme.example", language="de")
    contract = make_contract(customer, purchase_order="PO 7")
    use(contract, "calls", "150")
    invoice = invoiced(contract)

    enroll.change(customer_id=customer.pk, fields={"name": "Renamed AG"}, at=IN_NOVEMBER, actor=ACTOR)

    stored = Invoice.objects.get(pk=invoice.pk)
    assert stored.snapshot["customer"]["name"] == "Acme"
    assert stored.snapshot["contract"]["purchase_order"] == "PO 7"
    assert stored.snapshot["usage"] == [
        {"meter": "calls", "dimensions": {}, "quantity": "150", "events": 150}
    ]
    assert stored.snapshot["days"][0]["quantities"] == {"2026-10-05": "150"}
    assert snapshot.hash_of(stored, list(stored.lines.all()), list(stored.taxes.all())) == bytes(
        stored.snapshot_hash or b""
    )
    stored.total += 1
    assert snapshot.hash_of(stored, list(stored.lines.all()), list(stored.taxes.all())) != bytes(
        stored.snapshot_hash or b""
    )


def test_finalizing_takes_a_bounded_number_of_queries() -> None:
    contract = make_contract()
    invoiced(make_contract(make_customer("other"), contract.plan_version))
    for day in range(1, 32):
        use(contract, "calls", "5", day=date(2026, 10, day))
    made = drafted(contract)

    with CaptureQueriesContext(connection) as asked:
        finalize.finalize(invoice_id=made.pk, at=IN_NOVEMBER, actor=ACTOR)

    statements = [query["sql"] for query in asked if "SAVEPOINT" not in query["sql"]]
    assert len(statements) <= 26, statements


def test_a_step_refuses_to_work_outside_an_action() -> None:
    contract = make_contract()
    with pytest.raises(RuntimeError, match="action"):
        compose([Wanted(Family(contract), date(2026, 10, 1))], at=IN_NOVEMBER)


def _dies(**_: object) -> None:
    raise RuntimeError("the worker was killed")


def test_the_chain_goes_on_when_the_last_invoice_of_a_year_comes_after_the_first_of_the_next() -> None:
    """On December 31 at 16:00 UTC it is January in Tokyo: 2027's first number is taken before 2026's last."""
    new_year = datetime(2026, 12, 31, 16, tzinfo=UTC)
    invoiced(make_contract(make_customer("before")))
    in_tokyo = make_contract(make_customer("tokyo"), timezone="Asia/Tokyo", starts_on=date(2026, 12, 1))
    in_utc = make_contract(make_customer("utc"), starts_on=date(2026, 11, 1))

    first = invoiced(in_tokyo, at=new_year)
    last = invoiced(in_utc, at=new_year)

    assert [first.number, last.number] == ["INV-2027-000001", "INV-2026-000002"]
    assert broken_chains() == []
