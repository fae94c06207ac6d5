"""While an outside tax service gives no whole answer in time, nothing is drafted, changed or numbered, and nothing goes untaxed."""

import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.test import override_settings

from apps.contracts.models import Contract
from apps.core import clock
from apps.customers.models import Customer
from apps.invoices import close, draft, finalize, manual_lines, reissue, run, stripe_tax, tasks
from apps.invoices.credit_notes import Ask, Terms
from apps.invoices.errors import TaxProviderFailed
from apps.invoices.models import Invoice, ManualLine, ParkedClose
from apps.invoices.preview import preview
from apps.invoices.stripe_tax import StripeTax
from apps.invoices.tax_asked import AnsweredLine, TaxAnswer, TaxRequest
from apps.payments.credit import credit
from tests.builders import (
    fee_charge,
    make_contract,
    make_customer,
    make_legal_entity,
    make_meter,
    make_plan_version,
    usage_charge,
)
from tests.invoices.months import ACTOR, IN_NOVEMBER, drafted, use

pytestmark = pytest.mark.django_db
FOREVER = datetime(2030, 1, 1, tzinfo=UTC)
BY_HAND = manual_lines.NewLine("Setup", "Agreed", Decimal(20))


def taxed(self: StripeTax, request: TaxRequest) -> TaxAnswer:
    """10% on everything."""
    lines = [
        AnsweredLine(one.tax_class, "S", Decimal(10), Decimal(one.amount).scaleb(-3), "Sales tax", "US-NY")
        for one in request.lines
    ]
    return TaxAnswer("calculation", tuple(lines), FOREVER)


@pytest.fixture
def contract() -> Contract:
    make_legal_entity(tax_provider="stripe", country="US", region="NY")
    return make_contract(make_customer(country="US", region="NY"), make_plan_version([fee_charge("100")]))


@pytest.fixture
def draft_of_110(contract: Contract, monkeypatch: pytest.MonkeyPatch) -> Invoice:
    """A draft that was taxed, and then the customer moved, and the service is down: it has no key."""
    with monkeypatch.context() as up:
        up.setattr(StripeTax, "calculate", taxed)
        made = drafted(contract)
    assert made.total == Decimal(110)
    Customer.objects.update(city="Buffalo")
    stripe_tax._client.cache_clear()
    return made


def test_a_draft_stays_as_it_is(draft_of_110: Invoice) -> None:
    one: Any = {"invoice_id": draft_of_110.pk, "at": IN_NOVEMBER, "actor": ACTOR}

    with pytest.raises(TaxProviderFailed, match="Nothing was changed"):
        draft.refresh(**one)
    with pytest.raises(TaxProviderFailed):
        manual_lines.add(**one, new=BY_HAND)
    with pytest.raises(TaxProviderFailed):
        finalize.finalize(**one)

    stored = Invoice.objects.get()
    assert (stored.number, stored.total, stored.tax_amount) == (None, Decimal(110), Decimal(10))
    assert not ManualLine.objects.exists()


def test_a_run_sets_its_contract_aside_and_the_draft_is_finalized_later(
    draft_of_110: Invoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = run.start_finalize(at=IN_NOVEMBER, actor=ACTOR, invoice_ids=[draft_of_110.pk])
    assert started
    while run.advance(run_id=started.pk, at=IN_NOVEMBER):
        pass

    assert ParkedClose.objects.get().code == "tax-provider-failed"
    monkeypatch.setattr(StripeTax, "calculate", taxed)
    assert finalize.finalize(invoice_id=draft_of_110.pk, at=IN_NOVEMBER, actor=ACTOR).number
    assert not ParkedClose.objects.exists()


def test_an_invoice_is_not_issued_again(draft_of_110: Invoice, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as up:
        up.setattr(StripeTax, "calculate", taxed)
        finalize.finalize(invoice_id=draft_of_110.pk, at=IN_NOVEMBER, actor=ACTOR)
        terms = Terms(Invoice.Because.CORRECTION, Invoice.Remainder.BALANCE, "Wrong address")
        credit(invoice_id=draft_of_110.pk, ask=Ask(), terms=terms, at=IN_NOVEMBER, actor=ACTOR)
    Customer.objects.update(city="Albany")

    with pytest.raises(TaxProviderFailed):
        reissue.reissue(invoice_id=draft_of_110.pk, at=IN_NOVEMBER, actor=ACTOR)

    assert not Invoice.objects.filter(replaces=draft_of_110).exists()


def test_one_that_is_billed_as_it_uses_waits_and_the_others_are_billed(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The first of the two is sold by Stripe Tax's seller."""
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 10, 10, 9, tzinfo=UTC))
    make_meter()
    version = make_plan_version([usage_charge(unit_amount="1")])
    other = make_legal_entity("other", country="US", tax_provider="stripe")
    for key, entity in (("acme", other), ("beta", make_legal_entity())):
        buyer = make_customer(key, legal_entity=entity, country="US")
        use(make_contract(buyer, version, bill_above=Decimal(5)), "calls", "9", day=date(2026, 10, 5))

    tasks.bill_so_far()

    assert [one.customer.key for one in Invoice.objects.all()] == ["beta"]
    assert "Stripe Tax could not tell the tax" in caplog.text


def test_an_answer_that_leaves_a_class_out_is_none(
    contract: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(self: StripeTax, request: TaxRequest) -> TaxAnswer:
        return replace(taxed(self, request), lines=())

    monkeypatch.setattr(StripeTax, "calculate", nothing)

    parked = close.close_contract(contract_id=contract.pk, at=IN_NOVEMBER, actor=ACTOR).parked

    assert parked
    assert "its answer leaves out what is standard" in parked.reason
    assert not Invoice.objects.exists()


def test_what_changes_each_time_that_it_is_asked_is_refused(
    contract: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    def moved(self: StripeTax, request: TaxRequest) -> TaxAnswer:
        customer = Customer.objects.get()
        Customer.objects.update(city=f"{customer.city}!")
        contract.customer.city = f"{customer.city}!"
        return taxed(self, request)

    monkeypatch.setattr(StripeTax, "calculate", moved)

    with pytest.raises(TaxProviderFailed, match="changed each time"):
        draft.draft_next(contract_id=contract.pk, at=IN_NOVEMBER, actor=ACTOR)
    assert not Invoice.objects.exists()


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A service that takes the call and never says a word."""
    monkeypatch.setattr(stripe_tax, "_TIMEOUT_SECONDS", 0.1)
    monkeypatch.setattr(stripe_tax, "_RETRIES", 0)
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        with override_settings(STRIPE_KEY="sk_test_x", STRIPE_URL=url):
            stripe_tax._client.cache_clear()
            yield
            stripe_tax._client.cache_clear()


def test_a_service_that_is_too_slow_is_not_waited_for(contract: Contract, silent: None) -> None:
    with pytest.raises(TaxProviderFailed, match="Stripe Tax could not tell the tax"):
        preview(contract, at=IN_NOVEMBER)
