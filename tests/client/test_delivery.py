"""What is recorded arrives, whatever the server does."""

import socket
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest

from meterbook_client import (
    Detail,
    EventNotKept,
    EventSetAside,
    Meterbook,
    MeterbookError,
    Refused,
    SpoolDamaged,
    Unreachable,
)
from tests.client.conftest import Connect
from tests.client.server import Lose, Say, Server, always

UNREADABLE = Say(400, "lone-surrogate")


def record(client: Meterbook, count: int = 1) -> list[str]:
    return [client.record(customer="acme", type="api.call") for _ in range(count)]


def segments(spool: Path) -> list[Path]:
    return list(spool.rglob("*/*.jsonl"))


def test_an_event_arrives_as_it_was_recorded(server: Server, connect: Connect) -> None:
    client = connect()

    key = client.record(
        customer="acme",
        type="llm.request",
        quantity=Decimal("0.10"),
        properties={"model": "large", "cost": Decimal("1.50"), "tags": ("a", None, True), "text": "ü\n"},
        time=datetime(2026, 10, 20, 11, tzinfo=UTC),
    )

    assert client.flush()
    assert server.taken == [
        {
            "id": key,
            "customer": "acme",
            "type": "llm.request",
            "time": "2026-10-20T11:00:00Z",
            "quantity": "0.10",
            "properties": {"model": "large", "cost": "1.50", "tags": ["a", None, True], "text": "ü\n"},
        }
    ]
    assert UUID(key).version == 7
    assert (server.headers["path"], server.headers["Authorization"]) == ("/api/v1/events", "Bearer mb_test")


def test_the_spool_is_empty_when_all_is_acknowledged(connect: Connect, spool: Path) -> None:
    client = connect()
    record(client, 3)

    assert client.close()

    assert list(spool.iterdir()) == []


def test_events_of_many_threads_arrive_once_in_batches(server: Server, connect: Connect) -> None:
    client = connect(batch=100, flush_seconds=60)

    with ThreadPoolExecutor(8) as pool:
        made = [key for keys in pool.map(lambda _: record(client, 250), range(8)) for key in keys]

    assert client.flush()
    assert sorted(server.ids()) == sorted(made)
    assert len(set(made)) == 2_000
    assert max(len(ids) for _, ids in server.posts) <= 100


def test_a_whole_batch_does_not_wait_for_the_interval(server: Server, connect: Connect) -> None:
    made = record(connect(batch=10, flush_seconds=3600), 10)

    server.wait_for(made)


@pytest.mark.parametrize("trouble", [Say(500), Say(503), Say(429), Say(408), Lose()])
def test_after_trouble_the_same_ids_are_sent_again(
    server: Server, connect: Connect, errors: list[MeterbookError], trouble: Say | Lose
) -> None:
    server.script.extend([trouble] * 3)
    client = connect()

    made = record(client, 5)

    assert client.flush(20)
    assert set(server.ids()) == set(made)
    assert {type(error) for error in errors} == {Unreachable}
    assert server.posts[-1][1] == server.posts[0][1]


