"""Which usage is on an invoice is told exactly, whatever the clocks of those who send and of those who finalize say."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from threading import Barrier

import pytest
from django.db import IntegrityError, connection, transaction

from apps.contracts.models import Contract
from apps.invoices import finalize, reissue, threshold
from apps.invoices.evidence.proof import proof_of
from apps.invoices.evidence.usage_rows import usage_rows
from apps.invoices.models import Invoice
from apps.invoices.placed import Placed, placement
from apps.invoices.verify.run import verify_all
from apps.usage import correct, ingest
from apps.usage.models import LateDay
from apps.usage.one_event import one_event
from tests.builders import (
    make_contract,
    make_credit_note,
    make_meter,
    make_plan_version,
    usage_charge,
)
from tests.invoices.months import ACTOR, IN_NOVEMBER, drafted, invoiced, use
from tests.invoices.test_evidence import check
from tests.invoices.test_pool import group

pytestmark = pytest.mark.django_db
MOMENT, MICROSECOND = timedelta(seconds=5), timedelta(microseconds=1)
ON_20TH = datetime(2026, 10, 20, 9, tzinfo=UTC)


def agreed(*, bill_above: Decimal | None = None) -> Contract:
    """150 calls of October at 0.10."""
    make_meter()
    version = make_plan_version([usage_charge(unit_amount="0.10")])
    contract = make_contract(plan_version=version, bill_above=bill_above)
    use(contract, "calls", "150")
    return contract


def send(*keys: str, at: datetime, customer: str = "acme") -> None:
    """Let one call of 6 October come in for each of the ids, as the clock of its machine says."""
    events = [
        {"id": key, "customer": customer, "type": "api.call", "time": "2026-10-06T12:00:00Z"} for key in keys
    ]
    assert ingest.ingest(events=events, at=at, actor=ACTOR).counted == len(keys)


def void(*keys: str, at: datetime, instead: str = "") -> None:
    event = {"id": instead, "customer": "acme", "type": "api.call", "time": "2026-10-07T12:00:00Z"}
    correct.correct(
        customer_key="acme",
        keys=keys,
        reason="Test",
        replacements=[event] if instead else [],
        at=at,
        actor=ACTOR,
    )


def told(invoice: Invoice, key: str) -> str:
    """Return what the usage behind an invoice says of one event."""
    return next(row.status for row in usage_rows(Invoice.objects.get(pk=invoice.pk)) if row.event == key)


def all_hold(folder: Path) -> bool:
    """Prove all invoices as the seller does, and as their customers do."""
    for one in verify_all():
        assert one.is_proven, one
    for invoice in Invoice.objects.filter(status="finalized"):
        code, said = check(proof_of(invoice), folder, invoice)
        assert code == 0, said
    return True


def test_what_is_received_later_than_the_finalize_began_is_on_it_once_it_is_counted(tmp_path: Path) -> None:
    """The finalize reads its clock, and waits for an event that is received 5 seconds later."""
    contract = agreed()
    send("first", at=IN_NOVEMBER + MOMENT)

    invoice = invoiced(contract, at=IN_NOVEMBER)

    assert invoice.finalized_at == IN_NOVEMBER
    assert invoice.counted_until_at == IN_NOVEMBER + MOMENT
    assert invoice.lines.get().quantity == 151
    assert told(invoice, "first") == "counted"
    assert all_hold(tmp_path)


def test_what_is_counted_after_the_finalize_is_late_though_its_sender_asked_before(tmp_path: Path) -> None:
    contract = agreed()
    invoice = invoiced(contract, at=IN_NOVEMBER)

    send("first", at=IN_NOVEMBER - MOMENT)

    assert invoice.lines.get().quantity == 150
    assert told(invoice, "first") == "late"
    assert LateDay.objects.get().changed_at == IN_NOVEMBER + MICROSECOND
    assert all_hold(tmp_path)
    assert [line.name for line in _lines_of("first")] == []
    december = invoiced(contract, at=IN_NOVEMBER + timedelta(days=30))
    assert [line.invoice_id for line in _lines_of("first")] == [december.pk]
    assert all_hold(tmp_path)


def test_what_is_voided_before_an_invoice_counts_is_not_on_it(tmp_path: Path) -> None:
    """Also where nothing else of its day is left that could tell of it."""
    contract = agreed()
    send("first", at=IN_NOVEMBER - MOMENT)
    void("first", at=IN_NOVEMBER + MOMENT)

    invoice = invoiced(contract, at=IN_NOVEMBER)

    assert invoice.lines.get().quantity == 150
    assert told(invoice, "first") == "voided"
    assert all_hold(tmp_path)


def test_what_is_voided_after_an_invoice_counted_is_on_it_and_what_replaces_it_is_late(
    tmp_path: Path,
) -> None:
    contract = agreed()
    send("first", at=IN_NOVEMBER - MOMENT)
    invoice = invoiced(contract, at=IN_NOVEMBER)

    void("first", at=IN_NOVEMBER - MOMENT, instead="second")

    assert invoice.lines.get().quantity == 151
    assert (told(invoice, "first"), told(invoice, "second")) == ("counted", "late")
    assert all_hold(tmp_path)


def test_usage_under_any_name_of_the_customer_and_of_its_accounts_is_known(tmp_path: Path) -> None:
    """The child's calls come under its contract's number; the parent's invoice is priced from both."""
    parent, child = group(usage="pooled", billing="own")
    use(parent, "calls", "90")
    use(child, "calls", "60")
    send("first", at=IN_NOVEMBER + MOMENT, customer=child.number)

    of_parent = invoiced(parent, at=IN_NOVEMBER)
    send("second", at=IN_NOVEMBER, customer="labs")
    of_child = invoiced(child, at=IN_NOVEMBER)

    assert of_parent.counted_until_at == IN_NOVEMBER + MOMENT
    assert of_child.counted_until_at == IN_NOVEMBER + MOMENT + MICROSECOND
    assert (told(of_parent, "first"), told(of_parent, "second")) == ("counted", "late")
    assert (told(of_child, "first"), told(of_child, "second")) == ("counted", "counted")
    assert all_hold(tmp_path)


