"""The invoice so far by the API: like an invoice with lines, without a number, and marked as a preview."""

from datetime import date
from decimal import Decimal

import pytest

from apps.customers.models import LegalEntity
from apps.invoices.models import Invoice
from tests.api.calls import Backend, problem, said
from tests.builders import (
    fee_charge,
    make_api_key,
    make_contract,
    make_customer,
    make_draft_contract,
    make_meter,
    make_plan_version,
    usage_charge,
)
from tests.invoices.months import use

pytestmark = pytest.mark.django_db


def test_the_running_period_is_answered_like_an_invoice() -> None:
    """60 calls at 0.10 are 6.00, with 19% 7.14."""
    make_meter()
    version = make_plan_version([usage_charge(unit_amount="0.10")])
    contract = make_contract(make_customer(tax_rate=Decimal(19)), version)
    use(contract, "calls", "60")

    body = said(Backend(make_api_key()).get("/customers/acme/upcoming-invoice"))

    assert (body["number"], body["is_preview"], body["kind"]) == (None, True, "period")
    assert (body["subtotal"], body["tax_amount"], body["total"]) == ("6.00", "1.14", "7.14")
    assert (body["issued_on"], body["finalized_at"]) == (None, None)
    assert [(line["charge"], line["quantity"], line["amount"]) for line in body["lines"]] == [
        ("calls", "60", "6.00")
    ]
    assert not Invoice.objects.exists()


def test_another_contract_is_named() -> None:
    customer = make_customer()
    past = make_contract(customer, starts_on=date(2026, 8, 1), ends_on=date(2026, 10, 1))
    make_contract(customer, past.plan_version)

    body = said(Backend(make_api_key()).get(f"/customers/acme/upcoming-invoice?contract={past.number}"))

    assert (body["contract"], body["period_start_on"]) == (past.number, "2026-09-01")


def test_a_customer_without_a_contract_has_no_invoice_so_far() -> None:
    draft = make_draft_contract()
    backend = Backend(make_api_key())

    assert problem(backend.get("/customers/acme/upcoming-invoice")) == (404, "no-running-contract")
    assert problem(backend.get(f"/customers/acme/upcoming-invoice?contract={draft.number}")) == (
        404,
        "not-found",
    )
    assert problem(backend.get("/customers/acme/upcoming-invoice?contract=%00")) == (404, "not-found")


def test_it_is_had_as_a_pro_forma_invoice() -> None:
    make_contract()

    answer = Backend(make_api_key()).get("/customers/acme/upcoming-invoice/pdf")

    assert answer["Content-Type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF-")


def test_while_no_tax_service_answers_there_is_none() -> None:
    """It has no key here, and so gives no answer."""
    make_contract(make_customer(), make_plan_version([fee_charge("100")]))
    LegalEntity.objects.update(tax_provider="stripe")
    backend = Backend(make_api_key())

    assert problem(backend.get("/customers/acme/upcoming-invoice")) == (409, "tax-provider-failed")
    assert problem(backend.get("/customers/acme/upcoming-invoice/pdf")) == (409, "tax-provider-failed")
