"""Recording bank transfers and allocating them to invoices."""

from collections.abc import Collection, Mapping
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from apps.core import audit
from apps.core.money import Money, is_currency
from apps.customers.models import Customer
from apps.invoices.models import Invoice
from apps.invoices.queries import invoices as bills
from apps.ledger import post as ledger
from apps.payments import post
from apps.payments.allocate import Paid, allocate
from apps.payments.errors import AllocatedTooMuch, NotACurrency, NotAnAmount, NotPayable, PaymentRecorded
from apps.payments.models import Payment
from apps.payments.queries import open_amounts


@transaction.atomic(durable=True)
def record_transfer(
    *,
    customer_id: UUID,
    currency: str,
    amount: Decimal,
    received_on: date,
    reference: str,
    allocations: Mapping[UUID, Decimal] | None = None,
    among: Collection[UUID] = (),
    at: datetime,
    actor: str,
) -> Payment:
    """Record a customer's transfer and let it pay invoices: those allocated to, else the ones due first.

    `among` names the only invoices to pay, due first. What the transfer does not pay stays unapplied. Refuses an unknown
    currency, a reference that is recorded already, invoices of another customer or currency, and more than an invoice or
    the payment has left; then nothing is recorded.
    """
    # Documents of the customer may be written meanwhile, but no money of it be moved.
    customer = (
        Customer.objects.select_for_update(of=("self",), no_key=True)
        .select_related("legal_entity")
        .get(pk=customer_id)
    )
    received = Money(amount, currency)
    _require_new(customer, received, reference)
    invoices = _payable(customer, currency)
    parts = _oldest_first(invoices, received, among) if allocations is None else dict(allocations)
    _check(invoices, parts, received)
    payment = Payment.objects.create(
        customer=customer,
        currency=currency,
        amount=amount,
        received_on=received_on,
        reference=reference,
        recorded_at=at,
        recorded_by=actor,
    )
    ledger.post([post.of_payment(payment)], at=at, actor=actor)
    paid = [Paid(payment, invoices[invoice_id][0], part) for invoice_id, part in parts.items()]
    allocate(paid, on=received_on, at=at, actor=actor)
    audit.record(
        at=at,
        actor=actor,
        action="payments.record_transfer",
        subject_type="customer",
        subject_key=customer.key,
        after={
            "reference": reference,
            "amount": str(received),
            "pays": {str(invoices[invoice_id][0].number): str(part) for invoice_id, part in parts.items()},
        },
    )
    return payment


def preview(
    *, customer_id: UUID, currency: str, amount: Decimal, reference: str, among: Collection[UUID] = ()
) -> dict[str, Money]:
    """Return what a transfer would pay, by invoice number; refuse what recording it would refuse, and write nothing."""
    customer = Customer.objects.get(pk=customer_id)
    received = Money(amount, currency)
    _require_new(customer, received, reference)
    invoices = _payable(customer, currency)
    parts = _oldest_first(invoices, received, among)
    return {str(invoices[invoice_id][0].number): Money(part, currency) for invoice_id, part in parts.items()}


def _require_new(customer: Customer, received: Money, reference: str) -> None:
    if not is_currency(received.currency):
        raise NotACurrency(received.currency)
    if received.amount <= 0 or received != received.rounded():
        raise NotAnAmount(received)
    if Payment.objects.filter(customer=customer, reference=reference).exists():
        raise PaymentRecorded(customer.name, reference)


def _payable(customer: Customer, currency: str) -> dict[UUID, tuple[Invoice, Decimal]]:
    """Return the finalized invoices of the customer's legal entity in the currency, due first, with what is open of each.

    Who records a payment holds the customer's row, so that no other payment changes the open amounts meanwhile.
    """
    invoices = list(
        bills(customer_ids=[customer.pk], statuses=[Invoice.Status.FINALIZED])
        .select_related("customer", "legal_entity")
        .filter(currency=currency, legal_entity=customer.legal_entity_id)
        .order_by("due_on", "number")
    )
    left = open_amounts([invoice.pk for invoice in invoices])
    return {invoice.pk: (invoice, left[invoice.pk]) for invoice in invoices}


def _oldest_first(
    invoices: Mapping[UUID, tuple[Invoice, Decimal]], received: Money, among: Collection[UUID]
) -> dict[UUID, Decimal]:
    for invoice_id in among:
        invoice, is_open = _one_of(invoices, invoice_id)
        if is_open <= 0:
            raise AllocatedTooMuch(str(invoice), received, Money(is_open, received.currency))
    parts = {}
    left = received.amount
    for invoice_id, (_, is_open) in invoices.items():
        part = min(left, is_open)
        if part > 0 and (not among or invoice_id in among):
            parts[invoice_id] = part
            left -= part
    return parts


def _one_of(invoices: Mapping[UUID, tuple[Invoice, Decimal]], invoice_id: UUID) -> tuple[Invoice, Decimal]:
    if invoice_id not in invoices:
        found = Invoice.objects.filter(pk=invoice_id).first()
        raise NotPayable(str(found or "That invoice"))
    return invoices[invoice_id]


def _check(
    invoices: Mapping[UUID, tuple[Invoice, Decimal]], parts: Mapping[UUID, Decimal], received: Money
) -> None:
    for invoice_id, part in parts.items():
        invoice, is_open = _one_of(invoices, invoice_id)
        asked = Money(part, received.currency)
        if part <= 0 or asked != asked.rounded():
            raise NotAnAmount(asked)
        if part > is_open:
            raise AllocatedTooMuch(str(invoice), asked, Money(is_open, received.currency))
    total = Money.total((Money(part, received.currency) for part in parts.values()), received.currency)
    if total > received:
        raise AllocatedTooMuch("this payment's invoices", total, received)
