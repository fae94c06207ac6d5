"""Staff prove invoices on a page and in the background; customers and backends fetch what they check them with."""

import json
from datetime import timedelta

import pytest
from django.test import Client

from apps.invoices import tasks
from apps.invoices.models import VerifyRun
from apps.invoices.verify import archives as verify_archives
from apps.invoices.verify import of_all
from tests.backoffice.conftest import Month
from tests.builders import make_api_key, make_customer, make_member
from tests.invoices.months import IN_NOVEMBER
from tests.invoices.test_verify import change

pytestmark = pytest.mark.django_db


def test_an_invoice_is_proven_on_its_page(month: Month, staff: Client) -> None:
    page = staff.get(f"/admin/invoice/{month.finalized.pk}/proof/").content.decode()

    assert "Proven" in page
    assert "does not hold" not in page


def test_what_does_not_hold_is_told(month: Month, staff: Client) -> None:
    change("UPDATE invoices_invoice SET due_on = due_on + 1", "invoices_invoice")

    page = staff.get(f"/admin/invoice/{month.finalized.pk}/proof/").content.decode()

    assert "something was changed after it was finalized" in page


def test_all_invoices_are_proven_in_the_background(month: Month, staff: Client) -> None:
    staff.post("/admin/proofs/")
    run = VerifyRun.objects.get()

    of_all.carry_out(run_id=run.pk, at=IN_NOVEMBER + timedelta(days=30))

    run.refresh_from_db()
    assert (run.checked, run.problem_count) == (run.documents, 0)
    assert "all hold" in staff.get("/admin/proofs/").content.decode()


def test_a_proof_of_all_goes_on_where_its_worker_died(month: Month, monkeypatch: pytest.MonkeyPatch) -> None:
    run = of_all.start(at=IN_NOVEMBER + timedelta(days=30), actor="tests")
    VerifyRun.objects.filter(pk=run.pk).update(checked=run.documents - 1)
    rung: list[str] = []
    monkeypatch.setattr(tasks.verify_all, "delay", lambda *, run_id: rung.append(run_id))

    tasks.resume_runs()
    of_all.carry_out(run_id=run.pk, at=IN_NOVEMBER + timedelta(days=30))

    run.refresh_from_db()
    assert rung == [str(run.pk)]
    assert (run.checked, run.problem_count, of_all.unfinished()) == (run.documents, 0, [])


def test_an_archived_month_is_no_problem_but_not_provable(
    month: Month, staff: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify_archives, "months_out", lambda: ["2026-10"])
    run = of_all.start(at=IN_NOVEMBER + timedelta(days=30), actor="tests")

    of_all.carry_out(run_id=run.pk, at=IN_NOVEMBER + timedelta(days=30))

    run.refresh_from_db()
    assert (run.problem_count, len(run.problems)) == (0, 1)
    assert "the events of 2026-10 are archived" in run.problems[0][1]
    assert "not all could be proven" in staff.get("/admin/proofs/").content.decode()


@pytest.mark.parametrize("kind", ["events.csv", "events.parquet", "proof.json"])
def test_the_files_are_there_for_staff_customer_and_backend(month: Month, staff: Client, kind: str) -> None:
    pytest.importorskip("pyarrow")
    invoice = month.finalized
    client = Client()
    client.force_login(make_member(invoice.customer, "checker@acme.example"))
    key = make_api_key()

    answers = [
        staff.get(f"/admin/invoice/{invoice.pk}/{kind}"),
        client.get(f"/portal/c/{invoice.customer.key}/invoices/{invoice.number}/{kind}"),
        client.get(f"/api/v1/invoices/{invoice.number}/{kind}", headers={"authorization": f"Bearer {key}"}),
    ]

    bodies = [b"".join(answer) for answer in answers]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert bodies[0]
    assert kind == "events.parquet" or bodies == [bodies[0]] * 3


def test_another_customer_finds_no_file(month: Month, client: Client) -> None:
    other = make_customer("stranger", legal_entity=month.finalized.legal_entity)
    client.force_login(make_member(other, "spy@stranger.example"))
    key = make_api_key(customer=other)

    portal = client.get(f"/portal/c/stranger/invoices/{month.finalized.number}/proof.json")
    api = client.get(
        f"/api/v1/invoices/{month.finalized.number}/proof.json", headers={"authorization": f"Bearer {key}"}
    )

    assert (portal.status_code, api.status_code) == (404, 404)
    assert json.loads(api.content)["status"] == 404
