"""The term that would follow on a contract's: its days, its prices, and what is agreed again for it."""

from copy import copy
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction

from apps.contracts import rules, uplift
from apps.contracts.agreed import agreed
from apps.contracts.changes import AddCommitment, PromiseGrant
from apps.contracts.errors import RenewalRefused
from apps.contracts.models import Commitment, Contract, PromisedGrant
from apps.contracts.queries import overlapping
from apps.contracts.terms import calendar_period, next_period_on, plan_version_on
from apps.core.money import rounded_to, rounded_to_minor_unit
from apps.core.periods import local_day, months_after
from apps.plans import rows
from apps.plans.described import NewCharge
from apps.plans.models import PlanVersion
from apps.plans.queries import charges_of


@dataclass(frozen=True, slots=True)
class CommittedAgain:
    """A commitment that ends with the term, and the one that follows on it from its own first day."""

    before: Commitment
    after: AddCommitment
    starts_on: date


@dataclass(frozen=True, slots=True)
class NextTerm:
    """What a contract's next term would be, were it renewed now."""

    starts_on: date
    ends_on: date
    factor: Fraction
    version: PlanVersion
    before: tuple[NewCharge, ...]
    charges: tuple[NewCharge, ...]
    commitments: tuple[CommittedAgain, ...]
    grants: tuple[tuple[PromisedGrant, PromiseGrant], ...]
    # The version that it is put on, at the prices that were published; None: it stays on its own, at prices that rise.
    moves_to: PlanVersion | None = None

    @property
    def percent(self) -> Decimal:
        """Return by how many percent prices rise, with three decimals."""
        return rounded_to((self.factor - 1) * 100, 3)


@dataclass(frozen=True, slots=True)
class _Terms:
    """The term that ends, and the days and factor of the one that follows."""

    contract: Contract
    began_on: date
    starts_on: date
    ends_on: date
    by: Fraction

    @property
    def currency(self) -> str:
        return self.contract.plan_version.currency


def next_term(contract: Contract, *, at: datetime) -> NextTerm:
    """Return the term that would follow if the contract were renewed now; write nothing.

    Commitments and promised credits whose days end with the term follow in the new one, what is paid for them raised as prices
    are. Refuses a contract that does not renew or ran out too long ago, an index without a reading, days of another contract, and
    a commitment that cannot be agreed so.
    """
    if mistake := _mistake(contract, today=local_day(at, contract.timezone)):
        raise RenewalRefused(contract.number, mistake)
    terms = _terms(contract)
    last_day = date.fromordinal(terms.starts_on.toordinal() - 1)
    version = PlanVersion.objects.select_related("plan").get(pk=plan_version_on(contract, last_day))
    charges, moves_to = _charges(version), contract.renews_on_version
    standing = agreed(contract)
    term = NextTerm(
        starts_on=terms.starts_on,
        ends_on=terms.ends_on,
        factor=terms.by,
        version=version,
        before=charges,
        charges=_charges(moves_to)
        if moves_to
        else tuple(uplift.raised(charge, terms.by, currency=version.currency) for charge in charges),
        moves_to=moves_to,
        commitments=tuple(
            _committed_again(row, terms) for row in standing.commitments if row.ends_on == terms.starts_on
        ),
        grants=tuple(
            (row, _promised_again(row, terms)) for row in standing.grants if row.ends_on == terms.starts_on
        ),
    )
    _check(contract, term)
    return term


def _mistake(contract: Contract, *, today: date) -> str:
    if contract.status != Contract.Status.ACTIVE:
        return f"it is {contract.get_status_display().lower()}; only a signed contract is renewed."
    if (
        contract.renewal == Contract.Renewal.NONE
        or contract.ends_on is None
        or contract.renewal_months is None
    ):
        return "it ends with its term. Amend it to say for how many months it is renewed."
    # Its last period was cut there and is billed: with a later end it would be another one.
    if (
        today >= contract.ends_on
        and calendar_period(contract, contract.ends_on).starts_on != contract.ends_on
    ):
        return f"it ended on {contract.ends_on}, in the middle of a billing period. Sign a new contract."
    return ""


