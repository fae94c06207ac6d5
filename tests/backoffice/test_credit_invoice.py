"""Crediting, writing off, voiding and issuing again in the back office: figures before, and the result after."""

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.invoices.models import Invoice
from apps.payments import balances
from apps.payments.models import Refund, WriteOff
from apps.payments.queries import open_amounts
from apps.usage.correct import correct
from apps.usage.models import Event
from tests.backoffice.conftest import NOW, Month
from tests.backoffice.test_rights import reader
from tests.builders import ACTOR, make_credit_note, make_payment

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def december() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def asked(invoice: Invoice, staff: Client, **given: str) -> tuple[str, dict[str, str]]:
    """What the form shows, with what is given, and the fields to send again."""
    page = staff.get(f"/admin/invoice/{invoice.pk}/credit/").content.decode()
    key = re.search(r'name="key" value="([0-9a-f]+)"', page)
    assert key
    fields = {
        "by": "full",
        "because": "correction",
        "remainder": "balance",
        "reason": "Wrong price",
        "key": key[1],
        **given,
    }
    return staff.post(f"/admin/invoice/{invoice.pk}/credit/", fields).content.decode(), fields


def test_a_credit_note_is_shown_with_figures_and_then_issued_once(month: Month, staff: Client) -> None:
    """Of 120.00, 50.00 is paid: 100.00 back pay the open 70.00, and 30.00 stay."""
    invoice = month.finalized
    make_payment(invoice.customer, "30", reference="R-2")
    shown, fields = asked(invoice, staff, by="amount", amount="100")

    assert "Issue a credit note of $100.00" in shown
    assert "$70.00 pays what is open" in shown
    assert "$30.00 stays as the balance" in shown
    assert not invoice.credit_notes.exists()

    address, confirmed = f"/admin/invoice/{invoice.pk}/credit/", {**fields, "confirmed": "yes"}
    staff.post(address, confirmed)
    done = staff.post(address, confirmed, follow=True).content.decode()

    note = invoice.credit_notes.get()
    assert note.number
    assert f"Credit note {note.number}" in done
    assert "What became of it" in done
    assert note.number in staff.get(f"/admin/invoice/{invoice.pk}/").content.decode()


def test_mistakes_are_told_at_their_fields_and_nothing_is_lost(month: Month, staff: Client) -> None:
    invoice = month.finalized
    line = invoice.lines.first()
    assert line

    too_much, _ = asked(invoice, staff, by="amount", amount="120.01")
    no_lines, _ = asked(invoice, staff, by="lines")
    of_line, _ = asked(invoice, staff, by="lines", **{f"line-{line.pk}": "10"})

    assert "$120.00 is left" in too_much
    assert 'value="Wrong price"' in too_much
    assert "at least one line" in no_lines
    assert "Issue a credit note of $10.00" in of_line
    assert not invoice.credit_notes.exists()


def test_an_invoice_is_written_off_and_the_write_off_taken_back(month: Month, staff: Client) -> None:
    invoice = month.finalized
    assert "$100.00" in staff.get(f"/admin/invoice/{invoice.pk}/write-off/").content.decode()

    done = staff.post(
        f"/admin/invoice/{invoice.pk}/write-off/",
        {"amount": "100", "on": "2026-12-10", "reason": "Insolvent"},
        follow=True,
    ).content.decode()
    assert "$100.00 of INV-2026-000001 is written off" in done
    written = WriteOff.objects.get()
    assert f"/admin/write-off/{written.pk}/recover/" in done
    to_credit = staff.get(f"/admin/invoice/{invoice.pk}/credit/").content.decode()
    assert '<p class="figure">$20.00</p>' in to_credit
    assert "$100.00 more is written off and never came" in to_credit
    all_left, _ = asked(invoice, staff, by="full")
    assert "Issue a credit note of $20.00" in all_left

    back = staff.post(f"/admin/write-off/{written.pk}/recover/", {"reason": "It was paid"}, follow=True)

    assert "is open again" in back.content.decode()
    assert open_amounts([invoice.pk])[invoice.pk] == 100


def test_too_much_to_write_off_is_told_at_the_amount_as_pages_write_money(
    month: Month, staff: Client
) -> None:
    told = staff.post(
        f"/admin/invoice/{month.finalized.pk}/write-off/",
        {"amount": "1200.5", "on": "2026-12-10", "reason": "Insolvent"},
    )

    assert "amount" in told.context["form"].errors
    assert "$1,200.50 cannot be written off" in told.content.decode()


def test_a_balance_pays_an_invoice_by_a_button_that_names_it(month: Month, staff: Client) -> None:
    invoice = month.finalized
    make_payment(invoice.customer, "50", reference="R-2", pays={})
    page = staff.get(f"/admin/invoice/{invoice.pk}/").content.decode()
    assert "Pay from the balance of $50.00" in page

    staff.post(f"/admin/invoice/{invoice.pk}/balance/")

    assert open_amounts([invoice.pk])[invoice.pk] == 50
    assert balances.balances(invoice.customer_id) == {}


