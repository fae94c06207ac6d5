"""The lines of an invoice, from what was priced: with names, days and the reasons that are kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from apps.contracts.models import Contract
from apps.contracts.terms import PeriodTerms
from apps.core.money import rounded_to_minor_unit
from apps.credits import queries as credit_queries
from apps.invoices.advance import Ahead, BilledAhead
from apps.invoices.billing import Priced
from apps.invoices.differing import Adjustment
from apps.invoices.kept_steps import kept
from apps.invoices.models import Invoice, InvoiceLine, ManualLine
from apps.plans.queries import PlannedCharge
from apps.rating.lines import Line, LineKind
from apps.rating.steps import written

_BOUNDS = frozenset({LineKind.MINIMUM, LineKind.MAXIMUM})
_CARRIED = ":carried"


def of_period(invoice: Invoice, priced: Priced) -> list[InvoiceLine]:
    """Return the lines of a priced period."""
    made = _lines(invoice, priced.all_terms, priced)
    return [made.line(line) for line in priced.rated.lines]


def of_fees_ahead(invoice: Invoice, ahead: Ahead) -> list[InvoiceLine]:
    """Return the lines of fees that are billed before their period, each with its days."""
    made = _lines(invoice, (ahead.terms,), None)
    lines = [made.line(line) for line in ahead.rated.lines]
    for line in lines:
        line.in_advance = True
        line.starts_on, line.ends_on = ahead.terms.period.starts_on, ahead.terms.period.ends_on
        _of_account(line, ahead.contract)
    return lines


def of_usage_so_far(invoice: Invoice, priced: Priced) -> list[InvoiceLine]:
    """Return the lines of usage of a period that runs on, and what credits are going to pay of it."""
    made = _lines(invoice, priced.all_terms, priced)
    found = [made.line(line) for line in priced.rated.lines]
    covered = priced.rated.credits_applied.amount
    if covered:
        found.append(
            InvoiceLine(
                invoice=invoice,
                key="credits",
                name="Covered by credits",
                kind=InvoiceLine.Kind.DISCOUNT,
                quantity=Decimal(1),
                price_unit=invoice.currency,
                exact=-covered,
                amount=-covered,
            )
        )
    for line in found:
        line.in_advance = True
        line.starts_on, line.ends_on = priced.period.starts_on, priced.period.ends_on
    return found


def of_credits_bought(invoice: Invoice) -> InvoiceLine:
    """Return the line of the credits that an invoice sells."""
    bought = invoice.credit_purchase
    return InvoiceLine(
        invoice=invoice,
        key=str(bought.pk),
        name=bought.name,
        kind=InvoiceLine.Kind.CREDIT_PURCHASE,
        quantity=bought.amount,
        unit=bought.credit_unit.name if bought.credit_unit else invoice.currency,
        price_unit=invoice.currency,
        exact=bought.price,
        amount=bought.price,
        steps=[{"credits_bought": written(bought.amount), "amount": written(bought.price)}],
    )


def taken_off(invoice: Invoice, billed: BilledAhead, contract: Contract, amount: Decimal) -> InvoiceLine:
    """Return the line that takes off what an earlier invoice billed in advance; `amount` is below zero."""
    period = billed.period
    step = {
        "adjusts": billed.invoice.number or "",
        "period_from": period.starts_on.isoformat(),
        "period_to": period.ends_on.isoformat(),
        "billed": written(billed.left),
        "amount": written(amount),
    }
    line = InvoiceLine(
        invoice=invoice,
        name="Billed in advance",
        kind=InvoiceLine.Kind.ADVANCE,
        starts_on=period.starts_on,
        ends_on=period.ends_on,
        quantity=Decimal(1),
        price_unit=invoice.currency,
        exact=amount,
        amount=amount,
        steps=[step],
        adjusts=billed.invoice,
    )
    _of_account(line, contract)
    return line


def of_adjustment(invoice: Invoice, one: Adjustment) -> InvoiceLine:
    """Return the line that bills a difference, with both figures; in credits it only says what was priced with the rest."""
    step: dict[str, Any] = {
        "adjusts": one.adjusted.number or "",
        "period_from": one.adjusted.period_start_on.isoformat(),
        "period_to": one.adjusted.period_end_on.isoformat(),
    }
    amount = Decimal(0) if one.is_in_credits else one.amount
    if not one.is_in_credits:
        step |= {"rated": written(one.rated), "billed": written(one.billed), "amount": written(amount)}
    if one.is_amended:
        step["amended"] = True
    line = InvoiceLine(
        invoice=invoice,
        charge_key=one.charge_key,
        key=one.key,
        product_name=one.named.product_name,
        name=one.named.name,
        kind=InvoiceLine.Kind.ADJUSTMENT,
        dimensions=dict(one.dimensions),
        quantity=one.quantity,
        unit=one.named.unit,
        price_unit=invoice.currency,
        exact=amount,
        amount=amount,
        steps=[step],
        adjusts=one.adjusted,
    )
    _of_account(line, one.contract)
    return line


def paid_in_advance(invoice: Invoice, parts: Sequence[Priced]) -> list[InvoiceLine]:
    """Return a line for each grant of money that pays, with what it takes off, so that the lines add up to the subtotal."""
    used = [
        (part.contract, use)
        for part in parts
        for use in part.rated.grants
        if use.used and use.unit == invoice.currency
    ]
    rows = credit_queries.named(keys=[use.grant for _, use in used]) if used else {}
    lines = []
    for contract, use in used:
        line = InvoiceLine(
            invoice=invoice,
            key=use.grant,
            name=rows[use.grant].name,
            kind=InvoiceLine.Kind.CREDITS,
            quantity=Decimal(1),
            price_unit=invoice.currency,
            exact=-use.used,
            amount=-use.used,
        )
        _of_account(line, contract)
        lines.append(line)
    return lines


def all_by_hand(
    invoice: Invoice, found: Sequence[InvoiceLine], added: Sequence[ManualLine]
) -> list[InvoiceLine]:
    """Return the lines that staff added to a draft, beside those `found` by rating it.

    A discount in percent is of all lines that are no discount by hand; none takes off more than is left of them.
    """
    base = sum((line.amount for line in found), Decimal(0))
    base += sum((one.amount for one in added if one.amount > 0), Decimal(0))
    left = max(base, Decimal(0))
    lines = []
    for one in added:
        amount = one.amount
        if one.percent is not None:
            amount = discount_of(base, one.percent, invoice.currency)
        if amount < 0:
            amount = -min(-amount, left)
            left += amount
        lines.append(_by_hand(invoice, one, amount))
    return lines


def discount_of(base: Decimal, percent: Decimal, currency: str) -> Decimal:
    """Return what so many percent take off an amount, below zero, in whole minor units; nothing where there is nothing."""
    return -rounded_to_minor_unit(Fraction(max(base, Decimal(0))) * Fraction(percent) / 100, currency)


def _by_hand(invoice: Invoice, added: ManualLine, amount: Decimal) -> InvoiceLine:
    step: dict[str, Any] = {"by_hand": added.reason}
    if added.percent is not None:
        step["percent"] = written(added.percent)
    return InvoiceLine(
        invoice=invoice,
        key=str(added.pk),
        product_name=added.product_name,
        name=added.name,
        kind=InvoiceLine.Kind.MANUAL,
        quantity=added.quantity,
        unit=added.unit,
        price_unit=invoice.currency,
        exact=amount,
        amount=amount,
        steps=[step],
    )


def _of_account(line: InvoiceLine, contract: Contract) -> None:
    """Mark a line of a child's contract on its parent's invoice."""
    if contract.pk != line.invoice.contract_id:
        line.of_contract, line.account_name = contract, contract.customer.name


def _lines(invoice: Invoice, all_terms: tuple[PeriodTerms, ...], priced: Priced | None) -> "_Lines":
    charges = {one.charge.key: one for terms in reversed(all_terms) for one in terms.charges}
    return _Lines(invoice, all_terms, charges, priced)


@dataclass(frozen=True, slots=True)
class _Lines:
    """Writes the lines of one contract's terms."""

    invoice: Invoice
    all_terms: tuple[PeriodTerms, ...]
    charges: Mapping[str, PlannedCharge]
    priced: Priced | None

    def line(self, line: Line) -> InvoiceLine:
        planned = self.charges.get(line.charge or "")
        starts_on, ends_on = self._days(line)
        made = InvoiceLine(
            invoice=self.invoice,
            charge_key=line.charge or "",
            key=line.key or "",
            product_name=planned.product_name if planned else self._product(line),
            name=planned.charge.name if planned and line.kind in _BOUNDS else line.name,
            kind=line.kind.value,
            dimensions=dict(line.dimensions),
            starts_on=starts_on,
            ends_on=ends_on,
            quantity=line.quantity,
            unit=_unit(line, planned),
            price_unit=line.unit or self.invoice.currency,
            credits=line.credits,
            exact=Decimal(written(line.exact)),
            amount=line.amount.amount,
            steps=[
                *(self._told(step, line) for step in kept(line.steps)),
                *_drawn(line),
                *self._accounts(line),
            ],
        )
        if self.priced is not None:
            _of_account(made, self.priced.contract)
        return made

    def _product(self, line: Line) -> str:
        """Return the product that a discount is on, where it is but one."""
        keys = {str(dict(step.facts).get("charge")) for step in line.steps}
        products = {self.charges[key].product_name for key in keys if key in self.charges}
        return products.pop() if len(products) == 1 else ""

    def _days(self, line: Line) -> tuple[date | None, date | None]:
        """Return the days of a line whose charge changed, began or ended within the period; else None."""
        for terms in self.all_terms:
            period = terms.period
            days = [part.starts_on for part in terms.parts]
            only_in = terms.only_since.get(line.charge or "")
            if only_in and line.kind is LineKind.USAGE and line.starts_on is None:
                return min(only_in), next((day for day in days if day > max(only_in)), period.ends_on)
            if line.starts_on is None:
                continue
            planned = self.charges[line.charge or ""]
            changes = (change.starts_on for change in planned.charge.changes)
            end = next((day for day in changes if day > line.starts_on), period.ends_on)
            return max(line.starts_on, period.starts_on), min(end, period.ends_on)
        return None, None

    def _told(self, step: dict[str, Any], line: Line) -> dict[str, Any]:
        """Add to a reason the names that it is told by."""
        if "allowance" in step:
            return {**step, **self._allowance(str(step["allowance"]))}
        if line.kind is LineKind.DISCOUNT:
            return {**step, **self._discount(line.key or ""), **self._charge(str(step.get("charge")))}
        return step

    def _allowance(self, key: str) -> Mapping[str, object]:
        for terms in self.all_terms:
            for allowance in terms.terms.allowances:
                if allowance.key == key:
                    if key.endswith(_CARRIED):
                        return {"allowance_kind": "carried", "allowance_name": allowance.name}
                    kind = "first" if self._is_first_units(key, terms) else "shared"
                    return {"allowance_kind": kind, "allowance_name": allowance.name}
        return {}

    def _is_first_units(self, key: str, terms: PeriodTerms) -> bool:
        return not any(planned.allowance_key == key for planned in terms.charges)

    def _discount(self, key: str) -> Mapping[str, object]:
        for terms in self.all_terms:
            for discount in terms.terms.discounts:
                if discount.key == key:
                    if discount.percent is not None:
                        return {"percent": written(discount.percent)}
                    return {"discount_amount": written(discount.amount or Decimal(0))}
        return {}

    def _charge(self, key: str) -> Mapping[str, object]:
        return {"charge_name": self.charges[key].charge.name} if key in self.charges else {}

    def _accounts(self, line: Line) -> list[dict[str, Any]]:
        """Return how much of a line's quantity each account used, where several are on it."""
        pool = self.priced.pool if self.priced else None
        if pool is None or self.priced is None or pool.terms is not self.priced.terms:
            return []
        at = (line.charge or "", line.dimensions, line.starts_on)
        apart = [use.contract.billing == use.contract.Billing.OWN for use in pool.accounts]
        used = [
            (use.contract.customer.name, use.used.get(at, Decimal(0)))
            for nth, use in enumerate(pool.accounts)
            if nth == 0 or not apart[nth]
        ]
        if line.kind is not LineKind.USAGE or len(used) < 2:
            return []
        return [{"account": name, "quantity": written(quantity)} for name, quantity in used if quantity]


def _unit(line: Line, planned: PlannedCharge | None) -> str:
    """Return what the line's quantity counts: the meter's unit, or the credits of an overage; nothing without a charge."""
    if planned is None or line.kind in _BOUNDS:
        return ""
    return (planned.charge.credit_unit or "") if line.kind is LineKind.OVERAGE else planned.unit


def _drawn(line: Line) -> list[dict[str, str]]:
    """Return the last reason of a line in credits: what it cost, and how much of it the grants cover."""
    if line.credits is None:
        return []
    covered = line.credits - (line.uncovered or Decimal(0))
    return [{"credits": written(line.credits), "covered": written(covered)}]
