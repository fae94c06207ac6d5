"""What credit notes mean for what is billed ahead: interim invoices and fees in advance are taken off once, whatever is credited."""

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from apps.contracts import amend
from apps.contracts.changes import ChangeSeats
from apps.contracts.models import Contract
from apps.invoices import finalize, reissue, threshold, void
from apps.invoices.models import Invoice
from apps.invoices.settle import to_settle
from apps.invoices.verify.run import verify_all
from apps.plans.compose import NewPrice, NewTier
from apps.usage import ingest
from apps.usage.correct import correct
from tests.builders import (
    fee_charge,
    make_contract,
    make_credit_note,
    make_meter,
    make_plan_version,
    usage_charge,
)
from tests.invoices.months import ACTOR, IN_NOVEMBER, drafted, invoiced, use

pytestmark = pytest.mark.django_db

AT_START = datetime(2026, 10, 1, 9, tzinfo=UTC)
ON_10TH = datetime(2026, 10, 10, 9, tzinfo=UTC)
LATER = IN_NOVEMBER + timedelta(days=8)
IN_DECEMBER = datetime(2026, 12, 2, 9, tzinfo=UTC)
IN_JANUARY = datetime(2027, 1, 2, 9, tzinfo=UTC)


def interim(contract: Contract, at: datetime) -> Invoice | None:
    made = threshold.bill_if_due(contract_id=contract.pk, at=at, actor=ACTOR)
    return finalize.finalize(invoice_id=made.pk, at=at, actor=ACTOR) if made else None


def october() -> tuple[Contract, Invoice, Invoice]:
    """130 calls are 13.00, billed on the 10th; October's own invoice is 13.00 + 49.00 - 13.00."""
    make_meter(late_days=400)
    version = make_plan_version([usage_charge(unit_amount="0.10"), fee_charge("49")])
    contract = make_contract(plan_version=version, bill_above=Decimal(5))
    use(contract, "calls", "130")
    so_far = interim(contract, ON_10TH)
    assert so_far
    return contract, so_far, invoiced(contract)


def november(contract: Contract) -> Invoice:
    return invoiced(contract, at=IN_DECEMBER)


def issued_again(invoice: Invoice, *, at: datetime) -> Invoice:
    written = reissue.reissue(invoice_id=invoice.pk, at=at, actor=ACTOR)
    return finalize.finalize(invoice_id=written.pk, at=at, actor=ACTOR)


def asked() -> Decimal:
    return sum(Invoice.objects.filter(status="finalized").values_list("subtotal", flat=True), Decimal(0))


@pytest.mark.parametrize("amount", ["4.90", None])
def test_crediting_a_period_gives_nothing_more_of_what_it_took_off(amount: str | None) -> None:
    """4.90 of October's 49.00 are credited, or all: November's invoice is its fee, and not less what October took off."""
    contract, _, whole = october()
    make_credit_note(whole, amount=amount, at=LATER)

    assert november(contract).total == 49
    assert all(one.is_proven for one in verify_all())


def test_what_is_credited_of_an_interim_invoice_after_its_period_stays_given_back() -> None:
    contract, so_far, _ = october()
    make_credit_note(so_far, amount="5", at=LATER)

    assert november(contract).total == 49


def test_what_is_credited_of_a_fee_in_advance_after_its_period_stays_given_back() -> None:
    contract = make_contract(plan_version=make_plan_version([replace(fee_charge("100"), in_advance=True)]))
    first = invoiced(contract)
    second = november(contract)
    make_credit_note(first, lines={first.lines.get(in_advance=True).pk: Decimal(40)}, at=IN_DECEMBER)

    assert second.total == 100
    assert invoiced(contract, at=IN_JANUARY).total == 100


def test_a_period_that_is_issued_again_after_the_next_takes_off_what_was_billed_so_far_once() -> None:
    """October's 49.00 are credited, and asked for again after November's: 13.00 + 49.00 + 49.00 in all."""
    contract, _, whole = october()
    make_credit_note(whole, at=LATER)
    following = november(contract)

    again = issued_again(whole, at=IN_DECEMBER)

    assert [following.total, again.total] == [49, 49]
    assert asked() == 111
    assert invoiced(contract, at=IN_JANUARY).total == 49
    assert all(one.is_proven for one in verify_all())


@pytest.mark.parametrize("order", ["credit issue next", "credit next issue", "next credit issue"])
def test_fees_in_advance_are_settled_once_whenever_a_period_is_issued_again(order: str) -> None:
    """10 seats at 31.00, 12 from 16 October: 310.00 ahead, 342.00 for October and 372.00 for November, the last; no more, no less."""
    fee = replace(fee_charge("31", quantity="10"), in_advance=True)
    contract = make_contract(plan_version=make_plan_version([fee]), ends_on=date(2026, 12, 1))
    invoiced(contract, at=AT_START)
    seats = ChangeSeats("fee", Decimal(12))
    amend.amend(
        contract_id=contract.pk,
        effective_on=date(2026, 10, 16),
        changes=[seats],
        reason="Agreed by mail.",
        at=AT_START,
        actor=ACTOR,
    )
    first = invoiced(contract)

    for what in order.split():
        if what == "next":
            november(contract)
        elif what == "credit":
            make_credit_note(first, at=IN_DECEMBER)
        else:
            issued_again(first, at=IN_DECEMBER)

    assert asked() == 714
    assert to_settle() == []
    assert all(one.is_proven for one in verify_all())


