"""A contract as a picture: what holds when, drawn along its days, with the same as a table."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from itertools import islice
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from apps.backoffice.contract_head import contract_or_404, head
from apps.backoffice.queries import InvoiceOf, invoices_under
from apps.backoffice.timeline_picture import LOCALE, Lane, Mark, Span, drawn
from apps.backoffice.views import page, require
from apps.contracts import words
from apps.contracts.agreed import Agreed, agreed
from apps.contracts.models import Cap, Commitment, Contract, Discount, PromisedGrant
from apps.contracts.standing import all_charge_names
from apps.contracts.terms import periods_of
from apps.core import clock
from apps.core.formats import format_day, format_quantity
from apps.core.periods import local_day, months_after

_Lasting = Discount | Commitment | Cap | PromisedGrant
_MOST_PERIODS = 180
# A state is never told by its color alone.
_SIGNS = {"good": "\N{CHECK MARK} ", "warn": "\N{WARNING SIGN} ", "bad": "\N{WARNING SIGN} "}


def timeline(request: HttpRequest, contract_id: UUID) -> HttpResponse:
    """Draw the contract."""
    require(request, "contracts.view_contract")
    contract = contract_or_404(contract_id)
    today = local_day(clock.now(), contract.timezone)
    rows = agreed(contract)
    may_see = request.user.has_perm("invoices.view_invoice")
    invoices = invoices_under(contract.pk, today=today) if may_see else []
    amendments = list(contract.amendments.order_by("number"))
    end_on = last_day(contract, rows, today)
    all_lanes = lanes(contract, rows, invoices, end_on)
    all_marks = marks(contract, today)
    context = {
        "title": f"{contract}: timeline",
        **head(contract, "timeline"),
        "picture": drawn(contract, all_lanes, all_marks, amendments, end_on),
        "lanes": all_lanes,
        "marks": all_marks,
        "amendments": amendments,
        "today": today,
    }
    return page(request, "backoffice/contract_timeline.html", context)


def last_day(contract: Contract, rows: Agreed, today: date) -> date:
    """Return how far the picture reaches: over a renewal, and without an end a year and what is agreed by then."""
    if contract.ends_on is not None:
        renewed = contract.renewal != Contract.Renewal.NONE and contract.declined_at is None
        return (
            months_after(contract.ends_on, contract.renewal_months or 0)
            if renewed
            else max(contract.ends_on, months_after(contract.starts_on, 1))
        )
    known = [row.starts_on for row in (*rows.phases, *rows.seats)]
    for kind in (rows.discounts, rows.commitments, rows.caps, rows.grants):
        known += [row.ends_on or row.starts_on for row in kind]
    return months_after(max([today, contract.starts_on, *known]), 12)


def lanes(contract: Contract, rows: Agreed, invoices: Sequence[InvoiceOf], end_on: date) -> tuple[Lane, ...]:
    """Return what there is to draw, lane by lane; one with nothing in it is left out."""
    currency, names = contract.plan_version.currency, all_charge_names(contract, rows)
    found = (
        Lane("Term", tuple(_term(contract, end_on))),
        Lane("Plan", tuple(_phases(contract, rows)), is_one_row=True),
        *_seat_lanes(contract, rows, names),
        Lane(
            "Discounts",
            tuple(
                _span(words.discount_words(row, currency, names), row, contract, "s1")
                for row in rows.discounts
            ),
        ),
        Lane(
            "Commitments",
            tuple(
                _span(words.commitment_words(row, currency, names), row, contract, "s2")
                for row in rows.commitments
            ),
        ),
        Lane("Caps", tuple(_span(words.cap_words(row, currency), row, contract, "s5") for row in rows.caps)),
        Lane(
            "Promised credits",
            tuple(_span(words.grant_words(row, currency), row, contract, "s3") for row in rows.grants),
        ),
        Lane("Billing periods", tuple(_periods(contract, end_on)), is_one_row=True),
        Lane("Invoices", tuple(_invoices(invoices)), is_one_row=True),
    )
    return tuple(lane for lane in found if lane.spans)


def marks(contract: Contract, today: date) -> tuple[Mark, ...]:
    """Return the days that matter, in their order."""
    found = [Mark("Today", today, "today")]
    if contract.ends_on is not None:
        if contract.renewal != Contract.Renewal.NONE and contract.declined_at is None:
            if contract.notice_days:
                last_on = contract.ends_on - timedelta(days=contract.notice_days)
                found.append(Mark("Notice by", last_on, "notice"))
            found.append(
                Mark(
                    "Renews" if contract.renewal == Contract.Renewal.AUTOMATIC else "To be renewed",
                    contract.ends_on,
                    "end",
                )
            )
        else:
            found.append(Mark("Ends", contract.ends_on, "end"))
    return tuple(sorted(found, key=lambda mark: mark.on))


def _term(contract: Contract, end_on: date) -> Iterable[Span]:
    end = format_day(contract.ends_on, LOCALE) if contract.ends_on else ""
    yield Span(
        f"Until {end}" if end else "Without end",
        contract.starts_on,
        contract.ends_on,
        "s0" if contract.status == Contract.Status.ACTIVE else "other",
    )
    if contract.ends_on and end_on > contract.ends_on:
        how = "renews by itself" if contract.renewal == Contract.Renewal.AUTOMATIC else "if renewed by hand"
        uplift = (
            f", {format_quantity(contract.uplift_percent, LOCALE)}% up" if contract.uplift_percent else ""
        )
        yield Span(f"{contract.renewal_months} months more, {how}{uplift}", contract.ends_on, end_on, "ahead")


def _phases(contract: Contract, rows: Agreed) -> Iterable[Span]:
    begun = [(contract.starts_on, str(contract.plan_version))]
    begun += [(row.starts_on, str(row.plan_version)) for row in rows.phases]
    yield from _following(begun, contract, "s0", "alt")


def _seat_lanes(contract: Contract, rows: Agreed, names: Mapping[str, str]) -> Iterable[Lane]:
    for key in dict.fromkeys(row.charge_key for row in rows.seats):
        steps = [
            (row.starts_on, format_quantity(row.quantity, LOCALE))
            for row in rows.seats
            if row.charge_key == key
        ]
        yield Lane(names.get(key, key), tuple(_following(steps, contract, "alt", "s0")), is_one_row=True)


def _following(steps: Sequence[tuple[date, str]], contract: Contract, *kinds: str) -> Iterable[Span]:
    """Each step lasts until the next one, the last as long as the contract."""
    ends = [*(day for day, _ in steps[1:]), contract.ends_on]
    for nth, ((day, text), ends_on) in enumerate(zip(steps, ends, strict=True)):
        yield Span(text, day, ends_on, kinds[nth % len(kinds)])


def _span(told: str, row: _Lasting, contract: Contract, kind: str) -> Span:
    ends_on: date | None = row.ends_on
    return Span(told.rpartition(", from ")[0] or told, row.starts_on, ends_on or contract.ends_on, kind)


def _periods(contract: Contract, end_on: date) -> Iterable[Span]:
    for nth, period in enumerate(islice(periods_of(contract, until=end_on), _MOST_PERIODS)):
        yield Span("", period.starts_on, period.ends_on, "period" if nth % 2 else "period odd")


def _invoices(invoices: Sequence[InvoiceOf]) -> Iterable[Span]:
    for one in sorted(invoices, key=lambda invoice: invoice.period_start_on):
        yield Span(
            one.number if one.number.lower() == one.state else f"{one.number}, {one.state}",
            one.period_start_on,
            one.period_end_on,
            f"invoice {one.kind}",
            reverse("backoffice:invoice", args=[one.id]),
            f"{_SIGNS.get(one.kind, '')}{one.number.rpartition('-')[2].lstrip('0')}",
        )
