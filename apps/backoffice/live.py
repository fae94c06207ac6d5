"""The live view: what comes in just now, in a page of which two parts renew themselves."""

from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from apps.backoffice.views import LOCALE, page, require
from apps.core import clock
from apps.core.charts import Chart, Series
from apps.core.formats import format_exact_instant
from apps.usage import live as coming_in
from apps.usage import queries


def live(request: HttpRequest) -> HttpResponse:
    """Show the whole page."""
    require(request, "usage.view_receipt")
    at = clock.now()
    return page(request, "backoffice/live.html", {"title": "Live", **_rates(at), **_shares(at)})


def rates(request: HttpRequest) -> HttpResponse:
    """Give the part that is renewed every two seconds: rates, lag, and what became of the last minute; two queries."""
    require(request, "usage.view_receipt")
    return TemplateResponse(request, "backoffice/live_rates.html", _rates(clock.now()))


def shares(request: HttpRequest) -> HttpResponse:
    """Give the part that is renewed every ten seconds: who sends what, and what waits."""
    require(request, "usage.view_receipt")
    return TemplateResponse(request, "backoffice/live_shares.html", _shares(clock.now()))


def _rates(at: datetime) -> dict[str, Any]:
    found = coming_in.rates(at=at)
    minute = coming_in.last_minute(at=at)
    return {
        "at": at,
        "now": found[-1].a_second,
        "most": max(one.a_second for one in found),
        "minute": minute,
        "age": _seconds(minute.age),
        "taken": _seconds(minute.taken),
        "slowest": _seconds(minute.slowest),
        "chart": Chart(
            key="rates",
            question="How many events come in a second?",
            labels=tuple(f"{one.at:%H:%M:%S}" for one in found),
            titles=tuple(f"{format_exact_instant(one.at, 'UTC', LOCALE)} UTC" for one in found),
            series=(Series("Events a second", tuple(one.a_second for one in found), slot=0),),
            locale=LOCALE,
            kind="line",
            stacked=False,
            note="Averages of five seconds, of the last five minutes, UTC",
            label_name="From",
            when_empty="Nothing came in the last five minutes. Events posted to /api/v1/events show here within seconds.",
            adds_up=False,
        ),
    }


def _shares(at: datetime) -> dict[str, Any]:
    busy = coming_in.busiest(at=at)
    waiting = queries.waiting_by_reason()
    return {
        "customers": busy,
        "types": coming_in.types(busy, at=at) if busy else (),
        "waiting": waiting,
        "waiting_count": sum(reason.count for reason in waiting),
    }


def _seconds(lag: timedelta | None) -> str:
    """Write a lag as people say it: 240 ms, 3.2 s, 5 min, 2 d; events from the future have none."""
    if lag is None:
        return ""
    seconds = max(lag.total_seconds(), 0.0)
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"
