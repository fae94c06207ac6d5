"""Reading cases: what is open of their invoices, which step comes next, and who has no policy yet."""

from uuid import UUID

from django.db.models import OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from apps.customers.models import LegalEntity
from apps.dunning.models import Case, Policy, PolicyStep, Reminder
from apps.invoices.models import Invoice
from apps.payments.queries import with_open_amounts


def with_figures(found: QuerySet[Case]) -> QuerySet[Case]:
    """Return cases with `open_amount` of the invoice, and `next_days` and `next_tone` of the step that comes next.

    Both are None where the policy has no step left; all in the one query.
    """
    of_invoice = with_open_amounts(Invoice.objects.filter(pk=OuterRef("invoice_id")))
    taken = (
        Reminder.objects.filter(case=OuterRef("pk")).order_by("-days_after_due").values("days_after_due")[:1]
    )
    with_taken = found.annotate(
        open_amount=Subquery(of_invoice.values("open_amount")[:1]),  # type: ignore[misc]
        taken_days=Coalesce(Subquery(taken), Value(-1)),
    )
    following = PolicyStep.objects.filter(
        policy__legal_entity=OuterRef("invoice__legal_entity"), days_after_due__gt=OuterRef("taken_days")
    ).order_by("days_after_due")
    return with_taken.annotate(
        next_days=Subquery(following.values("days_after_due")[:1]),
        next_tone=Subquery(following.values("tone")[:1]),
    )


def without_policy() -> list[UUID]:
    """Return the legal entities that have no policy yet; one query."""
    having = Policy.objects.values("legal_entity_id")
    return list(LegalEntity.objects.exclude(pk__in=having).values_list("pk", flat=True))
