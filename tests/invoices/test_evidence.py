"""A customer checks an invoice from its proof file and the usage behind it, with a script that knows nothing of the engine."""

import csv
import json
import subprocess
import sys
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.conf import settings

from apps.contracts.changes import AddDiscount
from apps.core.spreadsheets import csv_lines
from apps.invoices.evidence.files import csv_table, download, parquet_file
from apps.invoices.evidence.proof import proof_of
from apps.invoices.evidence.usage_rows import usage_rows
from apps.invoices.models import Invoice
from apps.plans import catalogue
from apps.usage import correct, ingest
from tests.builders import (
    AT,
    fee_charge,
    make_contract,
    make_credit_note,
    make_credit_unit,
    make_customer,
    make_meter,
    make_plan_version,
    usage_charge,
)
from tests.invoices.months import ACTOR, IN_NOVEMBER, invoiced, use
from tests.invoices.test_every_kind import _agree, every_kind
from tests.invoices.test_pool import group
from tests.invoices.test_taxes import seller as german_seller

pytestmark = pytest.mark.django_db
SCRIPT = Path(settings.BASE_DIR) / "static" / "proof" / "check_invoice.py"


def check(proof: object, folder: Path, invoice: Invoice) -> tuple[int, str]:
    """Run the script on both files, as a customer would."""
    (folder / "proof.json").write_text(json.dumps(proof))
    (folder / "usage.csv").write_bytes(b"".join(csv_lines(csv_table(invoice))))
    done = subprocess.run(
        [sys.executable, "-I", str(SCRIPT), str(folder / "proof.json"), str(folder / "usage.csv")],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def october() -> Invoice:
    """150 calls at 0.01."""
    make_meter()
    contract = make_contract(make_customer(), make_plan_version([usage_charge()]))
    use(contract, "calls", "150")
    return invoiced(contract)


def test_a_customer_finds_an_invoice_with_lines_of_every_kind_to_hold(tmp_path: Path) -> None:
    invoice = Invoice.objects.get(pk=every_kind().pk)

    code, said = check(proof_of(invoice), tmp_path, invoice)

    assert code == 0, said
    assert f"{invoice.number} holds" in said


@pytest.mark.parametrize(
    "discount",
    [AddDiscount("all", "On all", Decimal("7.77")), AddDiscount("all", "On all", amount=Decimal(10))],
)
def test_a_discount_that_is_taxed_in_two_ways_holds(discount: AddDiscount, tmp_path: Path) -> None:
    """It is a line for each, and its reasons are those of both together."""
    german_seller()
    catalogue.put_product(key="book", name="Book", tax_class="reduced", at=AT, actor=ACTOR)
    charges = [fee_charge("60", key="one"), replace(fee_charge("33.33", key="two"), product="book")]
    contract = make_contract(make_customer(country="DE"), make_plan_version(charges, currency="EUR"))
    _agree(contract, discount, on=date(2026, 10, 1))
    invoice = Invoice.objects.get(pk=invoiced(contract).pk)

    code, said = check(proof_of(invoice), tmp_path, invoice)

    assert [line.tax_rate for line in invoice.lines.filter(kind="discount")] == [7, 19]
    assert code == 0, said
    proof = proof_of(invoice)
    proof["content"]["lines"][3]["amount"] = "-1"
    assert "its reasons come to" in check(proof, tmp_path, invoice)[1]


def test_an_accounts_share_of_a_pool_holds(tmp_path: Path) -> None:
    """The events are those of all accounts, 150; the line is of 90 of them."""
    parent, child = group(usage="pooled", billing="own")
    use(parent, "calls", "90")
    use(child, "calls", "60")

    for invoice in (invoiced(parent), invoiced(child)):
        code, said = check(proof_of(invoice), tmp_path, invoice)
        assert code == 0, said


def test_late_usage_in_credits_on_a_later_line_holds(tmp_path: Path) -> None:
    """20 calls of October come late: November's line draws credits for 30, of which its own events are 10."""
    make_credit_unit()
    make_meter(aggregation="sum", late_days=400)
    contract = make_contract(
        plan_version=make_plan_version([usage_charge(unit_amount="1", credit_unit="credits")])
    )
    use(contract, "calls", "30")
    invoiced(contract)
    use(contract, "calls", "10", day=date(2026, 11, 5))
    late = {
        "id": "late",
        "customer": "acme",
        "type": "api.call",
        "time": "2026-10-20T12:00:00Z",
        "quantity": "20",
    }
    ingest.ingest(events=[late], at=IN_NOVEMBER + timedelta(hours=2), actor=ACTOR)
    november = Invoice.objects.get(pk=invoiced(contract, at=IN_NOVEMBER + timedelta(days=30)).pk)

    code, said = check(proof_of(november), tmp_path, november)

    assert november.lines.get(kind="usage").quantity == 30
    assert code == 0, said


def test_a_credit_note_holds(tmp_path: Path) -> None:
    note = Invoice.objects.get(pk=make_credit_note(october()).pk)

    code, said = check(proof_of(note), tmp_path, note)

    assert code == 0, said


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        (("amounts", 2), "9.99", "not what was sealed"),
        (("lines", 0, "amount"), "1.49", "add up to"),
        (("lines", 0, "steps", 0, "amount"), "2", "a reason says 2, its figures come to 1.5"),
        (("lines", 0, "quantity"), "151", "its events come to 150"),
        (("lines", 0, "exact"), "1.6", "1.6 is rounded to 1.5"),
    ],
    ids=["total", "line", "reason", "quantity", "rounding"],
)
def test_the_script_finds_what_is_wrong(
    tmp_path: Path, path: tuple[str | int, ...], value: str, problem: str
) -> None:
    invoice = october()
    proof = proof_of(invoice)
    place = proof["content"]
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value

    code, said = check(proof, tmp_path, invoice)

    assert code == 1
    assert problem in said


