"""What a credit note means for pricing its period again: goodwill stays billed, a correction counts as given back."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from apps.contracts.models import Contract
from apps.credits.grant import grant
from apps.credits.models import CreditGrant, CreditReservation
from apps.invoices import close, draft, finalize, manual_lines, queries, reissue, void
from apps.invoices.errors import NotADraft, NotReissuable, PeriodNotOver, ReasonMissing, Voided
from apps.invoices.manual_lines import NewLine
from apps.invoices.models import Invoice, InvoiceLine
from apps.invoices.settle import to_settle
from apps.invoices.verify.run import verify
from apps.ledger.models import Posting
from apps.plans.compose import NewPrice
from apps.usage import ingest
from apps.usage.correct import correct
from apps.usage.models import LateDay
from tests.builders import (
    fee_charge,
    make_contract,
    make_credit_note,
    make_credit_unit,
    make_customer,
    make_meter,
    make_plan_version,
    usage_charge,
)
from tests.invoices.months import ACTOR, IN_NOVEMBER, drafted, invoiced
from tests.payments.books import assert_books_agree, on_account

pytestmark = pytest.mark.django_db

AT_START = datetime(2026, 10, 1, 9, tzinfo=UTC)
IN_DECEMBER = datetime(2026, 12, 2, 9, tzinfo=UTC)
IN_JANUARY = datetime(2027, 1, 2, 9, tzinfo=UTC)
LATER = IN_NOVEMBER + timedelta(days=8)


def calls(**fields: Any) -> Contract:
    """Calls at 1.00."""
    make_meter(aggregation="sum", late_days=400)
    return make_contract(plan_version=make_plan_version([usage_charge(unit_amount="1")]), **fields)


def use(quantity: object, on: date, *, key: str, at: datetime | None = None) -> Any:
    noon = datetime(on.year, on.month, on.day, 12, tzinfo=UTC)
    event = {
        "id": key,
        "customer": "acme",
        "type": "api.call",
        "time": noon.isoformat(),
        "quantity": quantity,
    }
    return ingest.ingest(events=[event], at=at or noon + timedelta(minutes=1), actor=ACTOR)


def undo(key: str, *, at: datetime = LATER) -> None:
    correct(customer_key="acme", keys=[key], reason="Test", at=at, actor=ACTOR)


def october(contract: Contract) -> Invoice:
    """90 and 60 calls: 150.00."""
    use(90, date(2026, 10, 5), key="a")
    use(60, date(2026, 10, 6), key="b")
    return invoiced(contract)


def november(contract: Contract) -> Invoice:
    use(50, date(2026, 11, 5), key="c")
    return invoiced(contract, at=IN_DECEMBER)


def adjusting(invoice: Invoice) -> Any:
    lines = invoice.lines.filter(kind=InvoiceLine.Kind.ADJUSTMENT).order_by("position")
    return [(line.quantity, line.amount) for line in lines]


def test_goodwill_is_not_billed_again_by_the_next_adjustment() -> None:
    """20.00 of October's 150.00 is given as goodwill; 5 late calls are 5.00 on November's invoice of 50.00, and no more."""
    contract = calls()
    invoice = october(contract)
    make_credit_note(invoice, amount="20", because="goodwill", at=LATER)
    use(5, date(2026, 10, 20), key="late", at=LATER)

    after = november(contract)

    assert after.total == 55
    assert adjusting(after) == [(5, 5)]
    assert_books_agree(contract.customer)


def test_what_was_credited_as_a_correction_is_not_given_back_twice() -> None:
    """60 calls were wrong: credited as a correction and voided too, they are not on November's invoice of 50.00 again."""
    contract = calls()
    invoice = october(contract)
    make_credit_note(invoice, amount="60", because="correction", at=LATER)
    undo("b")

    after = november(contract)

    assert after.total == 50
    assert adjusting(after) == []
    assert_books_agree(contract.customer)


def test_goodwill_for_usage_that_is_corrected_too_is_given_on_top() -> None:
    contract = calls()
    invoice = october(contract)
    make_credit_note(invoice, amount="10", because="goodwill", at=LATER)
    undo("b")
    use(20, date(2026, 11, 6), key="d")

    after = november(contract)

    assert after.total == 10
    assert adjusting(after) == [(-60, -60)]


