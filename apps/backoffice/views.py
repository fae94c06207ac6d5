"""The front door and the finance staff's pages: they read the clock, call one query or action, and render."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.forms import EmailField
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse

from apps.backoffice import balance_rows, purchase_words, queries
from apps.backoffice.settled import steps_of, used_of
from apps.backoffice.states import kind_of, state_on
from apps.contracts.models import Contract
from apps.controls.spend import spend_to_date
from apps.core import clock
from apps.core.admin import actor_of
from apps.core.money import Money
from apps.credits.queries import grants_of, refunds_owed
from apps.customers import members
from apps.customers.models import Customer, LegalEntity, Membership
from apps.invoices import taxes
from apps.invoices.document import document_of
from apps.invoices.kinds import kind_words
from apps.invoices.models import Invoice, InvoicePdf
from apps.invoices.publish import preview_pdf
from apps.invoices.settle import to_settle
from apps.payments import queries as payment_queries
from apps.payments.balances import balances
from apps.payments.interest import late_interest
from apps.usage.queries import waiting

LOCALE = "en"


def front_door(request: HttpRequest) -> HttpResponse:
    """Lead finance staff to the back office, members to the portal, and others to the sign-in."""
    if not request.user.is_authenticated:
        return redirect("account_login")
    return redirect("admin:index" if request.user.is_staff else "portal:start")


def healthz(_request: HttpRequest) -> JsonResponse:
    """Tell a load balancer that this process serves and reaches its database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return JsonResponse({"status": "ok"})


def staff_login(request: HttpRequest) -> HttpResponse:
    """Staff sign in where everybody does, with the same second factors."""
    if request.user.is_authenticated and not request.user.is_staff:
        raise PermissionDenied
    wanted = request.GET.get("next", reverse("admin:index"))
    return redirect(f"{reverse('account_login')}?{urlencode({'next': wanted})}")


def customer(request: HttpRequest, key: str) -> HttpResponse:
    """Show all that belongs to a customer; a form invites a member to its portal."""
    require(request, "customers.view_customer", to_change="customers.change_customer")
    require(request, "invoices.view_invoice")
    found = Customer.objects.select_related("legal_entity").filter(key=key).first()
    if found is None:
        raise Http404
    at = clock.now()
    if request.method == "POST":
        _seat(request, found)
        return redirect("backoffice:customer", key=key)
    contracts = queries.contracts_of(found.pk)
    signed = [contract for contract in contracts if contract.status != Contract.Status.DRAFT]
    spends = spend_to_date(contracts=signed, at=at)
    context = {
        "title": found.name,
        "customer": found,
        "contracts": contracts,
        "spend": next(iter(spends.values()), None),
        "receivables": payment_queries.receivables(today=at.date(), customer_id=found.pk),
        "invoices": queries.invoices_of(found.pk, today=at.date()),
        "to_settle": to_settle(customer_id=found.pk),
        "taxed_by_hand": found.legal_entity.tax_provider == LegalEntity.TaxProvider.CUSTOMER,
        "tax_missing": [taxes.MISSING[what] for what in taxes.missing(found, at.date())],
        "grants": grants_of(customer_id=found.pk),
        "refunds": refunds_owed(customer_id=found.pk),
        "api_keys": queries.api_keys_of(found.pk),
        "balances": list(balances(found.pk).values()),
        "left": balance_rows.left_rows(customer_id=found.pk),
        "refund_rows": balance_rows.refund_rows(customer_id=found.pk),
        "members": queries.members_of(found.pk),
        "waiting": waiting().filter(customer_key=found.key).count(),
        "now": at,
    }
    return page(request, "backoffice/customer.html", context)


def invoice(request: HttpRequest, invoice_id: UUID) -> HttpResponse:
    """Show a finalized invoice, each line with how it came about; a draft has a page of its own."""
    require(request, "invoices.view_invoice")
    found = _invoice(invoice_id)
    if found.status == Invoice.Status.DRAFT:
        return redirect("backoffice:draft", found.pk)
    open_amount = payment_queries.open_amounts([found.pk]).get(found.pk)
    is_owed = open_amount is not None and found.kind != Invoice.Kind.CREDIT_NOTE
    left = None if open_amount is None or not is_owed else Money(open_amount, found.currency).rounded()
    state = state_on(found, left, clock.now().date())
    context = {
        "title": str(found),
        "invoice": found,
        "document": document_of(found, list(found.lines.all()), language=LOCALE),
        "pays": payment_queries.paying(found.pk),
        "open": left,
        "interest": _interest(found, left),
        "total": Money(found.total, found.currency).rounded(),
        "state": state,
        "kind": kind_of(state),
        "kind_words": kind_words(found.kind),
        "bought": purchase_words.of_invoice(found),
        "is_rendered": InvoicePdf.objects.filter(pk=found.pk).exists(),
        "steps": steps_of(found, left),
        "used": used_of(found),
    }
    return page(request, "backoffice/invoice.html", context)


def _interest(found: Invoice, left: Money | None) -> Money | None:
    """Return the interest on what is overdue, where the contract agreed on some."""
    percent = found.contract.late_interest_percent
    if left is None or percent is None or found.due_on is None or left.amount <= 0:
        return None
    return late_interest(left, percent=percent, due_on=found.due_on, today=clock.now().date())


def invoice_pdf(request: HttpRequest, invoice_id: UUID) -> HttpResponse:
    """Hand out the document of a finalized invoice, or how a draft would look."""
    require(request, "invoices.view_invoice")
    found = _invoice(invoice_id)
    kept = InvoicePdf.objects.filter(pk=found.pk).first()
    content = bytes(kept.content) if kept else preview_pdf(invoice_id=found.pk)
    return HttpResponse(
        content,
        content_type="application/pdf",
        headers={"Content-Disposition": f'inline; filename="{found.number or "draft"}.pdf"'},
    )


def require(request: HttpRequest, to_see: str, *, to_change: str = "") -> None:
    """Refuse staff who may not see the page, or not change by it."""
    needed = to_change if to_change and request.method == "POST" else to_see
    if not request.user.has_perm(needed):
        raise PermissionDenied


def _seat(request: HttpRequest, customer: Customer) -> None:
    """Give a person a seat in the customer's portal, or take it away."""
    at, actor = clock.now(), actor_of(request)
    try:
        email = EmailField(max_length=254).clean(request.POST.get("email", ""))
    except ValidationError:
        messages.error(request, "Give the e-mail address of the person, such as name@example.com.")
        return
    if "remove" in request.POST:
        members.remove(customer=customer, email=email, at=at, actor=actor)
        messages.success(request, f"{email} no longer sees the portal of {customer}.")
        return
    members.invite(customer=customer, email=email, role=Membership.Role.VIEWER, at=at, actor=actor)
    messages.success(
        request, f"{email} may see the portal of {customer}. Tell them: they sign in with a code by e-mail."
    )


def sums(amounts: Sequence[Money]) -> list[Money]:
    """Return one sum a currency."""
    currencies = sorted({amount.currency for amount in amounts})
    return [
        Money.total((amount for amount in amounts if amount.currency == currency), currency)
        for currency in currencies
    ]


def _invoice(invoice_id: UUID) -> Invoice:
    found = Invoice.objects.filter(pk=invoice_id).select_related("customer", "contract").first()
    if found is None:
        raise Http404
    return found


def page(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    """Render a page inside the back office."""
    return TemplateResponse(request, template, {**admin.site.each_context(request), **context})
