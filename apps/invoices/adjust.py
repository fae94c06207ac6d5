"""What changed of invoiced days: late usage, corrections and amendments; the closed period is priced again, less what was billed.

What differs goes onto the contract's next invoice, line by line, and names the invoice that it adjusts. What was billed
includes earlier adjustments, so nothing is adjusted twice, and what could not be given back yet comes up again by itself.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, localcontext

from django.db.models import Q

from apps.contracts.brought import Brought
from apps.contracts.models import Amendment, Contract
from apps.core import db
from apps.core.money import EXACT
from apps.core.periods import Period
from apps.invoices import billing, gather
from apps.invoices.billing import Asked, Priced
from apps.invoices.brought import of_period
from apps.invoices.models import Invoice, InvoiceLine
from apps.invoices.pool import Family
from apps.rating.lines import Line, LineKind
from apps.rating.usage import Usage
from apps.usage.models import LateDay

# A charge or else a discount's or commitment's key, and dimension values.
Key = tuple[str, str, tuple[tuple[str, str], ...]]
_KIND = InvoiceLine.Kind
# Whoever finalizes an invoice reads the clock first, and may then have to wait for another.
_WAITED = timedelta(hours=1)
_NEVER = datetime(1970, 1, 2, tzinfo=UTC)
# What is of other periods, what credits did not cover, which is priced where they are drawn, what they paid, and what no usage
# changes: what staff added, and credits bought.
_APART = frozenset(
    {_KIND.ADVANCE, _KIND.ADJUSTMENT, _KIND.OVERAGE, _KIND.CREDITS, _KIND.MANUAL, _KIND.CREDIT_PURCHASE}
)


@dataclass(frozen=True, slots=True)
class Named:
    """What a line is of, in the words of the invoice."""

    name: str
    product_name: str = ""
    unit: str = ""
    is_in_credits: bool = False


@dataclass(frozen=True, slots=True)
class Adjustment:
    """The difference of one charge, discount or commitment of a closed period.

    In money it is to be billed; in credits to be priced with the running period. `is_amended` tells that the contract was
    amended for days of the period after its invoice.
    """

    adjusted: Invoice
    contract: Contract
    charge_key: str
    key: str
    named: Named
    dimensions: Mapping[str, str]
    quantity: Decimal
    amount: Decimal
    rated: Decimal
    billed: Decimal
    is_amended: bool = False

    @property
    def is_in_credits(self) -> bool:
        """Tell whether the quantity is priced within the running period, by its credits."""
        return self.named.is_in_credits

    @property
    def usage(self) -> Usage:
        """Return what joins the running period's usage."""
        return Usage(self.charge_key, abs(self.quantity), tuple(self.dimensions.items()))


@dataclass(frozen=True, slots=True)
class Changed:
    """What differs of closed periods, and what the last of them brings forward if that is another now."""

    adjustments: tuple[Adjustment, ...] = ()
    brought: Brought | None = None

    @property
    def in_credits(self) -> list[tuple[Usage, bool]]:
        """Return the usage in credits that joins the running period's, each with whether it is taken away."""
        return [(one.usage, one.quantity < 0) for one in self.adjustments if one.is_in_credits]


UNCHANGED = Changed()


def adjustments(
    contract: Contract,
    starts_on: date,
    *,
    family: Family | None = None,
    late: Sequence[date] | None = None,
) -> Changed:
    """Return what the invoice of the period from `starts_on` has to adjust of earlier ones. A step.

    Only the next invoice to be finalized carries adjustments. `late` are the closed days of the contract for which usage came
    late, where they were read before. Takes one query more where nothing changed, one for a contract that was ever amended, and
    the price of each period that changed after its invoice.
    """
    db.require_transaction()
    if contract.billed_until_on != starts_on:
        return UNCHANGED
    return changed(contract, family, late)


