"""Reads that only the back office's pages need."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from django.db.models import Sum

from apps.backoffice.states import kind_of, state_on
from apps.contracts.models import Contract
from apps.core.money import Money
from apps.customers.models import ApiKey, Membership
from apps.invoices.kinds import kind_words
from apps.invoices.models import Invoice
from apps.payments.queries import with_open_amounts
from apps.plans.models import Product
from apps.usage.models import UsageDay


@dataclass(frozen=True, slots=True)
class UsedOn:
    """How many events of one type count on each of some days; `meters` are the names of what they feed."""

    event_type: str
    meters: tuple[str, ...]
    events: tuple[Decimal, ...]


@dataclass(frozen=True, slots=True)
class Member:
    """A person who sees the customer's portal."""

    email: str
    role: str


@dataclass(frozen=True, slots=True)
class InvoiceOf:
    """An invoice on its customer's page, with its kind in words; a draft has nothing open yet."""

    id: UUID
    number: str
    period_start_on: date
    period_end_on: date
    due_on: date | None
    state: str
    kind: str
    total: Money
    open_amount: Money | None
    kind_words: str


def events_by_day(*, days: Sequence[date]) -> list[UsedOn]:
    """Return the counted events of each type on these local days, the most used first, in one query.

    An event that feeds several meters is one: of a type's meters, the one that counted the most events tells.
    """
    rows = (
        UsageDay.objects.filter(day__gte=days[0], day__lte=days[-1])
        .values_list("meter__event_type", "meter__name", "day")
        .annotate(total=Sum("events"))
        .order_by("meter__event_type", "meter__name")
    )
    counted: dict[str, dict[date, int]] = {}
    meters: dict[str, list[str]] = {}
    for event_type, meter, day, total in rows:
        of_type = counted.setdefault(event_type, {})
        of_type[day] = max(of_type.get(day, 0), total)
        if meter not in meters.setdefault(event_type, []):
            meters[event_type].append(meter)
    used = [
        UsedOn(event_type, tuple(meters[event_type]), tuple(Decimal(of_type.get(day, 0)) for day in days))
        for event_type, of_type in counted.items()
    ]
    return sorted(used, key=lambda one: (-sum(one.events), one.event_type))


def product_slots() -> dict[str, int]:
    """Return the color of each product in charts, by its name: in the order in which they were made, so it stays; one query."""
    names = Product.objects.order_by("pk").values_list("name", flat=True)
    return {name: slot for slot, name in enumerate(names)}


def last_days(today: date, count: int = 30) -> list[date]:
    """Return so many days up to and with today."""
    return [today - timedelta(days=back) for back in range(count - 1, -1, -1)]


def contracts_of(customer_id: UUID) -> list[Contract]:
    """Return a customer's contracts, the newest first, with their plans; one query."""
    return list(
        Contract.objects.filter(customer_id=customer_id)
        .select_related("customer", "plan_version__plan")
        .order_by("-starts_on", "number")
    )


def members_of(customer_id: UUID) -> list[Member]:
    """Return who sees a customer's portal; one query."""
    found = Membership.objects.filter(customer_id=customer_id).select_related("user").order_by("user__email")
    return [Member(membership.user.email, membership.get_role_display()) for membership in found]


def api_keys_of(customer_id: UUID) -> list[ApiKey]:
    """Return the API keys confined to a customer that still work, the newest first; one query."""
    return list(ApiKey.objects.filter(customer_id=customer_id, revoked_at=None).order_by("-created_at"))


def invoices_of(customer_id: UUID, *, today: date, most: int = 24) -> list[InvoiceOf]:
    """Return a customer's last invoices with what is open of each, the newest first; one query."""
    found = with_open_amounts(Invoice.objects.filter(customer_id=customer_id)).defer("snapshot")
    return [_invoice_of(invoice, today) for invoice in found.order_by("-period_start_on", "-number")[:most]]


def invoices_under(contract_id: UUID, *, today: date, most: int = 200) -> list[InvoiceOf]:
    """Return the last invoices of a contract with what is open of each, the newest first; one query."""
    found = with_open_amounts(Invoice.objects.filter(contract_id=contract_id)).defer("snapshot")
    return [_invoice_of(invoice, today) for invoice in found.order_by("-period_start_on", "-number")[:most]]


def billed_so_far(contract_id: UUID, starts_on: date, *, today: date) -> list[InvoiceOf]:
    """Return what was billed ahead of the invoice of the period that starts on a day, the first first; one query."""
    found = with_open_amounts(
        Invoice.objects.filter(
            contract_id=contract_id,
            period_start_on=starts_on,
            kind__in=[Invoice.Kind.OPENING, Invoice.Kind.THRESHOLD],
        ).exclude(status=Invoice.Status.VOID)
    ).defer("snapshot")
    return [_invoice_of(invoice, today) for invoice in found.order_by("drafted_at")]


def _invoice_of(invoice: Invoice, today: date) -> InvoiceOf:
    left = None
    if invoice.status == Invoice.Status.FINALIZED and invoice.kind != Invoice.Kind.CREDIT_NOTE:
        left = Money(invoice.open_amount, invoice.currency).rounded()  # type: ignore[attr-defined]
    state = state_on(invoice, left, today)
    return InvoiceOf(
        id=invoice.pk,
        number=invoice.number or invoice.get_status_display(),
        period_start_on=invoice.period_start_on,
        period_end_on=invoice.period_end_on,
        due_on=invoice.due_on,
        state=state,
        kind=kind_of(state),
        total=Money(invoice.total, invoice.currency).rounded(),
        open_amount=left,
        kind_words=kind_words(invoice.kind),
    )
