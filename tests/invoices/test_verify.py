"""An invoice is proven from its raw events, to the cent; whatever is changed behind its back is found."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from apps.contracts import sign
from apps.invoices import finalize, manual_lines, reissue
from apps.invoices.models import Invoice, InvoicePdf
from apps.invoices.verify import of_all
from apps.invoices.verify import run as verify_run
from apps.invoices.verify.findings import Check, Finding
from apps.invoices.verify.run import verify, verify_all
from apps.invoices.verify.sealed import broken_chains, sealed
from apps.plans import queries
from apps.plans.compose import NewPrice
from apps.usage import archive, ingest
from apps.usage.archives import archives_in
from tests.builders import (
    fee_charge,
    make_contract,
    make_credit_note,
    make_customer,
    make_meter,
    make_plan_version,
    usage_charge,
)
from tests.invoices.months import ACTOR, IN_NOVEMBER, drafted, invoiced, use
from tests.invoices.test_every_kind import every_kind
from tests.roles import as_owner

pytestmark = pytest.mark.django_db


def october() -> Invoice:
    """150 calls at 0.01 and the subscription."""
    make_meter()
    contract = make_contract(make_customer(), make_plan_version([usage_charge(), fee_charge()]))
    use(contract, "calls", "150")
    return invoiced(contract)


def late(invoice: Invoice, calls: int) -> None:
    """Let calls of 6 October come in after the invoice."""
    events = [
        {"id": f"late-{n}", "customer": "acme", "type": "api.call", "time": "2026-10-06T12:00:00Z"}
        for n in range(calls)
    ]
    ingest.ingest(events=events, at=IN_NOVEMBER + timedelta(hours=2), actor=ACTOR)


def change(statement: str, *tables: str) -> None:
    """Change what no application can: as the owner of the database, with its triggers out of the way."""
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(statement)
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def found(invoice: Invoice) -> set[Check]:
    return {finding.check for finding in verify(invoice_id=invoice.pk).findings}


def test_an_invoice_is_proven_from_its_events() -> None:
    proven = verify(invoice_id=october().pk)

    assert proven.is_proven
    assert proven.events == 150
    assert proven.waiting == ()


def test_an_invoice_with_a_line_of_every_kind_is_proven_and_those_before_it() -> None:
    every_kind()

    assert [one.findings for one in verify_all()] == [(), (), ()]
    assert broken_chains() == []


@pytest.mark.parametrize(
    ("statement", "tables", "checks"),
    [
        (
            "UPDATE invoices_invoiceline SET amount = amount + 1, exact = exact + 1 WHERE kind = 'usage'",
            ["invoices_invoiceline"],
            {Check.SEAL, Check.SUMS, Check.JOURNAL, Check.PRICES},
        ),
        (
            "UPDATE invoices_invoiceline SET quantity = quantity + 1 WHERE kind = 'usage'",
            ["invoices_invoiceline"],
            {Check.SEAL},
        ),
        ("UPDATE invoices_invoice SET snapshot_hash = sha256('other')", ["invoices_invoice"], {Check.SEAL}),
        ("UPDATE invoices_invoicepdf SET content = 'other'", ["invoices_invoicepdf"], {Check.DOCUMENT}),
        ("UPDATE invoices_invoice SET due_on = due_on + 30", ["invoices_invoice"], {Check.SEAL}),
        (
            "UPDATE invoices_invoice SET snapshot = jsonb_set(snapshot, '{customer,name}', '\"Other\"')",
            ["invoices_invoice"],
            {Check.SEAL},
        ),
        (
            "UPDATE ledger_posting SET amount = amount * 2",
            ["ledger_posting"],
            {Check.JOURNAL},
        ),
        ("DELETE FROM ledger_posting", ["ledger_posting"], {Check.JOURNAL}),
        (
            "DELETE FROM usage_event WHERE ctid = (SELECT ctid FROM usage_event LIMIT 1)",
            ["usage_event"],
            {Check.EVENTS},
        ),
        (
            "UPDATE usage_usageday SET quantity = quantity + 7",
            ["usage_usageday"],
            {Check.EVENTS, Check.PRICES},
        ),
        (
            "UPDATE plans_price SET unit_amount = unit_amount * 2",
            ["plans_price"],
            {Check.PRICES},
        ),
    ],
    ids=[
        "line",
        "quantity",
        "hash",
        "document",
        "due day",
        "snapshot",
        "posting",
        "no posting",
        "event",
        "total",
        "price",
    ],
)
def test_what_is_changed_behind_its_back_is_found(
    statement: str, tables: list[str], checks: set[Check]
) -> None:
    invoice = october()
    pdf = b"%PDF-1.7"
    InvoicePdf.objects.create(
        invoice=invoice, content=pdf, sha256=sha256(pdf).digest(), pages=1, rendered_at=IN_NOVEMBER
    )
    assert found(invoice) == set()

    change(statement, *tables)
    # Another process would read the prices anew.
    queries._published_offer.cache_clear()
    queries._published_terms.cache_clear()

    assert found(invoice) == checks


def test_late_usage_waits_for_the_next_invoice_and_is_proven_on_it() -> None:
    invoice = october()
    late(invoice, 10)

    waiting = verify(invoice_id=invoice.pk)
    invoiced(invoice.contract, at=datetime(2026, 12, 2, 9, tzinfo=UTC))
    after = verify(invoice_id=invoice.pk)

    assert waiting.is_proven
    assert waiting.waiting == ("Calls: priced now it is 1.60 USD, billed so far is 1.50 USD.",)
    assert after.is_proven
    assert after.waiting == ()


def test_a_gap_and_a_broken_chain_are_found() -> None:
    invoices = [october(), *(invoiced(make_contract(make_customer(f"other-{n}"))) for n in range(2))]

    change(
        f"DELETE FROM invoices_invoiceline WHERE invoice_id = '{invoices[1].pk}';"
        f"DELETE FROM invoices_invoice WHERE id = '{invoices[1].pk}'",
        "invoices_invoice",
        "invoices_invoiceline",
    )

    assert [gap.problem for gap in broken_chains()] == ["INV-2026-000002 is missing before INV-2026-000003."]


def test_an_invoice_that_is_put_in_place_of_another_breaks_the_chain() -> None:
    first, _ = october(), invoiced(make_contract(make_customer("other")))

    change(
        f"UPDATE invoices_invoice SET snapshot_hash = '\\x00'::bytea WHERE id = '{first.pk}'",
        "invoices_invoice",
    )

    assert [gap.problem for gap in broken_chains()] == [
        "INV-2026-000002 does not carry the hash of the document before it."
    ]


def test_the_last_invoice_cannot_be_taken_away() -> None:
    october()

    change(
        "DELETE FROM invoices_invoiceline; DELETE FROM invoices_invoice",
        "invoices_invoice",
        "invoices_invoiceline",
    )

    assert "the last document is none" in broken_chains()[0].problem


@pytest.mark.django_db(transaction=True)
def test_an_archived_month_is_proven_from_its_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    invoice = october()
    invoiced(invoice.contract, at=datetime(2026, 12, 2, 9, tzinfo=UTC))
    later = IN_NOVEMBER + timedelta(days=90)
    archive.export_month(month=date(2026, 10, 1), folder=tmp_path, at=later, actor=ACTOR)
    place = next(tmp_path.iterdir())
    with as_owner():
        archive.detach_month(place=place, at=later, actor=ACTOR)

    with pytest.raises(SystemExit):
        call_command("verify", "INV-2026-000001")
    without = capsys.readouterr().out
    call_command("verify", "INV-2026-000001", "--archive", str(place))

    assert "Name the archive's folder" in without
    assert "INV-2026-000001: proven" in capsys.readouterr().out


def put_away(invoice: Invoice, folder: Path) -> Path:
    """Take October out of the database, once November is invoiced too."""
    invoiced(invoice.contract, at=datetime(2026, 12, 2, 9, tzinfo=UTC))
    later = IN_NOVEMBER + timedelta(days=90)
    archive.export_month(month=date(2026, 10, 1), folder=folder, at=later, actor=ACTOR)
    with as_owner():
        archive.detach_month(place=folder / "2026-10", at=later, actor=ACTOR)
    return folder / "2026-10"


@pytest.mark.django_db(transaction=True)
def test_what_is_priced_event_by_event_is_proven_from_archived_events(tmp_path: Path) -> None:
    """The first 2 of 3 payments are free: 40 x 0.10. Without the archive nothing is found wrong, but nothing proven."""
    make_meter(aggregation="sum", value_property="paid", event_type="payment")
    price = NewPrice(model="percentage", rate=Decimal("0.1"), free_events=2)
    contract = make_contract(plan_version=make_plan_version([usage_charge(prices=[price])]))
    events = [
        {
            "id": f"payment-{paid}",
            "customer": "acme",
            "type": "payment",
            "time": f"2026-10-{paid}T12:00:00Z",
            "properties": {"paid": paid},
        }
        for paid in (10, 20, 30)
    ]
    ingest.ingest(events=events, at=datetime(2026, 10, 30, 13, tzinfo=UTC), actor=ACTOR)
    invoice = invoiced(contract)
    assert invoice.total == Decimal("3.00")
    place = put_away(invoice, tmp_path)

    without = verify(invoice_id=invoice.pk)
    proven = verify(invoice_id=invoice.pk, archives=archives_in([place]))

    assert (without.findings, without.archived) == ((), ("2026-10",))
    assert Check.PRICES not in without.checks
    assert (proven.findings, proven.waiting, proven.archived) == ((), (), ())
    assert {Check.EVENTS, Check.PRICES} <= set(proven.checks)


@pytest.mark.django_db(transaction=True)
def test_an_archive_is_what_its_manifest_says_whatever_its_folder_is_called(tmp_path: Path) -> None:
    invoice = october()
    other = tmp_path / "2026-09"
    place = put_away(invoice, tmp_path).rename(other)
    named_like_it = tmp_path / "2026-10"
    shutil.copytree(place, named_like_it)
    manifest = json.loads((named_like_it / "manifest.json").read_text())
    (named_like_it / "manifest.json").write_text(json.dumps(manifest | {"content": "another"}))

    assert verify(invoice_id=invoice.pk, archives=archives_in([other])).is_proven
    for folder in (named_like_it, tmp_path):
        assert verify(invoice_id=invoice.pk, archives=archives_in([folder])).archived == ("2026-10",)


def test_an_invoice_whose_proof_fails_is_told_and_the_others_are_proven(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The run is finished, so nobody asks for it again."""
    first, second = october(), invoiced(make_contract(make_customer("other")))

    def sealed_or_not(invoice: Invoice, *parts: Any) -> Iterator[Finding]:
        if invoice.pk == first.pk:
            raise ArithmeticError("It cannot be computed.")
        return sealed(invoice, *parts)

    monkeypatch.setattr(verify_run, "sealed", sealed_or_not)
    proof = of_all.start(at=IN_NOVEMBER, actor=ACTOR)
    of_all.carry_out(run_id=proof.pk, at=IN_NOVEMBER)

    proof.refresh_from_db()
    assert (proof.finished_at, proof.checked, proof.problem_count) == (IN_NOVEMBER, 2, 1)
    assert proof.problems == [
        [first.number, "The proof itself failed: ArithmeticError: It cannot be computed."]
    ]
    assert of_all.unfinished() == []
    assert [one.is_proven for one in verify_all()] == [False, True]
    assert second.number