def changed(contract: Contract, family: Family | None = None, late: Sequence[date] | None = None) -> Changed:
    """Return what is rated otherwise now than it was billed, of the periods of which something changed after their invoice.

    What such a period brings forward is taken into those after it, which are then priced again too.
    """
    together = _together(contract, family)
    is_alone = len(together) == 1
    days = late if is_alone and late is not None else _late_days(together)
    amended = _amendments(together)
    if not days and not amended and is_alone:
        return UNCHANGED
    found: list[Adjustment] = []
    brought: Brought | None = None
    closed = _closed(contract)
    known_at = max((one.finalized_at for one in closed if one.finalized_at), default=None)
    for invoice in closed:
        period = _days_on(invoice, contract)
        if period is None:
            continue
        is_late = any(period.starts_on <= day < period.ends_on for day in days)
        is_amended = any(_is_news(one, invoice, period) for one in amended)
        if is_late or is_amended or brought is not None or _was_first(invoice, together, known_at):
            asked = Asked(brought=brought, billed_by=invoice.number or "")
            priced = billing.price(contract, period, family=family, asked=asked)
            differing = list(_differences(priced, invoice, is_amended=is_amended))
            forward = priced.forward
            if later := _drawn_later(priced, invoice):
                as_drawn = billing.price(contract, period, family=family, asked=replace(asked, more=later))
                in_money = _differences(as_drawn, invoice, is_amended=is_amended)
                differing = [one for one in differing if one.is_in_credits]
                differing += [one for one in in_money if not one.is_in_credits]
                forward = replace(forward, counted=as_drawn.forward.counted)
            found += differing
            brought = forward if priced.terms.takes_forward else None
    return Changed(tuple(found), brought)


def compared(
    contract: Contract, invoice: Invoice, family: Family | None = None
) -> tuple[list[Adjustment], bool]:
    """Return what one invoiced period of the contract comes to now less what was billed of it, and whether that has a cause.

    A cause is usage that changed after the invoice, an amendment since, or accounts that share with it and were invoiced later: the
    next invoice adjusts these. Without one, nothing may differ but by what was credited as a correction after the last
    adjustment: it stays given back.
    """
    period = _days_on(invoice, contract)
    if period is None:
        return [], False
    together = _together(contract, family)
    priced = billing.price(contract, period, family=family, asked=Asked(billed_by=invoice.number or ""))
    given_back = _given_back(invoice, contract)
    differing = [
        one
        for one in _differences(priced, invoice, is_amended=False)
        if one.amount
        not in given_back.get((one.charge_key, one.key, tuple(sorted(one.dimensions.items()))), ())
    ]
    last = [invoice, *_closed(contract)][-1]
    since = (last.finalized_at or _NEVER) - _WAITED
    is_left = last.subtotal == 0
    late = LateDay.objects.filter(contract__in=together, day__lt=period.ends_on)
    later = Amendment.objects.filter(contract__in=together, effective_on__lt=period.ends_on)
    is_caused = (
        (late if is_left else late.filter(changed_at__gt=since)).exists()
        or (later if is_left else later.filter(at__gt=since)).exists()
        or _was_first(invoice, together, last.finalized_at)
    )
    return differing, is_caused


def asked_for(adjustments: Iterable[Adjustment]) -> Decimal:
    """Return what adjustments in money ask for, without what others give back."""
    in_money = (one.amount for one in adjustments if not one.is_in_credits)
    return sum((amount for amount in in_money if amount > 0), Decimal(0))


def within(adjustments: Sequence[Adjustment], subtotal: Decimal) -> list[Adjustment]:
    """Return the adjustments in money that can be billed: together they never bring the subtotal below zero.

    All of what is asked for can pay what is given back, and what was billed in advance, which the subtotal is without. What is
    left of one that is cut stays for the invoice after.
    """
    payable = max(subtotal + asked_for(adjustments), Decimal(0))
    fitting = []
    for adjustment in adjustments:
        if adjustment.is_in_credits:
            continue
        amount = max(adjustment.amount, -payable)
        if amount < 0:
            payable += amount
        if amount:
            fitting.append(replace(adjustment, amount=amount))
    return fitting


def _together(contract: Contract, family: Family | None) -> list[Contract]:
    """Return the contract, and those of whose usage its own price depends."""
    if family is None:
        return [contract]
    pooled = [child for child in family.children if child.usage == Contract.Usage.POOLED]
    if contract.pk != family.root.pk and contract.pk not in {one.pk for one in pooled}:
        return [contract]
    others = [family.root, *pooled] if pooled else []
    return [contract, *(one for one in others if one.pk != contract.pk)]


def _late_days(contracts: Sequence[Contract]) -> list[date]:
    return [day for days in gather.late_days(contracts).values() for day in days]


