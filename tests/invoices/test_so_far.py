"""Running periods are billed as soon as enough was used, and the period's own invoice takes that off."""

from datetime import UTC, date, datetime
from decimal import Decimal
from random import Random

import pytest

from apps.contracts import amend
from apps.contracts.changes import AddDiscount, ChangeFields
from apps.contracts.models import Contract
from apps.credits.grant import grant
from apps.invoices import draft, finalize, hold, queries, run, threshold, void
from apps.invoices.document import document_of
from apps.invoices.errors import AdvanceNotFinalized, BilledWithParent, NotSigned
from apps.invoices.models import Invoice, InvoiceLine
from apps.invoices.preview import billed_with, preview
from apps.invoices.verify.run import verify_all
from apps.ledger.models import Posting
from apps.usage.correct import correct
from apps.usage.models import EventKey
from tests.builders import (
    fee_charge,
    make_contract,
    make_credit_note,
    make_customer,
    make_draft_contract,
    make_meter,
    make_plan_version,
    usage_charge,
)
from tests.invoices.months import ACTOR, IN_NOVEMBER, invoiced, unpriced, use

pytestmark = pytest.mark.django_db
ON_10TH, ON_20TH = datetime(2026, 10, 10, 9, tzinfo=UTC), datetime(2026, 10, 20, 9, tzinfo=UTC)


def agreed(above: str = "5", *, tax_rate: Decimal = Decimal(0)) -> Contract:
    """Calls at 0.10 and a subscription of 49; usage is billed as soon as it comes to `above`."""
    make_meter()
    version = make_plan_version([usage_charge(unit_amount="0.10"), fee_charge("49")])
    return make_contract(make_customer(tax_rate=tax_rate), version, bill_above=Decimal(above))


def billed(contract: Contract, at: datetime) -> Invoice | None:
    made = threshold.bill_if_due(contract_id=contract.pk, at=at, actor=ACTOR)
    return finalize.finalize(invoice_id=made.pk, at=at, actor=ACTOR) if made else None


def give(contract: Contract, amount: str) -> None:
    grant(
        key="prepaid",
        name="Prepaid",
        customer_id=contract.customer_id,
        contract_id=contract.pk,
        amount=Decimal(amount),
        effective_on=date(2026, 10, 1),
        at=ON_10TH,
        actor=ACTOR,
    )


def half_off(contract: Contract) -> None:
    amend.amend(
        contract_id=contract.pk,
        effective_on=date(2026, 10, 1),
        changes=[AddDiscount("half", "Half off", percent=Decimal(50))],
        reason="Agreed by mail.",
        at=ON_10TH,
        actor=ACTOR,
    )


def voided(calls: int, *, at: datetime = ON_20TH) -> None:
    """Void so many of the calls that were counted, each of which is an event."""
    keys = list(EventKey.objects.values_list("key", flat=True)[:calls])
    correct(customer_key="acme", keys=keys, reason="Test", at=at, actor=ACTOR)


def revenue() -> Decimal:
    return -sum(Posting.objects.filter(account__role="revenue").values_list("amount", flat=True), Decimal(0))


def test_nothing_is_billed_below_the_amount() -> None:
    contract = agreed()
    use(contract, "calls", "49", day=date(2026, 10, 5))

    assert billed(contract, ON_10TH) is None
    assert not Invoice.objects.exists()


def test_usage_is_billed_once_it_comes_to_the_amount_and_taken_off_at_the_end() -> None:
    """50 calls by the 10th are 5.00; 130 by the 20th are 13.00, so 8.00 more; 150 in all are 15.00.

    With 19% tax: 5.95, then 9.52. October's own invoice has 15.00 + 49.00 - 13.00 = 51.00, with tax 60.69: 76.16 in all, which is
    64.00 with tax, once.
    """
    contract = agreed(tax_rate=Decimal(19))
    use(contract, "calls", "50", day=date(2026, 10, 5))
    first = billed(contract, ON_10TH)
    use(contract, "calls", "80", day=date(2026, 10, 15))
    second = billed(contract, ON_20TH)
    use(contract, "calls", "20", day=date(2026, 10, 25))
    whole = invoiced(contract)

    assert first
    assert second
    assert [one.total for one in (first, second, whole)] == [
        Decimal("5.95"),
        Decimal("9.52"),
        Decimal("60.69"),
    ]
    assert [(line.kind, line.amount) for line in whole.lines.all()] == [
        ("usage", Decimal("15.00")),
        ("recurring", Decimal("49.00")),
        ("advance", Decimal("-13.00")),
    ]
    assert revenue() == Decimal(64)
    assert all(one.is_proven for one in verify_all()), [one.findings for one in verify_all()]


