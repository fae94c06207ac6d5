"""Files of events: streamed, resumed, and counted like any others."""

import csv
import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.test import Client

from apps.core import clock
from apps.core.models import OutboxMessage
from apps.demo import traces
from apps.usage import import_events, quarantine, tasks
from apps.usage.errors import UnreadableFile
from apps.usage.models import Event, EventImport, QuarantinedEvent
from apps.usage.reconcile import reconcile
from apps.usage.release import release
from tests.builders import make_contract, make_plan_version, make_staff
from tests.usage.events import ACTOR, AT, event, token_charges, total

pytestmark = pytest.mark.django_db
FIRST, LAST = datetime(2026, 10, 2, tzinfo=UTC), datetime(2026, 10, 19, tzinfo=UTC)


def requests(count: int = 2_500) -> list[dict[str, Any]]:
    """Real requests, of two models that have a price here."""
    found = traces.coding_events(first_at=FIRST, last_at=LAST, customers=["acme"])[:count]
    for one in found:
        one["properties"]["model"] = "large" if "opus" in one["properties"]["model"] else "small"
    return found


def as_csv(events: list[dict[str, Any]], delimiter: str = ",") -> bytes:
    names = sorted({name for one in events for name in one["properties"]})
    text = StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerow(["id", "customer", "type", "time", *[f"properties.{name}" for name in names]])
    for one in events:
        own = [one[name] for name in ("id", "customer", "type", "time")]
        writer.writerow([*own, *[one["properties"].get(name, "") for name in names]])
    return text.getvalue().encode()


def as_lines(events: list[dict[str, Any]]) -> bytes:
    return b"\n".join(json.dumps(one).encode() for one in events)


def take(path: Path) -> EventImport:
    begun = import_events.begin(path=path, name=path.name, at=AT, actor=ACTOR)
    return import_events.run(import_id=begun.pk, at=AT)


