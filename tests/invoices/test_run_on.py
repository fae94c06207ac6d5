"""Contracts that run on after all, and what a period brings into the next before it has an invoice."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from apps.contracts import amend, extend, sign
from apps.contracts.changes import AddDiscount
from apps.contracts.models import Contract
from apps.controls.spend import spend_to_date
from apps.invoices import finalize
from apps.invoices.errors import PeriodNotOver
from apps.invoices.models import Invoice
from tests.builders import ACTOR, AT, fee_charge, make_contract, make_meter, make_plan_version, usage_charge
from tests.invoices.months import IN_NOVEMBER, drafted, invoiced, use

pytestmark = pytest.mark.django_db(transaction=True)
ON_THE_16TH = datetime(2026, 10, 16, 9, tzinfo=UTC)


def cut_on_the_16th() -> Contract:
    make_meter()
    contract = make_contract(
        plan_version=make_plan_version([fee_charge("310"), usage_charge(unit_amount="1")])
    )
    use(contract, "calls", "4")
    sign.end(
        contract_id=contract.pk,
        ends_on=date(2026, 10, 16),
        reason="Moving.",
        at=datetime(2026, 10, 14, tzinfo=UTC),
        actor=ACTOR,
    )
    return contract


def run_on(contract: Contract, at: datetime) -> None:
    extend.extend(contract_id=contract.pk, ends_on=None, reason="They stay.", at=at, actor=ACTOR)


def test_a_contract_that_runs_on_after_its_last_invoice_is_billed_from_there() -> None:
    """310.00 x 15 of 31 days and 4 calls = 154.00; then 310.00 x 16 of 31 days and 3 calls = 163.00."""
    contract = cut_on_the_16th()
    first = invoiced(contract, at=ON_THE_16TH)
    run_on(contract, ON_THE_16TH)
    use(contract, "calls", "3", day=date(2026, 10, 20))

    second = invoiced(contract)

    assert (first.total, second.total) == (Decimal("154.00"), Decimal("163.00"))
    assert (second.period_start_on, second.period_end_on) == (date(2026, 10, 16), date(2026, 11, 1))


def test_a_draft_of_a_contract_that_runs_on_waits_for_the_end_of_its_period() -> None:
    contract = cut_on_the_16th()
    draft = drafted(contract, at=ON_THE_16TH)
    run_on(contract, ON_THE_16TH)

    with pytest.raises(PeriodNotOver, match="2026-11-01"):
        finalize.finalize(invoice_id=draft.pk, at=ON_THE_16TH, actor=ACTOR)

    whole = finalize.finalize(invoice_id=draft.pk, at=IN_NOVEMBER, actor=ACTOR)
    assert (whole.total, whole.period_end_on) == (Decimal("314.00"), date(2026, 11, 1))
    assert Invoice.objects.count() == 1


def test_units_that_were_free_once_are_not_free_again_before_the_invoice_is_drafted() -> None:
    """The first 100 calls are free: all of them in October, so 5 in November cost 1.00 each."""
    make_meter()
    contract = make_contract(plan_version=make_plan_version([usage_charge(unit_amount="1")]))
    amend.amend(
        contract_id=contract.pk,
        effective_on=date(2026, 10, 1),
        changes=[AddDiscount("first", "First 100 calls", units=Decimal(100))],
        reason="Agreed.",
        at=AT,
        actor=ACTOR,
    )
    use(contract, "calls", "100")
    use(contract, "calls", "5", day=date(2026, 11, 1))
    contract = Contract.objects.select_related("plan_version").get(pk=contract.pk)

    spend = spend_to_date(contracts=[contract], at=IN_NOVEMBER)[contract.pk]

    assert spend.rated.total.amount == Decimal("5.00")
