"""How fast the API answers reads, beside the same server's emptiest authenticated answer."""

import time
from http.client import HTTPConnection

from apps.customers.models import ApiKey
from benchmarks.harness import Context, Figure, percentile
from benchmarks.seller import CUSTOMERS, api_key

_FLOOR = "an authenticated call that is refused for its empty body, before any query"


def measure(context: Context) -> list[Figure]:
    """Return requests a second of the calls that backends make most, from one client."""
    key = api_key(ApiKey.Scope.EVENTS_WRITE, ApiKey.Scope.USAGE_READ, ApiKey.Scope.CUSTOMERS_READ)
    floor, _ = _rate(context, key, "POST", "/api/v1/events", seconds=context.seconds / 4)
    figures = []
    for name, path in (
        ("a customer", f"/api/v1/customers/{CUSTOMERS[0]}"),
        ("usage by day and model", f"/api/v1/customers/{CUSTOMERS[0]}/usage?group=day,model"),
        ("spend to date", f"/api/v1/customers/{CUSTOMERS[0]}/spend"),
    ):
        rate, waits = _rate(context, key, "GET", path, seconds=context.seconds / 4)
        note = f"answered in {percentile(waits, 0.5) * 1000:.1f} ms (median), {percentile(waits, 0.95) * 1000:.1f} ms (p95)"
        figures.append(
            Figure(f"requests a second, {name}, 1 client", rate, "requests/s", floor, _FLOOR, note=note)
        )
    return figures


def _rate(context: Context, key: str, method: str, path: str, *, seconds: float) -> tuple[float, list[float]]:
    connection = HTTPConnection(context.host, context.port, timeout=60)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    waits = []
    begun = time.monotonic()
    while time.monotonic() < begun + seconds:
        asked = time.monotonic()
        connection.request(method, path, headers=headers)
        connection.getresponse().read()
        waits.append(time.monotonic() - asked)
    return len(waits) / (time.monotonic() - begun), waits
