"""Composing invoices: their lines, taxes and snapshots from terms and usage, for many contracts at once; nothing of it is written."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from apps.contracts.models import Contract
from apps.contracts.terms import PeriodTerms, period_on, terms_in
from apps.core import db
from apps.core.money import EXACT, Money
from apps.core.periods import Period
from apps.credits.paying import may_be_paid
from apps.invoices import adjust, advance, again, billing, gather, lines, pool, snapshot, so_far, taxes
from apps.invoices.advance import Ahead, BilledAhead
from apps.invoices.billing import Asked, Priced
from apps.invoices.differing import Adjustment
from apps.invoices.gather import Ready
from apps.invoices.models import Invoice, InvoiceLine, InvoiceTax, ManualLine
from apps.invoices.pool import Family
from apps.invoices.tax_rules import TaxRules, rules_for
from apps.usage import levels

# What composing fills of an invoice.
FILLED = (
    *("customer", "legal_entity", "period_start_on", "period_end_on", "timezone", "currency"),
    *(
        "subtotal",
        "tax_rate",
        "tax_amount",
        "tax_included",
        "total",
        "edition",
        "snapshot",
        "tax_calculation",
    ),
)
# Those that staff write on a day, and which are of no billing period: none of them waits for another.
OF_A_DAY = frozenset({Invoice.Kind.ONE_OFF, Invoice.Kind.CREDIT_PURCHASE})
_FILLED_NAMES = [one.attname for one in Invoice._meta.concrete_fields if one.name in FILLED]


@dataclass(frozen=True, slots=True)
class Wanted:
    """An invoice to compose: of a locked family's contract, for its period from a day on, into a draft or as a new one."""

    family: Family
    starts_on: date
    invoice: Invoice | None = None
    kind: str = Invoice.Kind.PERIOD

    @property
    def contract(self) -> Contract:
        """Return the contract whose invoice it is."""
        return self.family.contract

    @property
    def period(self) -> Period:
        """Return the period that is billed."""
        return period_on(self.contract, self.starts_on)

    @property
    def is_alone(self) -> bool:
        """Tell whether the contract is priced and billed by itself."""
        return self.family.parent is None and not self.family.children


@dataclass(frozen=True, slots=True)
class Composed:
    """An invoice as it is to be written, its lines and taxes, and what it draws from each credit grant.

    `contracts` are those whose period it bills: its own first, then the accounts on it. `waits_for` are drafts whose fees in
    advance it takes off. With `reserves`, its credits are to be reserved, also where it needs none any more; with `is_changed`
    the invoice itself says something else than the draft that is stored.
    """

    invoice: Invoice
    lines: tuple[InvoiceLine, ...]
    taxes: tuple[InvoiceTax, ...]
    contracts: tuple[Contract, ...]
    is_new: bool
    is_changed: bool
    credits_used: Mapping[str, Decimal] = field(default_factory=dict)
    reserves: bool = False
    waits_for: tuple[Invoice, ...] = ()


@dataclass(frozen=True, slots=True)
class _Read:
    """What was read for all that are composed together."""

    ready: Mapping[UUID, Ready]
    late: Mapping[UUID, Sequence[date]]
    by_hand: Mapping[UUID, Sequence[ManualLine]]
    rules: TaxRules


def compose(wanted: Sequence[Wanted], *, at: datetime) -> list[Composed]:
    """Rate the periods and compose their invoices; lines that staff added to a draft stay on it. A step.

    No two of them are of one customer or one family: what one bills would make a difference to the other. However many they
    are, what is alone and plain takes four queries for all.
    """
    db.require_transaction()
    periods = [one for one in wanted if one.kind == Invoice.Kind.PERIOD]
    terms = {one.contract.pk: _carry_levels(one.family, one.period, at) for one in periods}
    alone = [one for one in periods if one.is_alone]
    read = _Read(
        ready=gather.ready((one.contract, terms[one.contract.pk]) for one in alone),
        late=gather.late_days(one.contract for one in alone if one.contract.billed_until_on == one.starts_on),
        by_hand=gather.by_hand([one.invoice for one in wanted if one.invoice is not None]),
        rules=rules_for([one.contract.customer for one in wanted]),
    )
    return [_COMPOSERS[Invoice.Kind(one.kind)](one, read, at) for one in wanted]


