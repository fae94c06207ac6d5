"""Works on close runs in the database of DATABASE_URL, and renders and mails, until it is ended: `python -m tests.torture.close_worker`.

With `make COUNT` it makes so many customers, with `start draft|finalize YYYY-MM-DD` a run at that instant; it prints how many
contracts are in it.
"""

import os
import sys
import time
from datetime import UTC, date, datetime

import django
from django.db import OperationalError, connection

BATCH = int(os.environ.get("CLOSE_BATCH", "5"))
ACTOR = "torture"


def main() -> None:
    """Do what the arguments say."""
    django.setup()
    match sys.argv[1:]:
        case ["make", count]:
            _make(int(count))
        case ["start", step, day]:
            print(_start(step, datetime.fromisoformat(day).replace(tzinfo=UTC)))
        case _:
            _work()


def _make(count: int) -> None:
    from tests import builders  # noqa: PLC0415  after Django is set up

    entity = builders.make_legal_entity("closing", name="Closing Inc.", invoice_prefix="KILL")
    version = builders.make_plan_version([builders.fee_charge("10.00")])
    for nth in range(count):
        key, mail = f"closing-{nth}", f"billing@closing-{nth}.example"
        customer = builders.make_customer(key, legal_entity=entity, tax_rate="19", billing_email=mail)
        builders.make_contract(customer, version, number=f"K-{nth}", starts_on=date(2025, 1, 1))


def _start(step: str, at: datetime) -> int:
    from apps.customers.models import LegalEntity  # noqa: PLC0415
    from apps.invoices import run  # noqa: PLC0415

    entity = LegalEntity.objects.get(key="closing")
    start = run.start_drafts if step == "draft" else run.start_finalize
    begun = start(at=at, actor=ACTOR, legal_entity=entity)
    return begun.tasks.count() if begun else 0


def _work() -> None:
    """Go on with whatever run is not finished, as of its own instant, else with the mail; wait out a database that is away."""
    from apps.invoices import run  # noqa: PLC0415
    from apps.invoices.models import CloseRun  # noqa: PLC0415

    while True:
        try:
            begun = CloseRun.objects.filter(finished_at=None).first()
            worked = run.advance(run_id=begun.pk, at=begun.started_at, most=BATCH) if begun else _publish()
            if not worked:
                time.sleep(0.05)
        except OperationalError:
            connection.close()
            time.sleep(0.1)


def _publish() -> int:
    """Do what waits in the outbox for invoices, and only then note that it was sent: whoever dies or meets another does it again."""
    from apps.core import clock  # noqa: PLC0415
    from apps.core.models import OutboxMessage  # noqa: PLC0415
    from apps.invoices import tasks  # noqa: PLC0415

    of_invoices = {one.name: one for one in (tasks.render_pdf, tasks.send)}
    waiting = OutboxMessage.objects.filter(task__in=of_invoices, sent_at=None)
    # Any, so that two workers seldom do the same.
    messages = list(waiting.order_by("?")[:BATCH])
    for message in messages:
        of_invoices[message.task](**message.arguments)
        OutboxMessage.objects.filter(pk=message.pk).update(sent_at=clock.now())
    return len(messages)


if __name__ == "__main__":
    main()
