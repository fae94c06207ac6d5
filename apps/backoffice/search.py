"""What the search of the back office finds: customers, contracts and invoices, by name, key or number."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse

from apps.contracts.models import Contract
from apps.customers.models import Customer
from apps.invoices.models import Invoice

MOST = 8


@dataclass(frozen=True, slots=True)
class Found:
    """A place to go to, as the theme's search shows it."""

    title: str
    description: str
    link: str
    icon: str


def search(request: HttpRequest, term: str) -> list[Found]:
    """Return what this person may see of what matches, in at most three queries."""
    return [*_customers(request, term), *_contracts(request, term), *_invoices(request, term)]


def _customers(request: HttpRequest, term: str) -> Iterator[Found]:
    if not request.user.has_perm("customers.view_customer"):
        return
    named = Customer.objects.filter(Q(name__icontains=term) | Q(key__icontains=term)).order_by("name")
    for customer in named[:MOST]:
        link = reverse("backoffice:customer", args=[customer.key])
        yield Found(customer.name, f"Customer {customer.key}", link, "groups")


def _contracts(request: HttpRequest, term: str) -> Iterator[Found]:
    if not request.user.has_perm("contracts.view_contract"):
        return
    numbered = Contract.objects.filter(Q(number__icontains=term) | Q(customer__name__icontains=term))
    for contract in numbered.select_related("customer").order_by("number")[:MOST]:
        link = reverse("admin:contracts_contract_change", args=[contract.pk])
        yield Found(contract.number, f"Contract of {contract.customer}", link, "contract")


def _invoices(request: HttpRequest, term: str) -> Iterator[Found]:
    if not request.user.has_perm("invoices.view_invoice"):
        return
    numbered = Invoice.objects.filter(Q(number__icontains=term) | Q(customer__name__icontains=term))
    newest = numbered.select_related("customer").defer("snapshot").order_by("-period_start_on", "-number")
    for invoice in newest[:MOST]:
        link = reverse("backoffice:invoice", args=[invoice.pk])
        kind = "Credit note" if invoice.kind == Invoice.Kind.CREDIT_NOTE else "Invoice"
        name = invoice.number or invoice.get_status_display()
        yield Found(name, f"{kind} of {invoice.customer}", link, "receipt_long")
