"""When events are sent again, and what an answer means."""

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
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    assert _seconds(header) == seconds


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(200, b'{"received": 2, "details": []}'), Taken),
        (Answer(200, b'{"received": 1}'), No),
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
