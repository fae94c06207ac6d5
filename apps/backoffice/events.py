"""The pages of single events: finding them, and one with all that became of it, which staff may void."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode

from apps.backoffice.views import page, require
from apps.contracts.queries import is_wholly_billed
from apps.contracts.terms import period_on
from apps.core import clock
from apps.core.admin import actor_of
from apps.core.errors import Refusal
from apps.core.periods import Period
from apps.invoices.placed import Awaits, placement
from apps.plans.models import Meter
from apps.usage import explore, strict_json
from apps.usage.correct import correct
from apps.usage.errors import EventArchived, NoSuchEvent
from apps.usage.explore import Cursor, EventRow, EventState, Found, Question
from apps.usage.one_event import OneEvent, one_event
from apps.usage.read_event import written_json

ROWS = 50
_LONGEST_IN_ADDRESS = 4_000
_FILTERS = ("customer", "type", "id", "from", "to", "state")
_KINDS = {
    EventState.COUNTED: "good",
    EventState.VOIDED: "",
    EventState.QUARANTINED: "warn",
    EventState.DISMISSED: "",
}


@dataclass(frozen=True, slots=True)
class Listed:
    """An event in the list, and where it leads."""

    row: EventRow
    kind: str
    address: str


def events(request: HttpRequest) -> HttpResponse:
    """Show the events that are asked for, the newest first."""
    require(request, "usage.view_event")
    asked = request.GET
    found, is_unclear = Found((), None, None), False
    try:
        found = explore.events(question=_question(asked), at=clock.now(), limit=ROWS, after=_cursor(asked))
    except Refusal as refusal:
        messages.error(request, str(refusal))
    except (ValueError, OverflowError):
        is_unclear = True
        messages.error(request, "Give days as YYYY-MM-DD, the first one first.")
    given = {name: value for name in _FILTERS if (value := asked.get(name, ""))}
    if not found.rows:
        _look_in_the_archive(request, given)
    context = {
        "title": "Events",
        "found": found,
        "listed": [_listed(row) for row in found.rows],
        "asked": given,
        "is_unclear": is_unclear,
        "is_older": "before" in asked,
        "older": _older(given, found.next) if found.next else "",
        "newest": urlencode(given),
        "states": [*EventState],
        "types": sorted(set(Meter.objects.values_list("event_type", flat=True))),
    }
    return page(request, "backoffice/events.html", context)


def event(request: HttpRequest) -> HttpResponse:
    """Show one event with all that became of it; a form voids it."""
    require(request, "usage.view_event", to_change="usage.add_correction")
    customer_key, key = request.GET.get("customer", ""), request.GET.get("id", "")
    try:
        found = one_event(customer_key=customer_key, key=key)
    except NoSuchEvent as nothing:
        raise Http404 from nothing
    except EventArchived as archived:
        messages.info(request, str(archived))
        return redirect("backoffice:events")
    if request.method == "POST":
        if found.state is EventState.COUNTED:
            _void(request, found)
        return redirect(address(found.customer_key, found.key))
    where = placement(found)
    context = {
        "title": f"Event {found.key}",
        "event": found,
        "kind": _KINDS[found.state],
        "zone": found.contract.timezone if found.contract else "UTC",
        "may_see_lines": request.user.has_perm("invoices.view_invoice"),
        "lines": where.lines,
        "awaits": where.awaits,
        "is_followed": found.contract is None
        or not is_wholly_billed(
            ends_on=found.contract.ends_on, billed_until_on=found.contract.billed_until_on
        ),
        "period": _period(found) if where.awaits is Awaits.INVOICE else None,
        "may_void": found.state is EventState.COUNTED and request.user.has_perm("usage.add_correction"),
    }
    if context["may_void"] and found.type:
        context["replace_address"] = _replace_address(found)
    return page(request, "backoffice/event.html", context)


def address(customer_key: str, key: str) -> str:
    """Return where an event's page is; an id may hold any character, so it stands in the query."""
    return f"{reverse('backoffice:event')}?{urlencode({'customer': customer_key, 'id': key})}"


def _replace_address(found: OneEvent) -> str:
    """Return where the event is replaced: by itself under another id, for staff to change."""
    body = strict_json.load(found.body.encode())
    assert isinstance(body, dict), "what counts is an object"
    asked = {"customer": found.customer_key, "ids": found.key}
    written = written_json(body | {"id": f"{found.key}-corrected"})
    if len(written) <= _LONGEST_IN_ADDRESS:
        asked["events"] = written
    return f"{reverse('backoffice:new_correction')}?{urlencode(asked)}"


def _void(request: HttpRequest, found: OneEvent) -> None:
    try:
        corrected = correct(
            customer_key=found.customer_key,
            keys=[found.key],
            reason=request.POST.get("reason", ""),
            at=clock.now(),
            actor=actor_of(request),
        )
    except Refusal as refusal:
        messages.error(request, str(refusal))
        return
    messages.success(
        request,
        format_html(
            'The event is voided: it counts no more from now on. <a href="{}">The correction</a>',
            reverse("admin:usage_correction_change", args=[corrected.correction_id]),
        ),
    )


def _look_in_the_archive(request: HttpRequest, given: Mapping[str, str]) -> None:
    """Say so where the event that is asked for was put away."""
    try:
        one_event(customer_key=given.get("customer", ""), key=given.get("id", ""))
    except EventArchived as archived:
        messages.info(request, str(archived))
    except NoSuchEvent:
        pass


def _question(asked: QueryDict) -> Question:
    start, last = _day(asked.get("from", "")), _day(asked.get("to", ""))
    end = last + timedelta(days=1) if last else None
    if start and end and start >= end:
        raise ValueError
    state = asked.get("state", "")
    return Question(
        customer_key=asked.get("customer", "").strip(),
        type=asked.get("type", "").strip(),
        key=asked.get("id", ""),
        start=start,
        end=end,
        state=EventState(state) if state else None,
    )


def _day(text: str) -> datetime | None:
    """Return the start of a UTC day, since customers of many zones stand in one list."""
    if not text:
        return None
    day = date.fromisoformat(text)
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _cursor(asked: QueryDict) -> Cursor | None:
    if "before" not in asked:
        return None
    moment = datetime.fromisoformat(asked.get("before", ""))
    if moment.tzinfo is None:
        raise ValueError
    return Cursor(moment, asked.get("key", ""), asked.get("row", ""))


def _older(given: Mapping[str, str], cursor: Cursor) -> str:
    return urlencode({**given, "before": cursor.moment.isoformat(), "key": cursor.key, "row": cursor.row})


def _listed(row: EventRow) -> Listed:
    """Lead to the event's page; without customer or id it has none, only its record in quarantine."""
    if row.customer_key and row.key:
        return Listed(row, _KINDS[row.state], address(row.customer_key, row.key))
    return Listed(row, _KINDS[row.state], reverse("admin:usage_quarantinedevent_change", args=[row.row]))


def _period(found: OneEvent) -> Period | None:
    return period_on(found.contract, found.day) if found.contract and found.day else None