def _amendments(contracts: Sequence[Contract]) -> list[tuple[str, int, date]]:
    """Return number and first day of the amendments, with their contracts' numbers; no query if there was never one."""
    ever = [contract.pk for contract in contracts if contract.terms_stamp]
    if not ever:
        return []
    found = Amendment.objects.filter(contract__in=ever)
    return list(found.values_list("contract__number", "number", "effective_on"))


def _is_news(amendment: tuple[str, int, date], invoice: Invoice, period: Period) -> bool:
    """Tell whether an amendment holds for days of an invoice that was priced without it."""
    contract, number, effective_on = amendment
    known: Mapping[str, int] = invoice.snapshot.get("priced_with", {})
    return effective_on < period.ends_on and number > known.get(contract, 0)


def _was_first(invoice: Invoice, together: Sequence[Contract], known_at: datetime | None) -> bool:
    """Tell whether others that it shares with were not invoiced yet when the contract's last invoice was priced.

    They may have used more since, which moves the shares of all.
    """
    apart = {
        one.pk
        for one in together[1:]
        if (one.billing == Contract.Billing.OWN or one.parent_id is None) and one.pk != invoice.contract_id
    }
    if not apart or known_at is None:
        return False
    settled = Invoice.objects.filter(
        contract__in=apart,
        kind=Invoice.Kind.PERIOD,
        period_start_on__lt=invoice.period_end_on,
        period_end_on__gt=invoice.period_start_on,
        finalized_at__lt=known_at - _WAITED,
    )
    return settled.values("contract").distinct().count() < len(apart)


def _closed(contract: Contract) -> list[Invoice]:
    """Return the finalized invoices that the contract's periods are on, one for each, with their lines, the oldest first.

    Of a period that was issued again it is the last; one that is just being issued again is priced as a whole by that. Where that
    was voided, the period stays credited.
    """
    found = (
        of_period(contract)
        .filter(status=Invoice.Status.FINALIZED)
        .exclude(replaced_by__status__in=[Invoice.Status.DRAFT, Invoice.Status.VOID])
        .prefetch_related("lines")
    )
    return list({invoice.period_start_on: invoice for invoice in found}.values())


def replaced_by(invoice: Invoice) -> list[Invoice]:
    """Return the invoices that one was issued again for, the last first; one query each, and none for most."""
    found = []
    while invoice.replaces is not None:
        invoice = invoice.replaces
        found.append(invoice)
    return found


def _days_on(invoice: Invoice, contract: Contract) -> Period | None:
    period = Period(invoice.period_start_on, invoice.period_end_on, invoice.timezone)
    if invoice.contract_id == contract.pk:
        return period
    return period.overlap(contract.starts_on, contract.ends_on)


def _differences(priced: Priced, invoice: Invoice, *, is_amended: bool) -> Iterator[Adjustment]:
    contract = priced.contract
    before_now = _billed_lines(invoice, contract)
    rated, billed = _rated(priced), _billed(before_now)
    names = _names_billed(before_now) | _names_rated(priced)
    nothing = (Decimal(0), Decimal(0))
    for key in [*rated, *(key for key in billed if key not in rated)]:
        (quantity, amount), (before, paid) = rated.get(key, nothing), billed.get(key, nothing)
        named = names[key]
        if amount == paid and not (named.is_in_credits and quantity != before):
            continue
        with localcontext(EXACT):
            yield Adjustment(
                adjusted=invoice,
                contract=contract,
                charge_key=key[0],
                key=key[1],
                named=named,
                dimensions=dict(key[2]),
                quantity=quantity - before,
                amount=amount - paid,
                rated=amount,
                billed=paid,
                is_amended=is_amended,
            )


def _drawn_later(priced: Priced, invoice: Invoice) -> list[tuple[Usage, bool]]:
    """Return the usage in credits that came after the invoice, each with whether it is to be taken away to be without it.

    It draws on credits with a later period, so what is agreed around this one stays as its own credits left it.
    """
    in_credits = {planned.charge.key for planned in priced.charges if planned.charge.credit_unit}
    if not in_credits:
        return []
    own = [line for line in _billed_lines(invoice, priced.contract) if line.kind != _KIND.ADJUSTMENT]
    now, before = _rated(priced), _billed(own)
    nothing = (Decimal(0), Decimal(0))
    later = []
    for key in [*now, *(key for key in before if key not in now)]:
        with localcontext(EXACT):
            quantity = now.get(key, nothing)[0] - before.get(key, nothing)[0]
        if quantity and key[0] in in_credits:
            later.append((Usage(key[0], abs(quantity), key[2]), quantity > 0))
    return later


