"""What changed of invoiced days: late usage, corrections and amendments; the closed period is priced again, less what was billed.

What differs goes onto the contract's next invoice, line by line, and names the invoice that it adjusts. What was billed
includes earlier adjustments, so nothing is adjusted twice, and what could not be given back yet comes up again by itself.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from apps.contracts.brought import Brought
from apps.contracts.models import Amendment, Contract
from apps.contracts.terms import terms_in
from apps.core import db
from apps.core.periods import Period
from apps.invoices import billing, gather
from apps.invoices.billing import Asked
from apps.invoices.brought import of_period
from apps.invoices.differing import Adjustment, differences, drawn_later, given_back, taken_over
from apps.invoices.models import Invoice, InvoiceLine
from apps.invoices.pool import Family
from apps.rating.usage import Usage
from apps.usage.archives import Archives
from apps.usage.models import LateDay

# Whoever finalizes an invoice reads the clock first, and may then have to wait for another.
_WAITED = timedelta(hours=1)
_NEVER = datetime(1970, 1, 2, tzinfo=UTC)
_MANUAL = InvoiceLine.Kind.MANUAL


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


def changed(
    contract: Contract,
    family: Family | None = None,
    late: Sequence[date] | None = None,
    *,
    before: date | None = None,
    archives: Archives | None = None,
) -> Changed:
    """Return what is rated otherwise now than it was billed, of the periods of which something changed after their invoice.

    What such a period brings forward is taken into those after it, which are then priced again too. With `before`, only of the
    periods that began before that day. `archives` may be needed for prices by event; see `Asked`.
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
    known_at = _given_back_at(closed)
    for invoice in closed:
        period = _days_on(invoice, contract)
        if period is None or (before and period.starts_on >= before):
            continue
        is_late = any(period.starts_on <= day < period.ends_on for day in days)
        is_amended = any(_is_news(one, invoice, period) for one in amended)
        if is_late or is_amended or brought is not None or _was_first(invoice, together, known_at):
            asked = Asked(brought=brought, archives=archives)
            differing, brought = _priced_again(
                contract, invoice, period, family, asked=asked, is_amended=is_amended
            )
            found += differing
    return Changed(tuple(found), brought)


def _priced_again(
    contract: Contract,
    invoice: Invoice,
    period: Period,
    family: Family | None,
    *,
    asked: Asked,
    is_amended: bool = False,
) -> tuple[list[Adjustment], Brought | None]:
    """Return what differs of one invoiced period, and what it brings forward where that is taken into the next."""
    own = taken_over(invoice, contract)
    asked = replace(asked, billed_by=invoice.number or "", more=own)
    priced = billing.price(contract, period, family=family, asked=asked)
    differing = list(differences(priced, invoice, is_amended=is_amended))
    forward = priced.forward
    if later := drawn_later(priced, invoice):
        as_drawn = billing.price(contract, period, family=family, asked=replace(asked, more=[*own, *later]))
        in_money = differences(as_drawn, invoice, is_amended=is_amended)
        differing = [one for one in differing if one.is_in_credits]
        differing += [one for one in in_money if not one.is_in_credits]
        forward = replace(forward, counted=as_drawn.forward.counted)
    return differing, forward if priced.terms.takes_forward else None


def compared(
    contract: Contract, invoice: Invoice, family: Family | None = None, *, archives: Archives | None = None
) -> tuple[list[Adjustment], bool]:
    """Return what one invoiced period of the contract comes to now less what was billed of it, and whether that has a cause.

    A cause is usage that changed after the invoice, an amendment since, or accounts that share with it and were invoiced later: the
    next invoice adjusts these, also what the last one could not give back. Without one, nothing may differ but by what was
    credited as a correction after the last adjustment: it stays given back.
    """
    period = _days_on(invoice, contract)
    if period is None:
        return [], False
    together = _together(contract, family)
    # What earlier periods bring may be another by now than their invoices say.
    takes_forward = terms_in(contract, period).takes_forward
    earlier = UNCHANGED
    if takes_forward:
        earlier = changed(contract, family, before=period.starts_on, archives=archives)
    asked = Asked(brought=earlier.brought, archives=archives)
    again, _ = _priced_again(contract, invoice, period, family, asked=asked)
    returned = given_back(invoice, contract)
    differing = [
        one
        for one in again
        if one.amount
        not in returned.get((one.charge_key, one.key, tuple(sorted(one.dimensions.items()))), ())
    ]
    closed = _closed(contract)
    is_adjusted = invoice in closed
    known_at = _given_back_at([invoice, *closed] if is_adjusted else [invoice])
    since = known_at - _WAITED if known_at else _NEVER
    late = LateDay.objects.filter(contract__in=together, day__lt=period.ends_on, changed_at__gt=since)
    later = Amendment.objects.filter(contract__in=together, effective_on__lt=period.ends_on, at__gt=since)
    is_caused = late.exists() or later.exists() or _was_first(invoice, together, known_at)
    # Credited to be issued again, it is priced as a whole by that, or where that was voided stays credited.
    return (differing, is_caused) if is_adjusted or not is_caused else ([], False)


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


def _given_back_at(invoices: Sequence[Invoice]) -> datetime | None:
    """Return when the last of the invoices was finalized that had room for all that was to be given back; None if none had.

    One whose adjustments were cut comes to nothing, but for what staff added.
    """
    return max(
        (
            one.finalized_at
            for one in invoices
            if one.finalized_at and sum(line.amount for line in one.lines.all() if line.kind != _MANUAL) > 0
        ),
        default=None,
    )


def _was_first(invoice: Invoice, together: Sequence[Contract], known_at: datetime | None) -> bool:
    """Tell whether others that it shares with were not invoiced yet when all that was known was given back.

    They may have used more since, which moves the shares of all.
    """
    apart = {
        one.pk
        for one in together[1:]
        if (one.billing == Contract.Billing.OWN or one.parent_id is None) and one.pk != invoice.contract_id
    }
    if not apart:
        return False
    settled = Invoice.objects.filter(
        contract__in=apart,
        kind=Invoice.Kind.PERIOD,
        period_start_on__lt=invoice.period_end_on,
        period_end_on__gt=invoice.period_start_on,
        finalized_at__lt=(known_at or _NEVER) - _WAITED,
    )
    return settled.values("contract").distinct().count() < len(apart)


def _closed(contract: Contract) -> list[Invoice]:
    """Return the finalized invoices that the contract's periods are on, one for each, with their lines, the oldest first.

    Of a period that was issued again it is the last; one that is just being issued again is priced as a whole by that. Where that
    was voided, the period stays credited until it is issued once more.
    """
    found = (
        of_period(contract)
        .filter(status=Invoice.Status.FINALIZED, replaced_by=None)
        .prefetch_related("lines")
    )
    return list({invoice.period_start_on: invoice for invoice in found}.values())


def _days_on(invoice: Invoice, contract: Contract) -> Period | None:
    period = Period(invoice.period_start_on, invoice.period_end_on, invoice.timezone)
    if invoice.contract_id == contract.pk:
        return period
    return period.overlap(contract.starts_on, contract.ends_on)
