"""Whether the server's memory stays flat: by default a tenth of an hour at a thousand events a second, as fast as it goes."""

import os

from apps.customers.models import ApiKey
from benchmarks.clients import BATCH
from benchmarks.harness import Context, Figure
from benchmarks.ingest import posted, real_events
from benchmarks.seller import api_key

EVENTS = int(os.environ.get("METERBOOK_BENCH_HOUR", "360000"))
PARTS = 10


def measure(context: Context) -> list[Figure]:
    """Return the server's memory at the end of a load beside that after its first tenth."""
    key, events = api_key(ApiKey.Scope.EVENTS_WRITE), real_events()
    memory: list[float] = []
    counted = 0
    while counted < EVENTS:
        load = posted(context, key, events, batch=BATCH, clients=context.clients, most=EVENTS // PARTS)
        counted += load.events
        memory.append(load.memory)
    return [
        Figure(
            f"memory of the server after {counted:,} events",
            memory[-1],
            "MiB",
            memory[0],
            f"the same after the first {counted // len(memory):,}",
            better="lower",
            note="at the ends of the parts: " + ", ".join(f"{part:.0f}" for part in memory),
        )
    ]