def _of_period(wanted: Wanted, read: _Read, at: datetime) -> Composed:
    family, contract, starts_on, period = wanted.family, wanted.contract, wanted.starts_on, wanted.period
    contracts = (contract, *family.guests_in(period))
    invoice = wanted.invoice or _new(contract, period, Invoice.Kind.PERIOD, at)
    ended = family.ended_guests(starts_on)
    changed = {
        one.pk: adjust.adjustments(
            one, max(starts_on, one.starts_on), family=_seen_from(family, one), late=read.late.get(one.pk)
        )
        for one in contracts
    }
    if invoice.replaces_id:
        changed = {one.pk: again.already_adjusted(one, invoice) for one in contracts}
    if contract.billed_until_on == starts_on:
        changed |= {one.pk: adjust.changed(one, _seen_from(family, one)) for one in ended}
    parts: list[Priced] = []
    for one in contracts:
        asked = Asked(source_key=str(invoice.pk), drawn=_credits_used(parts), ready=read.ready.get(one.pk))
        parts.append(_price(one, family, period, changed[one.pk], asked))
    # A period that is issued again may have the one after it billed already.
    open_after = [
        one for one in contracts if one.billed_until_on is None or one.billed_until_on <= period.ends_on
    ]
    ahead = [fees for one in open_after if (fees := advance.fees_ahead(one, period.ends_on))]
    subtotal = sum((part.rated.total.amount for part in parts), Decimal(0))
    subtotal += sum((fees.rated.total.amount for fees in ahead), Decimal(0))
    found = [one for of_contract in changed.values() for one in of_contract.adjustments]
    taken = _taken_off(invoice, (*contracts, *ended), parts, subtotal + adjust.asked_for(found))
    # What an account that ended used in credits has no running period to be priced with.
    in_credits = [one for one in found if one.is_in_credits and one.contract not in ended]
    adjusted = adjust.within(found, subtotal + sum((amount for *_, amount in taken), Decimal(0)))
    composed = _finished(
        wanted,
        invoice,
        _with_by_hand(invoice, _lines(invoice, parts, ahead, taken, [*adjusted, *in_credits]), read),
        read.rules,
        kept=snapshot.of_period(parts),
    )
    # Before an amendment its prices may have been in credits, and the draft has them reserved still.
    had_others = not composed.is_new and any(part.contract.terms_stamp for part in parts)
    return replace(
        composed,
        contracts=contracts,
        credits_used=_credits_used(parts),
        reserves=had_others or any(may_be_paid(part.contract, part.terms) for part in parts),
        waits_for=tuple(one.invoice for one, *_ in taken if one.invoice.number is None),
    )


def _opening(wanted: Wanted, read: _Read, at: datetime) -> Composed:
    """Compose the fees in advance of the contract's first period."""
    contract = wanted.contract
    first = period_on(contract, contract.starts_on)
    invoice = wanted.invoice or _new(contract, first, Invoice.Kind.OPENING, at)
    # The period may have been billed as a whole meanwhile: then nothing is left to ask for in advance.
    ahead = [] if contract.billed_until_on else _ahead_at_start(wanted.family, first)
    found = [line for fees in ahead for line in lines.of_fees_ahead(invoice, fees)]
    return _finished(
        wanted, invoice, _with_by_hand(invoice, found, read), read.rules, kept=snapshot.of_opening(contract)
    )


def _with_by_hand(invoice: Invoice, found: list[InvoiceLine], read: _Read) -> list[InvoiceLine]:
    return [*found, *lines.all_by_hand(invoice, found, read.by_hand.get(invoice.pk, ()))]


