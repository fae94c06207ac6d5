"""Whatever is posted, no body brings the API down, slows it down or makes it grow (R05, R06, R08)."""

import gc
import logging
import resource
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.handlers.base import BaseHandler
from django.db import transaction
from django.test import RequestFactory

from benchmarks.harness import percentile
from tests.api.calls import Backend, problem, said
from tests.builders import make_api_key, make_contract, make_plan_version
from tests.torture.bodies import Sent, giants, thrown
from tests.torture.report import FULL, Torture
from tests.usage.events import token_charges

# Of a full run, so that two processes can share it.
PARTS = 8 if FULL else 1
P99_SECONDS = 0.25
MOST_GROWTH_MB = 50
WARM_UP = 500
ROLLED_BACK_AFTER = 1_000


class Straight(RequestFactory):
    """Calls the application without the test client, whose signals keep some of every request for ever."""

    def __init__(self) -> None:
        super().__init__()
        self.handler = BaseHandler()
        self.handler.load_middleware()

    def request(self, **request: Any) -> Any:
        return self.handler.get_response(super().request(**request))


@pytest.fixture
def backend() -> Iterator[Backend]:
    make_contract(plan_version=make_plan_version(token_charges()))
    # A million lines of "Bad Request", kept for a report that nobody needs, would be the only growth.
    logging.disable(logging.WARNING)
    backend = Backend(make_api_key())
    backend.client = Straight()  # type: ignore[assignment]
    yield backend
    logging.disable(logging.NOTSET)


@pytest.mark.django_db
@pytest.mark.parametrize("part", range(PARTS))
def test_no_body_brings_the_api_down_or_makes_it_grow(backend: Backend, torture: Torture, part: int) -> None:
    dice, count = torture.dice(f"fuzz {part}"), torture.size(20_000, 1_000_000 // PARTS)
    waits: list[float] = []
    outcomes: Counter[int] = Counter()
    for sent in giants():
        outcomes[send(backend, sent, waits)] += 1

    before = 0.0
    for start in range(0, count, ROLLED_BACK_AFTER):
        savepoint = transaction.savepoint()
        for number in range(start, min(start + ROLLED_BACK_AFTER, count)):
            outcomes[send(backend, thrown(dice), waits)] += 1
            if number == WARM_UP:
                before = resident_mb()
        transaction.savepoint_rollback(savepoint)

    grown = resident_mb() - before
    slow = percentile(waits, 0.99)
    assert grown < MOST_GROWTH_MB
    assert slow < P99_SECONDS
    # The dice must reach both sides.
    assert outcomes[200] > count / 50 < outcomes[400]
    torture.found(
        f"R05 fuzzed bodies, {len(waits):,}, part {part + 1} of {PARTS}",
        f"0 answers of 5xx; p99 {slow * 1000:.0f} ms, slowest {max(waits) * 1000:.0f} ms; memory {grown:+.0f} MB; "
        + ", ".join(f"{many:,} x {status}" for status, many in sorted(outcomes.items())),
    )


def send(backend: Backend, sent: Sent, waits: list[float]) -> int:
    """Send it, note how long the answer took, and return its status once the answer is found to be in order."""
    begun = time.perf_counter()
    answer = backend.send("POST", f"/events{sent.query}", sent.body, sent.content_type, **sent.headers)
    waits.append(time.perf_counter() - begun)
    if answer.status_code == 200:
        counts = said(answer)
        parts = [counts[name] for name in ("counted", "duplicate", "conflict", "quarantined")]
        assert counts["received"] == sum(parts), sent.shown()
    else:
        assert 400 <= answer.status_code < 500, (answer.content[:300], sent.shown())
        problem(answer)
    return answer.status_code


def resident_mb() -> float:
    gc.collect()
    with open("/proc/self/statm") as file:  # noqa: PTH123
        return int(file.read().split()[1]) * resource.getpagesize() / 1e6
