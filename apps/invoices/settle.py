"""What no invoice can adjust any more, for staff to settle by hand: differences of contracts that ended."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from django.db.models import Exists, F, OuterRef, Q, Subquery

from apps.contracts.models import Amendment, Contract
from apps.contracts.queries import wholly_billed
from apps.core.money import Money
from apps.invoices import advance, credit_notes
from apps.invoices.adjust import changed
from apps.invoices.differing import Adjustment
from apps.invoices.models import Invoice, InvoiceLine
from apps.invoices.pool import families, family_among
from apps.usage.errors import NOT_AT_HAND
from apps.usage.models import LateDay

# Whoever changes usage or terms reads the clock first, and may then have to wait for an invoice.
_WAITED = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class ToSettle:
    """A difference of an ended contract: to credit where it is below zero, else to bill; in credits it has no amount.

    `lines` are those of the invoice that a credit note can give it back of, with how much of each. With `why_untold` there
    are no figures, since what it hangs on is archived and not at hand.
    """

    customer_key: str
    customer_name: str
    contract_id: UUID
    contract: str
    invoice_id: UUID
    invoice: str
    name: str
    dimensions: Mapping[str, str]
    quantity: Decimal
    unit: str
    amount: Money | None
    lines: Mapping[UUID, Decimal]
    why_untold: str = ""


def to_settle(*, customer_id: UUID | None = None, most: int = 100) -> list[ToSettle]:
    """Return what no invoice can adjust any more, of one customer or of all: staff credit or bill it by hand.

    It is what changed of contracts that ended, what was billed in advance beyond their end or for a last period whose draft was
    voided, and what their last invoice could not give back; nothing is written. Takes one query where there is none, else also the price of each changed period, of up
    to so many contracts, those that changed last.
    """
    # With the accounts on its invoices.
    whose = Q(contract=OuterRef("pk")) | Q(
        contract__parent=OuterRef("pk"), contract__billing=Contract.Billing.PARENT
    )
    ended = wholly_billed() if customer_id is None else wholly_billed().filter(customer=customer_id)
    late = LateDay.objects.filter(whose).order_by("-changed_at").values("changed_at")
    amended = Amendment.objects.filter(whose).order_by("-at").values("at")
    finalized = Invoice.objects.filter(
        contract=OuterRef("pk"), status=Invoice.Status.FINALIZED, kind=Invoice.Kind.PERIOD
    )
    last = finalized.order_by("-period_start_on", "-finalized_at")
    # The last period that is on no invoice, since its draft was voided.
    voided = Invoice.objects.filter(
        contract=OuterRef("pk"),
        status=Invoice.Status.VOID,
        kind=Invoice.Kind.PERIOD,
        replaces=None,
        period_end_on=OuterRef("ends_on"),
    )
    on_last = InvoiceLine.objects.filter(invoice=OuterRef("last_id"))
    in_advance = InvoiceLine.objects.filter(invoice__contract=OuterRef("pk"), in_advance=True)
    # What came before the last invoice is on it, unless that came down to nothing on the way.
    is_left = (
        Q(changed_at__gt=F("finalized_at") - _WAITED)
        | Q(amended_at__gt=F("finalized_at") - _WAITED)
        | Q(Q(changed_at__isnull=False) | Q(amended_at__isnull=False), subtotal=0)
        | Q(changed_at__isnull=False) & Exists(on_last.filter(kind=InvoiceLine.Kind.ADJUSTMENT))
        | Q(Exists(in_advance), subtotal=0)
        | Q(Exists(in_advance), Exists(voided))
    )
    found = (
        ended.annotate(
            changed_at=Subquery(late[:1]),
            amended_at=Subquery(amended[:1]),
            finalized_at=Subquery(last.values("finalized_at")[:1]),
            last_id=Subquery(last.values("pk")[:1]),
            subtotal=Subquery(last.values("subtotal")[:1]),
        )
        .filter(is_left)
        .select_related("customer", "plan_version")
        .order_by(F("changed_at").desc(nulls_last=True), "number")
    )
    return [one for contract in found[:most] for one in _of(contract)]


def _of(contract: Contract) -> Iterator[ToSettle]:
    assert contract.ends_on, "what is wholly billed has ended"
    family = families([contract])[contract.pk]
    last = (
        Invoice.objects.filter(contract=contract, kind=Invoice.Kind.PERIOD)
        .order_by("-period_start_on", "-drafted_at")
        .first()
    )
    for one in (contract, *_without_invoices(family.ended_guests(contract.ends_on))):
        try:
            for left in changed(one, family_among(one, (family.root, *family.children))).adjustments:
                yield _difference(one, left)
        except NOT_AT_HAND as refusal:
            if last:
                yield _untold(one, last, str(refusal))
        if last:
            # The last invoice has taken its part off, so it counts as one before.
            for ahead in advance.billed_ahead([one], last, and_its_own=True):
                yield _ahead(one, ahead)


def _without_invoices(contracts: Sequence[Contract]) -> Sequence[Contract]:
    """Return the accounts that have no invoices of their own, by which they would be found themselves."""
    if not contracts:
        return ()
    own = Invoice.objects.filter(contract__in=contracts, kind=Invoice.Kind.PERIOD)
    billed = set(own.values_list("contract_id", flat=True))
    return [one for one in contracts if one.pk not in billed]


def _difference(contract: Contract, left: Adjustment) -> ToSettle:
    return _row(
        contract,
        left.adjusted,
        lines=_creditable(
            left.adjusted,
            -left.amount,
            charge_key=left.charge_key,
            key=left.key,
            dimensions=dict(left.dimensions),
            of_contract=None if left.adjusted.contract_id == contract.pk else contract,
        ),
        name=left.named.name,
        dimensions=left.dimensions,
        quantity=left.quantity,
        unit=left.named.unit,
        amount=None if left.is_in_credits else left.amount,
    )


def _untold(contract: Contract, last: Invoice, why: str) -> ToSettle:
    """Return that something may be left, which cannot be told without archived events."""
    nothing = Decimal(0)
    row = _row(
        contract,
        last,
        lines={},
        name="Something changed",
        dimensions={},
        quantity=nothing,
        unit="",
        amount=None,
    )
    return replace(row, why_untold=why)


def _ahead(contract: Contract, left: advance.BilledAhead) -> ToSettle:
    return _row(
        contract,
        left.invoice,
        lines=_creditable(
            left.invoice,
            left.left,
            in_advance=True,
            of_contract=None if left.invoice.contract_id == contract.pk else contract,
        ),
        name="Billed in advance",
        dimensions={},
        quantity=Decimal(0),
        unit="",
        amount=-left.left,
    )


def _creditable(invoice: Invoice, amount: Decimal, **of: object) -> dict[UUID, Decimal]:
    """Return the lines of an invoice that are of the same thing, each with what of the amount can be credited of it."""
    if amount <= 0 or invoice.number is None:
        return {}
    lines = list(invoice.lines.filter(**of))
    found = {}
    for one in credit_notes.left_of(invoice, lines):
        part = min(amount, one.amount_left)
        if part > 0:
            found[one.line_id] = part
            amount -= part
    return found


def _row(
    contract: Contract,
    invoice: Invoice,
    *,
    lines: Mapping[UUID, Decimal],
    name: str,
    dimensions: Mapping[str, str],
    quantity: Decimal,
    unit: str,
    amount: Decimal | None,
) -> ToSettle:
    return ToSettle(
        customer_key=contract.customer.key,
        customer_name=contract.customer.name,
        contract_id=contract.pk,
        contract=contract.number,
        invoice_id=invoice.pk,
        invoice=invoice.number or "",
        name=name,
        dimensions=dimensions,
        quantity=quantity,
        unit=unit,
        amount=None if amount is None else Money(amount, invoice.currency).rounded(),
        lines=lines,
    )