def test_each_invoice_of_a_running_period_knows_what_was_counted_for_it(tmp_path: Path) -> None:
    """Clocks go 5 seconds wrong each way between the bills so far and the usage between them."""
    contract = agreed(bill_above=Decimal(1))
    send("before", at=ON_20TH + MOMENT)
    first = _billed_so_far(contract, ON_20TH)
    send(*(f"between-{n}" for n in range(20)), at=ON_20TH - MOMENT)
    second = _billed_so_far(contract, ON_20TH - MOMENT)
    send("after", at=ON_20TH - MOMENT)

    assert first
    assert second
    assert [one.lines.get(kind="usage").quantity for one in (first, second)] == [151, 171]
    assert (told(first, "before"), told(first, "between-7")) == ("counted", "late")
    assert (told(second, "between-7"), told(second, "after")) == ("counted", "late")
    assert told(invoiced(contract), "after") == "counted"
    assert all_hold(tmp_path)


@pytest.mark.django_db(transaction=True)
def test_a_running_period_is_billed_under_traffic_of_senders_whose_clocks_differ(tmp_path: Path) -> None:
    """6 senders, each with a clock of its own, send 8 x 5 calls while what there is is billed over and over."""
    contract = agreed(bill_above=Decimal(1))
    together = Barrier(7)

    def work(place: int) -> None:
        try:
            together.wait()
            for turn in range(8):
                if place == 6:
                    _billed_so_far(contract, ON_20TH)
                else:
                    skew = timedelta(seconds=place * 7 - 17)
                    send(*(f"{place}-{turn}-{n}" for n in range(5)), at=ON_20TH + skew)
        finally:
            connection.close()

    with ThreadPoolExecutor(7) as pool:
        list(pool.map(work, range(7)))
    invoiced(contract)

    bills = Invoice.objects.order_by("number")
    assert len({one.counted_until_at for one in bills}) == len(bills)
    assert [_counted(one) for one in bills] == [one.lines.get(kind="usage").quantity for one in bills]
    assert all_hold(tmp_path)


def test_what_is_issued_again_knows_what_was_voided_since(tmp_path: Path) -> None:
    contract = agreed()
    send("first", at=IN_NOVEMBER - MOMENT)
    wrong = invoiced(contract, at=IN_NOVEMBER)
    make_credit_note(wrong)
    void("first", at=IN_NOVEMBER - MOMENT)

    draft = reissue.reissue(invoice_id=wrong.pk, at=IN_NOVEMBER, actor=ACTOR)
    again = finalize.finalize(invoice_id=draft.pk, at=IN_NOVEMBER, actor=ACTOR)

    assert (told(wrong, "first"), told(again, "first")) == ("counted", "voided")
    assert all_hold(tmp_path)


def test_an_invoice_from_before_it_was_noted_counts_until_it_was_finalized() -> None:
    assert Invoice(finalized_at=IN_NOVEMBER).counted_until == IN_NOVEMBER
    assert Invoice().counted_until is None


def test_the_instant_is_sealed_and_the_script_holds_events_against_it(tmp_path: Path) -> None:
    contract = agreed()
    invoice = invoiced(contract)
    send("late", at=IN_NOVEMBER)
    invoice.refresh_from_db()
    proof = proof_of(invoice)
    assert proof["content"]["counted_until"] == "2026-11-02T09:00:00.000000Z"

    proof["content"]["counted_until"] = "2026-11-02T09:00:00.000001Z"
    code, said = check(proof, tmp_path, invoice)

    assert code == 1
    assert "not what was sealed" in said
    assert "Event late was received at 2026-11-02T09:00:00.000001Z and is said to be late" in said


def test_no_invoice_counts_less_than_it_had_when_it_was_finalized() -> None:
    draft = drafted(agreed())

    with pytest.raises(IntegrityError, match="usage_is_counted_until_finalized"), transaction.atomic():
        Invoice.objects.filter(pk=draft.pk).update(counted_until_at=IN_NOVEMBER)


def _billed_so_far(contract: Contract, at: datetime) -> Invoice | None:
    made = threshold.bill_if_due(contract_id=contract.pk, at=at, actor=ACTOR)
    return finalize.finalize(invoice_id=made.pk, at=at, actor=ACTOR) if made else None


def _counted(invoice: Invoice) -> int:
    return [row.status for row in usage_rows(invoice)].count("counted")


def _lines_of(key: str) -> tuple[Placed, ...]:
    return placement(one_event(customer_key="acme", key=key)).lines
