"""Invoices in the portal: the list, each in words, and the document itself."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.customers.models import Customer
from apps.invoices import close, finalize
from tests.builders import (
    ACTOR,
    fee_charge,
    make_contract,
    make_credit_note,
    make_meter,
    make_plan_version,
    usage_charge,
)
from tests.invoices.months import IN_NOVEMBER, drafted, invoiced, use
from tests.portal.contracts import make_call_contract


def test_an_invoice_is_listed_with_what_is_open(member: Client, acme: Customer) -> None:
    """12,345 calls at 0.01 are 123.45, due 30 days after November 2."""
    contract = make_call_contract(acme)
    use(contract, "calls", "12345")
    invoiced(contract)

    shown = member.get("/portal/c/acme/invoices/").content.decode()

    assert "INV-2026-000001" in shown
    assert "$123.45" in shown
    assert "Dec 2, 2026" in shown
    assert "Open" in shown


def test_an_invoice_of_fees_in_advance_says_so(member: Client, acme: Customer) -> None:
    fee = replace(fee_charge("99"), in_advance=True)
    invoiced(make_contract(acme, make_plan_version([fee])), at=datetime(2026, 10, 1, 9, tzinfo=UTC))

    shown = member.get("/portal/c/acme/invoices/").content.decode()
    opened = member.get("/portal/c/acme/invoices/INV-2026-000001/").content.decode()

    assert ", in advance</span>" in shown
    assert "1 October 2026 to 31 October 2026, in advance" in opened


def test_a_draft_is_the_sellers_alone(member: Client, acme: Customer) -> None:
    drafted(make_contract(acme))

    assert "No invoice yet" in member.get("/portal/c/acme/invoices/").content.decode()


def test_an_invoice_says_how_its_amounts_came_about(member: Client, acme: Customer) -> None:
    make_meter("tokens", name="Input tokens", unit="tokens", aggregation="sum")
    contract = make_contract(
        acme, make_plan_version([usage_charge("tokens", name="Input tokens", unit_amount="0.000003")])
    )
    use(contract, "tokens", "1234567")
    invoiced(contract)

    shown = member.get("/portal/c/acme/invoices/INV-2026-000001/").content.decode()

    assert "1,234,567 tokens" in shown
    assert "3.703701" in shown
    assert "3.70\u00a0USD" in shown
    assert "Amount due by Dec 2, 2026" in shown


def test_the_document_downloads(member: Client, acme: Customer) -> None:
    invoiced(make_contract(acme))

    first = member.get("/portal/c/acme/invoices/INV-2026-000001.pdf")
    second = member.get("/portal/c/acme/invoices/INV-2026-000001.pdf")

    assert first["Content-Type"] == "application/pdf"
    assert first["Content-Disposition"] == 'attachment; filename="INV-2026-000001.pdf"'
    assert first.content.startswith(b"%PDF-")
    assert first.content == second.content


@pytest.mark.parametrize("months", [1, 3])
def test_the_list_takes_as_many_queries_however_many_invoices_there_are(
    member: Client, acme: Customer, months: int
) -> None:
    contract = make_contract(acme, starts_on=date(2026, 11 - months, 1))
    for draft in close.close_contract(contract_id=contract.pk, at=IN_NOVEMBER, actor=ACTOR).drafts:
        finalize.finalize(invoice_id=draft.pk, at=IN_NOVEMBER, actor=ACTOR)

    with CaptureQueriesContext(connection) as queries:
        member.get("/portal/c/acme/invoices/")

    assert len(queries) == 6, [query["sql"] for query in queries]


def test_an_invoice_takes_a_bounded_number_of_queries(member: Client, acme: Customer) -> None:
    contract = make_call_contract(acme)
    use(contract, "calls", "12345")
    invoiced(contract)

    with CaptureQueriesContext(connection) as queries:
        member.get("/portal/c/acme/invoices/INV-2026-000001/")

    assert len(queries) <= 9, [query["sql"] for query in queries]


def test_an_invoice_and_its_credit_note_lead_to_each_other(member: Client, acme: Customer) -> None:
    invoice = invoiced(make_contract(acme, make_plan_version([fee_charge("100")])))
    make_credit_note(invoice, amount="30")

    credited = member.get(f"/portal/c/acme/invoices/{invoice.number}/").content.decode()
    note = member.get("/portal/c/acme/invoices/CN-2026-000001/").content.decode()

    assert (
        'Credited by <a href="/portal/c/acme/invoices/CN-2026-000001/">CN-2026-000001</a>, $30.00' in credited
    )
    assert f'It corrects <a href="/portal/c/acme/invoices/{invoice.number}/">' in note