def test_it_is_drafted_once_and_waits_for_nobody() -> None:
    contract = agreed()
    use(contract, "calls", "60", day=date(2026, 10, 5))

    made = threshold.bill_if_due(contract_id=contract.pk, at=ON_10TH, actor=ACTOR)
    again = threshold.bill_if_due(contract_id=contract.pk, at=ON_10TH, actor=ACTOR)

    assert made
    assert again is None
    assert queries.due_to_finalize(at=ON_10TH) == [made.pk]
    assert threshold.watched() == []


def test_the_period_is_finalized_after_what_was_billed_of_it() -> None:
    contract = agreed()
    use(contract, "calls", "60", day=date(2026, 10, 5))
    made = threshold.bill_if_due(contract_id=contract.pk, at=ON_10TH, actor=ACTOR)
    whole = draft.draft_next(contract_id=contract.pk, at=IN_NOVEMBER, actor=ACTOR)
    assert made
    assert whole

    with pytest.raises(AdvanceNotFinalized):
        finalize.finalize(invoice_id=whole.pk, at=IN_NOVEMBER, actor=ACTOR)
    finalize.finalize(invoice_id=made.pk, at=IN_NOVEMBER, actor=ACTOR)

    assert finalize.finalize(invoice_id=whole.pk, at=IN_NOVEMBER, actor=ACTOR).total == Decimal("49.00")


def test_a_run_finalizes_what_was_billed_so_far_before_the_period() -> None:
    contract = agreed()
    use(contract, "calls", "60", day=date(2026, 10, 5))
    made = threshold.bill_if_due(contract_id=contract.pk, at=ON_10TH, actor=ACTOR)
    whole = draft.draft_next(contract_id=contract.pk, at=IN_NOVEMBER, actor=ACTOR)
    assert made
    assert whole

    begun = run.start_finalize(invoice_ids=[whole.pk, made.pk], at=IN_NOVEMBER, actor=ACTOR)
    assert begun
    while run.advance(run_id=begun.pk, at=IN_NOVEMBER):
        pass

    assert [(one.pk, one.total) for one in Invoice.objects.order_by("number")] == [
        (made.pk, Decimal("6.00")),
        (whole.pk, Decimal("49.00")),
    ]


def test_a_period_waits_for_a_held_draft_of_what_was_used_so_far() -> None:
    contract = agreed()
    use(contract, "calls", "60", day=date(2026, 10, 5))
    made = threshold.bill_if_due(contract_id=contract.pk, at=ON_10TH, actor=ACTOR)
    assert made
    hold.hold(invoice_id=made.pk, reason="Asked the customer", at=ON_10TH, actor=ACTOR)
    whole = draft.draft_next(contract_id=contract.pk, at=IN_NOVEMBER, actor=ACTOR)
    assert whole
    reviewed = whole.review_until_at

    assert queries.due_to_finalize(at=reviewed) == []
    hold.release(invoice_id=made.pk, at=reviewed, actor=ACTOR)
    assert queries.due_to_finalize(at=reviewed) == [made.pk]


def test_a_period_of_which_staff_voided_a_draft_is_billed_at_its_end() -> None:
    contract = agreed()
    use(contract, "calls", "60", day=date(2026, 10, 5))
    made = threshold.bill_if_due(contract_id=contract.pk, at=ON_10TH, actor=ACTOR)
    assert made
    void.void(invoice_id=made.pk, reason="They pay monthly from now on", at=ON_10TH, actor=ACTOR)

    assert billed(contract, ON_20TH) is None
    assert invoiced(contract).total == Decimal("55.00")
    use(contract, "calls", "60", day=date(2026, 11, 1))
    assert billed(contract, IN_NOVEMBER)


