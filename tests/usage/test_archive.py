"""Months of events, put away as Parquet and read again."""

from datetime import UTC, date, datetime
from pathlib import Path

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from apps.contracts.models import Contract
from apps.core.errors import Refusal
from apps.customers.models import Customer
from apps.plans.models import Meter, PlanVersion
from apps.usage import archive, archive_files, levels, months, recount
from apps.usage.correct import correct
from apps.usage.models import Event, LevelPoint, Recount, UsageDay
from apps.usage.reconcile import reconcile
from tests.builders import make_contract, make_customer, make_meter, make_plan_version, usage_charge
from tests.usage.events import ACTOR, AT, event, take, total

# Only the owner takes a month out of the database and puts it back, as the command does.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("owner")]

OCTOBER, LATER = date(2026, 10, 1), datetime(2027, 3, 1, tzinfo=UTC)


def used() -> None:
    """Events of two months: strange texts, exact quantities, and one voided."""
    make_meter(aggregation="sum")
    contract = make_contract(starts_on=date(2026, 9, 1))
    take(
        event("a\tb\n\\", quantity="123456789012345.123456789012345678", properties={"ü": '漢"', "n": 0.1}),
        event("b", quantity=2),
        event("voided"),
        event("before", time="2026-09-30T23:59:59.999999Z"),
    )
    correct(customer_key="acme", keys=["voided"], reason="Test", at=AT, actor=ACTOR)
    contract.billed_until_on = date(2026, 12, 1)
    contract.save()


def export(folder: Path) -> Path:
    archive.export_month(month=OCTOBER, folder=folder, at=LATER, actor=ACTOR)
    return folder / "2026-10"


def stored() -> list[object]:
    rows = Event.objects.order_by("key").values_list(
        "key", "time", "quantity", "properties", "day", "received_at"
    )
    return list(rows)


def test_a_month_is_exported_detached_and_put_back_as_it_was(tmp_path: Path) -> None:
    used()
    before = stored()

    manifest = archive.verify(export(tmp_path))
    archive.detach_month(place=tmp_path / "2026-10", at=LATER, actor=ACTOR)
    without = set(Event.objects.values_list("key", flat=True))
    again = take(event("b", quantity=2))
    archive.restore_month(place=tmp_path / "2026-10", at=LATER, actor=ACTOR)

    assert (manifest.rows, manifest.voided, manifest.quantity) == (3, 1, "123456789012348.123456789012345678")
    assert without == {"before"}
    assert again.duplicate == 1
    assert stored() == before
    assert not reconcile().differences


