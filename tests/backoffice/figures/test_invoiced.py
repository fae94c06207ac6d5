"""Invoiced revenue is of the month that it is for, and counts once."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from apps.backoffice.figures.invoiced import ahead_of, in_drafts, invoiced
from apps.core.periods import Period
from apps.invoices import close, finalize
from apps.invoices.models import Invoice, InvoiceLine
from tests.builders import ACTOR, fee_charge, make_contract, make_meter, make_plan_version, usage_charge
from tests.invoices.months import drafted, use
from tests.invoices.months import invoiced as invoice

pytestmark = pytest.mark.django_db
SINCE = date(2026, 1, 1)
OCTOBER, NOVEMBER = date(2026, 10, 1), date(2026, 11, 1)


def test_a_month_is_told_by_kind_and_product_and_by_customer() -> None:
    """A fee of 100 and 40 x 0.50 = 20 of usage."""
    make_meter()
    contract = make_contract(
        plan_version=make_plan_version([fee_charge("100"), usage_charge(unit_amount="0.5")])
    )
    use(contract, "calls", "40")
    invoice(contract)

    found = invoiced(since=SINCE)

    assert [
        (one.month, one.kind, one.product, one.amount) for one in sorted(found.sold, key=lambda one: one.kind)
    ] == [
        (OCTOBER, "recurring", "Product", Decimal(100)),
        (OCTOBER, "usage", "Product", Decimal(20)),
    ]
    assert found.customers["USD"][OCTOBER] == {contract.customer_id: Decimal(120)}
    assert "EUR" not in found.customers


def test_a_fee_in_advance_counts_once_in_the_month_that_it_is_for() -> None:
    """Both are on October's invoice: October's own, and November's in advance."""
    contract = make_contract(plan_version=make_plan_version([replace(fee_charge("100"), in_advance=True)]))
    at = datetime(2026, 11, 2, 9, tzinfo=UTC)
    for draft in close.close_contract(contract_id=contract.pk, at=at, actor=ACTOR).drafts:
        finalize.finalize(invoice_id=draft.pk, at=at, actor=ACTOR)

    found = invoiced(since=SINCE)

    assert [found.customers["USD"][month][contract.customer_id] for month in (OCTOBER, NOVEMBER)] == [
        Decimal(100),
        Decimal(100),
    ]


def test_what_is_invoiced_of_a_running_period_is_told_apart() -> None:
    """Its spend counts November's fee again."""
    contract = make_contract(plan_version=make_plan_version([replace(fee_charge("100"), in_advance=True)]))
    at = datetime(2026, 11, 2, 9, tzinfo=UTC)
    for draft in close.close_contract(contract_id=contract.pk, at=at, actor=ACTOR).drafts:
        finalize.finalize(invoice_id=draft.pk, at=at, actor=ACTOR)

    ahead = ahead_of({contract.pk: Period(NOVEMBER, date(2026, 12, 1), "UTC")})

    assert [(one.customer_id, one.sold.month, one.sold.amount) for one in ahead] == [
        (contract.customer_id, NOVEMBER, Decimal(100))
    ]
    assert ahead_of({contract.pk: Period(date(2026, 12, 1), date(2027, 1, 1), "UTC")}) == []
    assert ahead_of({}) == []


def test_a_credit_note_takes_off_in_the_month_that_it_corrects() -> None:
    contract = make_contract(plan_version=make_plan_version([fee_charge("100")]))
    credited = invoice(contract)
    credit_note(credited, Decimal(-30))

    assert invoiced(since=SINCE).customers["USD"][OCTOBER] == {contract.customer_id: Decimal(70)}


def credit_note(credited: Invoice, amount: Decimal) -> None:
    """Write what a credit note over an amount is, before there is anything around it."""
    (line,) = credited.lines.all()
    note = Invoice.objects.create(
        kind=Invoice.Kind.CREDIT_NOTE,
        credits=credited,
        reason="Agreed.",
        remainder=Invoice.Remainder.BALANCE,
        because=Invoice.Because.GOODWILL,
        subtotal=amount,
        total=amount,
        drafted_at=credited.drafted_at,
        review_until_at=credited.review_until_at,
        **{
            name: getattr(credited, name)
            for name in (
                "legal_entity",
                "customer",
                "contract",
                "period_start_on",
                "period_end_on",
                "timezone",
                "currency",
                "tax_rate",
                "tax_amount",
            )
        },
    )
    InvoiceLine.objects.create(
        invoice=note,
        position=1,
        credits_line=line,
        kind=line.kind,
        charge_key=line.charge_key,
        product_name=line.product_name,
        name=line.name,
        quantity=1,
        price_unit="USD",
        exact=amount,
        amount=amount,
    )
    Invoice.objects.filter(pk=note.pk).update(
        status=Invoice.Status.FINALIZED,
        number="CN-2026-000001",
        finalized_at=datetime(2026, 11, 3, 9, tzinfo=UTC),
        issued_on=date(2026, 11, 3),
        due_on=date(2026, 11, 3),
        snapshot_hash=b"not looked at here",
    )


def test_drafts_are_told_apart() -> None:
    contract = make_contract(plan_version=make_plan_version([fee_charge("100")]))
    drafted(contract)

    assert in_drafts() == {"USD": {OCTOBER: {contract.customer_id: Decimal(100)}}}
    assert invoiced(since=SINCE).sold == ()


def test_fees_in_advance_of_a_draft_are_left_to_the_spend_of_their_period() -> None:
    """October's invoice asks for October's fee and, in advance, for November's."""
    contract = make_contract(plan_version=make_plan_version([replace(fee_charge("100"), in_advance=True)]))
    draft = drafted(contract)

    assert draft.subtotal == Decimal(200)
    assert in_drafts() == {"USD": {OCTOBER: {contract.customer_id: Decimal(100)}}}


def test_what_was_read_is_read_again_once_more_is_finalized(django_assert_num_queries: object) -> None:
    contract = make_contract(plan_version=make_plan_version([fee_charge("100")]))
    draft = drafted(contract)
    assert invoiced(since=SINCE).sold == ()
    with django_assert_num_queries(1):  # type: ignore[operator]
        invoiced(since=SINCE)

    finalize.finalize(invoice_id=draft.pk, at=datetime(2026, 11, 2, 9, tzinfo=UTC), actor=ACTOR)

    assert len(invoiced(since=SINCE).sold) == 1
