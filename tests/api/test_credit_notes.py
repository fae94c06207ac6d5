"""Credit notes over HTTP: issued once a key, listed, read and fetched."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from apps.invoices import publish
from apps.invoices.models import Invoice
from tests.api.calls import Backend, problem, said
from tests.builders import ACTOR, fee_charge, make_api_key, make_contract, make_customer, make_plan_version
from tests.invoices.months import invoiced

pytestmark = pytest.mark.django_db
AT = datetime(2026, 11, 10, tzinfo=UTC)


def billed(key: str = "acme") -> Invoice:
    """100.00, and 19% of it."""
    return invoiced(make_contract(make_customer(key, tax_rate=19), make_plan_version([fee_charge("100")])))


def body(credited: Invoice, **more: Any) -> dict[str, Any]:
    return {"invoice": credited.number, "because": "correction", "reason": "Wrong price", **more}


def test_an_invoice_is_credited_once_under_a_key_and_the_credit_note_read() -> None:
    invoice, backend = billed(), Backend(make_api_key())
    asked = body(invoice, lines=[{"position": 1, "amount": "50.00"}])

    made = backend.post("/credit-notes", asked, Idempotency_Key="k-1")
    again = backend.post("/credit-notes", asked, Idempotency_Key="k-1")

    assert (made.status_code, again.status_code) == (201, 201)
    assert said(made) == said(again)
    note = said(made)
    assert (note["number"], note["invoice"], note["total"], note["tax_amount"]) == (
        f"CN-{note['issued_on'][:4]}-000001",
        invoice.number,
        "-59.50",
        "-9.50",
    )
    assert [line["amount"] for line in note["lines"]] == ["-50.00"]
    assert said(backend.get("/credit-notes?customer=acme"))["data"][0]["number"] == note["number"]
    assert said(backend.get(f"/credit-notes/{note['number']}"))["because"] == "correction"
    assert said(backend.get("/invoices"))["data"][0]["number"] == invoice.number
    assert len(said(backend.get("/invoices"))["data"]) == 1
    assert problem(backend.get(f"/invoices/{note['number']}")) == (404, "not-found")


def test_a_credit_note_has_a_document() -> None:
    invoice, backend = billed(), Backend(make_api_key())
    number = said(
        backend.post("/credit-notes", body(invoice, amount="11.90", because="goodwill"), Idempotency_Key="k")
    )["number"]
    assert problem(backend.get(f"/credit-notes/{number}/pdf")) == (404, "not-rendered")

    publish.render_pdf(invoice_id=Invoice.objects.get(number=number).pk, at=AT, actor=ACTOR)

    assert backend.get(f"/credit-notes/{number}/pdf").content[:5] == b"%PDF-"


@pytest.mark.parametrize(
    ("more", "ended"),
    [
        ({"amount": "119.01"}, (422, "credited-too-much")),
        ({"amount": "0.001"}, (422, "not-an-amount-to-credit")),
        ({"lines": [{"position": 1, "amount": "100.01"}]}, (422, "credited-too-much")),
        ({"lines": [{"position": 7, "amount": "1"}]}, (404, "not-found")),
        ({"lines": [{"position": 1, "amount": "1"}], "amount": "1"}, (422, "invalid-fields")),
        ({"because": "whim"}, (422, "invalid-fields")),
        ({"invoice": "INV-9"}, (404, "not-found")),
    ],
)
def test_what_cannot_be_credited_is_refused(more: dict[str, Any], ended: tuple[int, str]) -> None:
    invoice, backend = billed(), Backend(make_api_key())

    assert problem(backend.post("/credit-notes", body(invoice, **more), Idempotency_Key="k")) == ended
    assert not invoice.credit_notes.exists()


def test_a_key_is_asked_for_and_is_good_for_one_request() -> None:
    invoice, backend = billed(), Backend(make_api_key())

    assert problem(backend.post("/credit-notes", body(invoice))) == (400, "no-idempotency-key")
    backend.post("/credit-notes", body(invoice, amount="1.19"), Idempotency_Key="k")
    other = backend.post("/credit-notes", body(invoice, amount="2.38"), Idempotency_Key="k")

    assert problem(other) == (409, "request-key-used")
    assert invoice.credit_notes.get().total == Decimal("-1.19")


def test_a_key_confined_to_a_customer_sees_its_own_and_credits_nothing() -> None:
    invoice, other = billed(), billed("other")
    ours = Backend(make_api_key())
    number = said(ours.post("/credit-notes", body(other, amount="1"), Idempotency_Key="k"))["number"]
    confined = Backend(make_api_key(customer=invoice.customer))

    assert said(confined.get("/credit-notes"))["data"] == []
    assert problem(confined.get(f"/credit-notes/{number}")) == (404, "not-found")
    assert problem(confined.post("/credit-notes", body(invoice), Idempotency_Key="x")) == (
        403,
        "confined-key",
    )
