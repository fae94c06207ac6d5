"""Invoices of months whose events are archived: what they are checked with, and what came late for them, is never without these."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import time_machine
from django.test import Client, override_settings
from django.urls import reverse

from apps.contracts.models import Contract
from apps.core.errors import Refusal
from apps.core.models import User
from apps.core.money import Money
from apps.core.spreadsheets import csv_lines
from apps.invoices import close
from apps.invoices.evidence.files import csv_table, download, parquet_file
from apps.invoices.evidence.proof import proof_of
from apps.invoices.evidence.usage_rows import usage_rows
from apps.invoices.models import Invoice, ParkedClose
from apps.invoices.preview import preview
from apps.invoices.settle import to_settle
from apps.plans.compose import NewPrice
from apps.usage import archive, correct, ingest, release
from apps.usage.models import QuarantinedEvent
from apps.usage.stored import Where
from tests.builders import (
    make_api_key,
    make_contract,
    make_customer,
    make_member,
    make_meter,
    make_plan_version,
    make_staff,
    usage_charge,
)
from tests.invoices.months import ACTOR, drafted, invoiced
from tests.invoices.test_evidence import check
from tests.roles import as_owner

pytestmark = pytest.mark.django_db(transaction=True)
OCTOBER = date(2026, 10, 1)
IN_MARCH, IN_APRIL = datetime(2027, 3, 2, 9, tzinfo=UTC), datetime(2027, 4, 2, 9, tzinfo=UTC)


@pytest.fixture(autouse=True)
def needs_parquet() -> None:
    pytest.importorskip("pyarrow")


def payment(paid: int, day: str) -> dict[str, object]:
    return {
        "id": f"payment-{paid}",
        "customer": "acme",
        "type": "payment",
        "time": f"{day}T12:00:00Z",
        "properties": {"paid": paid},
    }


def paid_in_october(*, ends_on: date | None = None) -> Invoice:
    """Payments of 10, 20 and 30 at 10 %, the first 2 of them free: 3.00. One of 50 was voided before."""
    make_meter(aggregation="sum", value_property="paid", event_type="payment")
    price = NewPrice(model="percentage", rate=Decimal("0.1"), free_events=2)
    contract = make_contract(plan_version=make_plan_version([usage_charge(prices=[price])]), ends_on=ends_on)
    events = [payment(paid, f"2026-10-{paid}") for paid in (10, 20, 30)] + [payment(50, "2026-10-05")]
    noon = datetime(2026, 10, 30, 13, tzinfo=UTC)
    ingest.ingest(events=events, at=noon, actor=ACTOR)
    correct.correct(customer_key="acme", keys=["payment-50"], reason="Test", at=noon, actor=ACTOR)
    invoice = invoiced(contract)
    assert invoice.total == Decimal("3.00")
    return invoice


def put_away(contract: Contract, folder: Path) -> None:
    """Take October out of the database, once all up to February is invoiced."""
    for month in (12, 1, 2, 3):
        invoiced(contract, at=datetime(2026 + (month < 12), month, 2, 9, tzinfo=UTC))
    archive.export_month(month=OCTOBER, folder=folder, at=IN_MARCH, actor=ACTOR)
    with as_owner():
        archive.detach_month(place=folder / "2026-10", at=IN_MARCH, actor=ACTOR)


def put_back(folder: Path) -> None:
    with as_owner():
        archive.restore_month(place=folder / "2026-10", at=IN_MARCH, actor=ACTOR)


def come_late() -> None:
    """Release a payment of 40 of 25 October: it is the third, so it costs 4.00, and that of 30 October 3.00 as before."""
    ingest.ingest(events=[payment(40, "2026-10-25")], at=IN_MARCH, actor=ACTOR)
    waiting = QuarantinedEvent.objects.get(resolved_at=None)
    assert release.release(ids=[waiting.pk], at=IN_MARCH, actor=ACTOR, any_age=True).counted == 1


def text_of(invoice: Invoice) -> bytes:
    return b"".join(csv_lines(csv_table(invoice)))


@pytest.fixture
def at_hand(tmp_path: Path) -> Iterator[None]:
    with override_settings(ARCHIVE_DIR=tmp_path):
        yield


@pytest.fixture
def october() -> Invoice:
    return paid_in_october()


@pytest.mark.usefixtures("at_hand")
def test_the_usage_behind_an_invoice_is_the_same_once_its_month_is_archived(
    october: Invoice, tmp_path: Path
) -> None:
    before = text_of(october)
    put_away(october.contract, tmp_path)

    assert [row.status for row in usage_rows(october)] == ["voided", "counted", "counted", "counted"]
    assert text_of(october) == before
    assert check(proof_of(october), tmp_path, october)[0] == 0


@pytest.mark.usefixtures("at_hand")
def test_what_came_late_stands_among_the_archived_events_in_the_order_of_time(
    october: Invoice, tmp_path: Path
) -> None:
    from pyarrow import parquet as arrow_parquet  # noqa: PLC0415

    put_away(october.contract, tmp_path)
    come_late()

    with parquet_file(october) as file:
        rows = arrow_parquet.read_table(file).to_pylist()

    assert [(row["event"], row["status"]) for row in rows] == [
        ("payment-50", "voided"),
        ("payment-10", "counted"),
        ("payment-20", "counted"),
        ("payment-40", "late"),
        ("payment-30", "counted"),
    ]
    assert check(proof_of(october), tmp_path, october)[0] == 0


@pytest.mark.parametrize("kind", ["events.csv", "events.parquet"])
def test_without_the_archive_there_is_no_file_of_usage(october: Invoice, tmp_path: Path, kind: str) -> None:
    """The proof file and other months need no archived events."""
    put_away(october.contract, tmp_path)
    november = Invoice.objects.get(period_start_on=date(2026, 11, 1))

    with pytest.raises(Refusal, match=r"2026-10.*METERBOOK_ARCHIVE.*restore 2026-10"):
        download(october, kind)

    assert download(october, "proof.json").status_code == 200
    with closing(download(november, kind)) as answer:
        assert answer.status_code == 200


@pytest.mark.usefixtures("at_hand")
def test_an_archive_that_was_damaged_is_not_read(october: Invoice, tmp_path: Path) -> None:
    put_away(october.contract, tmp_path)
    come_late()
    file = tmp_path / "2026-10" / "events.parquet"
    damaged = bytearray(file.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    file.write_bytes(damaged)

    with pytest.raises(Refusal, match="2026-10: the file is not the one that was written"):
        download(october, "events.csv")
    close.close_contract(contract_id=october.contract_id, at=IN_APRIL, actor=ACTOR)

    assert ParkedClose.objects.get().code == "archive-broken"


@pytest.mark.usefixtures("at_hand")
def test_what_came_late_for_an_archived_month_is_priced_with_its_archived_events(
    october: Invoice, tmp_path: Path
) -> None:
    put_away(october.contract, tmp_path)
    come_late()

    march = drafted(october.contract, at=IN_APRIL)

    line = march.lines.get(kind="adjustment")
    assert (line.adjusts, line.amount) == (october, Decimal("4.00"))


def test_without_the_archive_the_contract_is_parked_until_the_month_is_put_back(
    october: Invoice, tmp_path: Path
) -> None:
    put_away(october.contract, tmp_path)
    come_late()

    closed = close.close_contract(contract_id=october.contract_id, at=IN_APRIL, actor=ACTOR)
    parked = ParkedClose.objects.get()

    assert closed.drafts == ()
    assert parked.code == "archive-missing"
    assert "2026-10" in parked.reason
    assert "restore 2026-10" in parked.reason
    with pytest.raises(Refusal, match="2026-10"):
        preview(Contract.objects.get(), at=IN_MARCH)
    put_back(tmp_path)
    assert drafted(october.contract, at=IN_APRIL).lines.get(kind="adjustment").amount == Decimal("4.00")


def test_an_archived_event_is_not_replaced_while_it_stands_on_the_bill(
    october: Invoice, tmp_path: Path
) -> None:
    """Else both would be billed; once the month is back, the one takes the other's place: 4.00 instead of 3.00."""
    put_away(october.contract, tmp_path)

    def replace(**named: object) -> None:
        correct.correct(
            customer_key="acme",
            reason="Was 40",
            replacements=[payment(40, "2026-10-30")],
            at=IN_MARCH,
            actor=ACTOR,
            **named,  # type: ignore[arg-type]
        )

    with pytest.raises(Refusal, match=r"'payment-30' was counted and is in the archive of 2026-10"):
        replace(keys=["payment-30"])
    with pytest.raises(Refusal, match=r"restore 2026-10"):
        replace(where=Where(datetime(2026, 9, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)))
    put_back(tmp_path)
    replace(keys=["payment-30"])

    assert drafted(october.contract, at=IN_APRIL).lines.get(kind="adjustment").amount == Decimal("1.00")


