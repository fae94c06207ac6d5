from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from meterbook_client import Meterbook, MeterbookError
from tests.client.server import Server

Connect = Callable[..., Meterbook]


@pytest.fixture
def server() -> Iterator[Server]:
    started = Server()
    yield started
    started.stop()


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def errors() -> list[MeterbookError]:
    """What the clients of a test have told to `on_error`."""
    return []


@pytest.fixture
def connect(server: Server, spool: Path, errors: list[MeterbookError]) -> Iterator[Connect]:
    """Make clients that retry fast, and are closed at the end, whatever is left in their spool."""
    made: list[Meterbook] = []

    def make(url: str = "", key: str = "mb_test", **settings: Any) -> Meterbook:
        fast = {
            "spool": spool,
            "flush_seconds": 0.01,
            "first_retry_seconds": 0.005,
            "most_retry_seconds": 0.02,
            "refused_retry_seconds": 0.02,
            "on_error": errors.append,
        }
        made.append(Meterbook(url or server.url, key, **{**fast, **settings}))
        return made[-1]

    yield make
    for client in made:
        client.close(0)
