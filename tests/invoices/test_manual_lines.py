"""Lines and discounts that staff add to a draft: they stay when it is rated again, and total and tax follow."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from apps.contracts.models import Contract
from apps.core.models import AuditEntry
from apps.invoices import draft, finalize, manual_lines
from apps.invoices.document import document_of
from apps.invoices.errors import AlreadyFinalized, BelowZero, LineIsNothing, NoSuchManualLine, ReasonMissing
from apps.invoices.manual_lines import NewLine
from apps.invoices.models import Invoice, InvoiceLine, ManualLine
from apps.usage import ingest
from tests.builders import (
    fee_charge,
    make_contract,
    make_customer,
    make_meter,
    make_plan_version,
    usage_charge,
)
from tests.invoices.months import ACTOR, IN_NOVEMBER, drafted, invoiced, use

IN_DECEMBER = datetime(2026, 12, 2, 9, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture
def made() -> Invoice:
    """A draft of 100.00 and 19% tax: 119.00."""
    make_meter()
    customer = make_customer("acme", tax_rate=Decimal(19))
    return drafted(
        make_contract(customer, make_plan_version([fee_charge("100"), usage_charge(unit_amount="1")]))
    )


def added(made: Invoice, **fields: object) -> ManualLine:
    new = NewLine(**{"name": "", "reason": "Agreed by mail", **fields})  # type: ignore[arg-type]
    line = manual_lines.add(invoice_id=made.pk, new=new, at=IN_NOVEMBER, actor=ACTOR)
    made.refresh_from_db()
    return line


def test_a_line_is_added_and_taxed_with_the_rest(made: Invoice) -> None:
    """100.00 + 50.00 = 150.00, and 19% of it 28.50: 178.50."""
    added(made, name="Onboarding day", amount=Decimal(50))

    assert (made.subtotal, made.tax_amount, made.total) == (Decimal(150), Decimal("28.50"), Decimal("178.50"))
    rows = [row for group in document_of(made, list(made.lines.all())).groups for row in group.rows]
    told = next(row for row in rows if row.name == "Onboarding day")
    assert (told.amount, told.unit_price, told.reasons) == ("50.00", "", ("Agreed by mail",))
    entry = AuditEntry.objects.get(action="invoices.add_line")
    assert (entry.reason, entry.after["total"]) == ("Agreed by mail", "178.5000 USD")


def test_a_discount_in_percent_follows_the_subtotal(made: Invoice) -> None:
    """10% of 100.00 is 10.00; with 40 calls at 1.00 it is 14.00 of 140.00."""
    added(made, percent=Decimal(10))
    assert made.subtotal == Decimal(90)

    use(made.contract, "calls", "40", day=date(2026, 10, 30))
    draft.refresh(invoice_id=made.pk, at=IN_NOVEMBER, actor=ACTOR)

    made.refresh_from_db()
    assert made.subtotal == Decimal(126)


def test_discounts_in_percent_do_not_compound(made: Invoice) -> None:
    """10% and 20% of 100.00 and an added line of 50.00: 15.00 and 30.00 off."""
    added(made, amount=Decimal(50))
    added(made, percent=Decimal(10))
    added(made, percent=Decimal(20))

    assert made.subtotal == Decimal(105)


def test_no_discount_brings_a_draft_below_zero(made: Invoice) -> None:
    with pytest.raises(BelowZero, match=r"has \$100\.00 to take off at most.*credit note"):
        added(made, amount=Decimal("-100.01"))

    assert not ManualLine.objects.exists()
    made.refresh_from_db()
    assert (made.total, made.edited_by) == (Decimal(119), "")

    added(made, amount=Decimal(-100))
    assert made.total == 0


def test_a_discount_takes_off_no_more_than_is_left_when_less_was_used(made: Invoice) -> None:
    """A discount of 120.00 on 100.00 + 50.00; then the line of 50.00 goes, and 100.00 are left to take off."""
    line = added(made, amount=Decimal(50))
    added(made, amount=Decimal(-120))
    assert made.subtotal == Decimal(30)

    manual_lines.remove(invoice_id=made.pk, line_id=line.pk, at=IN_NOVEMBER, actor=ACTOR)

    made.refresh_from_db()
    assert made.subtotal == 0


@pytest.mark.parametrize(
    "percent", [Decimal(0), Decimal(-5), Decimal("100.001")], ids=["nothing", "negative", "more than all"]
)
def test_only_a_percentage_is_taken_off(made: Invoice, percent: Decimal) -> None:
    with pytest.raises(LineIsNothing):
        added(made, percent=percent)


def test_without_a_reason_nothing_is_added(made: Invoice) -> None:
    with pytest.raises(ReasonMissing, match="Say why"):
        added(made, amount=Decimal(5), reason="  ")

    assert not ManualLine.objects.exists()


def test_a_line_is_removed_while_it_is_a_draft(made: Invoice) -> None:
    line = added(made, amount=Decimal(5))
    manual_lines.remove(invoice_id=made.pk, line_id=line.pk, at=IN_NOVEMBER, actor=ACTOR)

    made.refresh_from_db()
    assert made.total == Decimal(119)
    with pytest.raises(NoSuchManualLine):
        manual_lines.remove(invoice_id=made.pk, line_id=line.pk, at=IN_NOVEMBER, actor=ACTOR)

    kept = added(made, amount=Decimal(5))
    finalize.finalize(invoice_id=made.pk, at=IN_NOVEMBER, actor=ACTOR)
    with pytest.raises(AlreadyFinalized):
        manual_lines.remove(invoice_id=made.pk, line_id=kept.pk, at=IN_NOVEMBER, actor=ACTOR)
    with pytest.raises(AlreadyFinalized):
        added(made, amount=Decimal(5))


def test_what_staff_added_stays_when_usage_of_the_period_comes_late() -> None:
    """50.00 added and 30.00 off October's fee of 100.00 stay: a late call of 1.00 is all that November's invoice adjusts."""
    meter = make_meter(late_days=400)
    plan = make_plan_version([fee_charge("100"), usage_charge(unit_amount="1")])
    made = drafted(make_contract(make_customer("acme"), plan))
    added(made, name="Onboarding day", amount=Decimal(50))
    added(made, amount=Decimal(-30))
    first = finalize.finalize(invoice_id=made.pk, at=IN_NOVEMBER, actor=ACTOR)
    assert first.total == 120

    ingest_late(first.contract, meter.event_type)
    after = invoiced(first.contract, at=IN_DECEMBER)

    adjusting = after.lines.filter(kind=InvoiceLine.Kind.ADJUSTMENT)
    assert [(line.quantity, line.amount) for line in adjusting] == [(Decimal(1), Decimal(1))]
    assert after.total == 101


def ingest_late(contract: Contract, event_type: str) -> None:
    event = {
        "id": "late",
        "customer": contract.customer.key,
        "type": event_type,
        "time": "2026-10-20T12:00:00Z",
    }
    ingest.ingest(events=[event], at=IN_NOVEMBER + timedelta(days=2), actor=ACTOR)