def test_fees_in_advance_that_take_off_those_before_are_proven() -> None:
    """Each invoice has 100.00 of the month to come, and takes off as much of its own: two postings on one account."""
    contract = make_contract(plan_version=make_plan_version([replace(fee_charge("100"), in_advance=True)]))

    invoices = [invoiced(contract, at=at) for at in (datetime(2026, 10, 1, 9, tzinfo=UTC), IN_NOVEMBER)]

    assert [found(invoice) for invoice in invoices] == [set(), set()]


@pytest.mark.parametrize("amount", [None, "100"])
def test_a_correction_by_credit_note_is_no_wrong_price(amount: str | None) -> None:
    invoice = october()
    note = make_credit_note(invoice, amount=amount)

    assert (found(invoice), found(note)) == (set(), set())


def test_what_is_issued_again_is_proven_as_a_draft_and_once_it_is_finalized() -> None:
    invoice = october()
    make_credit_note(invoice)
    later = IN_NOVEMBER + timedelta(days=9)

    again = reissue.reissue(invoice_id=invoice.pk, at=later, actor=ACTOR)
    assert found(invoice) == set()
    finalize.finalize(invoice_id=again.pk, at=later, actor=ACTOR)

    assert (found(invoice), found(again)) == (set(), set())


def test_an_end_that_was_agreed_on_later_is_no_wrong_price() -> None:
    contract = make_contract(plan_version=make_plan_version([replace(fee_charge("300"), in_advance=True)]))
    invoiced(contract, at=datetime(2026, 10, 1, 9, tzinfo=UTC))
    october = invoiced(contract)

    sign.end(
        contract_id=contract.pk, ends_on=date(2026, 11, 15), reason="Cancelled", at=IN_NOVEMBER, actor=ACTOR
    )

    assert found(october) == set()


def test_what_staff_added_is_proven_and_late_usage_leaves_it() -> None:
    """150 calls, 499.00 and 50.00 by hand; 3 late calls are 0.03, and nothing else comes back."""
    make_meter()
    contract = make_contract(make_customer(), make_plan_version([usage_charge(), fee_charge()]))
    use(contract, "calls", "150")
    draft = drafted(contract)
    added = manual_lines.NewLine(name="Onboarding", reason="Agreed", amount=Decimal(50))
    manual_lines.add(invoice_id=draft.pk, new=added, at=IN_NOVEMBER, actor=ACTOR)
    invoice = finalize.finalize(invoice_id=draft.pk, at=IN_NOVEMBER, actor=ACTOR)
    assert found(invoice) == set()

    late(invoice, 3)
    november = invoiced(contract, at=datetime(2026, 12, 2, 9, tzinfo=UTC))

    assert [line.amount for line in november.lines.filter(kind="adjustment")] == [Decimal("0.03")]
