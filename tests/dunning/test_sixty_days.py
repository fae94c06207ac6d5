"""Two months of collections as they happen: hourly schedule, part payments, a dispute, and a mail for each step."""

import threading
from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection

from apps.customers import sellers
from apps.customers.models import LegalEntity
from apps.dunning import pause, remind
from apps.dunning.models import Case, Policy, PolicyStep, Reminder
from tests.builders import fee_charge, make_contract, make_customer, make_plan_version
from tests.dunning.test_advance import DUE, on_day, overdue_invoice, pay, tones
from tests.invoices.months import invoiced

BANK = "IBAN DE02 1203 0000 0000 2020 51"


def mail_what_waits(late: int) -> None:
    """Do what the worker does with the reminders that a day asked for."""
    at = DUE + timedelta(days=late)
    for reminder_id in Reminder.objects.filter(sent_at=None).values_list("pk", flat=True):
        remind.send(reminder_id=reminder_id, at=at)


def day(late: int) -> None:
    """Let the schedule run three times on one day, and mail what it asked for."""
    on_day(late)
    on_day(late)
    on_day(late)
    mail_what_waits(late)


@pytest.mark.django_db
def test_sixty_days_with_a_part_payment_and_a_payment_between_the_steps() -> None:
    """100.00 due: after 3 days 100.00 is asked for; 60.00 come on day 10, so 40.00 on day 14; paid on day 20, so no third."""
    invoice = overdue_invoice()

    for late in range(10):
        day(late)
    pay(invoice, "60")
    for late in range(10, 20):
        day(late)
    pay(invoice, "40")
    for late in range(20, 61):
        day(late)

    assert [message.subject for message in mail.outbox] == [
        f"Reminder: invoice {invoice.number}",
        f"Second reminder: invoice {invoice.number}",
    ]
    assert ["$100.00" in str(message.body) for message in mail.outbox] == [True, False]
    assert ["$40.00" in str(message.body) for message in mail.outbox] == [False, True]
    assert Case.objects.get().status == Case.Status.CLOSED


@pytest.mark.django_db
def test_no_mail_goes_out_during_a_dispute_and_one_after_it() -> None:
    """Disputed from day 5 to day 40: the firm reminder of day 14 is passed over, the final one of day 30 comes on day 40."""
    overdue_invoice()

    for late in range(5):
        day(late)
    case = Case.objects.get()
    pause.pause(case_id=case.pk, reason="disputed", at=DUE + timedelta(days=5), actor="tests")
    for late in range(5, 40):
        day(late)
    assert len(mail.outbox) == 1
    pause.resume(case_id=case.pk, at=DUE + timedelta(days=40), actor="tests")
    for late in range(40, 61):
        day(late)

    assert tones() == ["friendly", "final"]
    assert len(mail.outbox) == 2


@pytest.mark.django_db
def test_a_legal_entity_without_a_policy_gets_the_default() -> None:
    customer = make_customer("acme", billing_email="billing@acme.example")
    invoiced(make_contract(customer, make_plan_version([fee_charge("100")])))
    assert not Policy.objects.exists()

    assert on_day(3) == 1

    assert Policy.objects.get().legal_entity == LegalEntity.objects.get()
    assert list(PolicyStep.objects.values_list("days_after_due", "tone")) == [
        (3, "friendly"),
        (14, "firm"),
        (30, "final"),
    ]


@pytest.mark.django_db
def test_a_policy_without_steps_sends_nothing() -> None:
    overdue_invoice()
    PolicyStep.objects.all().delete()

    assert [late for late in range(61) if on_day(late)] == []


@pytest.mark.django_db(transaction=True)
def test_workers_at_once_mail_a_reminder_once() -> None:
    overdue_invoice()
    on_day(3)
    reminder_id = Reminder.objects.get().pk
    ready = threading.Barrier(4)
    sent: list[bool] = []

    def run() -> None:
        try:
            ready.wait()
            sent.append(remind.send(reminder_id=reminder_id, at=DUE))
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(sent) == [False, False, False, True]
    assert len(mail.outbox) == 1


@pytest.mark.django_db
@pytest.mark.parametrize("language", ["en", "de", "fr", "es"])
def test_every_step_says_what_is_open_and_how_to_pay_in_text_and_html(language: str) -> None:
    """100 USD is written as the language does: $100.00, or 100,00 $."""
    invoice = overdue_invoice(language)
    seller = invoice.legal_entity
    sellers.put(key=seller.key, fields={"name": seller.name, "bank_details": BANK}, at=DUE, actor="tests")
    written = {"en": "$100.00"}.get(language, "100,00")

    for late in (3, 14, 30):
        day(late)

    assert len({message.subject for message in mail.outbox}) == 3
    for message in mail.outbox:
        assert isinstance(message, mail.EmailMultiAlternatives)
        ((html, kind),) = message.alternatives
        assert kind == "text/html"
        for body in (str(message.body), str(html)):
            assert str(invoice.number) in body
            assert written in body
            assert BANK in body
            assert "{" not in body