def test_a_balance_is_owed_back_and_noted_as_paid_back(month: Month, staff: Client) -> None:
    payment = make_payment(month.finalized.customer, "50", reference="R-2", pays={})
    assert "$50.00" in staff.get("/admin/balances/").content.decode()

    owed = staff.post("/admin/balances/", {"source": str(payment.pk)}, follow=True).content.decode()
    refund = Refund.objects.get()
    assert "Note $50.00 as paid back" in owed
    done = staff.post(
        "/admin/balances/",
        {"refund": str(refund.pk), "paid_on": "2026-12-11", "reference": "T-1"},
        follow=True,
    ).content.decode()

    assert "noted as paid back" in done
    refund.refresh_from_db()
    assert (refund.paid_on, refund.reference) == (date(2026, 12, 11), "T-1")


def test_a_draft_is_voided_after_what_it_means_was_said(month: Month, staff: Client) -> None:
    page = staff.get(f"/admin/invoice/{month.draft.pk}/void/").content.decode()
    assert "Void it, and forgo $110.00" in page
    assert "closed without an invoice" in page

    done = staff.post(f"/admin/invoice/{month.draft.pk}/void/", {"reason": "A trial"}, follow=True)

    assert "is void" in done.content.decode()
    assert "Void: A trial" in staff.get(f"/admin/invoice/{month.draft.pk}/").content.decode()
    assert "Void" in staff.get("/admin/customer/acme/").content.decode()


def test_a_credited_invoice_is_issued_again_by_its_page(month: Month, staff: Client) -> None:
    make_credit_note(month.finalized, at=NOW)
    assert "Issue it again" in staff.get(f"/admin/invoice/{month.finalized.pk}/").content.decode()
    assert "$120.00" in staff.get(f"/admin/invoice/{month.finalized.pk}/again/").content.decode()

    done = staff.post(f"/admin/invoice/{month.finalized.pk}/again/", follow=True).content.decode()

    again = Invoice.objects.get(replaces=month.finalized)
    assert again.total == Decimal(120)
    assert "Issued again for" in done
    assert "issued again as" in staff.get(f"/admin/invoice/{month.finalized.pk}/").content.decode()


def test_what_is_to_be_settled_by_hand_leads_to_a_credit_note_that_is_filled_in(
    month: Month, staff: Client
) -> None:
    contract = month.contract
    Invoice.objects.filter(pk=month.draft.pk).delete()
    type(contract).objects.filter(pk=contract.pk).update(ends_on=date(2026, 11, 1))
    key = contract.customer.key
    events = list(_events_of(contract))
    correct(customer_key=key, keys=events[:10], reason="Test", at=NOW, actor=ACTOR)

    page = staff.get(f"/admin/customer/{key}/").content.decode()
    link = re.search(r'href="(/admin/invoice/[^"]+/credit/\?[^"]+)"', page)
    assert link, page
    form = staff.get(link[1].replace("&amp;", "&")).content.decode()

    assert 'value="5.0000"' in form or 'value="5.00"' in form


def _events_of(contract: Any) -> Iterator[str]:
    return iter(
        Event.objects.filter(customer=contract.customer_id, time__lt="2026-11-01T00:00Z").values_list(
            "key", flat=True
        )
    )


def test_who_may_only_look_is_offered_and_allowed_nothing(month: Month, client: Client) -> None:
    reader(client, "view_invoice", "view_customer", "view_payment", "view_refund")
    invoice = month.finalized

    page = client.get(f"/admin/invoice/{invoice.pk}/").content.decode()

    assert "/credit/" not in page
    for path in ("credit", "write-off", "void", "again", "balance"):
        assert client.post(f"/admin/invoice/{invoice.pk}/{path}/").status_code == 403
    assert client.get("/admin/balances/").status_code == 200
    assert client.post("/admin/balances/", {"source": str(invoice.pk)}).status_code == 403


@pytest.mark.parametrize("more", [1, 4])
def test_lists_take_as_many_queries_however_many_credit_notes_there_are(
    month: Month, staff: Client, more: int
) -> None:
    for place in range(more):
        make_credit_note(month.finalized, amount="5", remainder="refund", at=NOW)
        make_payment(month.finalized.customer, "1", reference=f"S-{place}", pays={})
    staff.get("/admin/")

    with CaptureQueriesContext(connection) as listed:
        staff.get("/admin/invoices/invoice/?kind__exact=credit_note")
    with CaptureQueriesContext(connection) as left:
        staff.get("/admin/balances/")

    assert len(listed) <= 12, [one["sql"] for one in listed]
    assert len(left) <= 8, [one["sql"] for one in left]