def test_events_that_came_late_or_were_voided_later_are_told_apart(tmp_path: Path) -> None:
    invoice = october()
    late = {"id": "late", "customer": "acme", "type": "api.call", "time": "2026-10-06T12:00:00Z"}
    ingest.ingest(events=[late], at=IN_NOVEMBER + timedelta(hours=2), actor=ACTOR)
    first = next(usage_rows(invoice)).event
    correct.correct(
        customer_key="acme",
        keys=[first],
        reason="Sent by mistake",
        at=IN_NOVEMBER + timedelta(hours=3),
        actor=ACTOR,
    )

    rows = list(usage_rows(invoice))

    assert [row.status for row in rows].count("counted") == 150
    assert [row.event for row in rows if row.status == "late"] == ["late"]
    assert check(proof_of(invoice), tmp_path, invoice)[0] == 0


def test_the_command_of_the_docs_runs_on_the_files_as_they_are_named(tmp_path: Path) -> None:
    invoice = october()
    for kind in ("proof.json", "events.csv"):
        answer = download(invoice, kind)
        name = answer.headers["Content-Disposition"].split("filename=")[1].strip('"')
        (tmp_path / name).write_bytes(b"".join(answer))
    page = (Path(settings.BASE_DIR) / "docs" / "concepts" / "proof.md").read_text()
    (told,) = (
        line.strip() for line in page.splitlines() if line.strip().startswith("python3 check_invoice.py")
    )
    _, script, *files = told.replace("INV-2026-000042", str(invoice.number)).split()

    done = subprocess.run(
        [sys.executable, "-I", str(SCRIPT.with_name(script)), *files],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "The quantities of 1 lines were counted" in done.stdout


def test_parquet_holds_the_same_rows(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    from pyarrow import parquet as arrow_parquet  # noqa: PLC0415

    invoice = october()

    with parquet_file(invoice) as file:
        table = arrow_parquet.read_table(file).to_pylist()

    assert len(table) == 150
    assert table[0]["day"] == date(2026, 10, 5)
    text = b"".join(csv_lines(csv_table(invoice))).decode("utf-8-sig")
    assert [row["event"] for row in csv.DictReader(text.splitlines())] == [row["event"] for row in table]