def test_a_correction_counts_with_what_is_adjusted_of_the_rest() -> None:
    """40.00 of 60.00 that were wrong is credited; the other 20.00 come off November's 50.00."""
    contract = calls()
    line = october(contract).lines.get()
    make_credit_note(line.invoice, lines={line.pk: Decimal(40)}, at=LATER)
    undo("b")

    after = november(contract)

    assert after.total == 30
    assert adjusting(after) == [(-60, -20)]


def test_a_correction_of_an_adjustment_counts_for_the_period_that_it_adjusts() -> None:
    """10 late calls were billed with November, and credited as wrong; voided too, December's invoice gives nothing back."""
    contract = calls()
    october(contract)
    use(10, date(2026, 10, 20), key="late", at=LATER)
    after = november(contract)
    line = after.lines.get(kind="adjustment")
    make_credit_note(after, lines={line.pk: Decimal(10)}, at=IN_DECEMBER + timedelta(days=1))
    undo("late", at=IN_DECEMBER + timedelta(days=1))
    use(50, date(2026, 12, 5), key="e")

    december = invoiced(contract, at=IN_JANUARY)

    assert december.total == 50
    assert adjusting(december) == []


def test_what_was_billed_in_advance_and_credited_is_taken_off_once() -> None:
    """100.00 of November are billed with October. Credited as a correction, they are due with November's own invoice; as goodwill not."""
    for because, total in (("correction", 200), ("goodwill", 100)):
        fee = replace(fee_charge("100"), in_advance=True)
        contract = make_contract(
            make_customer(because), make_plan_version([fee]), starts_on=date(2026, 10, 1)
        )
        first = invoiced(contract, at=IN_NOVEMBER)
        ahead = first.lines.get(in_advance=True)
        make_credit_note(first, lines={ahead.pk: Decimal(100)}, because=because, at=LATER)

        second = invoiced(contract, at=IN_DECEMBER)

        assert second.total == total, because
        assert_books_agree(contract.customer)


def test_an_ended_contract_s_difference_is_credited_once() -> None:
    """60 of 150 calls are voided after the last invoice: 60.00 are to be credited, and when they are nothing is left to settle."""
    contract = calls(ends_on=date(2026, 11, 1))
    invoice = october(contract)
    undo("b")
    (left,) = to_settle()
    assert left.amount is not None
    assert left.amount.amount == -60
    assert sum(left.lines.values()) == 60

    make_credit_note(invoice, lines=dict(left.lines), at=LATER)

    assert to_settle() == []


def test_an_invoice_is_issued_again_as_its_period_counts_now() -> None:
    """October's 150.00 are credited as a whole; without the 60 voided calls it is issued again for 90.00."""
    contract = calls()
    invoice = october(contract)
    make_credit_note(invoice, at=LATER)
    undo("b")

    written = reissue.reissue(invoice_id=invoice.pk, at=LATER, actor=ACTOR)
    again = finalize.finalize(invoice_id=written.pk, at=LATER, actor=ACTOR)
    after = november(contract)

    assert again.total == 90
    assert (again.number, again.replaces) == ("INV-2026-000002", invoice)
    assert after.total == 50
    assert adjusting(after) == []
    contract.refresh_from_db()
    assert contract.billed_until_on == date(2026, 12, 1)
    assert_books_agree(contract.customer)


def test_what_comes_after_it_is_issued_again_is_adjusted_against_that() -> None:
    contract = calls()
    invoice = october(contract)
    make_credit_note(invoice, at=LATER)
    written = reissue.reissue(invoice_id=invoice.pk, at=LATER, actor=ACTOR)
    again = finalize.finalize(invoice_id=written.pk, at=LATER, actor=ACTOR)
    use(7, date(2026, 10, 20), key="late", at=LATER + timedelta(days=1))

    after = november(contract)

    line = after.lines.get(kind="adjustment")
    assert line.adjusts == again
    assert [again.total, after.total] == [Decimal(150), Decimal(57)]


def test_what_later_invoices_adjusted_of_the_period_is_taken_off() -> None:
    """10 late calls of October are billed with November; October is issued again for 160.00 less these 10.00."""
    contract = calls()
    invoice = october(contract)
    use(10, date(2026, 10, 20), key="late", at=LATER)
    november(contract)
    make_credit_note(invoice, at=IN_DECEMBER)

    written = reissue.reissue(invoice_id=invoice.pk, at=IN_DECEMBER, actor=ACTOR)
    again = finalize.finalize(invoice_id=written.pk, at=IN_DECEMBER, actor=ACTOR)
    use(50, date(2026, 12, 5), key="e")
    december = invoiced(contract, at=IN_JANUARY)

    assert again.total == 150
    assert adjusting(again) == [(-10, -10)]
    assert december.total == 50
    assert adjusting(december) == []


