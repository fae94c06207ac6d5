"""A proxy on the loopback address that loses answers: the call was made and committed, and nobody hears of it."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread

from tests.torture.server import HOST, ask


class LosingProxy(ThreadingHTTPServer):
    """Hands calls on, and drops this share of the answers once they have come."""

    daemon_threads = True

    def __init__(self, upstream: int, *, share: float, dice: random.Random) -> None:
        super().__init__((HOST, 0), _Handler)
        self.upstream = upstream
        self.lost = 0
        self._share, self._dice, self._lock = share, dice, Lock()

    def loses(self) -> bool:
        with self._lock:
            lost = self._dice.random() < self._share
            self.lost += lost
            return lost


class _Handler(BaseHTTPRequestHandler):
    server: LosingProxy
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        key = self.headers["Authorization"].removeprefix("Bearer ")
        answer = ask(self.server.upstream, key, body)
        if self.server.loses():
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name in {"content-type", "content-length", "retry-after"} & answer.headers.keys():
            self.send_header(name, answer.headers[name])
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class's name
        """Say nothing."""


@contextmanager
def losing_answers(upstream: int, *, share: float, dice: random.Random) -> Iterator[LosingProxy]:
    """Run the proxy while the block runs."""
    with LosingProxy(upstream, share=share, dice=dice) as proxy:
        thread = Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            proxy.shutdown()
            thread.join()