FILES: dict[str, Callable[[list[dict[str, Any]]], bytes]] = {
    "events.csv": as_csv,
    "events.ndjson": as_lines,
    "events.csv.gz": lambda events: gzip.compress(as_csv(events)),
    "semicolons.csv": lambda events: b"\xef\xbb\xbf" + as_csv(events, ";"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_counts_what_posting_it_would(tmp_path: Path, name: str) -> None:
    make_contract(plan_version=make_plan_version(token_charges()))
    events = requests()
    file = tmp_path / name
    file.write_bytes(FILES[name](events))

    done = take(file)

    assert (done.status, done.rows, done.counted, done.quarantined) == ("done", 2_500, 2_500, 0)
    assert total("output") == sum(one["properties"]["output_tokens"] for one in events)
    assert not reconcile().differences


def test_an_import_that_stops_goes_on_after_its_last_batch(tmp_path: Path) -> None:
    make_contract(plan_version=make_plan_version(token_charges()))
    file = tmp_path / "events.ndjson"
    file.write_bytes(as_lines(requests()))
    begun = import_events.begin(path=file, name=file.name, at=AT, actor=ACTOR)

    def stop(_: EventImport) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_events.run(import_id=begun.pk, at=AT, after_batch=stop)
    stopped = EventImport.objects.get()
    again = take(file)

    assert (stopped.rows, stopped.status) == (1_000, "running")
    assert (again.pk, again.rows, again.counted, again.duplicate) == (begun.pk, 2_500, 2_500, 0)


def test_two_processes_at_one_import_skip_no_row(tmp_path: Path) -> None:
    """A second one takes in the batch that the first is at, and stops; what is noted as read was read once."""
    make_contract(plan_version=make_plan_version(token_charges()))
    file = tmp_path / "events.ndjson"
    file.write_bytes(as_lines(requests()))
    begun = import_events.begin(path=file, name=file.name, at=AT, actor=ACTOR)
    others: list[EventImport] = []

    def interrupt(_: EventImport) -> None:
        if not others:
            others.append(import_events.run(import_id=begun.pk, at=AT))

    first = import_events.run(import_id=begun.pk, at=AT, after_batch=interrupt)

    assert others[0].status == "done"
    assert EventImport.objects.get().rows == first.rows == 2_500
    assert not reconcile().differences


def test_an_import_that_has_ended_is_left_alone(tmp_path: Path) -> None:
    """Celery delivers a task twice now and then: at least once is its promise."""
    make_contract()
    file = tmp_path / "events.ndjson"
    file.write_bytes(as_lines([event("a")]))
    begun = import_events.begin(path=file, name=file.name, at=AT, actor=ACTOR)
    tasks.import_events(import_id=str(begun.pk))
    file.unlink()

    tasks.import_events(import_id=str(begun.pk))

    begun.refresh_from_db()
    assert (begun.status, begun.rows, begun.error) == ("done", 1, "")


def test_an_import_that_was_canceled_before_its_turn_takes_nothing(tmp_path: Path) -> None:
    make_contract()
    file = tmp_path / "events.ndjson"
    file.write_bytes(as_lines([event("a")]))
    begun = import_events.begin(path=file, name=file.name, at=AT, actor=ACTOR)
    import_events.cancel(import_id=begun.pk, at=AT, actor=ACTOR)

    tasks.import_events(import_id=str(begun.pk))

    begun.refresh_from_db()
    assert (begun.status, begun.rows) == ("canceled", 0)
    assert not Event.objects.exists()


def test_an_import_that_is_canceled_at_its_last_batch_stays_canceled(tmp_path: Path) -> None:
    make_contract()
    file = tmp_path / "events.ndjson"
    file.write_bytes(as_lines([event("a")]))
    begun = import_events.begin(path=file, name=file.name, at=AT, actor=ACTOR)

    def cancel(_: EventImport) -> None:
        import_events.cancel(import_id=begun.pk, at=AT, actor=ACTOR)

    ended = import_events.run(import_id=begun.pk, at=AT, after_batch=cancel)

    assert (ended.status, ended.rows) == ("canceled", 1)
    assert EventImport.objects.get().status == "canceled"


def test_a_file_that_its_owner_named_stays_and_an_upload_of_the_same_goes(
    tmp_path: Path, settings: Any, django_capture_on_commit_callbacks: Any
) -> None:
    settings.VAR_DIR = tmp_path / "var"
    make_contract()
    upload, own = import_events.uploads() / "upload", tmp_path / "events.ndjson"
    upload.parent.mkdir(parents=True)
    for file in (upload, own):
        file.write_bytes(as_lines([event("a")]))
    import_events.begin(path=upload, name="events.ndjson", at=AT, actor=ACTOR, by_worker=True)

    with django_capture_on_commit_callbacks(execute=True):
        begun = import_events.begin(path=own, name="events.ndjson", at=AT, actor=ACTOR)
    tasks.import_events(import_id=str(begun.pk))

    begun.refresh_from_db()
    assert begun.status == "done"
    assert (upload.exists(), own.exists()) == (False, True)


def test_a_turn_that_is_over_asks_for_the_next(tmp_path: Path) -> None:
    make_contract(plan_version=make_plan_version(token_charges()))
    file = tmp_path / "events.csv"
    file.write_bytes(as_csv(requests()))
    begun = import_events.begin(path=file, name=file.name, at=AT, actor=ACTOR)

    rows = [import_events.run(import_id=begun.pk, at=AT, is_turn_over=lambda: True).rows for _ in range(4)]

    asked = OutboxMessage.objects.filter(task="usage.import_events")
    assert rows == [1_000, 2_000, 2_500, 2_500]
    assert [one.arguments for one in asked] == [{"import_id": str(begun.pk)}] * 3
    begun.refresh_from_db()
    assert (begun.status, begun.counted, begun.duplicate) == ("done", 2_500, 0)


def test_a_task_ends_its_turn_after_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_contract(plan_version=make_plan_version(token_charges()))
    file = tmp_path / "events.ndjson"
    file.write_bytes(as_lines(requests()))
    begun = import_events.begin(path=file, name=file.name, at=AT, actor=ACTOR)
    monkeypatch.setattr(tasks, "_TURN", timedelta(0))

    tasks.import_events(import_id=str(begun.pk))

    begun.refresh_from_db()
    assert (begun.status, begun.rows) == ("running", 1_000)
    assert OutboxMessage.objects.filter(task="usage.import_events").count() == 1


def test_an_upload_whose_turn_was_lost_is_found_and_goes_on(tmp_path: Path, settings: Any) -> None:
    settings.VAR_DIR = tmp_path
    make_contract()
    upload, own = import_events.uploads() / "upload", tmp_path / "own.ndjson"
    upload.parent.mkdir(parents=True)
    for number, file in enumerate((upload, own)):
        file.write_bytes(as_lines([event(f"e{number}")]))
        import_events.begin(path=file, name=file.name, at=AT, actor=ACTOR, by_worker=file == upload)
    asked = OutboxMessage.objects.filter(task="usage.import_events")

    unsent = import_events.go_on_with_lost(at=AT + timedelta(days=1))
    asked.update(sent_at=AT)
    soon = import_events.go_on_with_lost(at=AT + timedelta(minutes=14))
    with time_machine.travel(AT + timedelta(minutes=16), tick=False):
        tasks.carry_levels()
    again = import_events.go_on_with_lost(at=AT + timedelta(minutes=17))

    assert (unsent, soon, asked.count(), again) == (0, 0, 2, 0)
    tasks.import_events(**asked.latest("created_at").arguments)
    assert EventImport.objects.get(name="upload").status == "done"
    assert import_events.go_on_with_lost(at=AT + timedelta(days=1)) == 0


def test_what_nobody_foresaw_fails_the_import_with_its_error_and_it_can_go_on(tmp_path: Path) -> None:
    make_contract(plan_version=make_plan_version(token_charges()))
    file = tmp_path / "events.ndjson"
    file.write_bytes(as_lines(requests()))
    begun = import_events.begin(path=file, name=file.name, at=AT, actor=ACTOR)

    def break_down(_: EventImport) -> None:
        raise RuntimeError("The disk is full")

    with pytest.raises(RuntimeError):
        import_events.run(import_id=begun.pk, at=AT, after_batch=break_down)
    failed = EventImport.objects.get()
    done = take(file)

    assert (failed.status, failed.error) == ("failed", "RuntimeError: The disk is full")
    assert (failed.rows, failed.finished_at) == (1_000, AT)
    assert (done.pk, done.status, done.rows, done.error) == (begun.pk, "done", 2_500, "")


def test_a_file_that_is_gone_cannot_go_on(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match=r"usage\.csv cannot be read: No such file"):
        import_events.begin(path=tmp_path / "gone", name="usage.csv", at=AT, actor=ACTOR)

    assert not EventImport.objects.exists()


def test_a_cell_with_nul_waits_and_the_rows_after_it_count(tmp_path: Path) -> None:
    make_contract()
    rows = ["e1,{},api.call,2026-10-20T11:00:00Z,a\0b", "e\0,{},api.call,2026-10-20T11:00:00Z,", "\0", "{}"]
    last = "e2,acme,api.call,2026-10-20T11:00:00Z,ok"
    file = tmp_path / "events.csv"
    file.write_text("\n".join(["id,customer,type,time,note", *rows, last]).replace("{}", "acme"))

    done = take(file)

    assert (done.status, done.counted, done.quarantined) == ("done", 1, 4)
    waiting = QuarantinedEvent.objects.order_by("id")
    assert sorted(one.reason for one in waiting) == [
        "bad_id",
        "bad_properties",
        "not_an_event",
        "not_an_event",
    ]
    assert quarantine.worth(list(waiting)).unclear == 4
    assert release(ids=[one.pk for one in waiting], at=AT, actor=ACTOR).quarantined == 4


def test_a_line_with_nul_waits_and_can_be_released(tmp_path: Path) -> None:
    make_contract()
    file = tmp_path / "events.ndjson"
    file.write_bytes(as_lines([event("a")]) + b'\n{"id":"e2\0"}\n{"id":"e\\u0000"}\n')

    done = take(file)

    assert (done.counted, done.quarantined) == (1, 2)
    waiting = QuarantinedEvent.objects.values_list("pk", flat=True)
    assert release(ids=waiting, at=AT, actor=ACTOR).quarantined == 2


def test_rows_that_cannot_be_read_wait_and_the_others_count(tmp_path: Path) -> None:
    make_contract()
    good = "a,acme,api.call,2026-10-20T11:00:00Z,2"
    file = tmp_path / "events.csv"
    file.write_text(
        f'id,customer,type,time,quantity\n{good}\nb,acme\n\n"c\nd",acme,api.call,2026-10-20T11:00:00Z,\n'
    )

    done = take(file)

    assert (done.counted, done.quarantined) == (2, 1)
    assert QuarantinedEvent.objects.get().reason == "not_an_event"


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"a,b\n1,2\n", "customer, id, time, type"),
        (b"id,customer,type,time,model,properties.model\n", "more than one column for properties.model"),
        (b"id,customer,type,time,,,model, id \n", "more than one column for id"),
        (b"\xff\xfe\x00", "cannot be read"),
        (gzip.compress(b"x" * 99, mtime=0)[:-9], "cannot be read"),
        (gzip.compress(b"x" * 99, mtime=0)[:10] + b"\xff" * 20, "cannot be read"),
    ],
)
def test_a_file_that_is_none_fails_with_what_to_do(tmp_path: Path, content: bytes, text: str) -> None:
    file = tmp_path / "events.csv"
    file.write_bytes(content)

    done = take(file)

    assert done.status == "failed"
    assert text in done.error