def _threshold(wanted: Wanted, read: _Read, at: datetime) -> Composed:
    """Compose what was used of a running period so far, less what invoices before it billed of it."""
    contract, period = wanted.contract, wanted.period
    invoice = wanted.invoice or _new(contract, period, Invoice.Kind.THRESHOLD, at)
    # The period may have been billed as a whole meanwhile: then nothing of it is left to ask for.
    is_billed = contract.billed_until_on is not None and contract.billed_until_on > period.starts_on
    priced = so_far.used_so_far(contract, period)
    found = [] if is_billed else lines.of_usage_so_far(invoice, priced)
    taken = so_far.taken_off(invoice, found) if found else []
    found += [lines.taken_off(invoice, one, contract, amount) for one, amount in taken if amount]
    found = _with_by_hand(invoice, found, read)
    composed = _finished(wanted, invoice, found, read.rules, kept=snapshot.of_period([priced]))
    waits_for = tuple(one.invoice for one, _ in taken if one.invoice.number is None)
    return replace(composed, waits_for=waits_for)


def _one_off(wanted: Wanted, read: _Read, at: datetime) -> Composed:
    """Compose the lines that staff wrote, of an invoice that is there already."""
    assert wanted.invoice is not None, "a one-off invoice is begun before its lines are written"
    found = _with_by_hand(wanted.invoice, [], read)
    return _finished(wanted, wanted.invoice, found, read.rules, kept=snapshot.of_opening(wanted.contract))


def _credit_purchase(wanted: Wanted, read: _Read, at: datetime) -> Composed:
    """Compose the credits that are bought, and what staff added."""
    assert wanted.invoice is not None, "a purchase is begun before its credits are written"
    found = _with_by_hand(wanted.invoice, [lines.of_credits_bought(wanted.invoice)], read)
    return _finished(wanted, wanted.invoice, found, read.rules, kept=snapshot.of_opening(wanted.contract))


def begun(contract: Contract, kind: str, *, on: date, at: datetime) -> Invoice:
    """Return an invoice of one day, of nothing yet, to which lines are written; it is not saved."""
    period = Period(on, on + timedelta(days=1), contract.timezone)
    invoice = _new(contract, period, kind, at)
    invoice.period_end_on = period.ends_on
    _fill(invoice, contract, Decimal(0))
    invoice.tax_rate = invoice.tax_amount = Decimal(0)
    invoice.total = invoice.subtotal
    invoice.snapshot = {**snapshot.parties(contract), **snapshot.of_opening(contract)}
    return invoice


def _finished(
    wanted: Wanted, invoice: Invoice, found: list[InvoiceLine], rules: TaxRules, *, kept: dict[str, object]
) -> Composed:
    """Fill the invoice from its lines, tax them, and number their positions."""
    contract, before, total = wanted.contract, _filled(invoice), invoice.total
    _fill(invoice, contract, sum((line.amount for line in found), Decimal(0)))
    taxed = taxes.tax(invoice, found, rules)
    registered = taxes.registration_of(invoice, taxed, rules)
    invoice.snapshot = {**snapshot.parties(contract, registered), **kept}
    for position, line in enumerate(found, start=1):
        line.position = position
    is_new = wanted.invoice is None
    if not is_new and invoice.total != total:
        invoice.edition += 1
    is_changed = is_new or _filled(invoice) != before
    return Composed(invoice, tuple(found), tuple(taxed), (contract,), is_new, is_changed)


def _filled(invoice: Invoice) -> list[object]:
    return [getattr(invoice, name) for name in _FILLED_NAMES]


def opens(contract: Contract, family: Family, *, at: datetime) -> bool:
    """Tell whether the contract is in its first period, and has fees in advance of it to bill; takes no query.

    Once the period is over, its own invoice bills them.
    """
    if contract.billed_until_on is not None:
        return False
    first = period_on(contract, contract.starts_on)
    if not first.starts_at <= at < first.ends_at or family.is_guest_in(first):
        return False
    return any(ahead.rated.subtotal.amount > 0 for ahead in _ahead_at_start(family, first))


def _ahead_at_start(family: Family, first: Period) -> list[Ahead]:
    contracts = (family.contract, *family.guests_in(first))
    return [
        fees
        for one in contracts
        if one.starts_on == first.starts_on and (fees := advance.fees_ahead(one, first.starts_on))
    ]


def _new(contract: Contract, period: Period, kind: str, at: datetime) -> Invoice:
    review = timedelta(hours=contract.customer.legal_entity.review_hours)
    return Invoice(
        contract=contract,
        kind=kind,
        period_start_on=period.starts_on,
        currency=contract.plan_version.currency,
        drafted_at=at,
        review_until_at=at + review,
    )


