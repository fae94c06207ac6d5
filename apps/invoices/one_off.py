"""Invoices that staff write: work, setup, hardware, or whatever no plan prices."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from apps.contracts.models import Contract
from apps.core import audit, db
from apps.core.money import rounded_to_minor_unit
from apps.core.periods import local_day
from apps.invoices import draft, store, tax_answers
from apps.invoices.compose import Wanted, begun, compose
from apps.invoices.errors import NotALine, NotSigned
from apps.invoices.models import Invoice, ManualLine
from apps.invoices.pool import Family
from apps.invoices.preview import Previewed

# Staff look at what lines come to before they write why they bill them.
_NOT_SAID_YET = "\N{HORIZONTAL ELLIPSIS}"


@dataclass(frozen=True, slots=True)
class NewLine:
    """A line as staff write it; `amount` is of all of its quantity, in the contract's currency, without tax or with it as prices are."""

    name: str
    amount: Decimal
    quantity: Decimal = Decimal(1)
    unit: str = ""
    product_name: str = ""


@tax_answers.asks_first
@transaction.atomic(durable=True)
def draft_one_off(
    *, contract_id: UUID, lines: Sequence[NewLine], reason: str, at: datetime, actor: str
) -> Invoice:
    """Draft an invoice of these lines under a contract, whose currency, payment terms and zone it has.

    It waits for review like any other. Refuses a contract that is not signed, an invoice without lines or without a reason, and
    amounts that are not whole minor units or come to less than nothing.
    """
    (family,) = draft.locked_families([contract_id])
    require_reason(reason)
    invoice = _begin(family.contract, lines, reason, at=at, actor=actor)
    write_begun(family, invoice, at=at)
    record_draft(invoice, family.contract, at=at, actor=actor)
    return invoice


@tax_answers.asks_first
def foresee_one_off(*, contract: Contract, lines: Sequence[NewLine], reason: str, at: datetime) -> Previewed:
    """Return the invoice that these lines would be drafted as, with its taxes; nothing is kept.

    Refuses what drafting refuses, but for a reason that is missing still.
    """
    with transaction.atomic():
        invoice = _begin(contract, lines, reason.strip() or _NOT_SAID_YET, at=at, actor=_NOT_SAID_YET)
        return undone(contract, invoice, at=at)


def _begin(contract: Contract, lines: Sequence[NewLine], reason: str, *, at: datetime, actor: str) -> Invoice:
    require_signed(contract)
    _check(lines, contract.plan_version.currency)
    invoice = begun(contract, Invoice.Kind.ONE_OFF, on=local_day(at, contract.timezone), at=at)
    invoice.reason = reason.strip()
    invoice.save(force_insert=True)
    ManualLine.objects.bulk_create(
        ManualLine(
            invoice=invoice,
            name=line.name.strip(),
            product_name=line.product_name.strip(),
            quantity=line.quantity,
            unit=line.unit.strip(),
            amount=line.amount,
            reason=invoice.reason,
            added_by=actor,
            added_at=at,
        )
        for line in lines
    )
    return invoice


def require_signed(contract: Contract) -> None:
    """Refuse to bill under a contract that is a draft."""
    if contract.status == Contract.Status.DRAFT:
        raise NotSigned(contract.number)


def require_reason(reason: str) -> None:
    """Refuse an invoice that nobody says why of."""
    if not reason.strip():
        raise NotALine("reason", "Say why it is billed: the customer and your books read it.")


def write_begun(family: Family, invoice: Invoice, *, at: datetime) -> None:
    """Write the lines, taxes and totals of an invoice that was begun. A step."""
    db.require_transaction()
    store.write(compose([Wanted(family, invoice.period_start_on, invoice, invoice.kind)], at=at))


def undone(contract: Contract, invoice: Invoice, *, at: datetime) -> Previewed:
    """Compose an invoice that was begun in this transaction, and undo it all. A step of foreseeing."""
    db.require_transaction()
    (composed,) = compose([Wanted(Family(contract), invoice.period_start_on, invoice, invoice.kind)], at=at)
    transaction.set_rollback(True)
    return Previewed(composed.invoice, composed.lines, composed.taxes)


def record_draft(invoice: Invoice, contract: Contract, *, at: datetime, actor: str) -> None:
    """Note in the trail that staff drafted an invoice. A step."""
    audit.record(
        at=at,
        actor=actor,
        action="invoices.draft",
        subject_type="contract",
        subject_key=contract.number,
        reason=invoice.reason,
        after={"kind": invoice.kind, "total": f"{invoice.total:f} {invoice.currency}"},
    )


def _check(lines: Sequence[NewLine], currency: str) -> None:
    if not lines:
        raise NotALine("lines", "An invoice needs a line at least. Write what it is for and the amount.")
    for place, line in enumerate(lines):
        if not line.name.strip():
            raise NotALine("name", "A line needs a name: what the customer reads.", place)
        if not line.amount or rounded_to_minor_unit(line.amount, currency) != line.amount:
            problem = f"{line.amount:f} cannot be billed: give whole minor units of {currency}, not 0."
            raise NotALine("amount", problem, place)
        if line.quantity <= 0:
            problem = f"{line.quantity:f} cannot be billed: give a quantity above 0."
            raise NotALine("quantity", problem, place)
    if sum((line.amount for line in lines), Decimal(0)) < 0:
        raise NotALine(
            "amount",
            "The lines come to less than nothing. Write a credit note for what is given back.",
            len(lines) - 1,
        )