def test_a_contract_that_cannot_be_billed_so_far_stops_no_other() -> None:
    broken = unpriced("aaa-broken")
    broken.bill_above = Decimal("0.01")
    broken.save(update_fields=["bill_above"])
    contract = agreed()
    use(contract, "calls", "60", day=date(2026, 10, 5))
    assert threshold.watched() == [broken.pk, contract.pk]

    threshold.bill_due(at=ON_10TH, actor=ACTOR)

    assert Invoice.objects.get().contract == contract


def test_a_contract_without_the_amount_is_billed_with_its_period() -> None:
    make_meter()
    contract = make_contract(plan_version=make_plan_version([usage_charge(unit_amount="10")]))
    use(contract, "calls", "60", day=date(2026, 10, 5))

    assert threshold.watched() == []
    assert billed(contract, ON_10TH) is None


def test_a_preview_is_the_invoice_so_far_and_keeps_nothing() -> None:
    """60 calls by the 20th are 6.00, and the whole subscription 49."""
    contract = agreed(above="1000", tax_rate=Decimal(19))
    use(contract, "calls", "60", day=date(2026, 10, 5))

    found = preview(contract, at=ON_20TH)

    assert (found.invoice.subtotal, found.invoice.total) == (Decimal("55.00"), Decimal("65.45"))
    assert found.document().title == "Pro forma invoice"
    assert found.pdf().startswith(b"%PDF")
    assert not Invoice.objects.exists()
    assert not InvoiceLine.objects.exists()


@pytest.mark.parametrize("seed", range(4))
def test_however_often_a_period_is_billed_its_invoices_ask_for_what_one_would(seed: int) -> None:
    """Before tax to the cent; tax is rounded once an invoice, so each may differ by half a cent at most."""
    chance = Random(seed)
    contract = agreed(above="1", tax_rate=Decimal("8.875"))
    used = 0
    for day in sorted(chance.sample(range(1, 31), 5)):
        calls = chance.randrange(1, 40)
        used += calls
        use(contract, "calls", str(calls), day=date(2026, 10, day))
        billed(contract, datetime(2026, 10, day, 18, tzinfo=UTC))
    whole = invoiced(contract)

    invoices = Invoice.objects.all()
    subtotal = Decimal(49) + used * Decimal("0.10")
    assert sum(one.subtotal for one in invoices) == subtotal
    tax = sum((one.tax_amount for one in invoices), Decimal(0))
    assert abs(tax - subtotal * Decimal("0.08875")) <= Decimal("0.005") * len(invoices)
    assert len(invoices) > 1
    assert whole.kind == "period"
    assert revenue() == subtotal


def test_a_preview_leaves_out_what_was_billed_of_the_period() -> None:
    contract = agreed()
    use(contract, "calls", "60", day=date(2026, 10, 5))
    billed(contract, ON_10TH)

    found = preview(contract, at=ON_20TH)

    assert found.invoice.subtotal == Decimal("49.00")


def test_a_draft_contract_has_no_invoice_so_far() -> None:
    with pytest.raises(NotSigned):
        preview(make_draft_contract(), at=ON_20TH)


def test_a_contract_on_its_parents_invoice_leads_there() -> None:
    plan = make_plan_version()
    parent = make_contract(make_customer("group"), plan)
    child = make_contract(make_customer("labs"), plan, parent=parent, usage="separate", billing="parent")

    with pytest.raises(BilledWithParent, match=parent.number):
        preview(child, at=ON_20TH)
    assert billed_with(child, at=ON_20TH) == parent
    assert billed_with(parent, at=ON_20TH) is None


def test_what_a_correction_gave_back_of_an_interim_invoice_is_asked_for_with_the_period() -> None:
    """13.00 were billed so far and 5.00 of them given back: October's 13.00 + 49.00 come down by 8.00, not by 13.00."""
    contract = agreed()
    use(contract, "calls", "130", day=date(2026, 10, 5))
    interim = billed(contract, ON_10TH)
    assert interim
    note = make_credit_note(interim, amount="5", at=ON_20TH)

    whole = invoiced(contract)

    assert whole.total == Decimal("54.00")
    assert interim.total + note.total + whole.total == Decimal("62.00")
    assert [one.findings for one in verify_all()] == [(), (), ()]


