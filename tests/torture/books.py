"""The comparison after the torture: what clients were told against what the database holds."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tests.torture.clients import BATCH, Journal
from tests.torture.cluster import Cluster
from tests.torture.server import reconcile

_STORED = """
    SELECT regexp_replace(key, '-[0-9]+$', '') AS batch, count(*), count(DISTINCT key)
    FROM usage_event WHERE key LIKE %s GROUP BY 1
"""
_TOTALS = """
    SELECT (SELECT sum((properties->>'tokens')::numeric) FROM usage_event),
           (SELECT sum(quantity) FROM usage_usageday), (SELECT count(*) FROM usage_event),
           (SELECT sum(events) FROM usage_usageday), (SELECT count(*) FROM usage_eventkey)
"""


@dataclass(frozen=True, slots=True)
class Books:
    """How many events were acknowledged and are stored, and all that is wrong with that."""

    acknowledged: int
    stored: int
    lost: list[str]
    counted_twice: list[str]
    torn: list[str]


def balance(cluster: Cluster, run: str, journals: Iterable[Journal]) -> Books:
    """Compare the journals of a run with the stored events, and all totals with all events."""
    told: dict[str, int] = {}
    for journal in journals:
        told |= journal.acknowledged()
    stored = {
        str(name): (int(str(many)), int(str(different)))
        for name, many, different in cluster.rows(_STORED, f"{run}-%")
    }
    _require_equal_totals(cluster)
    return Books(
        acknowledged=len(told) * BATCH,
        stored=sum(many for many, _ in stored.values()),
        lost=[name for name in told if stored.get(name, (0, 0))[1] < BATCH],
        counted_twice=[
            *(name for name, (many, different) in stored.items() if many != different),
            # A batch is told as counted once; told again, its events are duplicates.
            *(name for name, counted in told.items() if counted > BATCH),
        ],
        torn=[name for name, (_, different) in stored.items() if different != BATCH],
    )


def require_reconciled(environment: Mapping[str, str]) -> None:
    """Let the product's own proof agree."""
    found = reconcile(environment)
    assert found.returncode == 0, found.stdout + found.stderr
    assert "all agree" in found.stdout


def _require_equal_totals(cluster: Cluster) -> None:
    ((tokens, total, events, counted, ids),) = cluster.rows(_TOTALS)
    assert tokens == total, "the daily totals are not those of the events"
    assert events == counted == ids, "an event is not in exactly one daily total, or has not one id"