def test_what_is_to_settle_by_hand_says_where_it_hangs_on_archived_events(tmp_path: Path) -> None:
    """After the contract's end a payment that came late is voided: 4.00 is to give back, once October is there to tell it."""
    october = paid_in_october(ends_on=date(2027, 4, 1))
    put_away(october.contract, tmp_path)
    come_late()
    contract = Contract.objects.get()
    with override_settings(ARCHIVE_DIR=tmp_path):
        invoiced(contract, at=IN_APRIL)
    correct.correct(
        customer_key="acme", keys=["payment-40"], reason="Test", at=IN_APRIL + timedelta(hours=2), actor=ACTOR
    )

    (untold,) = to_settle()
    assert "restore 2026-10" in untold.why_untold
    with override_settings(ARCHIVE_DIR=tmp_path):
        (told,) = to_settle()
    assert (told.why_untold, told.amount) == ("", Money(Decimal("-4.00"), "USD"))


def test_customer_staff_and_backend_are_told_why_there_is_no_usage(october: Invoice, tmp_path: Path) -> None:
    put_away(october.contract, tmp_path)
    member, staff = Client(), Client()
    backend = "django.contrib.auth.backends.ModelBackend"
    member.force_login(make_member(october.customer), backend=backend)
    staff.force_login(make_staff(), backend=backend)
    key = make_api_key()
    portal = f"/portal/c/acme/invoices/{october.number}/"

    for page in (member.get(portal), staff.get(f"/admin/invoice/{october.pk}/proof/")):
        assert "events of 2026-10 are archived" in page.content.decode()
        assert "events.csv" not in page.content.decode().replace("-events.csv", "")
    for answer in (member.get(f"{portal}events.csv"), staff.get(f"/admin/invoice/{october.pk}/events.csv")):
        assert answer.status_code == 409
        assert "restore 2026-10" in answer.content.decode()
    said = Client().get(
        f"/api/v1/invoices/{october.number}/events.csv", headers={"authorization": f"Bearer {key}"}
    )
    assert (said.status_code, said.json()["code"]) == (409, "archive-missing")
    assert "restore 2026-10" in said.json()["detail"]


