"""Recording a transfer in the back office: by its form, whose refusals stand at the fields."""

import pytest
from django.forms import Form
from django.test import Client

from apps.contracts.models import Contract
from apps.invoices.models import Invoice
from apps.payments.models import Allocation, Payment
from tests.builders import fee_charge, make_contract, make_customer, make_plan_version, make_staff
from tests.invoices.months import drafted, invoiced
from tests.payments.test_record import IN_DECEMBER, still_open, subscriber

ADDRESS = "/admin/payments/payment/add/"


@pytest.fixture
def contract(client: Client, db: None) -> Contract:
    client.force_login(make_staff())
    return subscriber()


def transfer_of(contract: Contract, **changed: str) -> dict[str, str]:
    fields = {
        "customer": str(contract.customer_id),
        "amount": "60",
        "currency": "usd",
        "received_on": "2026-11-20",
        "reference": "R-1",
        "pays": "",
    }
    return {**fields, **changed}


def faults(client: Client, fields: dict[str, str]) -> dict[str, str]:
    """Return what the form says, by field."""
    answer = client.post(ADDRESS, fields)
    assert answer.status_code == 200
    form: Form = answer.context["adminform"].form
    return {name: " ".join(str(one) for one in said) for name, said in form.errors.items()}


def test_a_transfer_pays_the_invoices_whose_numbers_are_given(client: Client, contract: Contract) -> None:
    october, november = invoiced(contract), invoiced(contract, at=IN_DECEMBER)

    answer = client.post(ADDRESS, transfer_of(contract, pays=f" {november.number} ,"))

    assert answer.status_code == 302
    assert [int(left) for left in still_open(october, november)] == [100, 40]
    assert Payment.objects.get().recorded_by == "finance@seller.example"


def test_without_numbers_it_pays_what_is_due_first(client: Client, contract: Contract) -> None:
    october, november = invoiced(contract), invoiced(contract, at=IN_DECEMBER)

    client.post(ADDRESS, transfer_of(contract, amount="130"))

    assert [int(left) for left in still_open(october, november)] == [0, 70]


def test_refusals_stand_at_their_fields_and_record_nothing(client: Client, contract: Contract) -> None:
    mine = invoiced(contract)
    theirs: Invoice = invoiced(make_contract(make_customer("globex"), make_plan_version([fee_charge("9")])))
    drafted(contract, at=IN_DECEMBER)

    refused = {
        "amount": faults(client, transfer_of(contract, amount="10.005")),
        "currency": faults(client, transfer_of(contract, currency="UDS")),
        "unknown": faults(client, transfer_of(contract, pays="INV-NONE")),
        "theirs": faults(client, transfer_of(contract, pays=str(theirs.number))),
        "other currency": faults(client, transfer_of(contract, currency="EUR", pays=str(mine.number))),
    }

    assert {name: list(said) for name, said in refused.items()} == {
        "amount": ["amount"],
        "currency": ["currency"],
        "unknown": ["pays"],
        "theirs": ["pays"],
        "other currency": ["pays"],
    }
    assert "whole minor units" in refused["amount"]["amount"]
    assert "There is no invoice INV-NONE" in refused["unknown"]["pays"]
    assert not Payment.objects.exists()


def test_a_reference_that_is_recorded_already_is_refused_at_its_field(
    client: Client, contract: Contract
) -> None:
    invoiced(contract)
    client.post(ADDRESS, transfer_of(contract))

    said = faults(client, transfer_of(contract))

    assert list(said) == ["reference"]
    assert "recorded already" in said["reference"]
    assert (Payment.objects.count(), Allocation.objects.count()) == (1, 1)
