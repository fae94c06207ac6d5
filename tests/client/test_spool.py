"""What the spool promises on its own."""

import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from meterbook_client import EventNotKept, EventSetAside, Meterbook, MeterbookError, SpoolFull
from meterbook_client.spool import Spool
from tests.client.conftest import Connect
from tests.client.server import Say, Server, always


def open_spool(folder: Path) -> Spool:
    return Spool(folder, most_bytes=1_000_000)


def lines(spool: Spool) -> list[bytes]:
    spool.cut()
    return [line for segment in spool.pending() for line in segment.lines()]


def test_what_is_closed_unsent_is_taken_over_by_the_next(spool: Path) -> None:
    first = open_spool(spool)
    first.append(b'{"id":"a"}\n')
    first.close()

    assert lines(open_spool(spool)) == [b'{"id":"a"}\n']


def test_what_the_living_have_is_left_to_them(spool: Path) -> None:
    first = open_spool(spool)
    first.append(b'{"id":"a"}\n')

    second = open_spool(spool)
    second.append(b'{"id":"b"}\n')

    assert lines(second) == [b'{"id":"b"}\n']
    assert lines(first) == [b'{"id":"a"}\n']


def test_the_dead_are_found_later_too(spool: Path) -> None:
    first, second = open_spool(spool), open_spool(spool)
    first.append(b'{"id":"a"}\n')
    first.close()

    second.adopt()

    assert lines(second) == [b'{"id":"a"}\n']


def test_an_adopted_folder_goes_with_its_last_segment(spool: Path) -> None:
    first = open_spool(spool)
    first.append(b'{"id":"a"}\n')
    first.close()
    second = open_spool(spool)

    for segment in second.pending():
        second.remove(segment)
    second.close()

    assert list(spool.iterdir()) == []


def test_a_line_torn_by_a_crash_is_none(spool: Path) -> None:
    first = open_spool(spool)
    first.append(b'{"id":"a"}\n')
    first.append(b'{"id":"b"')
    first.close()

    assert lines(open_spool(spool)) == [b'{"id":"a"}\n']


@pytest.mark.skipif(
    not Path("/proc/self/fd").exists(), reason="files cannot be told by their descriptors here"
)
def test_with_fsync_an_event_and_the_names_that_lead_to_it_are_on_the_disk(
    spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(
        os, "fsync", lambda descriptor: synced.append(Path(f"/proc/self/fd/{descriptor}").readlink())
    )

    Spool(spool, most_bytes=1_000_000, fsync=True).append(b'{"id":"a"}\n')

    (segment,) = spool.glob("*/*.jsonl")
    assert synced == [spool, segment.parent, segment]


def test_what_a_failing_disk_did_not_take_is_not_kept(spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is told so may record it anew, under another id."""
    kept = Spool(spool, most_bytes=1_000_000, fsync=True)
    kept.append(b'{"id":"a"}\n')
    with monkeypatch.context() as disk:
        disk.setattr(os, "fsync", fail_with(errno.EIO))
        with pytest.raises(OSError, match="Input/output"):
            kept.append(b'{"id":"b"}\n')

    kept.append(b'{"id":"c"}\n')

    assert lines(kept) == [b'{"id":"a"}\n', b'{"id":"c"}\n']


@pytest.mark.skipif(sys.platform == "win32", reason="locks another way")
def test_a_folder_that_cannot_be_locked_is_told_at_once(spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a network disk without locks, or by a process that has too many files open."""
    monkeypatch.setattr("fcntl.flock", fail_with(errno.ENOLCK))

    with pytest.raises(OSError, match="locks"):
        open_spool(spool)

    assert list(spool.rglob("*.jsonl")) == []


def fail_with(number: int) -> Callable[..., None]:
    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


def test_a_damaged_line_is_set_aside_and_the_others_are_sent(
    server: Server, connect: Connect, errors: list[MeterbookError], spool: Path
) -> None:
    before = open_spool(spool)
    for line in (b'{"id":"a"}\n', b"\0\0\0\n", b'{"id":"b"}\n'):
        before.append(line)
    before.close()

    assert connect().flush()

    assert server.ids() == ["a", "b"]
    assert [type(error) for error in errors] == [EventSetAside]
    assert (spool / "refused.jsonl").read_bytes() == b"\0\0\0\n"


def test_a_full_spool_is_told_and_what_it_has_is_kept(
    server: Server, connect: Connect, errors: list[MeterbookError]
) -> None:
    server.rule = always(Say(503))
    client = connect(
        spool_bytes=1_000, on_error=lambda e: errors.append(e) if isinstance(e, EventNotKept) else None
    )
    made = [client.record(customer="acme", type="api.call") for _ in range(20)]
    lost = [key for key in made for error in errors if key in str(error)]

    server.rule = always(None)

    assert 0 < len(lost) < 20
    assert client.flush(20)
    assert sorted(server.ids()) == sorted(set(made) - set(lost))
    assert isinstance(errors[0], EventNotKept)
    assert isinstance(errors[0].why, SpoolFull)


def test_a_full_spool_is_raised_if_asked_for(connect: Connect) -> None:
    client: Meterbook = connect(spool_bytes=10, when_full="raise")

    with pytest.raises(EventNotKept, match="has reached its bound of 10 bytes") as refused:
        client.record(customer="acme", type="api.call", id="lost")

    assert '"id":"lost"' in refused.value.event


def test_what_is_acknowledged_makes_room(connect: Connect, errors: list[MeterbookError]) -> None:
    client = connect(spool_bytes=150)

    sent = [client.record(customer="acme", type="api.call") and client.flush() for _ in range(10)]

    assert all(sent)
    assert errors == []
