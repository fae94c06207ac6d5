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
from django.core.management import CommandError, call_command
from django.test import Client

from apps.core import clock
from apps.demo import traces
from apps.usage import import_events, tasks
from apps.usage.models import EventImport, QuarantinedEvent
from apps.usage.reconcile import reconcile
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
        (b"\xff\xfe\x00", "cannot be read"),
        (gzip.compress(b"x" * 99, mtime=0)[:-9], "cannot be read"),
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
