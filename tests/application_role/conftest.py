"""A finalized invoice with all that belongs to it, committed, for all attempts of a module."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

import pytest
from django.db import connection
from pytest_django import DjangoDbBlocker

from apps.core.clock import now
from apps.invoices import finalize, publish, purchase
from apps.invoices.models import Approval, ElectronicInvoice, Invoice
from apps.ledger.models import Entry
from apps.payments import record
from tests.builders import (
    fee_charge,
    make_contract,
    make_credit_unit,
    make_customer,
    make_meter,
    make_plan_version,
    usage_charge,
)
from tests.invoices.months import ACTOR, IN_NOVEMBER, drafted, invoiced, use
from tests.roles import as_owner, login


@dataclass(frozen=True, slots=True)
class Books:
    """What attempts are made on, and who looks whether they came to anything."""

    names: dict[str, object]
    owner: str


@pytest.fixture(scope="module")
def books(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Books]:
    with django_db_blocker.unblock():
        filled_before = _filled()
        try:
            with login(None) as owner:
                yield Books(_finalized(), owner.info.user)
        finally:
            # Not all, as a flush does: other tests build on what migrations wrote.
            with as_owner(), connection.cursor() as cursor:
                cursor.execute(f"TRUNCATE {', '.join(sorted(_filled() - filled_before))} CASCADE")


def _filled() -> set[str]:
    """Return the tables that have rows."""
    asked = " UNION ALL ".join(
        f"(SELECT '{table}' FROM {table} LIMIT 1)" for table in connection.introspection.table_names()
    )
    with connection.cursor() as cursor:
        cursor.execute(asked)
        return {table for (table,) in cursor.fetchall()}


def _finalized() -> dict[str, object]:
    make_meter()
    version = make_plan_version([usage_charge(), fee_charge()])
    customer = make_customer(tax_rate=Decimal(19), billing_email="ap@acme.example")
    contract = make_contract(customer, version)
    use(contract, "calls", "3")
    invoice = invoiced(contract)
    publish.render_pdf(invoice_id=invoice.pk, at=IN_NOVEMBER, actor=ACTOR)
    publish.send(invoice_id=invoice.pk, at=IN_NOVEMBER, actor=ACTOR)
    ElectronicInvoice.objects.create(invoice=invoice, format="ubl", content=b"x", sha256=b"x", made_at=now())
    Approval.objects.create(invoice=invoice, total=invoice.total, approved_by="a", approved_at=now())
    record.record_transfer(
        customer_id=customer.pk,
        currency="USD",
        amount=Decimal(10),
        received_on=IN_NOVEMBER.date(),
        reference="R-1",
        allocations={invoice.pk: Decimal(10)},
        at=IN_NOVEMBER,
        actor=ACTOR,
    )
    bought = purchase.draft_purchase(
        contract_id=contract.pk,
        bought=purchase.NewPurchase("Credits", Decimal(1000), Decimal(80), make_credit_unit().pk),
        reason="Order 7",
        at=IN_NOVEMBER,
        actor=ACTOR,
    )
    finalize.finalize(invoice_id=bought.pk, at=IN_NOVEMBER, actor=ACTOR)
    draft: Invoice = drafted(make_contract(make_customer("other"), version))
    return {
        "invoice": invoice.pk,
        "number": invoice.number,
        "line": invoice.lines.values_list("pk", flat=True)[0],
        "tax": invoice.taxes.values_list("pk", flat=True)[0],
        "entry": Entry.objects.get(source_key=invoice.number).pk,
        "draft": draft.pk,
        "customer": customer.pk,
        "contract": contract.pk,
    }
