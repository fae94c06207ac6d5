"""Dunning: each step once, none after payment, none while paused."""

import threading
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.core import mail
from django.db import IntegrityError, connection, transaction

from apps.core.models import AuditEntry, OutboxMessage
from apps.dunning import advance, pause, policy, remind
from apps.dunning.errors import CaseNotOpen, CaseNotPaused, ReasonMissing
from apps.dunning.models import Case, Policy, Reminder
from apps.invoices.models import Invoice
from apps.payments import record
from tests.builders import fee_charge, make_contract, make_customer, make_plan_version
from tests.invoices.months import invoiced

DUE = datetime(2026, 12, 2, 12, tzinfo=UTC)


def overdue_invoice(language: str = "en") -> Invoice:
    customer = make_customer("acme", billing_email="billing@acme.example", language=language)
    policy.ensure(legal_entity_id=customer.legal_entity_id, at=DUE, actor="tests")
    invoice = invoiced(make_contract(customer, make_plan_version([fee_charge("100")])))
    assert invoice.due_on == date(2026, 12, 2)
    return invoice


def on_day(late: int) -> int:
    return advance.advance(at=DUE + timedelta(days=late), actor="tests")


def pay(invoice: Invoice, amount: str = "100") -> None:
    record.record_transfer(
        customer_id=invoice.customer_id,
        currency="USD",
        amount=Decimal(amount),
        received_on=date(2026, 12, 4),
        reference=f"R-{amount}",
        at=DUE,
        actor="tests",
    )


def tones() -> list[str]:
    return list(Reminder.objects.order_by("days_after_due").values_list("tone", flat=True))


@pytest.mark.django_db
def test_each_step_is_taken_once_on_its_day() -> None:
    """Sixty days, looked at every day: after 3, 14 and 30 days, and never again."""
    overdue_invoice()

    taken = [day for day in range(61) if on_day(day)]

    assert taken == [3, 14, 30]
    assert tones() == ["friendly", "firm", "final"]


@pytest.mark.django_db
def test_on_the_due_day_nothing_is_overdue() -> None:
    overdue_invoice()

    assert on_day(0) == 0
    assert not Case.objects.exists()


@pytest.mark.django_db
def test_after_downtime_only_the_latest_step_is_taken() -> None:
    overdue_invoice()

    assert on_day(20) == 1
    assert tones() == ["firm"]


@pytest.mark.django_db
def test_a_paid_invoice_closes_its_case_and_gets_no_more_mail() -> None:
    invoice = overdue_invoice()
    on_day(3)
    pay(invoice)

    assert on_day(14) == 0
    assert Case.objects.get().status == Case.Status.CLOSED
    assert remind.send(reminder_id=Reminder.objects.get().pk, at=DUE) is False
    assert mail.outbox == []


@pytest.mark.django_db
def test_a_partly_paid_invoice_is_reminded_of_what_is_open() -> None:
    invoice = overdue_invoice()
    pay(invoice, "60")
    on_day(3)

    remind.send(reminder_id=Reminder.objects.get().pk, at=DUE)
    remind.send(reminder_id=Reminder.objects.get().pk, at=DUE)

    (message,) = mail.outbox
    assert message.to == ["billing@acme.example"]
    assert message.subject == f"Reminder: invoice {invoice.number}"
    assert "$40.00" in message.body


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("language", "subject"), [("de", "Zahlungserinnerung"), ("fr", "Rappel"), ("es", "Recordatorio")]
)
def test_a_reminder_speaks_the_customers_language(language: str, subject: str) -> None:
    overdue_invoice(language)
    on_day(3)

    remind.send(reminder_id=Reminder.objects.get().pk, at=DUE)

    assert mail.outbox[0].subject.startswith(subject)


@pytest.mark.django_db
def test_a_paused_case_takes_no_step_until_it_is_resumed() -> None:
    overdue_invoice()
    on_day(3)
    case = Case.objects.get()

    pause.pause(case_id=case.pk, reason="disputed", at=DUE, actor="tests")
    assert on_day(14) == 0

    pause.resume(case_id=case.pk, at=DUE, actor="tests")
    assert on_day(15) == 1
    assert AuditEntry.objects.get(action="dunning.pause").reason == "disputed"


@pytest.mark.django_db
def test_pausing_wants_a_reason_and_an_open_case() -> None:
    overdue_invoice()
    on_day(3)
    case = Case.objects.get()

    with pytest.raises(ReasonMissing):
        pause.pause(case_id=case.pk, reason=" ", at=DUE, actor="tests")
    with pytest.raises(CaseNotPaused):
        pause.resume(case_id=case.pk, at=DUE, actor="tests")
    pause.pause(case_id=case.pk, reason="disputed", at=DUE, actor="tests")
    with pytest.raises(CaseNotOpen):
        pause.pause(case_id=case.pk, reason="again", at=DUE, actor="tests")


@pytest.mark.django_db
def test_a_policy_is_made_once() -> None:
    invoice = overdue_invoice()

    policy.ensure(legal_entity_id=invoice.legal_entity_id, at=DUE, actor="tests")

    assert Policy.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_schedulers_at_once_take_a_step_once() -> None:
    overdue_invoice()

    def run() -> None:
        try:
            on_day(3)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (Case.objects.count(), Reminder.objects.count()) == (1, 1)
    assert OutboxMessage.objects.filter(task="dunning.send_reminder").count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("UPDATE dunning_case SET status = 'closed'", "closed_means_dated"),
        (
            "INSERT INTO dunning_case SELECT gen_random_uuid(), status, opened_at, closed_at, invoice_id FROM dunning_case",
            "one_live_case_per_invoice",
        ),
        ("UPDATE dunning_policystep SET days_after_due = 1", "one_step_per_policy_and_day"),
    ],
)
def test_the_database_refuses_impossible_cases(statement: str, constraint: str) -> None:
    overdue_invoice()
    on_day(3)

    with pytest.raises(IntegrityError, match=constraint), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.django_db
def test_a_reminder_that_was_not_mailed_is_found_again() -> None:
    overdue_invoice()
    on_day(3)
    reminder = Reminder.objects.get()

    assert remind.left_unsent(at=reminder.taken_at + timedelta(minutes=1)) == []
    assert remind.left_unsent(at=reminder.taken_at + timedelta(minutes=3)) == [reminder.pk]
    remind.send(reminder_id=reminder.pk, at=DUE)
    assert remind.left_unsent(at=reminder.taken_at + timedelta(minutes=3)) == []


@pytest.mark.django_db
def test_a_paused_case_mails_nothing_that_was_asked_for_before() -> None:
    overdue_invoice()
    on_day(3)
    pause.pause(case_id=Case.objects.get().pk, reason="disputed", at=DUE, actor="tests")

    assert remind.send(reminder_id=Reminder.objects.get().pk, at=DUE) is False
