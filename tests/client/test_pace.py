"""When events are sent again, and what an answer means."""

import socket
from contextlib import suppress
from http.client import HTTPException
from threading import Thread
from time import sleep

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterbook_client.sender import Pace, backoff
from meterbook_client.transport import Answer, Transport, _seconds
from meterbook_client.verdict import No, Taken, TryAgain, Unfit, judge

PACE = Pace(first_retry=0.5, most_retry=60)


@given(attempt=st.integers(1, 100_000))
def test_a_pause_grows_to_its_bound_and_never_below_half(attempt: int) -> None:
    full = min(60, 0.5 * 2 ** min(attempt - 1, 30))

    assert full / 2 <= backoff(attempt, None, PACE) <= full


@pytest.mark.parametrize(("asked", "least"), [(0.0, 0.25), (120.0, 120.0), (1e9, 3600.0)])
def test_a_pause_is_as_long_as_the_server_asked_for_up_to_an_hour(asked: float, least: float) -> None:
    assert least <= backoff(1, asked, PACE) <= max(least, 0.5)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("120", 120.0),
        ("soon", None),
        ("-1", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("Fri, 31 Dec 99999999999999999999 23:59:59 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    assert _seconds(header) == seconds


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(200, b'{"received": 2, "details": []}'), Taken),
        (Answer(200, b'{"received": 2, "details": null}'), Taken),
        (Answer(200, b'{"received": 2, "details": [1, {"state": []}]}'), Taken),
        (Answer(200, b'{"received": 1}'), No),
        (Answer(200, b"[" * 100_000), No),
        (Answer(200, b"[]"), No),
        (Answer(204), No),
        (Answer(301), No),
        (Answer(400, b'{"code": "too-deep"}'), Unfit),
        (Answer(400, b'{"code": "bad-gzip"}'), No),
        (Answer(400, b"<h1>Bad Request</h1>"), No),
        (Answer(401), No),
        (Answer(413), Unfit),
        (Answer(429), TryAgain),
        (Answer(500), TryAgain),
        (Answer(599, b"\xff"), TryAgain),
    ],
)
def test_only_an_answer_that_accounts_for_every_event_takes_them(answer: Answer, kind: type) -> None:
    assert isinstance(judge(answer, posted=2), kind)


@pytest.mark.parametrize(
    "url", ["", "billing.example.com", "ftp://example.com", "http://", "https://a.example?key=1"]
)
def test_an_address_that_is_none_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="give it as https"):
        Transport(url, "mb_test", timeout=1)


def drip(listening: socket.socket) -> None:
    """Answer the first caller, a byte at a time, for ever."""
    caller, _ = listening.accept()
    with caller, suppress(OSError):
        caller.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while True:
            caller.sendall(b" ")
            sleep(0.01)


def test_an_answer_without_end_is_none() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        Thread(target=drip, args=[listening], daemon=True).start()
        transport = Transport(f"http://127.0.0.1:{listening.getsockname()[1]}", "mb_test", timeout=0.2)

        with pytest.raises(HTTPException, match="without end"):
            transport.post([b"{}"])


def test_half_an_answer_is_none() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        Thread(target=cut_off, args=[listening], daemon=True).start()
        transport = Transport(f"http://127.0.0.1:{listening.getsockname()[1]}", "mb_test", timeout=5)

        with pytest.raises((HTTPException, OSError)):
            transport.post([b"{}"])


def cut_off(listening: socket.socket) -> None:
    """Answer the first caller with half of what was announced."""
    caller, _ = listening.accept()
    with caller:
        caller.recv(65536)
        caller.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 28\r\n\r\n{"received": 1}')
