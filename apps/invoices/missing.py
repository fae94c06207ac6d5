"""The invoices and credit notes that the journal does not have, and the entries of these and of what they drew."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from apps.credits import post as of_credits
from apps.credits.models import CreditBurn, CreditGrant
from apps.customers.models import LegalEntity
from apps.invoices.models import Invoice
from apps.invoices.post import entry_of
from apps.invoices.sold_back import given_for_credits
from apps.ledger.missing import without_entry
from apps.ledger.models import Entry
from apps.ledger.post import NewEntry

_AT_ONCE = 500
_DOCUMENTS = [Entry.Kind.INVOICE, Entry.Kind.CREDIT_NOTE]


def unposted(
    legal_entity_id: UUID, *, issued_from: date | None = None, issued_before: date | None = None
) -> QuerySet[Invoice]:
    """Return finalized invoices and credit notes that have something to post and are not in the journal."""
    entries = Entry.objects.filter(
        legal_entity=OuterRef("legal_entity"), kind__in=_DOCUMENTS, source_key=OuterRef("number")
    )
    found = Invoice.objects.filter(
        ~Exists(entries), legal_entity=legal_entity_id, status=Invoice.Status.FINALIZED
    ).exclude(Q(total=0, tax_amount=0, lines=None))
    if issued_from is not None:
        found = found.filter(issued_on__gte=issued_from)
    if issued_before is not None:
        found = found.filter(issued_on__lt=issued_before)
    # An invoice may come to nothing since its lines do.
    return found.filter(Q(lines__amount__gt=0) | Q(lines__amount__lt=0)).distinct()


def invoices(entity: LegalEntity) -> Iterator[NewEntry]:
    """Yield what invoices and credit notes say."""
    found = (
        unposted(entity.pk)
        .select_related("customer", "legal_entity", "credits")
        .prefetch_related("lines__adjusts")
        .defer("snapshot", "credits__snapshot")
        .order_by("pk")
    )
    for invoice in found.iterator(_AT_ONCE):
        yield entry_of(invoice, list(invoice.lines.all()))


def draws(entity: LegalEntity) -> Iterator[NewEntry]:
    """Yield what was drawn from grants, each after those before it of the same grant."""
    grants = CreditGrant.objects.filter(legal_entity=entity, cost__gt=0)
    missing = {
        one.pk: one.grant_id
        for one in without_entry(CreditBurn.objects.filter(grant__in=grants), Entry.Kind.BURN)
    }
    for grant in grants.filter(pk__in=set(missing.values())).select_related(
        "customer", "legal_entity", "credit_unit"
    ):
        left = grant.amount
        for burn in grant.burns.order_by("burned_at", "pk"):
            before, left = left, left - burn.amount
            if burn.pk in missing:
                grant.left = left
                yield _draw(grant, burn, before=before)


def _draw(grant: CreditGrant, burn: CreditBurn, *, before: Decimal) -> NewEntry:
    drawn_by = Invoice.objects.filter(number=burn.source_key).defer("snapshot").first()
    on = drawn_by.issued_on if drawn_by and drawn_by.issued_on else burn.burned_at.date()
    if drawn_by and burn.taken_back:
        given = given_for_credits(drawn_by, list(drawn_by.lines.all()))
        return of_credits.taken_back_entry(grant, burn, before=before, given=given, on=on)
    return of_credits.burn_entry(grant, burn, before=before, on=on)