def test_nothing_is_adjusted_of_a_period_that_is_just_being_issued_again() -> None:
    contract = calls()
    invoice = october(contract)
    make_credit_note(invoice, at=LATER)
    reissue.reissue(invoice_id=invoice.pk, at=LATER, actor=ACTOR)
    use(5, date(2026, 10, 20), key="late", at=LATER)

    after = november(contract)
    again = finalize.finalize(invoice_id=Invoice.objects.get(status="draft").pk, at=IN_DECEMBER, actor=ACTOR)

    assert [after.total, again.total] == [Decimal(50), Decimal(155)]


def test_goodwill_is_given_again_on_an_invoice_that_is_issued_again() -> None:
    """Of 150.00, 20.00 was goodwill and 130.00 is a correction: issued again it is 150.00 less 20.00, by a line to be seen."""
    contract = calls()
    invoice = october(contract)
    make_credit_note(invoice, amount="20", because="goodwill", at=LATER)
    make_credit_note(invoice, at=LATER)

    again = reissue.reissue(invoice_id=invoice.pk, at=LATER, actor=ACTOR)

    assert again.total == 130
    assert again.lines.get(kind="manual").amount == -20


def test_a_draft_that_was_to_replace_an_invoice_and_was_voided_is_no_obstacle() -> None:
    contract = calls()
    invoice = october(contract)
    make_credit_note(invoice, at=LATER)
    first = reissue.reissue(invoice_id=invoice.pk, at=LATER, actor=ACTOR)
    void.void(invoice_id=first.pk, reason="Too early", at=LATER, actor=ACTOR)

    second = reissue.reissue(invoice_id=invoice.pk, at=LATER, actor=ACTOR)

    again = finalize.finalize(invoice_id=second.pk, at=LATER, actor=ACTOR)
    assert (again.total, again.replaces) == (Decimal(150), invoice)
    assert november(contract).total == 50
    assert verify(invoice_id=again.pk).findings == ()


def test_a_period_that_is_issued_again_twice_is_billed_once() -> None:
    """While the second is a draft, November's invoice of 50.00 does not take October for the first, which nothing is left of."""
    contract = calls()
    invoice = october(contract)
    make_credit_note(invoice, at=LATER)
    first = reissue.reissue(invoice_id=invoice.pk, at=LATER, actor=ACTOR)
    first = finalize.finalize(invoice_id=first.pk, at=LATER, actor=ACTOR)
    make_credit_note(first, at=LATER)
    second = reissue.reissue(invoice_id=first.pk, at=LATER, actor=ACTOR)
    use(5, date(2026, 10, 20), key="late", at=LATER)

    after = november(contract)

    again = finalize.finalize(invoice_id=second.pk, at=IN_DECEMBER, actor=ACTOR)
    assert [after.total, again.total] == [50, 155]


def test_lines_that_staff_had_added_are_on_the_invoice_that_is_issued_again() -> None:
    """150.00 of calls, 20.00 added and 10% off all of it: 153.00, and the same again."""
    contract = calls()
    use(150, date(2026, 10, 5), key="a")
    made = drafted(contract)
    for new in (
        NewLine("Setup", "Order 7", Decimal(20), product_name="Services"),
        NewLine("", "Agreed by mail", percent=Decimal(10)),
    ):
        manual_lines.add(invoice_id=made.pk, new=new, at=IN_NOVEMBER, actor=ACTOR)
    invoice = finalize.finalize(invoice_id=made.pk, at=IN_NOVEMBER, actor=ACTOR)
    make_credit_note(invoice, at=LATER)

    again = reissue.reissue(invoice_id=invoice.pk, at=LATER, actor="someone else")

    assert (invoice.total, again.total) == (Decimal(153), Decimal(153))
    assert [(one.name, one.reason, one.added_by) for one in again.manual_lines.all()] == [
        ("Setup", "Order 7", ACTOR),
        ("Discount", "Agreed by mail", ACTOR),
    ]
    assert invoice.manual_lines.count() == 2