def test_an_archived_month_is_still_reconciled(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    used()
    place = export(tmp_path)
    archive.detach_month(place=place, at=LATER, actor=ACTOR)

    assert reconcile().differences
    assert not reconcile(archived=archive_files.events_of(place)).differences
    call_command("reconcile", "--archive", str(place))
    assert "all agree" in capsys.readouterr().out
    assert total() > 2


def put_away(folder: Path) -> None:
    archive.detach_month(place=export(folder), at=LATER, actor=ACTOR)


def compute(key: str) -> Recount:
    begun = recount.begin(meter_id=Meter.objects.get(key=key).pk, at=LATER, actor=ACTOR)
    return recount.run(recount_id=begun.pk, at=LATER)


def test_what_an_archived_month_adds_up_to_is_not_computed_without_it(tmp_path: Path) -> None:
    used()
    put_away(tmp_path)
    make_meter("other calls")
    make_meter("new", event_type="other", aggregation="count")
    before = total()

    for key in ("calls", "other calls"):
        with pytest.raises(Refusal, match=r"2026-10.*restore 2026-10"):
            compute(key)
    compute("new")
    refused = total()
    archive.restore_month(place=tmp_path / "2026-10", at=LATER, actor=ACTOR)
    compute("calls")
    done = compute("other calls")

    assert (refused, total(), done.status) == (before, before, "done")
    assert (reconcile().differences, reconcile().not_whole) == ((), ())


def test_a_month_that_is_archived_while_it_is_computed_stops_that(tmp_path: Path) -> None:
    used()
    before, meter = total(), Meter.objects.get()
    begun = recount.begin(meter_id=meter.pk, at=LATER, actor=ACTOR)
    put_away(tmp_path)

    done = recount.run(recount_id=begun.pk, at=LATER)
    with pytest.raises(Refusal, match="2026-10"), transaction.atomic():
        recount.rebuild(Customer.objects.get().pk, [meter], AT.date(), at=LATER)

    assert (done.status, "restore 2026-10" in done.error, total()) == ("failed", True, before)


def test_a_day_of_a_month_that_is_there_is_computed_though_the_one_before_is_not(tmp_path: Path) -> None:
    """The 1st of November begins in October's UTC in Berlin, and not in London."""
    used()
    berlin = make_contract(make_customer("berlin"), PlanVersion.objects.get(), timezone="Europe/Berlin")
    Contract.objects.filter(pk=berlin.pk).update(billed_until_on=date(2026, 12, 1))
    november = [
        event(f"{key}-{n}", customer=key, time="2026-11-01T12:00:00Z")
        for key in ("acme", "berlin")
        for n in (1, 2)
    ]
    take(*november, at=datetime(2026, 11, 2, tzinfo=UTC))
    put_away(tmp_path)
    # As a meter that counts since a short while: what is voided may never have been counted.
    Meter.objects.update(counts_from=LATER)

    correct(customer_key="acme", keys=["acme-1"], reason="Test", at=LATER, actor=ACTOR)
    with pytest.raises(Refusal, match="2026-10"):
        correct(customer_key="berlin", keys=["berlin-1"], reason="Test", at=LATER, actor=ACTOR)

    november_totals = UsageDay.objects.filter(day=date(2026, 11, 1)).values_list("customer__key", "events")
    assert dict(november_totals) == {"acme": 1, "berlin": 2}


def test_a_level_that_was_set_in_an_archived_month_is_not_forgotten(tmp_path: Path) -> None:
    """10 seats on each of the 12 days since the 20th of October."""
    make_meter("seats", unit="seats", event_type="seats", aggregation="latest", level="set")
    contract = make_contract(plan_version=make_plan_version([usage_charge("seats")]))
    take(event("a", type="seats", quantity=10))
    levels.carry_all(at=datetime(2026, 10, 31, 12, tzinfo=UTC))
    Contract.objects.filter(pk=contract.pk).update(billed_until_on=date(2026, 12, 1))
    put_away(tmp_path)

    with pytest.raises(Refusal, match="2026-10"):
        compute("seats")

    assert (total("seats"), LevelPoint.objects.count()) == (120, 1)


def test_a_flipped_byte_is_found(tmp_path: Path) -> None:
    used()
    file = export(tmp_path) / "events.parquet"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)

    with pytest.raises(Refusal, match="not the one that was written"):
        archive.verify(tmp_path / "2026-10")


def test_a_changed_manifest_is_found(tmp_path: Path) -> None:
    used()
    file = export(tmp_path) / "manifest.json"
    file.write_text(file.read_text().replace('"rows": 3', '"rows": 4'))

    with pytest.raises(Refusal, match="not those that the manifest tells of"):
        archive.verify(tmp_path / "2026-10")


def test_without_its_manifest_there_is_no_archive(tmp_path: Path) -> None:
    used()
    (export(tmp_path) / "manifest.json").unlink()

    with pytest.raises(Refusal, match="no manifest"):
        archive.detach_month(place=tmp_path / "2026-10", at=LATER, actor=ACTOR)
    assert Event.objects.count() == 4


def test_a_month_that_changed_since_is_not_detached(tmp_path: Path) -> None:
    used()
    place = export(tmp_path)
    take(event("late"))

    with pytest.raises(Refusal, match="other events"):
        archive.detach_month(place=place, at=LATER, actor=ACTOR)
    assert Event.objects.count() == 5