def test_what_was_billed_ahead_of_a_last_period_that_was_voided_is_to_settle_by_hand() -> None:
    """13.00 were billed of October, whose draft is voided: no other invoice follows that could take them off."""
    make_meter()
    contract = make_contract(
        plan_version=make_plan_version([usage_charge(unit_amount="0.10")]),
        bill_above=Decimal(5),
        ends_on=date(2026, 11, 1),
    )
    use(contract, "calls", "130")
    so_far = interim(contract, ON_10TH)
    assert so_far
    void.void(invoice_id=drafted(contract).pk, reason="A trial month", at=LATER, actor=ACTOR)

    (left,) = to_settle()
    assert left.amount is not None
    assert left.invoice == so_far.number
    assert left.amount.amount == -13
    make_credit_note(so_far, lines=dict(left.lines), at=LATER)
    assert to_settle() == []


@pytest.mark.parametrize("seed", [1, 11, 18, 20])
def test_whatever_is_credited_and_when_all_documents_together_ask_for_what_was_used(seed: int) -> None:
    """Calls at 1.00 up to 100 a month and 0.50 beyond; a fee of 40 in arrears, and one of 30 in advance, also of the next month.

    Enough is used in every month that nothing has to be carried beyond the last invoice.
    """
    told = _Told(Random(seed), _contract())
    for month, close_at in ((10, IN_NOVEMBER), (11, IN_DECEMBER), (12, IN_JANUARY)):
        for day in sorted(told.chance.sample(range(1, 28), 4)):
            told.day(month, day)
        told.use(400, date(2026, month, 28), at=datetime(2026, month, 28, 18, tzinfo=UTC))
        told.close(at=close_at)
    told.use(400, date(2027, 1, 5), at=datetime(2027, 1, 5, 18, tzinfo=UTC))
    invoiced(told.contract, at=datetime(2027, 2, 2, 9, tzinfo=UTC))

    usage = sum(min(calls, 100) + Decimal(max(calls - 100, 0)) / 2 for calls in told.counted.values())
    assert asked() == usage + 4 * 40 + 5 * 30 - told.given
    assert all(one.is_proven for one in verify_all()), [one.findings for one in verify_all()]


@dataclass
class _Told:
    """A contract to which anything happens, with the calls that count by month, and what was given as goodwill."""

    chance: Random
    contract: Contract
    counted: dict[tuple[int, int], int] = field(default_factory=dict)
    given: int = 0
    periods: list[Invoice] = field(default_factory=list)

    def day(self, month: int, day: int) -> None:
        """Use, perhaps late, perhaps voided; bill so far, perhaps voided, perhaps corrected in part."""
        at = datetime(2026, month, day, 18, tzinfo=UTC)
        used_on = date(2026, self.chance.randrange(10, month + 1), day)
        key = self.use(self.chance.randrange(20, 120), used_on, at=at, is_counted=self.chance.random() < 0.8)
        if key:
            correct(customer_key="acme", keys=[key], reason="Test", at=at, actor=ACTOR)
        made = threshold.bill_if_due(contract_id=self.contract.pk, at=at, actor=ACTOR)
        if made and self.chance.random() < 0.15:
            void.void(invoice_id=made.pk, reason="Test", at=at, actor=ACTOR)
        elif made:
            self._finalize(made, at=at)

    def use(self, calls: int, on: date, *, at: datetime, is_counted: bool = True) -> str:
        """Use so many calls, and return the event's id if it is going to be voided."""
        key = f"{on}-{at}"
        noon = datetime(on.year, on.month, on.day, 12, tzinfo=UTC)
        event = {
            "id": key,
            "customer": "acme",
            "type": "api.call",
            "time": noon.isoformat(),
            "quantity": calls,
        }
        assert ingest.ingest(events=[event], at=at, actor=ACTOR).counted == 1
        if not is_counted:
            return key
        self.counted[on.year, on.month] = self.counted.get((on.year, on.month), 0) + calls
        return ""

    def close(self, *, at: datetime) -> None:
        """Close the month; before or after that an invoice may be credited as a whole, and issued again."""
        whole = drafted(self.contract, at=at)
        self._issue_one_again(at=at)
        self.periods.append(finalize.finalize(invoice_id=whole.pk, at=at, actor=ACTOR))
        self._issue_one_again(at=at + timedelta(hours=1))

    def _finalize(self, made: Invoice, *, at: datetime) -> None:
        so_far = finalize.finalize(invoice_id=made.pk, at=at, actor=ACTOR)
        because = self.chance.choice(["correction", "goodwill", "", "", "", ""])
        if because:
            make_credit_note(so_far, amount="3", because=because, at=at)
            self.given += 3 * (because == "goodwill")

    def _issue_one_again(self, *, at: datetime) -> None:
        if self.periods and self.chance.random() < 0.5:
            place = self.chance.randrange(len(self.periods))
            make_credit_note(self.periods[place], at=at)
            self.periods[place] = issued_again(self.periods[place], at=at)


def _contract() -> Contract:
    make_meter(aggregation="sum", late_days=400)
    tiers = [NewTier(Decimal(100), Decimal(1)), NewTier(None, Decimal("0.5"))]
    charges: list[Any] = [
        usage_charge(prices=[NewPrice(model="graduated", tiers=tiers)]),
        fee_charge("40"),
        replace(fee_charge("30", key="seat"), in_advance=True),
    ]
    contract = make_contract(plan_version=make_plan_version(charges), bill_above=Decimal(25))
    invoiced(contract, at=AT_START)
    return contract