def test_pages_and_previews_go_on_while_what_came_late_cannot_be_priced(
    october: Invoice, tmp_path: Path
) -> None:
    """The second contract was signed for a year that began in the archived month, so its running period needs that."""
    put_away(october.contract, tmp_path)
    come_late()
    other = make_contract(
        make_customer("other", name="Other"), october.contract.plan_version, billing_months=12
    )
    member, staff = Client(), Client()
    backend = "django.contrib.auth.backends.ModelBackend"
    for customer in (october.customer, other.customer):
        make_member(customer)
    key = make_api_key()

    with time_machine.travel(IN_MARCH, tick=False):
        member.force_login(User.objects.get(email="member@acme.example"), backend=backend)
        staff.force_login(make_staff(), backend=backend)
        for path in (
            "/portal/c/acme/",
            f"/portal/c/acme/so-far/{october.contract_id}/",
            "/portal/c/other/",
            f"/portal/c/other/so-far/{other.pk}/",
        ):
            assert member.get(path).status_code == 200, path
        assert "cannot be told right now" in member.get("/portal/c/other/").content.decode()
        for path in ("/admin/", reverse("backoffice:upcoming", args=[october.contract_id])):
            assert staff.get(path).status_code == 200, path
        assert "2026-10" in staff.get(path).content.decode()
        spend = Client().get("/api/v1/customers/other/spend", headers={"authorization": f"Bearer {key}"})
    assert (spend.status_code, spend.json()["code"]) == (409, "archive-missing")
