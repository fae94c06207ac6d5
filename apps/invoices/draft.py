"""Writing a draft invoice from a contract's terms and usage, and writing it again while it is one."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction

from apps.contracts import locks
from apps.contracts.models import Contract
from apps.contracts.terms import period_on, terms_in
from apps.core import audit, db
from apps.core.money import Money
from apps.core.periods import Period
from apps.credits import queries as credit_queries
from apps.credits import reserve
from apps.invoices import adjust, billing, snapshot
from apps.invoices.adjust import Adjustment
from apps.invoices.errors import AlreadyFinalized
from apps.invoices.models import Invoice, InvoiceLine
from apps.plans.models import CreditUnit
from apps.plans.queries import PlannedCharge
from apps.rating.lines import Line, LineKind
from apps.rating.steps import step_as_json, written
from apps.usage import levels

_PERCENT = Decimal(100)


@dataclass(frozen=True, slots=True)
class Written:
    """An invoice just written, its lines, and what it draws from each credit grant."""

    invoice: Invoice
    lines: tuple[InvoiceLine, ...]
    credits_used: dict[str, Decimal]


@transaction.atomic(durable=True)
def draft_next(*, contract_id: UUID, at: datetime, actor: str) -> Invoice | None:
    """Draft the oldest period of the contract that ended by `at` and has no invoice; return None if there is none.

    The contract is locked first, so of many callers at once one writes the draft and the others find it.
    """
    contract = locked_contract(contract_id)
    starts_on = undrafted_on(contract)
    if starts_on is None or period_on(contract, starts_on).ends_at > at:
        return None
    invoice = write(contract=contract, starts_on=starts_on, invoice=None, at=at).invoice
    _record("invoices.draft", invoice, contract, at=at, actor=actor)
    return invoice


@transaction.atomic(durable=True)
def refresh(*, invoice_id: UUID, at: datetime, actor: str) -> Invoice:
    """Rate a draft again from the usage, terms and addresses of now; its review time runs on. Refuses a finalized one."""
    contract = locked_contract(Invoice.objects.values_list("contract_id", flat=True).get(pk=invoice_id))
    invoice = Invoice.objects.select_for_update().get(pk=invoice_id)
    if invoice.number:
        raise AlreadyFinalized(invoice.number)
    before = invoice.total
    write(contract=contract, starts_on=invoice.period_start_on, invoice=invoice, at=at)
    if invoice.total != before:
        _record("invoices.refresh", invoice, contract, at=at, actor=actor, before={"total": f"{before:f}"})
    return invoice


def locked_contract(contract_id: UUID) -> Contract:
    """Return the contract, locked against ingest and other closes, with all that an invoice is made of."""
    locks.hold(contract_id)
    return (
        Contract.objects.select_for_update(of=("self",))
        .select_related("customer__legal_entity", "plan_version__plan")
        .get(pk=contract_id)
    )


def undrafted_on(contract: Contract) -> date | None:
    """Return the first day of the contract that is on no invoice, draft or not; None when all its days are."""
    latest_on = (
        Invoice.objects.filter(contract=contract)
        .order_by("-period_start_on")
        .values_list("period_end_on", flat=True)
        .first()
    )
    first_on = max(latest_on or contract.starts_on, contract.billed_until_on or contract.starts_on)
    return first_on if contract.covers(first_on) else None


def write(*, contract: Contract, starts_on: date, invoice: Invoice | None, at: datetime) -> Written:
    """Rate the locked contract's period from `starts_on` and write it as a new draft, or into the given one.

    A step. Tax is rounded once, on the subtotal, half up to the currency's minor unit.
    """
    db.require_transaction()
    period = period_on(contract, starts_on)
    if any(planned.is_level for planned in terms_in(contract, period).charges):
        levels.carry(contract.customer_id, [contract], at=at)
    is_new = invoice is None
    if invoice is None:
        review = timedelta(hours=contract.customer.legal_entity.review_hours)
        invoice = Invoice(contract=contract, drafted_at=at, review_until_at=at + review)
    found = adjust.adjustments(contract, starts_on)
    in_credits = [one for one in found if one.is_in_credits]
    priced = billing.price(
        contract,
        period,
        source_key=str(invoice.pk),
        more=[(one.usage, one.quantity < 0) for one in in_credits],
    )
    adjusted = [*adjust.within(found, priced.rated.total.amount), *in_credits]
    _fill(
        invoice,
        contract,
        period,
        priced,
        sum((one.amount for one in adjusted if not one.is_in_credits), Decimal(0)),
    )
    invoice.save(force_insert=is_new)
    lines = _lines(invoice, priced)
    lines += [
        _adjustment(invoice, position, one) for position, one in enumerate(adjusted, start=len(lines) + 1)
    ]
    if not is_new:
        invoice.lines.all().delete()
    InvoiceLine.objects.bulk_create(lines)
    if any(planned.charge.credit_unit for planned in priced.charges):
        reserve.reserve(source_key=str(invoice.pk), used=priced.credits_used)
    return Written(invoice, tuple(lines), priced.credits_used)


def _fill(
    invoice: Invoice, contract: Contract, period: Period, priced: billing.Priced, adjusted: Decimal
) -> None:
    customer = contract.customer
    subtotal = priced.rated.total + Money(adjusted, priced.rated.total.currency)
    tax = Money(subtotal.amount * customer.tax_rate / _PERCENT, subtotal.currency).rounded()
    invoice.customer = customer
    invoice.legal_entity = customer.legal_entity
    invoice.period_start_on, invoice.period_end_on = period.starts_on, period.ends_on
    invoice.timezone = contract.timezone
    invoice.currency = subtotal.currency
    invoice.subtotal = subtotal.amount
    invoice.tax_rate = customer.tax_rate
    invoice.tax_amount = tax.amount
    invoice.total = (subtotal + tax).amount
    invoice.snapshot = {
        **snapshot.parties(contract),
        "credit_units": _credit_units(priced),
        "credits": _credits(priced),
        "usage": _usage(priced),
        "days": _days(contract, period, priced),
        "forward": priced.forward.as_json(),
    }


def _lines(invoice: Invoice, priced: billing.Priced) -> list[InvoiceLine]:
    planned = {charge.charge.key: charge for charge in priced.charges}
    return [
        _line(invoice, position, line, planned.get(line.charge or ""))
        for position, line in enumerate(priced.rated.lines, start=1)
    ]


def _line(invoice: Invoice, position: int, line: Line, planned: PlannedCharge | None) -> InvoiceLine:
    return InvoiceLine(
        invoice=invoice,
        position=position,
        charge_key=line.charge or line.key or "",
        product_name=planned.product_name if planned else "",
        name=line.name,
        kind=line.kind.value,
        dimensions=dict(line.dimensions),
        quantity=line.quantity,
        unit=_unit(line, planned),
        price_unit=line.unit or invoice.currency,
        credits=line.credits,
        exact=Decimal(written(line.exact)),
        amount=line.amount.amount,
        steps=[*map(step_as_json, line.steps), *_drawn(line)],
    )


def _unit(line: Line, planned: PlannedCharge | None) -> str:
    """Return what the line's quantity counts: the meter's unit, or the credits of an overage; nothing without a charge."""
    if planned is None:
        return ""
    return (planned.charge.credit_unit or "") if line.kind is LineKind.OVERAGE else planned.unit


def _adjustment(invoice: Invoice, position: int, one: Adjustment) -> InvoiceLine:
    """Return the line that bills the difference, with both figures; in credits it only says what was priced with the rest."""
    step = {
        "adjusts": one.adjusted.number or "",
        "period_from": one.adjusted.period_start_on.isoformat(),
        "period_to": one.adjusted.period_end_on.isoformat(),
    }
    amount = Decimal(0) if one.is_in_credits else one.amount
    if not one.is_in_credits:
        step |= {"rated": written(one.rated), "billed": written(one.billed), "amount": written(amount)}
    return InvoiceLine(
        invoice=invoice,
        position=position,
        charge_key=one.planned.charge.key,
        product_name=one.planned.product_name,
        name=one.planned.charge.name,
        kind=InvoiceLine.Kind.ADJUSTMENT,
        dimensions=dict(one.dimensions),
        quantity=one.quantity,
        unit=one.planned.unit,
        price_unit=invoice.currency,
        exact=amount,
        amount=amount,
        steps=[step],
        adjusts=one.adjusted,
    )


def _drawn(line: Line) -> list[dict[str, str]]:
    """Return the last reason of a line in credits: what it cost, and how much of it the grants cover."""
    if line.credits is None:
        return []
    covered = line.credits - (line.uncovered or Decimal(0))
    return [{"credits": written(line.credits), "covered": written(covered)}]


def _credit_units(priced: billing.Priced) -> dict[str, str]:
    keys = {planned.charge.credit_unit for planned in priced.charges if planned.charge.credit_unit}
    return dict(CreditUnit.objects.filter(key__in=keys).values_list("key", "name")) if keys else {}


def _credits(priced: billing.Priced) -> list[dict[str, Any]]:
    used = [use for use in priced.rated.grants if use.used]
    rows = credit_queries.named(keys=[use.grant for use in used]) if used else {}
    return [
        {
            "grant": use.grant,
            "name": rows[use.grant].name,
            "unit": rows[use.grant].unit_name,
            "used": written(use.used),
            "left": written(use.left),
            "expires_on": expires_on.isoformat() if (expires_on := rows[use.grant].expires_on) else None,
        }
        for use in used
    ]


def _usage(priced: billing.Priced) -> list[dict[str, Any]]:
    """Return the totals that were rated, by the meter's key: with the terms they are the whole proof of the lines."""
    keys = {planned.meter_id: planned.meter_key for planned in priced.charges}
    return [
        {
            "meter": keys.get(total.meter_id),
            "dimensions": dict(total.dimensions),
            "quantity": written(total.quantity),
            "events": total.events,
        }
        for total in sorted(
            priced.totals, key=lambda total: (keys.get(total.meter_id, ""), sorted(total.dimensions.items()))
        )
    ]


def _days(contract: Contract, period: Period, priced: billing.Priced) -> list[dict[str, Any]]:
    """Return the daily quantities of each meter in the order of the charges, for the chart."""
    quantities = billing.daily_quantities(contract, period) if priced.totals else {}
    metered = {planned.meter_id: planned for planned in reversed(priced.charges) if planned.meter_id}
    return [
        {
            "meter": planned.meter_key,
            "name": planned.charge.name,
            "unit": planned.unit,
            "quantities": {
                day.isoformat(): written(quantity) for day, quantity in quantities[meter_id].items()
            },
        }
        for meter_id, planned in reversed(metered.items())
        if meter_id in quantities
    ]


def _record(
    action: str,
    invoice: Invoice,
    contract: Contract,
    *,
    at: datetime,
    actor: str,
    before: dict[str, object] | None = None,
) -> None:
    audit.record(
        at=at,
        actor=actor,
        action=action,
        subject_type="contract",
        subject_key=contract.number,
        before=before,
        after={
            "period": f"{invoice.period_start_on} to {invoice.period_end_on}",
            "total": f"{invoice.total:f} {invoice.currency}",
        },
    )
