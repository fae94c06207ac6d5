"""Reading the books of a legal entity: balances by account, sums by customer, product and month, and the journal page by page.

Every sum is of one legal entity and one currency, made by the database. Days are those of the books (`Entry.posted_on`), from
`starts_on` up to, not with, `ends_on`. A debit is above zero and a credit below.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet, Sum
from django.db.models.functions import TruncMonth

from apps.ledger.models import Account, AccountingPeriod, Entry, Posting

_NOTHING = Decimal(0)
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Books:
    """Which books to read: of whom, and in what currency."""

    legal_entity_id: UUID
    currency: str

    def postings(self) -> QuerySet[Posting]:
        """Return their postings."""
        return Posting.objects.filter(entry__legal_entity=self.legal_entity_id, currency=self.currency)


@dataclass(frozen=True, slots=True)
class AccountBalance:
    """An account before the days asked for, what was posted to it in them, and after them."""

    role: str
    code: str
    name: str
    opening: Decimal
    debits: Decimal
    credits: Decimal

    @property
    def closing(self) -> Decimal:
        """Return the balance after the days."""
        return self.opening + self.debits + self.credits


@dataclass(frozen=True, slots=True)
class Movement:
    """What was posted to an account in a month by one kind of entry: debits, and credits below zero."""

    month: date
    kind: str
    debits: Decimal
    credits: Decimal


@dataclass(frozen=True, slots=True)
class JournalSearch:
    """Which entries of the journal: those with a posting that fits all that is named."""

    books: Books
    starts_on: date
    ends_on: date
    role: str = ""
    kind: str = ""
    customer_id: UUID | None = None
    product_name: str | None = None


def currencies(legal_entity_id: UUID) -> list[str]:
    """Return the currencies that the books have postings in, by their letters."""
    found = Posting.objects.filter(entry__legal_entity=legal_entity_id).order_by("currency")
    return list(found.values_list("currency", flat=True).distinct())


def balances(books: Books, *, starts_on: date, ends_on: date) -> list[AccountBalance]:
    """Return the accounts that anything was ever posted to before `ends_on`, by their codes, in one query."""
    inside = Q(entry__posted_on__gte=starts_on)
    found = (
        books.postings()
        .filter(entry__posted_on__lt=ends_on)
        .values_list("account__role", "account__code", "account__name")
        .annotate(
            opening=Sum("amount", filter=~inside),
            debits=Sum("amount", filter=inside & Q(amount__gt=0)),
            credits=Sum("amount", filter=inside & Q(amount__lt=0)),
        )
        .order_by("account__code")
    )
    return [
        AccountBalance(role, code, name, opening or _NOTHING, debit or _NOTHING, credit or _NOTHING)
        for role, code, name, opening, debit, credit in found
    ]


def balance(books: Books, role: Account.Role, *, ends_on: date) -> Decimal:
    """Return the balance of one account before a day; one query."""
    found = books.postings().filter(account__role=role, entry__posted_on__lt=ends_on)
    return found.aggregate(sum=Sum("amount"))["sum"] or _NOTHING


def by_customer(
    books: Books, role: Account.Role, *, ends_on: date, starts_on: date | None = None
) -> dict[UUID, Decimal]:
    """Return what was posted to an account of each customer, nothing left out but zeros, in one query."""
    found = books.postings().filter(account__role=role, entry__posted_on__lt=ends_on)
    if starts_on is not None:
        found = found.filter(entry__posted_on__gte=starts_on)
    summed = found.values_list("customer_id").annotate(sum=Sum("amount")).order_by()
    return {customer_id: amount for customer_id, amount in summed if amount}


def by_product(
    books: Books, role: Account.Role, *, starts_on: date, ends_on: date, kinds: Sequence[str] = ()
) -> dict[str, Decimal]:
    """Return what was posted to an account for each product, by its name, in one query; of some kinds of entries alone."""
    found = books.postings().filter(
        account__role=role, entry__posted_on__gte=starts_on, entry__posted_on__lt=ends_on
    )
    if kinds:
        found = found.filter(entry__kind__in=kinds)
    return dict(found.values_list("product_name").annotate(sum=Sum("amount")).order_by("product_name"))


def movements(books: Books, role: Account.Role, *, starts_on: date, ends_on: date) -> list[Movement]:
    """Return what was posted to an account by month and kind of entry, the first month first, in one query."""
    found = (
        books.postings()
        .filter(account__role=role, entry__posted_on__gte=starts_on, entry__posted_on__lt=ends_on)
        .annotate(month=TruncMonth("entry__posted_on"))
        .values_list("month", "entry__kind")
        .annotate(debits=Sum("amount", filter=Q(amount__gt=0)), credits=Sum("amount", filter=Q(amount__lt=0)))
        .order_by("month", "entry__kind")
    )
    return [
        Movement(month, kind, debit or _NOTHING, credit or _NOTHING) for month, kind, debit, credit in found
    ]


def journal(search: JournalSearch, *, before: tuple[date, UUID] | None = None, most: int) -> list[Entry]:
    """Return entries with their postings at hand, the latest first, in two queries however many there are.

    `before` is day and id of the last entry of the page before.
    """
    found = _matching(search)
    if before is not None:
        day, entry_id = before
        found = found.filter(posted_on__lte=day).filter(Q(posted_on__lt=day) | Q(id__lt=entry_id))
    return list(_with_postings(found.order_by("-posted_on", "-id"))[:most])


def all_entries(search: JournalSearch) -> Iterator[Entry]:
    """Yield all entries, the first first, some hundred at a time."""
    return _with_postings(_matching(search).order_by("posted_on", "id")).iterator(_AT_ONCE)


def months(legal_entity_id: UUID) -> list[AccountingPeriod]:
    """Return the months of the books, the latest first."""
    return list(AccountingPeriod.objects.filter(legal_entity=legal_entity_id).order_by("-starts_on"))


def _matching(search: JournalSearch) -> QuerySet[Entry]:
    found = Entry.objects.filter(
        legal_entity=search.books.legal_entity_id,
        posted_on__gte=search.starts_on,
        posted_on__lt=search.ends_on,
    )
    if search.kind:
        found = found.filter(kind=search.kind)
    postings = Posting.objects.filter(entry=OuterRef("pk"), currency=search.books.currency)
    if search.role:
        postings = postings.filter(account__role=search.role)
    if search.customer_id:
        postings = postings.filter(customer=search.customer_id)
    if search.product_name is not None:
        postings = postings.filter(product_name=search.product_name)
    return found.filter(Exists(postings))


def _with_postings(found: QuerySet[Entry]) -> QuerySet[Entry]:
    postings = Posting.objects.select_related("account", "customer").order_by("-amount", "account__code")
    return found.prefetch_related(Prefetch("postings", postings))
