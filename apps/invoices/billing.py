"""Pricing a contract's period: its terms, its usage totals and its grants, brought to the one engine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from apps.contracts.brought import Brought
from apps.contracts.models import Contract
from apps.contracts.terms import PeriodTerms, period_on, terms_in
from apps.core.money import EXACT, Money
from apps.core.periods import Period
from apps.credits.paying import paid, paying
from apps.invoices import pool, shares
from apps.invoices.brought import kept_with, of_period
from apps.invoices.gather import Ready
from apps.invoices.narrowed import narrowed
from apps.invoices.pool import Family
from apps.invoices.shares import Group, LineOf
from apps.plans.queries import PlannedCharge
from apps.rating.engine import rate
from apps.rating.lines import Line, Rated
from apps.rating.terms import ChargeKind, Grant
from apps.rating.usage import Usage
from apps.usage.archives import Archives
from apps.usage.combine import Total
from apps.usage.priceable import Used, used_in


@dataclass(frozen=True, slots=True)
class AccountUse:
    """What one account used of the lines that it shares with others."""

    contract: Contract
    totals: tuple[Total, ...]
    used: dict[LineOf, Decimal]


@dataclass(frozen=True, slots=True)
class Pooled:
    """Usage of several accounts, priced together by the parent's terms."""

    terms: PeriodTerms
    rated: Rated
    accounts: tuple[AccountUse, ...]


@dataclass(frozen=True, slots=True)
class Priced:
    """A priced period of a contract, with the terms and totals that it came from; `pool` is what it was priced together with."""

    contract: Contract
    terms: PeriodTerms
    totals: tuple[Total, ...]
    rated: Rated
    pool: Pooled | None = None
    # The quantities of each meter by day, where they were read before.
    days: Mapping[UUID, Mapping[date, Decimal]] | None = None

    @property
    def period(self) -> Period:
        """Return the days that were priced."""
        return self.terms.period

    @property
    def charges(self) -> tuple[PlannedCharge, ...]:
        """Return the charges of these days, with their meters."""
        if self.pool is None or self.pool.terms is self.terms:
            return self.terms.charges
        own = {planned.charge.key for planned in self.terms.charges}
        others = (planned for planned in self.pool.terms.charges if planned.charge.key not in own)
        return (*self.terms.charges, *others)

    @property
    def all_terms(self) -> tuple[PeriodTerms, ...]:
        """Return the terms that its lines come from: its own, and those of the pool."""
        if self.pool is None or self.pool.terms is self.terms:
            return (self.terms,)
        return (self.terms, self.pool.terms)

    @property
    def credits_used(self) -> dict[str, Decimal]:
        """Return what each grant pays, by its key, for those that pay anything."""
        return {use.grant: use.used for use in self.rated.grants if use.used}

    @property
    def forward(self) -> Brought:
        """Return what the period brings into the next."""
        is_parent = self.pool is not None and self.pool.terms is self.terms
        whole = self.pool.rated if self.pool is not None and is_parent else self.rated
        return self.terms.brought.after(whole, terms_of=self.terms.long_commitments)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is priced with a period beside the usage that is counted in it.

    `source_key` names the draft that is priced, which may count on the credits that it has reserved. `more` is usage of
    earlier periods that is priced with this one: added, or where its flag is set taken away, though not below zero.
    `brought` is what earlier periods bring, where it is no longer what their invoices say. `drawn` is what others on the same
    invoice take of the grants. `billed_by` is the number of the invoice that the period is on: it is priced with what that drew
    of them. With `is_apart` each account of a pool has its share, whoever is invoiced. `ready` is what was read before for a
    contract that is priced by itself. `archives` are those of months that are out of the database, for prices by event; None: those of METERBOOK_ARCHIVE.
    """

    source_key: str = ""
    drawn: Mapping[str, Decimal] = field(default_factory=dict)
    billed_by: str = ""
    more: Sequence[tuple[Usage, bool]] = ()
    brought: Brought | None = None
    is_apart: bool = False
    ready: Ready | None = None
    archives: Archives | None = None


PLAIN = Asked()
_ONE_DAY = timedelta(days=1)


def terms_of(contract: Contract, period: Period) -> PeriodTerms:
    """Return the terms of a contract's period with what earlier periods bring into it.

    Takes a query only where the contract has something to bring: units that carry over, first units that are free, or a
    commitment over several periods. Where the period before has no invoice yet, it is priced as it stands.
    """
    alone = terms_in(contract, period)
    if not alone.takes_forward or period.starts_on == contract.starts_on:
        return alone
    return terms_in(contract, period, brought=_brought(contract, period))


def _brought(contract: Contract, period: Period) -> Brought:
    before = of_period(contract).filter(period_end_on=period.starts_on).last()
    if before is not None:
        return kept_with(before, contract)
    family = pool.families([contract])[contract.pk]
    return price(contract, period_on(contract, period.starts_on - _ONE_DAY), family=family).forward


def price(
    contract: Contract, period: Period, *, family: Family | None = None, asked: Asked = PLAIN
) -> Priced:
    """Price the contract's usage in the period as it is counted now; write nothing.

    Takes one query, one more where grants may pay, one for usage that is priced by events, and one where the
    period before brings something into this one. Where its usage is priced together with that of other accounts, one more
    for each of them.
    """
    members = family.pool_in(period) if family else ()
    if family is None or not members:
        return _alone(contract, _terms(contract, period, asked), asked)
    root_period = period_on(family.root, max(period.starts_on, family.root.starts_on))
    if contract.pk == family.root.pk:
        pooled = _pool(members, root_period, asked)
        part = _part_of(pooled, contract, asked, whole=True)
        return Priced(contract, pooled.terms, pooled.accounts[0].totals, part, pooled)
    usage_keys = {
        planned.charge.key
        for planned in terms_in(family.root, root_period).charges
        if planned.charge.kind is ChargeKind.USAGE
    }
    terms = _terms(contract, period, asked)
    own = narrowed(terms, {one.charge.key for one in terms.charges} - usage_keys)
    priced = _alone(contract, own, asked)
    if contract.billing == Contract.Billing.PARENT and not asked.is_apart:
        return priced
    pooled = _pool(members, root_period, Asked(archives=asked.archives))
    part = _part_of(pooled, contract, asked, whole=False)
    return replace(priced, rated=_with(priced.rated, part), pool=pooled)


def price_alone(contract: Contract, terms: PeriodTerms) -> Priced:
    """Price a contract's usage by these terms, as if no account shared with it; write nothing."""
    return _alone(contract, terms, PLAIN)