def _seen_from(family: Family, contract: Contract) -> Family | None:
    """Return the family as one of its contracts sees it; None for a contract that has none."""
    if not family.children and family.parent is None:
        return None
    return pool.family_among(contract, (family.root, *family.children))


def _carry_levels(family: Family, period: Period, at: datetime) -> PeriodTerms:
    """Draw the levels of all that is priced with the contract up to now, and return the contract's own terms."""
    own = {family.contract.pk: family.contract}
    together = own | {one.pk: one for one in (*family.guests_in(period), *family.pool_in(period))}
    terms: dict[UUID, PeriodTerms] = {}
    for contract in together.values():
        if covered := period.overlap(contract.starts_on, contract.ends_on):
            terms[contract.pk] = terms_in(contract, covered)
            if any(planned.is_level for planned in terms[contract.pk].charges):
                levels.carry(contract.customer_id, [contract], at=at)
    return terms[family.contract.pk]


def _price(
    contract: Contract, family: Family, period: Period, changed: adjust.Changed, asked: Asked
) -> Priced:
    covered = period.overlap(contract.starts_on, contract.ends_on)
    assert covered is not None, "accounts on an invoice have days in its period"
    asked = replace(asked, more=changed.in_credits, brought=changed.brought)
    return billing.price(contract, covered, family=_seen_from(family, contract), asked=asked)


def _credits_used(parts: Sequence[Priced]) -> dict[str, Decimal]:
    """Return what each grant pays of several contracts: two of the same customer may draw on the same one."""
    sums: dict[str, Decimal] = {}
    for part in parts:
        for grant, used in part.credits_used.items():
            sums[grant] = EXACT.add(sums.get(grant, Decimal(0)), used)
    return sums


def _taken_off(
    invoice: Invoice, contracts: Sequence[Contract], parts: Sequence[Priced], subtotal: Decimal
) -> list[tuple[BilledAhead, Contract, Decimal]]:
    """Return what was billed in advance with what is taken off of each: all, unless that brings the subtotal below zero."""
    is_alone = len(contracts) == len(parts)
    if is_alone and not any(advance.may_be_billed_ahead(part.contract, part.terms) for part in parts):
        return []
    by_id = {contract.pk: contract for contract in contracts}
    taken = []
    for billed in advance.billed_ahead(contracts, invoice):
        amount = -min(billed.left, max(subtotal, Decimal(0)))
        subtotal += amount
        taken.append((billed, by_id[billed.contract_id], amount))
    return taken


def _lines(
    invoice: Invoice,
    parts: Sequence[Priced],
    ahead: Sequence[Ahead],
    taken: Sequence[tuple[BilledAhead, Contract, Decimal]],
    adjusted: Sequence[Adjustment],
) -> list[InvoiceLine]:
    return [
        *(line for part in parts for line in lines.of_period(invoice, part)),
        *(lines.taken_off(invoice, billed, contract, amount) for billed, contract, amount in taken if amount),
        *(line for fees in ahead for line in lines.of_fees_ahead(invoice, fees)),
        *(lines.of_adjustment(invoice, one) for one in adjusted),
        *lines.paid_in_advance(invoice, parts),
    ]


def _fill(invoice: Invoice, contract: Contract, amount: Decimal) -> None:
    customer = contract.customer
    currency = contract.plan_version.currency
    invoice.customer = customer
    invoice.legal_entity = customer.legal_entity
    if invoice.kind not in OF_A_DAY:
        period = period_on(contract, invoice.period_start_on)
        invoice.period_start_on, invoice.period_end_on = period.starts_on, period.ends_on
    invoice.timezone = contract.timezone
    invoice.currency = currency
    invoice.subtotal = (Money.zero(currency) + Money(amount, currency)).amount


_COMPOSERS: Mapping[Invoice.Kind, Callable[[Wanted, _Read, datetime], Composed]] = {
    Invoice.Kind.PERIOD: _of_period,
    Invoice.Kind.OPENING: _opening,
    Invoice.Kind.THRESHOLD: _threshold,
    Invoice.Kind.ONE_OFF: _one_off,
    Invoice.Kind.CREDIT_PURCHASE: _credit_purchase,
}