def test_events_recorded_while_the_server_is_away_arrive_when_it_is_back(
    connect: Connect, errors: list[MeterbookError]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    client = connect(f"http://127.0.0.1:{port}")
    made = record(client, 20)
    assert not client.flush(0.05)

    back = Server(port)

    back.wait_for(made)
    assert client.flush(20)
    assert sorted(back.ids()) == sorted(made)
    assert {type(error) for error in errors} == {Unreachable}
    back.stop()


def test_a_pause_that_the_server_asks_for_is_kept_also_by_a_flush(server: Server, connect: Connect) -> None:
    server.script.append(Say(429, headers={"Retry-After": "3600"}))
    client = connect()

    record(client)
    server.wait(lambda: len(server.posts) == 1)

    assert not client.flush(0.1)
    assert len(server.posts) == 1


def test_a_batch_that_is_too_large_goes_in_halves(server: Server, connect: Connect) -> None:
    server.rule = lambda events: Say(413, "too-many-events") if len(events) > 3 else None
    client = connect(flush_seconds=3600)

    made = record(client, 20)

    assert client.flush()
    assert server.ids() == made


@pytest.mark.parametrize(
    "refusal",
    [Say(401, "unknown-key"), Say(403, "scope-missing"), Say(400, "bad-gzip"), Say(404, "not-found")],
)
def test_refused_events_stay_and_go_when_the_cause_is_mended(
    server: Server, connect: Connect, errors: list[MeterbookError], spool: Path, refusal: Say
) -> None:
    server.rule = always(refusal)
    client = connect()
    made = record(client, 2)
    server.wait(lambda: len(server.posts) >= 3)
    assert len(segments(spool)) >= 1

    server.rule = always(None)

    server.wait_for(made)
    assert client.flush()
    told = errors[0]
    assert isinstance(told, Refused)
    assert (told.status, told.code, told.detail) == (refusal.status, refusal.code, "Said so.")


def test_a_page_that_somebody_else_answers_with_200_acknowledges_nothing(
    server: Server, connect: Connect, errors: list[MeterbookError]
) -> None:
    server.script.extend([Say(200, body=b"<h1>Sign in</h1>"), Say(200, body=b'{"received": 1}')])
    client = connect(flush_seconds=3600)

    made = record(client, 2)

    assert client.flush()
    assert server.ids() == made
    assert [type(error) for error in errors] == [Refused, Refused]


def test_an_event_that_nobody_can_read_is_set_aside_and_the_others_go_on(
    server: Server, connect: Connect, errors: list[MeterbookError], spool: Path
) -> None:
    client = connect(flush_seconds=3600)
    made = record(client, 9)
    server.rule = lambda events: UNREADABLE if made[4] in {event["id"] for event in events} else None

    assert client.flush()

    assert server.ids() == made[:4] + made[5:]
    assert made[4] in (spool / "refused.jsonl").read_text()
    assert [type(error) for error in errors] == [EventSetAside]
    assert segments(spool) == []


@pytest.mark.parametrize("failure", [Say(500), Say(403, body=b"<h1>Blocked</h1>"), Say(422, "odd"), Lose()])
def test_an_event_that_keeps_failing_lets_the_others_pass_and_is_never_given_up(
    server: Server, connect: Connect, spool: Path, failure: Say | Lose
) -> None:
    """As a firewall does that takes an event for an attack, or a fault of the server that one event meets."""
    client = connect(flush_seconds=3600)
    made = record(client, 9)
    failing = {made[2], made[7]}
    server.rule = lambda events: failure if failing & {event["id"] for event in events} else None
    client.flush(0)
    server.wait_for(set(made) - failing)
    later = record(client, 3)
    client.flush(0)
    server.wait_for(later)
    tried = len(server.posts)
    server.wait(lambda: len(server.posts) > tried + 5)
    kept = b"".join(file.read_bytes() for file in segments(spool)).decode()

    server.rule = always(None)

    assert all(key in kept for key in failing)
    server.wait_for(failing)
    assert client.flush(20)
    assert segments(spool) == []
    assert not (spool / "refused.jsonl").exists()


def test_after_an_outage_all_arrives_however_often_it_failed(
    server: Server, connect: Connect, spool: Path
) -> None:
    server.rule = always(Say(500))
    client = connect(flush_seconds=3600, most_retry_seconds=0.005)
    made = record(client, 9)
    client.flush(0)
    server.wait(lambda: len(server.posts) > 60)

    server.rule = always(None)

    server.wait_for(made)
    assert client.flush(20)
    assert segments(spool) == []


def test_an_event_that_cannot_be_set_aside_is_told_and_stops_nobody(
    server: Server, connect: Connect, errors: list[MeterbookError], spool: Path
) -> None:
    in_the_way = spool / "refused.jsonl"
    in_the_way.mkdir(parents=True)
    (in_the_way / "a file").touch()
    client = connect(flush_seconds=3600)
    made = record(client, 3)
    server.rule = lambda events: UNREADABLE if made[1] in {event["id"] for event in events} else None

    assert client.flush()

    assert server.ids() == [made[0], made[2]]
    (told,) = errors
    assert isinstance(told, EventNotKept)
    assert made[1] in told.event


def test_a_segment_that_cannot_be_read_lets_the_others_pass(
    server: Server, connect: Connect, errors: list[MeterbookError], spool: Path
) -> None:
    (spool / "0-before" / "00000001.jsonl").mkdir(parents=True)
    client = connect()

    made = record(client)

    server.wait_for(made)
    assert {type(error) for error in errors} == {SpoolDamaged}


def test_what_was_not_counted_is_told(server: Server, connect: Connect) -> None:
    told: list[Detail] = []
    client = connect(flush_seconds=3600, on_detail=told.append)
    states = ("duplicate", "conflict", "quarantined")
    for key in states:
        client.record(customer="acme", type="api.call", id=key)
        server.details[key] = {"state": key, "reason": "why", "field": "id", "remedy": "Mend it."}

    assert client.flush()

    assert told == [
        Detail("conflict", "conflict", "why", "id", "Mend it."),
        Detail("quarantined", "quarantined", "why", "id", "Mend it."),
    ]


def test_a_callback_that_fails_hinders_nothing(server: Server, connect: Connect) -> None:
    def fail(told: object) -> None:
        raise RuntimeError

    server.script.append(Say(500))
    server.details["a"] = {"state": "conflict", "reason": "why", "field": "id", "remedy": "Mend it."}
    client = connect(on_error=fail, on_detail=fail)

    client.record(customer="acme", type="api.call", id="a")

    assert client.flush()
    assert server.ids() == ["a"]


def test_a_closed_client_opens_again_for_another_event(server: Server, connect: Connect) -> None:
    client = connect()
    first = record(client)
    assert client.close()

    second = record(client)

    assert client.close()
    assert server.ids() == first + second
