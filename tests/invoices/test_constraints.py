"""What the database itself refuses, whoever asks."""

from typing import LiteralString
from uuid import UUID

import psycopg.errors
import pytest
from django.db import DatabaseError, connection, transaction

from apps.contracts.models import Contract
from apps.invoices import publish
from apps.invoices.models import Invoice
from tests.builders import make_contract, make_customer
from tests.invoices.months import ACTOR, IN_NOVEMBER, drafted, invoiced, use

Value = str | UUID | None
pytestmark = pytest.mark.django_db

_FINAL = "UPDATE invoices_invoice SET status = 'finalized', number = 'X-1', finalized_at = now(), "

_AGAIN = (
    "INSERT INTO {table} SELECT (jsonb_populate_record(r, jsonb_build_object('id', gen_random_uuid()))).* "
    "FROM {table} r WHERE {column} = %s"
)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE invoices_invoice SET total = 0, subtotal = 0 WHERE id = %s",
        "UPDATE invoices_invoice SET status = 'draft', number = NULL WHERE id = %s",
        "UPDATE invoices_invoice SET snapshot = '{}' WHERE id = %s",
        "DELETE FROM invoices_invoice WHERE id = %s",
        "UPDATE invoices_invoiceline SET amount = 0 WHERE invoice_id = %s",
        "DELETE FROM invoices_invoiceline WHERE invoice_id = %s",
        "INSERT INTO invoices_invoiceline SELECT * FROM invoices_invoiceline WHERE invoice_id = %s",
    ],
)
def test_a_finalized_invoice_and_its_lines_never_change(statement: LiteralString) -> None:
    invoice = invoiced(_used())

    refusal = _refused(statement, invoice.pk)

    assert refusal in {"finalized_invoice_never_changes", "finalized_lines_never_change"}
    assert Invoice.objects.get(pk=invoice.pk).total == invoice.total


def test_a_line_cannot_move_into_a_finalized_invoice() -> None:
    invoice, draft = invoiced(_used()), drafted(make_contract(make_customer("other")))

    statement = "UPDATE invoices_invoiceline SET invoice_id = %s, position = 9 WHERE invoice_id = %s"
    assert _refused(statement, invoice.pk, draft.pk) == "finalized_lines_never_change"


def test_a_finalized_subtotal_is_the_sum_of_its_lines() -> None:
    draft = drafted(_used())

    refusal = _refused(
        f"{_FINAL} issued_on = now(), due_on = now(), snapshot_hash = 'h', subtotal = 9, total = 9 WHERE id = %s",
        draft.pk,
    )

    assert refusal == "finalized_subtotal_is_the_sum_of_its_lines"


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        (
            "UPDATE invoices_invoice SET status = 'finalized' WHERE id = %s",
            "finalized_means_numbered_and_dated",
        ),
        ("UPDATE invoices_invoice SET number = 'X-1' WHERE id = %s", "finalized_means_numbered_and_dated"),
        ("UPDATE invoices_invoice SET total = total + 1 WHERE id = %s", "total_is_subtotal_and_tax"),
        (
            "UPDATE invoices_invoice SET period_end_on = period_start_on WHERE id = %s",
            "invoice_period_is_not_empty",
        ),
        (
            f"{_FINAL} issued_on = '2026-11-02', due_on = '2026-11-01', snapshot_hash = 'h' WHERE id = %s",
            "invoice_is_due_after_its_issue",
        ),
        (
            "UPDATE invoices_invoiceline SET key = 'launch' WHERE invoice_id = %s",
            "line_has_a_charge_or_a_key_of_its_own",
        ),
        (
            "UPDATE invoices_invoiceline SET kind = 'discount' WHERE invoice_id = %s",
            "line_has_a_charge_or_a_key_of_its_own",
        ),
        (
            "UPDATE invoices_invoiceline SET in_advance = true WHERE invoice_id = %s",
            "line_days_are_not_empty",
        ),
        (
            "UPDATE invoices_invoiceline SET starts_on = '2026-10-02', ends_on = '2026-10-02' WHERE invoice_id = %s",
            "line_days_are_not_empty",
        ),
        (
            _AGAIN.format(table="invoices_invoiceline", column="invoice_id"),
            "line_positions_are_used_once",
        ),
        (
            _AGAIN.format(table="invoices_invoice", column="id"),
            "one_invoice_per_contract_and_period",
        ),
    ],
)
def test_a_draft_that_makes_no_sense_is_refused(statement: LiteralString, constraint: str) -> None:
    assert _refused(statement, drafted(_used()).pk) == constraint


def test_a_number_is_given_once() -> None:
    invoice, draft = invoiced(_used()), drafted(make_contract(make_customer("other")))

    statement = (
        "UPDATE invoices_invoice SET status = 'finalized', finalized_at = now(), issued_on = now(), due_on = now(), "
        "snapshot_hash = 'h', number = %s WHERE id = %s"
    )
    assert _refused(statement, invoice.number, draft.pk).startswith("invoices_invoice_number")


def test_a_prefix_has_one_series_a_year() -> None:
    invoiced(_used())

    statement = (
        "INSERT INTO invoices_numberseries SELECT gen_random_uuid(), prefix, year, 1, legal_entity_id "
        "FROM invoices_numberseries"
    )
    assert _refused(statement) == "one_series_per_prefix_and_year"


@pytest.mark.usefixtures("owner")
def test_a_document_and_the_note_of_its_mail_never_change() -> None:
    invoice = invoiced(_used())
    publish.render_pdf(invoice_id=invoice.pk, at=IN_NOVEMBER, actor=ACTOR)
    publish.send(invoice_id=invoice.pk, at=IN_NOVEMBER, actor=ACTOR)

    for table in ("invoices_invoicepdf", "invoices_invoicemail"):
        for statement in ("DELETE FROM {}", "UPDATE {} SET invoice_id = invoice_id"):
            with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
                _execute(statement.format(table))


def _used() -> Contract:
    contract = make_contract(make_customer(billing_email="ap@acme.example"))
    use(contract, "calls", "150")
    return contract


def _refused(statement: str, *values: Value) -> str:
    """Return the name of the constraint that refuses the statement."""
    with pytest.raises(DatabaseError) as refusal, transaction.atomic():
        _execute(statement, *values)
    cause = refusal.value.__cause__
    assert isinstance(cause, psycopg.errors.Error)
    return cause.diag.constraint_name or ""


def _execute(statement: str, *values: Value) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