def test_goodwill_on_an_interim_invoice_stays_given() -> None:
    contract = agreed()
    use(contract, "calls", "130", day=date(2026, 10, 5))
    interim = billed(contract, ON_10TH)
    assert interim
    make_credit_note(interim, amount="5", because="goodwill", at=ON_20TH)

    assert invoiced(contract).total == Decimal("49.00")


def test_what_was_billed_so_far_of_a_period_comes_off_that_period_alone() -> None:
    """October's 6.00 were billed, and October is not drafted yet when 7.00 of November are: these are billed in full."""
    contract = agreed()
    use(contract, "calls", "60", day=date(2026, 10, 5))
    billed(contract, ON_10TH)
    use(contract, "calls", "70", day=date(2026, 11, 1))

    of_november = billed(contract, IN_NOVEMBER)

    assert of_november
    assert of_november.total == Decimal("7.00")
    assert invoiced(contract).total == Decimal("49.00")


@pytest.mark.parametrize("agreement", ["credits", "discount"])
def test_a_minimum_is_neither_discounted_nor_paid_by_credits_before_the_period_is_over(
    agreement: str,
) -> None:
    """60.00 were used and at least 100.00 are due at the end; 80.00 of credits pay 60.00, and half off is 30.00, by then."""
    make_meter()
    version = make_plan_version([usage_charge(unit_amount="0.10", minimum=Decimal(100))])
    contract = make_contract(plan_version=version, bill_above=Decimal(5))
    use(contract, "calls", "600", day=date(2026, 10, 5))
    made = threshold.bill_if_due(contract_id=contract.pk, at=ON_10TH, actor=ACTOR)
    assert made
    assert made.total == 60
    if agreement == "credits":
        give(contract, "80")
    else:
        half_off(contract)

    second = finalize.finalize(invoice_id=made.pk, at=ON_20TH, actor=ACTOR)

    assert second.total == {"credits": 0, "discount": 30}[agreement]
    assert invoiced(contract).total == 20


@pytest.mark.parametrize("amount", ["2", None])
def test_what_staff_took_back_of_a_running_period_is_not_asked_for_again_before_its_end(
    amount: str | None,
) -> None:
    contract = agreed()
    use(contract, "calls", "130", day=date(2026, 10, 5))
    interim = billed(contract, ON_10TH)
    assert interim
    make_credit_note(interim, amount=amount, at=ON_10TH)
    use(contract, "calls", "70", day=date(2026, 10, 15))

    assert billed(contract, ON_20TH) is None
    assert invoiced(contract).total == Decimal(69) - interim.total + Decimal(amount or 13)


def test_a_contract_that_is_not_billed_so_far_any_more_takes_off_what_was() -> None:
    contract = agreed()
    use(contract, "calls", "130", day=date(2026, 10, 5))
    billed(contract, ON_10TH)
    amend.amend(
        contract_id=contract.pk,
        effective_on=date(2026, 10, 12),
        changes=[ChangeFields({"bill_above": None})],
        reason="Agreed by mail.",
        at=ON_20TH,
        actor=ACTOR,
    )

    assert invoiced(contract).total == 49


def test_a_draft_so_far_never_comes_to_less_than_nothing() -> None:
    """5.00 are billed, then 8.00 drafted of 13.00; all but 20 calls are voided before it is finalized."""
    contract = agreed()
    use(contract, "calls", "50", day=date(2026, 10, 5))
    billed(contract, ON_10TH)
    use(contract, "calls", "80", day=date(2026, 10, 15))
    made = threshold.bill_if_due(contract_id=contract.pk, at=ON_20TH, actor=ACTOR)
    assert made
    voided(110)

    second = finalize.finalize(invoice_id=made.pk, at=ON_20TH, actor=ACTOR)

    assert second.total == Decimal(0)
    assert [line.amount for line in second.lines.all()] == [Decimal("2.00"), Decimal("-2.00")]
    assert invoiced(contract).total == Decimal("46.00")


def test_what_was_used_is_not_said_to_be_in_advance() -> None:
    """Only fees are billed before their days; the invoice itself says that it is interim."""
    contract = agreed()
    use(contract, "calls", "50", day=date(2026, 10, 5))
    interim = billed(contract, ON_10TH)
    assert interim

    shown = document_of(interim, list(interim.lines.all()))

    assert [(row.name, row.detail) for group in shown.groups for row in group.rows] == [("Calls", "")]