def test_only_a_wholly_credited_invoice_of_a_period_is_issued_again_and_once() -> None:
    contract = calls()
    invoice = october(contract)
    make_credit_note(invoice, amount="149", at=LATER)
    with pytest.raises(NotReissuable, match=r"\$1\.00 of it is not credited"):
        reissue.reissue(invoice_id=invoice.pk, at=LATER, actor=ACTOR)
    note = make_credit_note(invoice, at=LATER)
    with pytest.raises(NotReissuable, match="no finalized invoice of a period"):
        reissue.reissue(invoice_id=note.pk, at=LATER, actor=ACTOR)

    reissue.reissue(invoice_id=invoice.pk, at=LATER, actor=ACTOR)

    with pytest.raises(NotReissuable, match="it was, as"):
        reissue.reissue(invoice_id=invoice.pk, at=LATER, actor=ACTOR)
    assert not reissue.may_be_reissued(invoice)


def test_an_invoice_given_as_goodwill_is_not_issued_again() -> None:
    contract = calls()
    invoice = october(contract)
    make_credit_note(invoice, because="goodwill", at=LATER)

    with pytest.raises(NotReissuable, match="goodwill"):
        reissue.reissue(invoice_id=invoice.pk, at=LATER, actor=ACTOR)


def test_a_draft_that_is_issued_again_is_finalized_by_itself_and_makes_no_close_run() -> None:
    contract = calls()
    invoice = october(contract)
    make_credit_note(invoice, at=LATER)

    again = reissue.reissue(invoice_id=invoice.pk, at=LATER, actor=ACTOR)

    assert again.pk in queries.due_to_finalize(at=LATER + timedelta(days=3))
    assert queries.due_to_close(at=LATER) == []


def test_a_void_draft_leaves_its_period_without_an_invoice_and_the_next_goes_on() -> None:
    contract = calls()
    use(90, date(2026, 10, 5), key="a")
    draft_ = drafted(contract)

    told = void.effect(invoice_id=draft_.pk)
    voided = void.void(invoice_id=draft_.pk, reason="A trial month", at=LATER, actor=ACTOR)
    late = use(5, date(2026, 10, 20), key="late", at=LATER)
    after = november(contract)

    assert told.forgone.amount == 90
    assert told.closes_period
    assert (voided.status, voided.number, voided.reason) == ("void", None, "A trial month")
    assert (late.counted, LateDay.objects.count()) == (1, 1)
    assert after.total == 50
    assert adjusting(after) == []
    assert on_account("revenue") == -50
    with pytest.raises(NotADraft):
        void.void(invoice_id=draft_.pk, reason="Again", at=LATER, actor=ACTOR)
    with pytest.raises(Voided):
        finalize.finalize(invoice_id=draft_.pk, at=LATER, actor=ACTOR)
    with pytest.raises(Voided):
        draft.refresh(invoice_id=draft_.pk, at=LATER, actor=ACTOR)


def test_drafts_are_voided_oldest_first_with_a_reason_and_never_once_finalized() -> None:
    contract = calls()
    closed = close.close_contract(contract_id=contract.pk, at=IN_DECEMBER, actor=ACTOR)
    first, second = closed.drafts

    with pytest.raises(Exception, match="billed"):
        void.void(invoice_id=second.pk, reason="Test", at=IN_DECEMBER, actor=ACTOR)
    with pytest.raises(ReasonMissing):
        void.void(invoice_id=first.pk, reason=" ", at=IN_DECEMBER, actor=ACTOR)
    assert Invoice.objects.filter(status="draft").count() == 2

    void.void(invoice_id=first.pk, reason="Test", at=IN_DECEMBER, actor=ACTOR)
    finalize.finalize(invoice_id=second.pk, at=IN_DECEMBER, actor=ACTOR)
    with pytest.raises(NotADraft, match="INV-2026-000001"):
        void.void(invoice_id=second.pk, reason="Test", at=IN_DECEMBER, actor=ACTOR)


def test_a_void_draft_gives_its_reserved_credits_free() -> None:
    """100 calls of half a credit reserve 50 of 80; void, all 80 are there, and nothing was drawn or posted."""
    customer, unit = make_customer(), make_credit_unit()
    make_meter(aggregation="sum")
    half = NewPrice(model="per_unit", unit_amount=Decimal("0.5"))
    contract = make_contract(
        customer, make_plan_version([usage_charge(credit_unit="credits", prices=[half])])
    )
    grant(
        key="welcome",
        name="Welcome",
        customer_id=customer.pk,
        amount=Decimal(80),
        effective_on=date(2026, 10, 1),
        credit_unit_id=unit.pk,
        at=AT_START,
        actor=ACTOR,
    )
    use(100, date(2026, 10, 5), key="a")
    draft_ = drafted(contract)
    assert [amount for *_, amount in void.effect(invoice_id=draft_.pk).credits] == [50]

    void.void(invoice_id=draft_.pk, reason="Test", at=LATER, actor=ACTOR)

    assert not CreditReservation.objects.exists()
    assert CreditGrant.objects.get().left == 80
    assert not Posting.objects.exists()


