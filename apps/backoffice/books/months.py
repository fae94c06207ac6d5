"""The months of the books: what waits before one is closed, and the closing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from apps.backoffice.books.asked import Asked, read
from apps.backoffice.books.report import no_books
from apps.backoffice.views import page, require
from apps.core import clock
from apps.core.admin import actor_of
from apps.core.errors import Refusal
from apps.core.formats import format_month
from apps.customers.models import LegalEntity
from apps.invoices.missing import unposted
from apps.invoices.models import Invoice, ParkedClose
from apps.ledger import periods
from apps.ledger.models import AccountingPeriod
from apps.ledger.post import month_after
from apps.ledger.queries import months as months_of

_STATUS = AccountingPeriod.Status
_MONTHS = 12
_KINDS = {_STATUS.OPEN: "", _STATUS.SOFT_CLOSED: "warn", _STATUS.LOCKED: "good"}


@dataclass(frozen=True, slots=True)
class Waiting:
    """What should be done before a month is closed: how many there are, and where."""

    what: str
    count: int
    address: str


@dataclass(frozen=True, slots=True)
class MonthRow:
    """A month of the books, its state, and its pages."""

    starts_on: date
    name: str
    state: str
    kind: str
    address: str
    trial: str


def months(request: HttpRequest) -> HttpResponse:
    """List the months of a legal entity's books, the latest first."""
    require(request, "ledger.view_accountingperiod")
    asked = read(request, today=clock.now().date())
    if asked is None:
        return no_books(request)
    found = months_of(asked.entity.pk)
    rows = [_row(asked, one) for one in found]
    context = {
        "title": "Months",
        "asked": asked,
        "rows": rows,
        "is_open": sum(1 for one in found if one.status == _STATUS.OPEN),
    }
    return page(request, "backoffice/books_months.html", context)


def month(request: HttpRequest, entity: str, year: int, month: int) -> HttpResponse:
    """Show what waits before a month is closed; forms soft-close it, open it again, or lock it."""
    require(request, "ledger.view_accountingperiod", to_change="ledger.change_accountingperiod")
    found = LegalEntity.objects.filter(key=entity).first()
    if found is None or not (0 < month <= _MONTHS and 1 < year < date.max.year):
        raise Http404
    day = date(year, month, 1)
    if request.method == "POST":
        _act(request, found, day)
        return redirect("backoffice:books_month", entity=entity, year=year, month=month)
    period = AccountingPeriod.objects.filter(legal_entity=found, starts_on=day).first()
    status = period.status if period else _STATUS.OPEN
    waits = waiting(found, day)
    context = {
        "title": f"{format_month(day, 'en')}, {found.name}",
        "entity": found,
        "month": format_month(day, "en"),
        "next_month": month_after(day),
        "status": status,
        "state": _STATUS(status).label,
        "kind": _KINDS[_STATUS(status)],
        "waits": waits,
        "is_ready": not any(one.count for one in waits),
        "is_over": clock.now().date() >= month_after(day),
        "may_change": request.user.has_perm("ledger.change_accountingperiod"),
    }
    return page(request, "backoffice/books_month.html", context)


def waiting(entity: LegalEntity, day: date) -> Sequence[Waiting]:
    """Return what should be done before the month that begins on a day is closed, in three queries."""
    ends_on = month_after(day)
    drafts = Invoice.objects.filter(
        legal_entity=entity, status=Invoice.Status.DRAFT, period_end_on__lte=ends_on
    )
    parked = ParkedClose.objects.filter(contract__customer__legal_entity=entity)
    return (
        Waiting("Drafts of periods that ended in it or before", drafts.count(), reverse("backoffice:review")),
        Waiting("Closes that are parked", parked.count(), reverse("admin:invoices_parkedclose_changelist")),
        Waiting(
            "Invoices and credit notes issued in it that are not in the journal",
            unposted(entity.pk, issued_from=day, issued_before=ends_on).count(),
            reverse("admin:invoices_invoice_changelist") + f"?issued_on_from={day}",
        ),
    )


def _act(request: HttpRequest, entity: LegalEntity, day: date) -> None:
    legal_entity_id, at, actor = entity.pk, clock.now(), actor_of(request)
    try:
        match request.POST.get("do"):
            case "soft_close":
                done = periods.soft_close(legal_entity_id=legal_entity_id, month=day, at=at, actor=actor)
            case "lock":
                done = periods.lock(legal_entity_id=legal_entity_id, month=day, at=at, actor=actor)
            case "reopen":
                reason = request.POST.get("reason", "")
                done = periods.reopen(
                    legal_entity_id=legal_entity_id, month=day, reason=reason, at=at, actor=actor
                )
            case _:
                messages.error(request, "Nothing was done: choose what to do with the month.")
                return
    except Refusal as refusal:
        messages.error(request, str(refusal))
        return
    messages.success(request, f"{done} is {done.get_status_display().lower()} now.")


def _row(asked: Asked, period: AccountingPeriod) -> MonthRow:
    day = period.starts_on
    return MonthRow(
        starts_on=day,
        name=format_month(day, "en"),
        state=period.get_status_display(),
        kind=_KINDS[_STATUS(period.status)],
        address=reverse("backoffice:books_month", args=[asked.entity.key, day.year, day.month]),
        trial=reverse("backoffice:books") + asked.elsewhere(day, month_after(day)),
    )