def _check(contract: Contract, term: NextTerm) -> None:
    """Refuse what amending would refuse, so that staff read it before and not when it is too late."""
    future = copy(contract)
    future.ends_on = term.ends_on
    if other := overlapping(future):
        raise RenewalRefused(
            contract.number, f"contract {other} of the same customer covers days of its next term."
        )
    if term.moves_to and (mistake := rules.move_mistake(contract, term.moves_to)):
        raise RenewalRefused(contract.number, mistake)
    offered = charges_of((term.moves_to or term.version).pk)
    found = [
        (one.before.name, rules.commitment_mistakes(future, one.after, one.starts_on, offered))
        for one in term.commitments
    ]
    found += [(row.name, rules.grant_mistakes(future, new, offered)) for row, new in term.grants]
    for name, mistakes in found:
        if mistakes:
            raise RenewalRefused(
                contract.number, f"{name} cannot be agreed again: {' '.join(mistakes.values())}"
            )


def _terms(contract: Contract) -> _Terms:
    assert contract.ends_on
    assert contract.renewal_months
    earlier = list(contract.renewals.order_by("starts_on"))
    began_on = earlier[-1].starts_on if earlier else contract.starts_on
    ends_on = _end(
        contract.ends_on,
        contract.renewal_months,
        anchors=(contract.starts_on, *(one.starts_on for one in earlier[:1])),
    )
    by = uplift.factor(contract, term_began_on=began_on, renewed_from=contract.ends_on)
    return _Terms(contract, began_on, contract.ends_on, ends_on, by)


def _end(starts_on: date, months: int, *, anchors: tuple[date, ...]) -> date:
    """Return the end of a term from `starts_on`, counted from the first anchor that it lies whole months after.

    Terms that begin on the 31st, or on 29 February, so return to it after shorter months.
    """
    for anchor in anchors:
        apart = (starts_on.year - anchor.year) * 12 + starts_on.month - anchor.month
        if months_after(anchor, apart) == starts_on:
            return months_after(anchor, apart + months)
    return months_after(starts_on, months)


def _charges(version: PlanVersion) -> tuple[NewCharge, ...]:
    found = version.charges.select_related("product", "meter", "credit_unit", "allowance")
    return tuple(rows.read_charge(row) for row in found.prefetch_related("prices__tiers"))


def _committed_again(row: Commitment, terms: _Terms) -> CommittedAgain:
    """Return the commitment for the new term: as much more as prices rise, and one over all its days in proportion to them."""
    length, starts_on = Fraction(1), terms.starts_on
    if row.per == Commitment.Per.TERM:
        began_on = terms.began_on
        is_of_term = began_on <= row.starts_on <= next_period_on(terms.contract, began_on)
        length = _length(began_on if is_of_term else row.starts_on, terms.starts_on, terms.ends_on)
        # A period counts towards one commitment as a whole: the old one is trued up by that in which the new term begins.
        starts_on = next_period_on(terms.contract, terms.starts_on)
    after = AddCommitment(
        key=row.key,
        name=row.name,
        amount=rounded_to_minor_unit(Fraction(row.amount) * terms.by * length, terms.currency),
        ends_on=terms.ends_on,
        per=row.per,
        settled_months=row.settled_months,
        charge_keys=tuple(row.charge_keys),
    )
    return CommittedAgain(row, after, starts_on)


def _length(starts_on: date, ends_on: date, then: date) -> Fraction:
    """Return how long the term from `ends_on` until `then` is beside the days before it: by months, or else by days."""
    before, after = _months(starts_on, ends_on), _months(ends_on, then)
    if before and after:
        return Fraction(after, before)
    return Fraction((then - ends_on).days, (ends_on - starts_on).days)


def _months(starts_on: date, ends_on: date) -> int:
    """Return how many months lie between two days, 0 if they are not whole."""
    apart = (ends_on.year - starts_on.year) * 12 + ends_on.month - starts_on.month
    return apart if months_after(starts_on, apart) == ends_on else 0


def _promised_again(row: PromisedGrant, terms: _Terms) -> PromiseGrant:
    return PromiseGrant(
        key=row.key,
        name=row.name,
        amount=row.amount,
        credit_unit_id=row.credit_unit_id,
        cost=rounded_to_minor_unit(Fraction(row.cost) * terms.by, terms.currency),
        every_months=row.every_months,
        valid_months=row.valid_months,
        priority=row.priority,
        ends_on=terms.ends_on,
        charge_keys=tuple(row.charge_keys),
    )