def test_what_was_billed_in_advance_of_a_void_period_comes_off_the_next_invoice() -> None:
    """November's 100.00 were billed with October. November is void: December's invoice takes the 100.00 off."""
    fee = replace(fee_charge("100"), in_advance=True)
    contract = make_contract(plan_version=make_plan_version([fee]))
    invoiced(contract, at=IN_NOVEMBER)
    draft_ = drafted(contract, at=IN_DECEMBER)
    assert void.effect(invoice_id=draft_.pk).taken_off.amount == 100

    void.void(invoice_id=draft_.pk, reason="Test", at=IN_DECEMBER, actor=ACTOR)
    after = invoiced(contract, at=IN_JANUARY)

    # December's own 100.00 and January's in advance, less November's.
    assert after.total == 100


def test_a_void_opening_waits_for_nothing() -> None:
    fee = replace(fee_charge("100"), in_advance=True)
    contract = make_contract(plan_version=make_plan_version([fee]))
    opening = drafted(contract, at=AT_START)

    void.void(invoice_id=opening.pk, reason="Test", at=AT_START, actor=ACTOR)
    first = invoiced(contract, at=IN_NOVEMBER)

    assert first.total == 200
    assert Invoice.objects.filter(kind="opening").count() == 1


def test_a_period_that_runs_is_not_voided() -> None:
    contract = calls(ends_on=date(2026, 10, 10))
    draft_ = drafted(contract, at=datetime(2026, 10, 12, tzinfo=UTC))
    Contract.objects.filter(pk=contract.pk).update(ends_on=None)

    Invoice.objects.filter(pk=draft_.pk).update(period_end_on=date(2026, 11, 1))

    with pytest.raises(PeriodNotOver):
        void.void(invoice_id=draft_.pk, reason="Test", at=datetime(2026, 10, 12, tzinfo=UTC), actor=ACTOR)


def test_a_period_whose_new_draft_is_void_stays_credited_when_usage_comes_late() -> None:
    """October's 150.00 are credited, and issuing it again is given up: 5 late calls of October are on no invoice."""
    contract = calls()
    invoice = october(contract)
    make_credit_note(invoice, because="correction", at=LATER)
    again = reissue.reissue(invoice_id=invoice.pk, at=LATER, actor=ACTOR)
    void.void(invoice_id=again.pk, reason="Not billed after all", at=LATER, actor=ACTOR)
    use(5, date(2026, 10, 20), key="late", at=LATER)

    after = november(contract)

    assert after.total == Decimal(50)
    assert not adjusting(after)


def proven() -> None:
    for invoice in Invoice.objects.filter(status="finalized"):
        assert verify(invoice_id=invoice.pk).findings == ()


def test_what_was_credited_is_proven_before_and_after_its_period_is_adjusted() -> None:
    """40.00 are credited as a correction, 5 late calls bill 45.00 with November, and 10.00 of October are credited later."""
    contract = calls()
    line = october(contract).lines.get()
    make_credit_note(line.invoice, lines={line.pk: Decimal(40)}, at=LATER)
    proven()

    use(5, date(2026, 10, 20), key="late", at=LATER)
    after = november(contract)
    make_credit_note(line.invoice, lines={line.pk: Decimal(10)}, at=IN_DECEMBER)

    assert adjusting(after) == [(5, 45)]
    proven()


def test_an_invoice_that_was_issued_again_is_proven_like_the_one_in_its_place() -> None:
    contract = calls()
    invoice = october(contract)
    use(10, date(2026, 10, 20), key="late", at=LATER)
    november(contract)
    make_credit_note(invoice, at=IN_DECEMBER)
    proven()

    written = reissue.reissue(invoice_id=invoice.pk, at=IN_DECEMBER, actor=ACTOR)
    proven()
    finalize.finalize(invoice_id=written.pk, at=IN_DECEMBER, actor=ACTOR)

    proven()