def test_the_command_says_what_it_took(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_contract(starts_on=clock.now().date() - timedelta(days=30))
    file = tmp_path / "events.ndjson"
    late = (clock.now() - timedelta(hours=2)).isoformat()
    file.write_bytes(as_lines([event("a", time=late), event("b", time=late, type="odd")]))

    call_command("import_events", str(file))
    with pytest.raises(SystemExit):
        call_command("import_events", str(file), "--strict")
    with pytest.raises(CommandError, match="no file"):
        call_command("import_events", str(tmp_path / "nothing.csv"))

    assert "2 rows: 1 counted, 0 duplicate, 0 conflict, 1 in quarantine." in capsys.readouterr().out


def test_staff_upload_a_file_and_see_how_far_it_is(client: Client, tmp_path: Path, settings: Any) -> None:
    settings.VAR_DIR = tmp_path
    make_contract(starts_on=clock.now().date() - timedelta(days=30))
    client.force_login(make_staff())
    late = (clock.now() - timedelta(hours=2)).isoformat()
    file = BytesIO(as_lines([event(f"e{n}", time=late) for n in range(5)]))
    file.name = "usage.ndjson"

    posted = client.post("/admin/usage/eventimport/add/", {"file": file})
    begun = EventImport.objects.get()
    running = client.get(f"/admin/usage/eventimport/{begun.pk}/change/")
    tasks.import_events(import_id=str(begun.pk))
    done = client.get(f"/admin/usage/eventimport/{begun.pk}/change/")

    assert posted.headers["Location"] == f"/admin/usage/eventimport/{begun.pk}/change/"
    assert (running["Refresh"], "Refresh" in done) == ("3", False)
    begun.refresh_from_db()
    assert (begun.status, begun.counted) == ("done", 5)
    assert not Path(begun.path).exists()
    assert b"usage.ndjson" in done.content


def test_a_file_that_cannot_be_read_is_named_as_it_was_given(
    client: Client, tmp_path: Path, settings: Any
) -> None:
    settings.VAR_DIR = tmp_path
    client.force_login(make_staff())
    file = BytesIO(b"foo,bar\n1,2\n")
    file.name = "usage.csv"

    client.post("/admin/usage/eventimport/add/", {"file": file})
    begun = EventImport.objects.get()
    tasks.import_events(import_id=str(begun.pk))
    page = client.get(f"/admin/usage/eventimport/{begun.pk}/change/").content.decode()

    assert "usage.csv cannot be read" in page
    assert Path(begun.path).name not in page


def test_an_import_is_canceled_and_goes_on(client: Client, tmp_path: Path) -> None:
    make_contract(plan_version=make_plan_version(token_charges()))
    file = tmp_path / "events.ndjson"
    file.write_bytes(as_lines(requests()))
    begun = import_events.begin(path=file, name=file.name, at=AT, actor=ACTOR)
    client.force_login(make_staff())

    def cancel(_: EventImport) -> None:
        client.post(f"/admin/usage/eventimport/{begun.pk}/cancel/")

    import_events.run(import_id=begun.pk, at=AT, after_batch=cancel)
    canceled = EventImport.objects.get()
    client.post(f"/admin/usage/eventimport/{begun.pk}/resume/")
    tasks.import_events(import_id=str(begun.pk))

    assert (canceled.status, canceled.rows) == ("canceled", 2_000)
    begun.refresh_from_db()
    assert (begun.status, begun.rows, begun.duplicate) == ("done", 2_500, 0)
