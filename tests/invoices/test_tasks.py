"""The schedule's way through a month: close, finalize, render, mail."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import time_machine
from celery import current_app
from django.core import mail
from django_celery_beat.models import PeriodicTask

from apps.core.models import OutboxMessage
from apps.invoices import tasks
from apps.invoices.models import Invoice, InvoicePdf
from tests.builders import make_contract, make_customer
from tests.invoices.months import use

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def at_once() -> Iterator[None]:
    """Run every task where it is sent from."""
    before = current_app.conf.task_always_eager, current_app.conf.task_eager_propagates
    current_app.conf.task_always_eager = current_app.conf.task_eager_propagates = True
    yield
    current_app.conf.task_always_eager, current_app.conf.task_eager_propagates = before


def test_a_month_goes_through_by_itself() -> None:
    """Closed on 1 November, finalized a day later; the document and the mail follow through the outbox."""
    contract = make_contract(make_customer(billing_email="ap@acme.example"))
    use(contract, "calls", "150")

    with time_machine.travel(datetime(2026, 11, 1, 0, 5, tzinfo=UTC), tick=False):
        tasks.close_due.delay()
        tasks.resume_runs.delay()
        tasks.finalize_due.delay()
        tasks.resume_runs.delay()
        assert Invoice.objects.get().status == "draft"
    with time_machine.travel(datetime(2026, 11, 2, 0, 6, tzinfo=UTC), tick=False):
        tasks.finalize_due.delay()
        tasks.resume_runs.delay()
        tasks.render_missing.delay()
        _deliver()

    assert Invoice.objects.get().number == "INV-2026-000001"
    assert InvoicePdf.objects.get().pages == 2
    assert [message.to for message in mail.outbox] == [["ap@acme.example"]]


def test_the_sweep_takes_up_what_the_outbox_lost() -> None:
    make_contract(make_customer(billing_email="ap@acme.example"))
    with time_machine.travel(datetime(2026, 11, 1, 0, 5, tzinfo=UTC), tick=False):
        tasks.close_due.delay(from_a_newer_version=True)
        tasks.resume_runs.delay()
    with time_machine.travel(datetime(2026, 11, 2, 0, 5, tzinfo=UTC), tick=False):
        tasks.finalize_due.delay()
        tasks.resume_runs.delay()

    with time_machine.travel(datetime(2026, 11, 2, 0, 10, tzinfo=UTC), tick=False):
        tasks.render_missing.delay()
    with time_machine.travel(datetime(2026, 11, 2, 0, 20, tzinfo=UTC), tick=False):
        tasks.render_missing.delay()

    assert len(mail.outbox) == 1


def test_beat_knows_the_schedule() -> None:
    seeded = PeriodicTask.objects.filter(task__startswith="invoices.").values_list("task", "interval__every")

    assert sorted(seeded) == [
        ("invoices.bill_so_far", 120),
        ("invoices.close_due", 300),
        ("invoices.finalize_due", 60),
        ("invoices.render_missing", 60),
        ("invoices.report_taxes_left", 600),
        ("invoices.resume_runs", 60),
    ]


def _deliver() -> None:
    """Do what the outbox asks for, and what that asks for in turn."""
    done: set[str] = set()
    while waiting := [message for message in OutboxMessage.objects.all() if str(message.pk) not in done]:
        for message in waiting:
            current_app.tasks[message.task].delay(**message.arguments)
            done.add(str(message.pk))