def _terms(contract: Contract, period: Period, asked: Asked) -> PeriodTerms:
    if asked.brought is not None:
        return terms_in(contract, period, brought=asked.brought)
    return asked.ready.terms if asked.ready else terms_of(contract, period)


def _alone(contract: Contract, terms: PeriodTerms, asked: Asked) -> Priced:
    ready = asked.ready if asked.ready and asked.ready.terms is terms else None
    used = ready.used if ready else used_in([(contract, terms)], archives=asked.archives)[contract.pk]
    grants = _grants(contract, terms, asked)
    usage = _moved(used.usage, asked.more, terms)
    rated = rate(replace(terms.terms, grants=grants), usage)
    return Priced(contract, terms, used.totals, rated, days=ready.days if ready else None)


def _grants(contract: Contract, terms: PeriodTerms, asked: Asked) -> tuple[Grant, ...]:
    if asked.billed_by:
        return paid(contract, terms, source_key=asked.billed_by)
    found = paying([(contract, terms)], source_key=asked.source_key).get(contract.pk, ())
    if not asked.drawn:
        return found
    nothing = Decimal(0)
    return tuple(
        replace(one, balance=EXACT.subtract(one.balance, asked.drawn.get(one.key, nothing))) for one in found
    )


def _pool(members: Sequence[Contract], period: Period, asked: Asked) -> Pooled:
    """Price the usage of all members by the terms of the first, the parent."""
    root = members[0]
    terms = _terms(root, period, asked)
    used: dict[UUID, Used] = used_in([(member, terms) for member in members], archives=asked.archives)
    usages = {member.pk: list(used[member.pk].usage) for member in members}
    usages[root.pk] = _moved(usages[root.pk], asked.more, terms)
    grants = _grants(root, terms, asked)
    everything = [one for member in members for one in usages[member.pk]]
    return Pooled(
        terms,
        rate(replace(terms.terms, grants=grants), everything),
        tuple(
            AccountUse(member, used[member.pk].totals, shares.quantities(terms.terms, usages[member.pk]))
            for member in members
        ),
    )


def _part_of(pooled: Pooled, contract: Contract, asked: Asked, *, whole: bool) -> Rated:
    """Return what a contract is invoiced of a pool: the parent what is not shared out, and all if nothing is."""
    apart = {
        use.contract.pk
        for use in pooled.accounts[1:]
        if asked.is_apart or use.contract.billing == Contract.Billing.OWN
    }
    if not apart:
        return pooled.rated
    root = pooled.accounts[0].contract
    together = [use.used for use in pooled.accounts if use.contract.pk not in apart]
    groups = [
        Group(root.pk, shares.added(together)),
        *(Group(use.contract.pk, use.used) for use in pooled.accounts if use.contract.pk in apart),
    ]
    lines = shares.shared(pooled.rated, pooled.terms.terms, groups)[contract.pk]
    subtotal = _sum(lines, pooled.terms.terms.currency)
    if whole:
        return replace(pooled.rated, lines=lines, subtotal=subtotal)
    return Rated(lines, (), (), (), subtotal, Money.zero(pooled.terms.terms.currency))


def _with(rated: Rated, share: Rated) -> Rated:
    """Return what a contract pays by itself together with its share of the pool."""
    return replace(rated, lines=(*share.lines, *rated.lines), subtotal=rated.subtotal + share.subtotal)


def _sum(lines: Sequence[Line], currency: str) -> Money:
    return Money.total((line.amount for line in lines), currency)


def _moved(usage: Sequence[Usage], more: Sequence[tuple[Usage, bool]], terms: PeriodTerms) -> list[Usage]:
    """Return the usage with what is added to it, as of the period's first day, and what is taken away, the earliest first.

    What is of a charge that the terms do not have any more is left out.
    """
    since, priced = terms.period.starts_on, {planned.charge.key for planned in terms.charges}
    sums = {(one.charge, tuple(sorted(one.dimensions)), one.day): one for one in usage}
    for one, is_less in more:
        if one.charge not in priced:
            continue
        at = (one.charge, tuple(sorted(one.dimensions)))
        if not is_less:
            before = sums.get((*at, since), replace(one, quantity=Decimal(0)))
            sums[*at, since] = replace(before, quantity=before.quantity + one.quantity, day=since)
            continue
        left = one.quantity
        for key in sorted((key for key in sums if key[:2] == at), key=lambda key: key[2] or since):
            taken = min(left, sums[key].quantity)
            sums[key] = replace(sums[key], quantity=sums[key].quantity - taken)
            left -= taken
    return list(sums.values())
