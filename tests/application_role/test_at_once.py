"""No line, tax row or added line slips into an invoice while it is finalized, and no posting into an entry."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from django.db import connection

from apps.invoices import finalize
from apps.invoices.models import Invoice
from tests.builders import fee_charge, make_contract, make_plan_version
from tests.invoices.months import ACTOR, IN_NOVEMBER, drafted, invoiced
from tests.roles import login

pytestmark = pytest.mark.django_db(transaction=True)

DISCOUNT = "UPDATE invoices_invoiceline SET amount = 1, exact = 1 WHERE invoice_id = %s"
LESS = "DELETE FROM invoices_invoiceline WHERE invoice_id = %s"
Session = psycopg.Connection[tuple[Any, ...]]


@pytest.fixture
def other() -> Iterator[Session]:
    """Give a session of the application's role beside the test's own."""
    with closing(login()) as session:
        yield session


@pytest.fixture
def draft() -> Invoice:
    return drafted(make_contract(plan_version=make_plan_version([fee_charge()])))


@pytest.mark.parametrize("change", [DISCOUNT, LESS])
def test_who_finalizes_waits_for_a_line_that_is_being_changed(
    change: str, draft: Invoice, other: Session
) -> None:
    other.execute(change.encode(), [draft.pk])
    with ThreadPoolExecutor(1) as pool:
        finalizing = pool.submit(finalized, draft)
        with pytest.raises(TimeoutError):
            finalizing.result(timeout=0.3)
        other.commit()
        finalizing.result(timeout=20)

    final = Invoice.objects.get(pk=draft.pk)
    assert final.status == "finalized"
    assert sum(line.amount for line in final.lines.all()) == final.subtotal == Decimal(499)


@pytest.mark.parametrize(
    "level", [psycopg.IsolationLevel.REPEATABLE_READ, psycopg.IsolationLevel.SERIALIZABLE]
)
@pytest.mark.parametrize("change", [DISCOUNT, LESS])
def test_who_looks_at_an_older_state_changes_nothing(
    change: str, level: psycopg.IsolationLevel, draft: Invoice, other: Session
) -> None:
    other.isolation_level = level
    seen = other.execute("SELECT status FROM invoices_invoice WHERE id = %s", [draft.pk]).fetchone()
    finalize.finalize(invoice_id=draft.pk, at=IN_NOVEMBER, actor=ACTOR)

    with pytest.raises((psycopg.errors.SerializationFailure, psycopg.errors.RestrictViolation)):
        other.execute(change.encode(), [draft.pk])

    assert seen == ("draft",)


def test_a_posting_is_not_added_by_a_transaction_that_began_before_its_entry(other: Session) -> None:
    contract = make_contract(plan_version=make_plan_version([fee_charge()]))
    other.execute("SELECT pg_current_xact_id()")
    invoiced(contract)

    with pytest.raises(psycopg.errors.RestrictViolation, match="takes no more postings"):
        other.execute(
            "INSERT INTO ledger_posting SELECT (jsonb_populate_record(p, jsonb_build_object('id', gen_random_uuid()))).*"
            " FROM ledger_posting p"
        )


def finalized(draft: Invoice) -> None:
    try:
        finalize.finalize(invoice_id=draft.pk, at=IN_NOVEMBER, actor=ACTOR)
    finally:
        connection.close()
