"""Reading credit grants: what a customer has left, in the form that the pricing engine draws on."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import DecimalField, F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from apps.contracts.models import Contract
from apps.core.digits import AMOUNT
from apps.core.money import Money, rounded_to_minor_unit
from apps.credits.models import CreditBurn, CreditGrant, CreditReservation, RefundOwed
from apps.rating.terms import Grant


@dataclass(frozen=True, slots=True)
class GrantRow:
    """A grant as people read it."""

    key: str
    name: str
    unit_key: str
    unit_name: str
    amount: Decimal
    left: Decimal
    effective_on: date
    expires_on: date | None
    # Of money; none of a credit unit.
    currency: str = ""
    contract: str = ""
    charge_keys: tuple[str, ...] = ()
    expired: Decimal = Decimal(0)

    @property
    def money(self) -> Money | None:
        """Return what was given, where it is money."""
        return Money(self.amount, self.currency).rounded() if self.currency else None

    @property
    def money_left(self) -> Money | None:
        """Return what is left, where it is money."""
        return Money(self.left, self.currency).rounded() if self.currency else None

    @property
    def money_expired(self) -> Money | None:
        """Return what expired, where it is money."""
        return Money(self.expired, self.currency).rounded() if self.currency else None


@dataclass(frozen=True, slots=True)
class OpenGrant:
    """A grant that may pay, and what it may pay for: one contract and some charges, or any."""

    grant: Grant
    contract_id: UUID | None
    charge_keys: tuple[str, ...]


def open_grants(
    customer_ids: Collection[UUID], on: date, until: date | None = None, *, source_key: str = ""
) -> dict[UUID, tuple[OpenGrant, ...]]:
    """Return the grants that may pay for a period of the customers, the oldest first, in one query.

    `on` is the period's first day and `until` the day after its last: a grant pays for the whole period if it begins
    before `until` and is good on `on`. Without `until`, a grant has to begin on or before `on`. The engine takes the
    lowest priority first, then the earliest expiry, then gifts, then this order. What open drafts have reserved is not
    there for others; `source_key` names the draft that asks, whose own reservation is.
    """
    begun = Q(effective_on__lte=on) if until is None else Q(effective_on__lt=until)
    found = (
        CreditGrant.objects.filter(
            begun, Q(expires_on=None) | Q(expires_on__gt=on), customer_id__in=customer_ids, left__gt=0
        )
        .annotate(free=F("left") - _reserved_by_others(source_key))
        .filter(free__gt=0)
        .select_related("credit_unit")
        .order_by("effective_on", "created_at", "id")
    )
    grants: dict[UUID, list[OpenGrant]] = {customer_id: [] for customer_id in customer_ids}
    for row in found:
        grants[row.customer_id].append(_open(row, row.free))
    return {customer_id: tuple(of_customer) for customer_id, of_customer in grants.items()}


def drawn(*, customer_id: UUID, source_key: str) -> tuple[OpenGrant, ...]:
    """Return the grants of a customer that a finalized invoice drew on, each with what it drew, in one query."""
    found = (
        CreditBurn.objects.filter(source_key=source_key, grant__customer=customer_id)
        .select_related("grant__credit_unit")
        .order_by("grant__effective_on", "grant__created_at", "grant_id")
    )
    return tuple(_open(burn.grant, burn.amount) for burn in found)


def _open(row: CreditGrant, balance: Decimal) -> OpenGrant:
    return OpenGrant(
        grant=Grant(
            key=row.key,
            unit=row.unit,
            balance=rounded_to_minor_unit(balance, row.currency) if row.currency else balance,
            priority=row.priority,
            expires_on=row.expires_on,
            cost=row.cost,
        ),
        contract_id=row.contract_id,
        charge_keys=tuple(row.charge_keys),
    )


def _reserved_by_others(source_key: str) -> Coalesce:
    others = (
        CreditReservation.objects.filter(grant_id=OuterRef("pk"))
        .exclude(source_key=source_key)
        .order_by()
        .values("grant_id")
        .annotate(reserved=Sum("amount"))
        .values("reserved")
    )
    amount: DecimalField[Decimal, Decimal] = DecimalField(**AMOUNT)
    return Coalesce(Subquery(others), Decimal(0), output_field=amount)


def grants_of(*, customer_id: UUID) -> tuple[GrantRow, ...]:
    """Return all grants of a customer, the newest first, used up and expired ones too, in one query."""
    found = CreditGrant.objects.filter(customer_id=customer_id).select_related(
        "credit_unit", "contract", "expiry"
    )
    return tuple(_row(grant) for grant in found.order_by("-effective_on", "-id"))


@dataclass(frozen=True, slots=True)
class RefundRow:
    """What is owed back of a grant; no amount until the final invoice has drawn on it."""

    id: UUID
    customer_key: str
    customer_name: str
    contract_id: UUID
    contract: str
    grant: str
    left: Decimal | None
    unit_name: str
    amount: Money | None
    reason: str
    asked_at: datetime
    refunded_at: datetime | None
    note: str


def refunds_owed(*, customer_id: UUID | None = None, most: int = 200) -> list[RefundRow]:
    """Return what is owed back, to one customer or to all: what waits for staff first, then what is done, the newest first.

    Those of which nothing was left are not among them. One query.
    """
    found = RefundOwed.objects.exclude(amount=0).select_related("contract__customer", "grant__credit_unit")
    if customer_id is not None:
        found = found.filter(contract__customer=customer_id)
    ordered = found.order_by(F("refunded_at").desc(nulls_first=True), "-asked_at", "pk")
    return [_refund_row(refund) for refund in ordered[:most]]


def _refund_row(refund: RefundOwed) -> RefundRow:
    unit = refund.grant.credit_unit
    return RefundRow(
        id=refund.pk,
        customer_key=refund.contract.customer.key,
        customer_name=refund.contract.customer.name,
        contract_id=refund.contract_id,
        contract=refund.contract.number,
        grant=refund.grant.name,
        left=refund.left,
        unit_name=unit.name if unit else refund.grant.currency,
        amount=None if refund.amount is None else Money(refund.amount, refund.currency).rounded(),
        reason=refund.reason,
        asked_at=refund.asked_at,
        refunded_at=refund.refunded_at,
        note=refund.note,
    )


def named(*, keys: Collection[str]) -> dict[str, GrantRow]:
    """Return the grants with these keys, in one query."""
    found = CreditGrant.objects.filter(key__in=keys).select_related("credit_unit", "contract", "expiry")
    return {grant.key: _row(grant) for grant in found}


def _row(grant: CreditGrant) -> GrantRow:
    return GrantRow(
        key=grant.key,
        name=grant.name,
        unit_key=grant.unit,
        unit_name=grant.credit_unit.name if grant.credit_unit else grant.currency,
        amount=grant.amount,
        left=grant.left,
        effective_on=grant.effective_on,
        expires_on=grant.expires_on,
        currency=grant.currency,
        contract=grant.contract.number if grant.contract else "",
        charge_keys=tuple(grant.charge_keys),
        expired=grant.expiry.amount if hasattr(grant, "expiry") else Decimal(0),
    )


def unbilled_while_good(grant: str = "") -> QuerySet[Contract]:
    """Return, for a subquery about grants, the signed contracts with days not billed yet on which the grant was good.

    A period that begins before the grant's end may be paid by it. `grant` is the way from the outer row to the grant, such as
    "grant__". Narrow it to the contracts that the grant is for.
    """
    expires_on = OuterRef(f"{grant}expires_on")
    return Contract.objects.exclude(status=Contract.Status.DRAFT).filter(
        Q(billed_until_on=None)
        | Q(billed_until_on__lt=expires_on) & (Q(ends_on=None) | Q(billed_until_on__lt=F("ends_on"))),
        starts_on__lt=expires_on,
    )
