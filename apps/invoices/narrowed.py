"""Terms with fewer charges: those that are billed in advance, or those that no parent account prices; pure."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from apps.contracts.terms import PeriodTerms
from apps.rating.terms import Allowance, ChargeKind, Commitment, Discount


def narrowed(terms: PeriodTerms, keys: Collection[str]) -> PeriodTerms:
    """Return the terms with the charges of these keys alone.

    Discounts, commitments and allowances that are confined to charges keep those that are left, and are left out with the
    last of them; a commitment is left out where no usage is left to count towards it.
    """
    own = terms.terms
    charges = tuple(planned for planned in terms.charges if planned.charge.key in keys)
    has_usage = any(planned.charge.kind is ChargeKind.USAGE for planned in charges)
    discounts = [(one, _kept(one.charges, keys)) for one in own.discounts if charges]
    commitments = [(one, _kept(one.counts, keys)) for one in own.commitments]
    allowances = [(one, _kept(one.charges, keys)) for one in own.allowances]
    return replace(
        terms,
        charges=charges,
        terms=replace(
            own,
            charges=tuple(planned.charge for planned in charges),
            discounts=tuple(_discount(one, left) for one, left in discounts if left is not None),
            commitments=tuple(
                _commitment(one, left)
                for one, left in commitments
                if left is not None and (left or has_usage)
            ),
            allowances=tuple(_allowance(one, left) for one, left in allowances if left),
        ),
    )


def without_promises(terms: PeriodTerms) -> PeriodTerms:
    """Return the terms without minimums and commitments, which are of the whole period: neither discounts nor credits are of them."""
    charges = tuple(
        replace(planned, charge=replace(planned.charge, minimum=None))
        if planned.charge.minimum is not None
        else planned
        for planned in terms.charges
    )
    return replace(
        terms,
        charges=charges,
        terms=replace(terms.terms, charges=tuple(planned.charge for planned in charges), commitments=()),
    )


def _kept(scope: Sequence[str], keys: Collection[str]) -> tuple[str, ...] | None:
    """Return what is left of a scope, nothing standing for all; None where it loses its last charge."""
    left = tuple(key for key in scope if key in keys)
    return None if scope and not left else left


def _discount(one: Discount, charges: tuple[str, ...]) -> Discount:
    return replace(one, charges=charges)


def _commitment(one: Commitment, counts: tuple[str, ...]) -> Commitment:
    return replace(one, counts=counts)


def _allowance(one: Allowance, charges: tuple[str, ...]) -> Allowance:
    return replace(one, charges=charges)
