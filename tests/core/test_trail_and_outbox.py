"""The audit trail is only added to, and follow-ups survive a crash."""

import pytest
from celery import current_app
from django.db import IntegrityError, connection, transaction

from apps.core import audit, db, outbox
from apps.core.models import OutboxMessage
from tests.builders import AT


def record() -> None:
    with transaction.atomic():
        audit.record(at=AT, actor="a", action="tests.try", subject_type="thing", subject_key="1")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement", ["UPDATE core_auditentry SET actor = 'b'", "DELETE FROM core_auditentry"]
)
@pytest.mark.usefixtures("owner")
def test_the_trail_is_never_changed(statement: str) -> None:
    record()

    with (
        pytest.raises(IntegrityError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)


@pytest.mark.django_db
def test_a_step_refuses_to_run_outside_an_action() -> None:
    with pytest.raises(RuntimeError, match="call the action"):
        db.require_transaction()


@pytest.mark.django_db
def test_a_follow_up_is_asked_for_once_however_often() -> None:
    with transaction.atomic():
        outbox.enqueue(task="tests.follow", key="1", at=AT, number=1)
        outbox.enqueue(task="tests.follow", key="1", at=AT, number=1)

    assert OutboxMessage.objects.count() == 1


@pytest.mark.django_db
def test_nothing_follows_from_what_was_rolled_back() -> None:
    with transaction.atomic():
        outbox.enqueue(task="tests.follow", key="1", at=AT)
        transaction.set_rollback(True)

    assert not OutboxMessage.objects.exists()


@pytest.mark.django_db
def test_waiting_messages_are_sent_once_and_noted() -> None:
    sent: list[tuple[str, object]] = []

    @current_app.task(name="tests.follow", bind=False)
    def follow(**arguments: object) -> None:
        sent.append(("follow", arguments))

    with transaction.atomic():
        outbox.enqueue(task="tests.follow", key="1", at=AT, number=1)

    assert outbox.send_waiting(at=AT) == 1
    assert outbox.send_waiting(at=AT) == 0
    assert OutboxMessage.objects.get().sent_at == AT