def _rated(priced: Priced) -> dict[Key, tuple[Decimal, Decimal]]:
    """Return quantity and amount of what the period comes to now; credits are priced where they are drawn."""
    sums: dict[Key, tuple[Decimal, Decimal]] = {}
    for line in priced.rated.lines:
        if line.kind is not LineKind.OVERAGE:
            _add(sums, _key_of(line), line.kind.value, line.quantity, line.amount.amount)
    return sums


def _billed_lines(invoice: Invoice, contract: Contract) -> list[InvoiceLine]:
    """Return the contract's lines of the period on its invoice, with all finalized adjustments of it.

    What was credited as a correction is given back already, so it is taken off; goodwill stays billed.
    """
    of_contract = None if invoice.contract_id == contract.pk else contract.pk
    own = (
        line
        for line in invoice.lines.all()
        if line.of_contract_id == of_contract and not line.in_advance and line.kind not in _APART
    )
    later = InvoiceLine.objects.filter(
        Q(of_contract=contract) | Q(of_contract=None, invoice__contract=contract),
        adjusts__in=[invoice.pk, *(one.pk for one in replaced_by(invoice))],
        kind=_KIND.ADJUSTMENT,
        invoice__status=Invoice.Status.FINALIZED,
    ).exclude(invoice__because=Invoice.Because.GOODWILL)
    given_back = InvoiceLine.objects.filter(
        credits_line__invoice=invoice,
        of_contract=of_contract,
        in_advance=False,
        invoice__because=Invoice.Because.CORRECTION,
        invoice__status=Invoice.Status.FINALIZED,
    ).exclude(kind__in=_APART)
    return [*own, *later, *given_back]


def _given_back(invoice: Invoice, contract: Contract) -> dict[Key, list[Decimal]]:
    """Return what corrections gave back of each key: by the last of them, by the last two, and so on."""
    sums: dict[Key, list[Decimal]] = {}
    of_notes = (line for line in _billed_lines(invoice, contract) if line.credits_line_id)
    for line in sorted(of_notes, key=lambda one: one.pk, reverse=True):
        so_far = sums.setdefault(_stored_key(line), [])
        so_far.append((so_far[-1] if so_far else Decimal(0)) - line.amount)
    return sums


def _billed(lines: Iterable[InvoiceLine]) -> dict[Key, tuple[Decimal, Decimal]]:
    """Return quantity and amount of what was billed."""
    sums: dict[Key, tuple[Decimal, Decimal]] = {}
    for line in lines:
        _add(sums, _stored_key(line), line.kind, line.quantity, line.amount)
    return sums


def _add(
    sums: dict[Key, tuple[Decimal, Decimal]], key: Key, kind: str, quantity: Decimal, amount: Decimal
) -> None:
    # A minimum stands for no units of its charge.
    counted = Decimal(0) if kind in {_KIND.MINIMUM, _KIND.MAXIMUM} else quantity
    with localcontext(EXACT):
        before, paid = sums.get(key, (Decimal(0), Decimal(0)))
        sums[key] = (before + counted, paid + amount)


def _key_of(line: Line) -> Key:
    return (line.charge or "", line.key or "", tuple(sorted(line.dimensions)))


def _stored_key(line: InvoiceLine) -> Key:
    return (line.charge_key, line.key, tuple(sorted(line.dimensions.items())))


def _names_billed(lines: Iterable[InvoiceLine]) -> dict[Key, Named]:
    return {
        _stored_key(line): Named(line.name, line.product_name, line.unit, line.credits is not None)
        for line in lines
    }


def _names_rated(priced: Priced) -> dict[Key, Named]:
    planned = {one.charge.key: one for one in priced.charges}
    named = {}
    for line in priced.rated.lines:
        one = planned.get(line.charge or "")
        named[_key_of(line)] = (
            Named(one.charge.name, one.product_name, one.unit, one.charge.credit_unit is not None)
            if one
            else Named(line.name)
        )
    return named