def test_nothing_comes_in_between_the_last_look_and_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A release or a correction that counts an old event meanwhile waits, rather than be dropped with the month."""
    used()
    place = export(tmp_path)
    content, blocked = archive._Summary.content, []

    def looked(summary: archive._Summary) -> str:
        with psycopg.connect(conninfo()) as other:
            other.execute("SET lock_timeout = '50ms'")
            try:
                other.execute("INSERT INTO usage_event SELECT * FROM usage_event WHERE false")
                other.execute("LOCK TABLE usage_event_2026_10 IN ROW EXCLUSIVE MODE")
            except psycopg.errors.LockNotAvailable:
                blocked.append(True)
        return content(summary)

    archive.verify(place)
    monkeypatch.setattr(archive, "verify", archive_files.manifest_of)
    monkeypatch.setattr(archive._Summary, "content", looked)
    archive.detach_month(place=place, at=LATER, actor=ACTOR)

    assert blocked


def conninfo() -> str:
    settings = connection.settings_dict
    return psycopg.conninfo.make_conninfo(
        dbname=settings["NAME"], user=settings["USER"], host=settings["HOST"], port=settings["PORT"] or None
    )


def test_a_month_in_use_stays(tmp_path: Path) -> None:
    used()
    place = export(tmp_path)

    with pytest.raises(Refusal, match="may come for 35 days"):
        archive.detach_month(place=place, at=datetime(2026, 11, 20, tzinfo=UTC), actor=ACTOR)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE contracts_contract SET billed_until_on = '2026-10-15'")
    with pytest.raises(Refusal, match="not invoiced for all of it"):
        archive.detach_month(place=place, at=LATER, actor=ACTOR)
    assert Event.objects.count() == 4


def test_what_comes_for_a_detached_month_lies_in_that_month(tmp_path: Path) -> None:
    """Web processes saw the month made, and are not told that a command has taken it out."""
    used()
    archive.detach_month(place=export(tmp_path), at=LATER, actor=ACTOR)

    replace_before(by="late")

    assert (table_of("late"), months.astray()) == ("usage_event_2026_10", 0)


def test_a_month_that_something_came_for_is_put_back_and_put_away_again(tmp_path: Path) -> None:
    used()
    place = export(tmp_path / "first")
    archive.detach_month(place=place, at=LATER, actor=ACTOR)
    replace_before(by="late")
    meanwhile = reconcile(archived=archive_files.events_of(place)).differences

    archive.restore_month(place=place, at=LATER, actor=ACTOR)
    together = set(Event.objects.values_list("key", flat=True))
    with pytest.raises(Refusal, match="other events"):
        archive.detach_month(place=place, at=LATER, actor=ACTOR)
    again = export(tmp_path / "second")
    archive.detach_month(place=again, at=LATER, actor=ACTOR)

    assert not meanwhile
    assert together == {"a\tb\n\\", "b", "voided", "before", "late"}
    assert archive.verify(again).rows == 4
    assert set(Event.objects.values_list("key", flat=True)) == {"before"}
    assert not reconcile(archived=archive_files.events_of(again)).differences


def test_one_archive_holds_all_of_a_month_that_is_out(tmp_path: Path) -> None:
    """So that putting back one of several never passes for the whole."""
    used()
    first = export(tmp_path / "first")
    archive.detach_month(place=first, at=LATER, actor=ACTOR)
    replace_before(by="late")

    with pytest.raises(Refusal, match="out of the database already; restore it first"):
        export(tmp_path / "second")
    with pytest.raises(Refusal, match="out of the database already; restore it first"):
        archive.detach_month(place=first, at=LATER, actor=ACTOR)
    archive.restore_month(place=first, at=LATER, actor=ACTOR)
    second = export(tmp_path / "second")
    archive.detach_month(place=second, at=LATER, actor=ACTOR)
    with pytest.raises(Refusal, match="taken out by another archive"):
        archive.restore_month(place=first, at=LATER, actor=ACTOR)
    for place in (second, second, first):
        archive.restore_month(place=place, at=LATER, actor=ACTOR)

    assert Event.objects.count() == 5
    assert not reconcile().differences


def test_an_archive_that_contradicts_the_database_is_not_put_back(tmp_path: Path) -> None:
    used()
    place = export(tmp_path)
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE usage_event_2026_10")
        cursor.execute(
            "INSERT INTO usage_event SELECT customer_id, '2026-10-20T11:00Z', 'b', contract_id, type, 3, properties, day, "
            "received_at FROM usage_event"
        )

    with pytest.raises(Refusal, match="event 'b' stands in the database with another content"):
        archive.restore_month(place=place, at=LATER, actor=ACTOR)
    assert Event.objects.count() == 2


def test_the_proof_tells_of_events_that_lie_in_no_month(capsys: pytest.CaptureFixture[str]) -> None:
    used()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO usage_event SELECT customer_id, '2300-01-01', key, contract_id, type, quantity, properties, day, "
            "received_at FROM usage_event WHERE key = 'before'"
        )

    with pytest.raises(SystemExit):
        call_command("reconcile")

    assert "1 events lie in no month" in capsys.readouterr().out


def replace_before(*, by: str) -> None:
    """Replace the event of September by one of October, which is archived."""
    correct(
        customer_key="acme",
        keys=["before"],
        reason="Wrong day",
        replacements=[event(by)],
        at=LATER,
        actor=ACTOR,
    )


def table_of(key: str) -> object:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM usage_event WHERE key = %s", [key])
        return cursor.fetchone()[0]


def test_the_command_does_all_four(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    used()

    call_command("archive_events", "export", "2026-10", str(tmp_path))
    call_command("archive_events", "verify", "2026-10", str(tmp_path))
    with pytest.raises(CommandError, match="archive already"):
        call_command("archive_events", "export", "2026-10", str(tmp_path))
    with pytest.raises(CommandError, match="no month"):
        call_command("archive_events", "export", "October", str(tmp_path))

    assert capsys.readouterr().out.count("3 events, 1 voided") == 2
