"""A draft's page: what it comes to beside the period before, and all that staff may do with it."""

from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from apps.backoffice import differences, purchase_words
from apps.backoffice.close_pages import APPROVE, FINALIZE, LOCALE, VIEW
from apps.backoffice.views import page, require
from apps.controls.spend import spend_to_date
from apps.core import clock
from apps.core.admin import actor_of
from apps.core.errors import Refusal
from apps.core.formats import format_money
from apps.core.money import Money
from apps.invoices import approve, hold, kept_forecasts, manual_lines, missing_data, taxes
from apps.invoices import draft as drafting
from apps.invoices.compose import OF_A_DAY
from apps.invoices.document import document_of
from apps.invoices.kinds import kind_words
from apps.invoices.manual_lines import NewLine
from apps.invoices.models import DraftHold, Invoice

CHANGE = "invoices.change_invoice"
_MOST_DIGITS = 18


def draft(request: HttpRequest, invoice_id: UUID) -> HttpResponse:
    """Show a draft beside the period before, or what it replaces; forms add and remove lines, hold, release, refresh and approve it."""
    require(request, VIEW)
    found = (
        Invoice.objects.select_related(
            "customer__legal_entity", "legal_entity", "contract__plan_version", "replaces"
        )
        .defer("replaces__snapshot")
        .filter(pk=invoice_id)
        .first()
    )
    if found is None:
        raise Http404
    if found.status != Invoice.Status.DRAFT:
        return redirect("backoffice:invoice", found.pk)
    if request.method == "POST":
        _act(request, found)
        return redirect("backoffice:draft", found.pk)
    return page(request, "backoffice/draft.html", _context(request, found, clock.now()))


def _context(request: HttpRequest, found: Invoice, at: datetime) -> dict[str, Any]:
    before = _before(found)
    beside, why = differences.side_by_side(found, before)
    approvals = list(found.approvals.order_by("approved_at"))
    actor = actor_of(request)
    running = found.contract if found.contract.status == found.contract.Status.ACTIVE else None
    spends = spend_to_date(contracts=[running], at=at) if running else {}
    return {
        "title": str(found),
        "invoice": found,
        "kind_words": kind_words(found.kind),
        "is_period": found.kind == Invoice.Kind.PERIOD,
        "is_of_usage": found.kind not in OF_A_DAY,
        "bought": purchase_words.of_invoice(found),
        "before": before,
        "beside": beside,
        "why": why,
        "totals": _totals(found, before),
        "forecast": kept_forecasts.of_draft(found),
        "document": document_of(found, list(found.lines.all()), language=LOCALE),
        "by_hand": [(line, _money(line.amount, found)) for line in found.manual_lines.all()],
        "held": DraftHold.objects.filter(pk=found.pk).first(),
        "approvals": [(one, _money(one.total, found), approve.counts(one, found)) for one in approvals],
        "needs_approval": approve.needs_approval(found),
        "missing_approvals": approve.missing(found),
        "above": _money(found.legal_entity.approval_above, found),
        "has_approved": any(one.approved_by == actor and approve.counts(one, found) for one in approvals),
        "is_own_edit": found.edited_by == actor,
        "missing": missing_data.missing(found.customer, taxes.tax_day(found)),
        "spend": next(iter(spends.values()), None),
        "now": at,
        "may_finalize": request.user.has_perm(FINALIZE),
        "may_approve": request.user.has_perm(APPROVE),
        "may_change": request.user.has_perm(CHANGE),
    }


def _before(found: Invoice) -> Invoice | None:
    """Return what a draft is held against: the invoice that it is issued again for, else that of the period before in its currency."""
    if found.replaces is not None or found.kind != Invoice.Kind.PERIOD:
        return found.replaces
    return (
        Invoice.objects.filter(
            contract_id=found.contract_id,
            kind=Invoice.Kind.PERIOD,
            period_end_on=found.period_start_on,
            currency=found.currency,
        )
        .exclude(status=Invoice.Status.VOID)
        .defer("snapshot")
        .order_by("-finalized_at")
        .first()
    )


def _totals(found: Invoice, before: Invoice | None) -> list[tuple[str, Money | None, Money, Money | None]]:
    """Return subtotal, tax and total before and now, with their differences."""
    rows = []
    for label, name in (("Subtotal", "subtotal"), ("Tax", "tax_amount"), ("Total", "total")):
        now = Money(getattr(found, name), found.currency).rounded()
        then = Money(getattr(before, name), found.currency).rounded() if before else None
        rows.append((label, then, now, now - then if then else None))
    return rows


def _money(amount: Decimal | None, found: Invoice) -> Money | None:
    return None if amount is None else Money(amount, found.currency).rounded()


def _act(request: HttpRequest, found: Invoice) -> None:
    asked, at, actor = request.POST, clock.now(), actor_of(request)
    wanted = asked.get("do", "")
    needed = APPROVE if wanted == "approve" else CHANGE
    if not request.user.has_perm(needed):
        raise PermissionDenied
    try:
        said = _done(wanted, asked, found, at=at, actor=actor)
    except Refusal as refusal:
        messages.error(request, str(refusal))
    except (ValueError, InvalidOperation):
        messages.error(request, "Write amounts as 1234.56 and percentages as 10. Nothing was changed.")
    else:
        messages.success(request, said)


def _done(wanted: str, asked: Any, found: Invoice, *, at: datetime, actor: str) -> str:
    """Do what was asked for, and return what to say about it."""
    match wanted:
        case "approve":
            seen = _number(asked.get("seen", ""))
            edition = int(asked.get("edition", ""))
            approve.approve(invoice_id=found.pk, at=at, actor=actor, seen=seen, edition=edition)
            return f"You approved {_written(found)} for {found.customer}."
        case "hold":
            hold.hold(invoice_id=found.pk, reason=asked.get("reason", "")[:500], at=at, actor=actor)
            return "The draft is held: it is finalized by nobody until it is released."
        case "release":
            hold.release(invoice_id=found.pk, at=at, actor=actor)
            return "The draft is released."
        case "refresh":
            refreshed = drafting.refresh(invoice_id=found.pk, at=at, actor=actor)
            same = refreshed.total == found.total
            return f"Rated again from the usage of now: {'still ' if same else ''}{_written(refreshed)}."
        case "remove":
            changed = manual_lines.remove(
                invoice_id=found.pk, line_id=UUID(asked.get("line", "")), at=at, actor=actor
            )
            return f"The line is off the draft, which comes to {_written(changed)}."
        case "line" | "discount":
            manual_lines.add(invoice_id=found.pk, new=_new(wanted, asked), at=at, actor=actor)
            found.refresh_from_db(fields=["total"])
            return f"Added. The draft comes to {_written(found)}."
    raise ValueError(wanted)


def _new(wanted: str, asked: Any) -> NewLine:
    """Read the form of a line, or of a discount by percent or amount."""
    value = _number(asked.get("value", ""))
    name, reason = asked.get("name", "")[:200], asked.get("reason", "")[:500]
    if wanted == "line":
        return NewLine(name=name, reason=reason, amount=value)
    if asked.get("by") == "percent":
        return NewLine(name=name, reason=reason, percent=value)
    return NewLine(name=name, reason=reason, amount=-abs(value))


def _number(text: str) -> Decimal:
    number = Decimal(text.strip().replace("\N{MINUS SIGN}", "-"))
    if not number.is_finite() or abs(number) >= Decimal(10) ** _MOST_DIGITS:
        raise ValueError(text)
    return number


def _written(found: Invoice) -> str:
    return format_money(Money(found.total, found.currency), LOCALE)
