"""Many drafts without rating any: copies of one, each of a customer and contract of its own, with lines that differ."""

from copy import copy
from datetime import timedelta
from decimal import Decimal
from typing import TypeVar

from django.db.models import Model

from apps.contracts.models import Contract
from apps.core.ids import uuid7
from apps.customers.models import Customer
from apps.invoices.models import Invoice, InvoiceLine

Row = TypeVar("Row", bound=Model)


def multiply(draft: Invoice, count: int) -> None:
    """Copy a draft so often, each beside a draft of the period before with another quantity."""
    lines = list(draft.lines.all())
    made: list[tuple[Customer, Contract, list[tuple[Invoice, list[InvoiceLine]]]]] = []
    for nth in range(count):
        customer = new(
            draft.customer, key=f"many-{nth}", name=f"Customer {nth:05}", billing_email="a@b.example"
        )
        contract = new(draft.contract, number=f"M-{nth:05}", customer=customer, billed_until_on=None)
        now = _copied(draft, lines, customer, contract, Decimal(nth % 97 + 1), back=0)
        before = _copied(draft, lines, customer, contract, Decimal(nth % 89 + 1), back=1)
        made.append((customer, contract, [now, before]))
    Customer.objects.bulk_create([customer for customer, *_ in made])
    Contract.objects.bulk_create([contract for _, contract, _ in made])
    drafts = [one for *_, both in made for one in both]
    Invoice.objects.bulk_create([invoice for invoice, _ in drafts])
    InvoiceLine.objects.bulk_create([line for _, of_draft in drafts for line in of_draft], batch_size=2000)


def new(row: Row, **fields: object) -> Row:
    """Return an unsaved copy of a row with a key of its own."""
    made = copy(row)
    made._state = copy(row._state)
    made._state.adding = True
    made._state.fields_cache = {}
    for name, value in {"pk": uuid7(), **fields}.items():
        setattr(made, name, value)
    return made


def _copied(
    draft: Invoice,
    lines: list[InvoiceLine],
    customer: Customer,
    contract: Contract,
    factor: Decimal,
    *,
    back: int,
) -> tuple[Invoice, list[InvoiceLine]]:
    length = draft.period_end_on - draft.period_start_on
    shift = timedelta(days=back * length.days)
    invoice = new(
        draft,
        customer=customer,
        contract=contract,
        legal_entity=draft.legal_entity,
        period_start_on=draft.period_start_on - shift,
        period_end_on=draft.period_end_on - shift,
    )
    copied = []
    for line in lines:
        times = factor if line.kind == InvoiceLine.Kind.USAGE else Decimal(1)
        copied.append(
            new(
                line,
                invoice=invoice,
                quantity=line.quantity * times,
                exact=line.exact * times,
                amount=line.amount * times,
            )
        )
    invoice.subtotal = invoice.total = sum((line.amount for line in copied), Decimal(0))
    invoice.tax_amount = Decimal(0)
    return invoice, copied
