"""Posts a batch of events over a connection that is kept open."""

import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection, IncompleteRead
from time import monotonic, time
from urllib.parse import urlsplit

PATH = "/api/v1/events"
_FAST = 4
_PIECE = 64 * 1024
# Ten thousand events with the reason and remedy of each are a few megabytes.
_LARGEST_ANSWER = 64 * 1024 * 1024
# How many timeouts an answer may take that comes in small pieces.
_LONGEST_READS = 2


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; `retry_after` is in seconds."""

    status: int
    body: bytes = b""
    retry_after: float | None = None


class Transport:
    """The way to one Meterbook; used by one thread at a time."""

    def __init__(self, url: str, key: str, *, timeout: float) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query:
            raise ValueError(f"Meterbook's address is {url!r}; give it as https://billing.example.com")
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._connection = kind(parts.hostname, parts.port, timeout=timeout)
        self._timeout = timeout
        self._path = parts.path.rstrip("/") + PATH
        self._headers = {
            "Authorization": f"Bearer {key}",
            "Content-Type": "application/json",
            "Content-Encoding": "gzip",
            "Accept": "application/json",
            "User-Agent": "meterbook-client/0.1 python",
        }

    def post(self, lines: Sequence[bytes]) -> Answer:
        """Post events and return the answer. Raises OSError or HTTPException if there is none."""
        body = gzip.compress(
            b'{"events":[' + b",".join(line.rstrip() for line in lines) + b"]}", _FAST, mtime=0
        )
        is_kept = self._connection.sock is not None
        try:
            return self._exchange(body)
        except (OSError, HTTPException):
            # A connection that was kept may have been closed meanwhile; that says nothing about the server.
            if not is_kept:
                raise
        return self._exchange(body)

    def close(self) -> None:
        """Close the connection; the next post opens it again."""
        self._connection.close()

    def _exchange(self, body: bytes) -> Answer:
        try:
            self._connection.request("POST", self._path, body, self._headers)
            with self._connection.getresponse() as response:
                said = self._read(response)
                return Answer(response.status, said, _seconds(response.headers.get("Retry-After")))
        except BaseException:
            self._connection.close()
            raise

    def _read(self, response: HTTPResponse) -> bytes:
        """Read the answer, as far as Meterbook's could be long and last; one beyond that is none."""
        said = bytearray()
        until = monotonic() + _LONGEST_READS * self._timeout
        while more := response.read1(_PIECE):
            said += more
            if len(said) > _LARGEST_ANSWER or monotonic() > until:
                raise HTTPException(f"an answer without end, {len(said):,} bytes so far")
        if response.length:
            raise IncompleteRead(bytes(said), response.length)
        return bytes(said)


def _seconds(retry_after: str | None) -> float | None:
    """Read Retry-After, which is a number of seconds or a date."""
    if not retry_after:
        return None
    if retry_after.strip().isdecimal():
        return float(retry_after[:9])
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time())
    except (ValueError, OverflowError):
        return None
