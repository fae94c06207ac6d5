"""What waits for a decision of staff: how many there are, what they come to, and where to decide."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.db.models import Count, DecimalField, F, OuterRef, Subquery, Sum
from django.db.models.functions import Coalesce
from django.urls import reverse

from apps.backoffice.figures.recurring import Stretch
from apps.contracts.models import Contract
from apps.core.digits import MONEY
from apps.core.money import Money
from apps.credits.queries import refunds_owed
from apps.invoices import queries as invoice_queries
from apps.invoices.models import Invoice
from apps.payments.models import Allocation, Payment
from apps.usage import quarantine
from apps.usage.models import Outcome
from apps.usage.queries import waiting as waiting_events

# How near the end of a contract is that nobody has decided about.
RENEWAL_DAYS = 30
# The home page prices no more events than this; the quarantine's own page prices more.
_MOST_CAUSES = 4
_MOST_EVENTS = 100


@dataclass(frozen=True, slots=True)
class Waiting:
    """One kind of decision; `amounts` are by currency, and `is_at_least` where more of them is not priced here."""

    what: str
    why: str
    link: str
    count: int
    amounts: tuple[Money, ...] = ()
    is_at_least: bool = False
    is_urgent: bool = False


def waiting(*, stretches: Iterable[Stretch], at: datetime) -> list[Waiting]:
    """Return the kinds of decisions of which any waits, those that hold up a close first; a bounded number of queries."""
    found = (
        _parked(),
        _drafts(),
        _quarantined(),
        _unapplied(),
        _refunds(),
        _disputes(),
        _renewals(stretches, at.date()),
    )
    return [one for one in found if one.count]


def _parked() -> Waiting:
    return Waiting(
        "Parked closes",
        "Their period is not invoiced until somebody mends the cause",
        reverse("admin:invoices_parkedclose_changelist"),
        invoice_queries.parked().count(),
        is_urgent=True,
    )


def _drafts() -> Waiting:
    totals = invoice_queries.totals(invoice_queries.invoices(statuses=[Invoice.Status.DRAFT]))
    return Waiting(
        "Drafts to review",
        "They are finalized by themselves when their review time is over",
        reverse("backoffice:review"),
        sum(one.count for one in totals),
        tuple(one.total for one in totals),
    )


def _quarantined() -> Waiting:
    many = waiting_events().count()
    amounts: list[Money] = []
    priced = 0
    if many:
        # Those of other causes would count for something only once it is known for whom or what they are.
        causes = [cause for cause in quarantine.causes() if cause.reason in quarantine.PRICEABLE]
        for cause in causes[:_MOST_CAUSES]:
            events = list(quarantine.of_cause(cause.reason, cause.subject)[:_MOST_EVENTS])
            priced += len(events)
            amounts += quarantine.worth(events).amounts
    return Waiting(
        "Events in quarantine",
        "They are billed once their cause is mended",
        reverse("backoffice:quarantine"),
        many,
        _summed(amounts),
        is_at_least=bool(amounts) and priced < many,
    )


def _unapplied() -> Waiting:
    money: DecimalField[Decimal, Decimal] = DecimalField(**MONEY)
    used = (
        Allocation.objects.filter(payment=OuterRef("pk"))
        .order_by()
        .values("payment")
        .annotate(used=Sum("amount"))
    )
    rows = (
        Payment.objects.annotate(used=Coalesce(Subquery(used.values("used")), Decimal(0), output_field=money))
        .filter(amount__gt=F("used"))
        .order_by()
        .values_list("currency")
        .annotate(left=Sum(F("amount") - F("used"), output_field=money), many=Count("pk"))
        .order_by("currency")
    )
    found = list(rows)
    return Waiting(
        "Payments to allocate",
        "Money came in that pays no invoice yet",
        reverse("admin:payments_payment_changelist"),
        sum(many for _, _, many in found),
        tuple(Money(left, currency).rounded() for currency, left, _ in found),
    )


def _refunds() -> Waiting:
    owed = [one for one in refunds_owed() if one.refunded_at is None]
    return Waiting(
        "Refunds owed",
        "Paid credits were left when their contract ended",
        reverse("backoffice:refunds"),
        len(owed),
        _summed(one.amount for one in owed if one.amount),
    )


def _disputes() -> Waiting:
    return Waiting(
        "Disputed outcomes",
        "They are off the bill until somebody decides",
        reverse("backoffice:disputes"),
        Outcome.objects.filter(state=Outcome.State.DISPUTED).count(),
    )


def _renewals(stretches: Iterable[Stretch], today: date) -> Waiting:
    ending = set(
        Contract.objects.filter(
            status=Contract.Status.ACTIVE,
            ends_on__gt=today,
            ends_on__lte=today + timedelta(days=RENEWAL_DAYS),
            declined_at=None,
        )
        .exclude(renewal=Contract.Renewal.AUTOMATIC)
        .values_list("pk", flat=True)
    )
    fees = [
        Money(one.a_year, one.currency)
        for one in stretches
        if one.contract_id in ending and one.starts_on <= today < one.ends_on
    ]
    return Waiting(
        "Contracts that end soon",
        f"Within {RENEWAL_DAYS} days, and nothing renews them by itself; their fees of a year",
        f"{reverse('backoffice:renewals')}?days={RENEWAL_DAYS}",
        len(ending),
        _summed(fees),
    )


def _summed(amounts: Iterable[Money]) -> tuple[Money, ...]:
    sums: dict[str, list[Money]] = {}
    for one in amounts:
        sums.setdefault(one.currency, []).append(one)
    return tuple(
        Money.total(of_currency, currency).rounded() for currency, of_currency in sorted(sums.items())
    )
