"""Telling the seller that a contract's notice day or end comes near, once for each end and number of days before it."""

from datetime import date, datetime, timedelta
from uuid import UUID

from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.template.loader import render_to_string

from apps.contracts import notice, worth
from apps.contracts.models import Contract, RenewalReminder
from apps.core import outbox
from apps.core.formats import format_day, format_money
from apps.core.periods import local_day

DAYS = (30, 60, 90)
TASK = "contracts.send_renewal_reminder"
PATIENCE = timedelta(minutes=2)
_LANGUAGE = "en"


def decided_by_on(contract: Contract) -> date | None:
    """Return the day by which staff have to have decided: the last one for notice, or the last of a term that just ends."""
    if contract.ends_on is None:
        return None
    return notice.notice_by_on(contract) or contract.ends_on - timedelta(days=1)


@transaction.atomic(durable=True)
def take_due(*, at: datetime) -> int:
    """Note the reminders that are due, and ask for them to be mailed; return how many are new.

    One is due 90, 60 and 30 days before the day of decision. A contract that is signed later than that, or a task that did not
    run, gets only the one that is nearest. None is due once notice was given, as all is decided then.
    """
    found = Contract.objects.filter(
        status=Contract.Status.ACTIVE, ends_on__gt=at.date() - timedelta(days=1), declined_at=None
    )
    reminders = [
        RenewalReminder(contract=contract, ends_on=contract.ends_on, days_before=days, taken_at=at)
        for contract in found
        if contract.ends_on and (days := _step(contract, at)) is not None
    ]
    known = set(
        RenewalReminder.objects.filter(contract__in=[one.contract for one in reminders]).values_list(
            "contract_id", "ends_on", "days_before"
        )
    )
    new = [one for one in reminders if (one.contract_id, one.ends_on, one.days_before) not in known]
    # Of two who take the same one, the second finds it taken and asks for nothing.
    RenewalReminder.objects.bulk_create(new, ignore_conflicts=True)
    taken = RenewalReminder.objects.filter(pk__in=[one.pk for one in new]).values_list("pk", flat=True)
    outbox.enqueue_many(task=TASK, at=at, messages=[(str(pk), {"reminder_id": str(pk)}) for pk in taken])
    return len(taken)


@transaction.atomic(durable=True)
def send(*, reminder_id: UUID, at: datetime) -> bool:
    """Mail a reminder to the seller, once, and tell whether it was sent.

    Of two senders at once one waits, and then finds it sent. A contract whose end moved or of which notice was given in the
    meantime needs none, and a seller without an e-mail address gets none.
    """
    reminder = RenewalReminder.objects.select_for_update(of=("self",)).get(pk=reminder_id)
    contract = Contract.objects.select_related("customer__legal_entity", "plan_version__plan").get(
        pk=reminder.contract_id
    )
    seller = contract.customer.legal_entity
    is_settled = contract.ends_on != reminder.ends_on or contract.declined_at
    if reminder.sent_at or is_settled or not seller.email:
        return False
    _message(contract, reminder, seller.email).send()
    reminder.sent_at = at
    reminder.save(update_fields=["sent_at"])
    return True


def left_unsent(*, at: datetime) -> list[UUID]:
    """Return the reminders that should have been mailed minutes ago, as when the mail server was away."""
    waiting = RenewalReminder.objects.filter(
        sent_at=None, taken_at__lt=at - PATIENCE, contract__declined_at=None, contract__ends_on__gt=at.date()
    ).exclude(contract__customer__legal_entity__email="")
    return list(waiting.values_list("pk", flat=True)[:500])


def _step(contract: Contract, at: datetime) -> int | None:
    """Return the number of days of the reminder that is due now."""
    day = decided_by_on(contract)
    left = (day - local_day(at, contract.timezone)).days if day else -1
    return next((days for days in DAYS if 0 <= left <= days), None)


def _message(contract: Contract, reminder: RenewalReminder, to: str) -> EmailMultiAlternatives:
    day = decided_by_on(contract)
    assert day is not None, "a reminder is about an end"
    last_on = reminder.ends_on - timedelta(days=1)
    is_worth = worth.worth_of(contract, last_on)
    context = {
        "contract": contract,
        "seller": contract.customer.legal_entity.name,
        "last_day": format_day(last_on, _LANGUAGE),
        "decide_by": format_day(day, _LANGUAGE),
        "renews": contract.renewal,
        "months": contract.renewal_months,
        "fees": format_money(is_worth.fees, _LANGUAGE),
        "committed": "" if is_worth.committed.is_zero else format_money(is_worth.committed, _LANGUAGE),
        "language": _LANGUAGE,
    }
    word = "ends" if contract.renewal == Contract.Renewal.NONE else "renewal to decide"
    message = EmailMultiAlternatives(
        subject=f"{contract.customer.name}, contract {contract.number}: {word} by {format_day(day, _LANGUAGE)}",
        body=render_to_string("emails/renewal.txt", context),
        to=[to],
        headers={"Message-ID": f"<renewal-{reminder.pk}@meterbook>"},
    )
    message.attach_alternative(render_to_string("emails/renewal.html", context), "text/html")
    return message
