"""Reading invoices: all of them, one with its lines, totals, and what the schedule has to do."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from django.db.models import Count, Exists, F, Max, OuterRef, Q, QuerySet, Sum

from apps.contracts.models import Contract
from apps.contracts.queries import due, live
from apps.contracts.terms import period_on
from apps.core.money import Money
from apps.invoices import compose, pool
from apps.invoices.approve import NEEDED
from apps.invoices.models import Approval, Invoice, InvoiceLine, ParkedClose
from apps.invoices.pool import Family

# A parked contract is tried again by itself only so often; staff can close it again at any time.
_TRY_PARKED_AGAIN = timedelta(hours=1)
# What the outbox asked for is given so long before the sweep asks again, and so long before it gives up mailing.
_LEFT_AFTER = timedelta(minutes=2)
_MAIL_UNTIL = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Totalled:
    """How many invoices, and what they come to in one currency."""

    count: int
    total: Money


@dataclass(frozen=True, slots=True)
class InvoiceWithLines:
    """An invoice and its lines in their order."""

    invoice: Invoice
    lines: Sequence[InvoiceLine]


def invoices(
    *, customer_ids: Collection[UUID] | None = None, statuses: Collection[str] = ()
) -> QuerySet[Invoice]:
    """Return invoices, without credit notes and without their snapshots, with customer and contract at hand."""
    found = (
        Invoice.objects.exclude(kind=Invoice.Kind.CREDIT_NOTE)
        .select_related("customer", "contract")
        .defer("snapshot")
    )
    if customer_ids is not None:
        found = found.filter(customer_id__in=customer_ids)
    return found.filter(status__in=statuses) if statuses else found


def credit_notes(*, customer_ids: Collection[UUID] | None = None) -> QuerySet[Invoice]:
    """Return credit notes without their snapshots, with customer, contract and the invoice that they credit at hand."""
    found = (
        Invoice.objects.filter(kind=Invoice.Kind.CREDIT_NOTE, status=Invoice.Status.FINALIZED)
        .select_related("customer", "contract", "credits")
        .defer("snapshot", "credits__snapshot")
    )
    return found if customer_ids is None else found.filter(customer_id__in=customer_ids)


def with_lines(*, number: str, customer_id: UUID | None = None) -> InvoiceWithLines | None:
    """Return the finalized invoice with this number, of this customer if one is named, in two queries."""
    found = Invoice.objects.filter(number=number).select_related("customer", "contract")
    invoice = (found if customer_id is None else found.filter(customer_id=customer_id)).first()
    return InvoiceWithLines(invoice, tuple(invoice.lines.all())) if invoice else None


def totals(found: QuerySet[Invoice]) -> tuple[Totalled, ...]:
    """Return number and sum of invoices by currency, summed in the database, in one query."""
    summed = (
        found.order_by()
        .values_list("currency")
        .annotate(count=Count("id"), total=Sum("total"))
        .order_by("currency")
    )
    return tuple(Totalled(count, Money(total, currency).rounded()) for currency, count, total in summed)


def parked() -> QuerySet[ParkedClose]:
    """Return the parked closes, the longest parked first, with contract and customer at hand."""
    return ParkedClose.objects.select_related("contract__customer").order_by("first_parked_at")


def due_to_close(*, at: datetime) -> list[UUID]:
    """Return the contracts with a period that ended by `at` and has no invoice, not even a draft, in five queries.

    So are those that have begun and have no invoice yet for the fees in advance of their first period. One whose periods are
    on its parent's invoices is left out, and a parked one until an hour has passed since it was last tried.
    """
    begun, ended = _without_invoice(at), due(at=at)
    drafted = _drafted_until(ended)
    families = pool.families([*begun, *ended])
    resting = set(
        ParkedClose.objects.filter(parked_at__gt=at - _TRY_PARKED_AGAIN).values_list("contract_id", flat=True)
    )
    waiting = [one for one in begun if compose.opens(one, families[one.pk], at=at)]
    waiting += [one for one in ended if _has_undrafted(one, families[one.pk], drafted.get(one.pk), at)]
    return [contract.pk for contract in waiting if contract.pk not in resting]


def due_to_finalize(*, at: datetime, most: int = 5000) -> list[UUID]:
    """Return the drafts whose review time is over by `at`, of each contract the oldest alone, in one query.

    Those that are held, or wait for approval of what they come to, are left out.
    """
    resting = ParkedClose.objects.filter(parked_at__gt=at - _TRY_PARKED_AGAIN).values("contract_id")
    # What was billed of a period before its end is taken off the period's own invoice.
    ahead = Invoice.objects.filter(
        contract=OuterRef("contract"),
        kind__in=[Invoice.Kind.OPENING, Invoice.Kind.THRESHOLD],
        period_start_on__lte=OuterRef("period_start_on"),
        status=Invoice.Status.DRAFT,
    )
    found = (
        Invoice.objects.filter(status=Invoice.Status.DRAFT, review_until_at__lte=at)
        .exclude(contract_id__in=resting)
        .filter(
            Q(period_start_on=F("contract__billed_until_on"))
            | Q(contract__billed_until_on=None, period_start_on=F("contract__starts_on"))
            | ~Q(kind=Invoice.Kind.PERIOD)
            | Q(replaces__isnull=False)
        )
        .filter(~Q(kind=Invoice.Kind.PERIOD) | ~Exists(ahead))
        .filter(hold=None)
        .filter(_is_approved())
        .order_by("review_until_at", "id")
        .values_list("id", flat=True)
    )
    return list(found[:most])


def _is_approved() -> Q:
    above = "legal_entity__approval_above"
    approvals = (
        Approval.objects.filter(invoice=OuterRef("pk"), total=OuterRef("total"), edition=OuterRef("edition"))
        .exclude(approved_by=OuterRef("edited_by"))
        .order_by()
        .values("invoice")
        .annotate(people=Count("id"))
    )
    is_below = Q(total__lte=F(above), total__gte=-F(above))
    return Q(**{above: None}) | is_below | Q(Exists(approvals.filter(people__gte=NEEDED)))


def left_unrendered(*, at: datetime, most: int = 500) -> list[UUID]:
    """Return finalized invoices that have had no document for some minutes, oldest first."""
    found = Invoice.objects.filter(finalized_at__lt=at - _LEFT_AFTER, pdf=None).order_by("finalized_at")
    return list(found.values_list("id", flat=True)[:most])


def left_unsent(*, at: datetime, most: int = 500) -> list[UUID]:
    """Return invoices of the last week whose document is there for some minutes, but was not mailed, oldest first."""
    found = (
        Invoice.objects.filter(
            pdf__rendered_at__lt=at - _LEFT_AFTER, pdf__rendered_at__gt=at - _MAIL_UNTIL, mail=None
        )
        .exclude(customer__billing_email="")
        .order_by("finalized_at")
    )
    return list(found.values_list("id", flat=True)[:most])


def _drafted_until(contracts: Sequence[Contract]) -> dict[UUID, date]:
    latest = (
        Invoice.objects.filter(
            contract__in=[contract.pk for contract in contracts],
            status=Invoice.Status.DRAFT,
            kind=Invoice.Kind.PERIOD,
            replaces=None,
        )
        .values_list("contract_id")
        .annotate(Max("period_end_on"))
        .order_by()
    )
    return dict(latest)


def _without_invoice(at: datetime) -> list[Contract]:
    """Return the contracts that have begun, are billed for no period yet, and have no invoice; a day early or late."""
    day = at.astimezone(UTC).date()
    invoices_of = Invoice.objects.filter(
        contract=OuterRef("pk"), kind__in=[Invoice.Kind.PERIOD, Invoice.Kind.OPENING]
    )
    new = live().filter(billed_until_on=None, starts_on__lte=day + timedelta(days=1))
    return list(new.filter(~Exists(invoices_of)).order_by("number"))


def _has_undrafted(contract: Contract, family: Family, drafted_until_on: date | None, at: datetime) -> bool:
    first_on = drafted_until_on or contract.billed_until_on or contract.starts_on
    if not contract.covers(first_on):
        return False
    period = period_on(contract, first_on)
    return period.ends_at <= at and not family.is_guest_in(period)
