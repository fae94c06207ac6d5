"""Commitments: what the counted charges fall short of, after discounts and before credits, is a true-up."""

from collections.abc import Iterator, Mapping
from decimal import Decimal

from apps.rating.lines import CommitmentUse, Line, LineKind, money_line
from apps.rating.steps import Step
from apps.rating.terms import ChargeKind, Commitment, Terms

_ONE = Decimal(1)
_ZERO = Decimal(0)


def commitment_uses(terms: Terms, left: Mapping[str, Decimal]) -> tuple[CommitmentUse, ...]:
    """Return what this period counts toward each commitment: what is left of its charges, or of all usage charges."""
    usage = tuple(charge.key for charge in terms.charges if charge.kind is ChargeKind.USAGE)
    return tuple(
        CommitmentUse(commitment.key, sum((left[key] for key in commitment.counts or usage), _ZERO))
        for commitment in terms.commitments
    )


def true_up_lines(terms: Terms, uses: tuple[CommitmentUse, ...]) -> Iterator[Line]:
    """Yield a line for each commitment that this period and those before it fall short of."""
    for commitment, use in zip(terms.commitments, uses, strict=True):
        short = commitment.minimum - commitment.counted_before - use.counted
        if short > 0:
            yield money_line(
                charge=None,
                key=commitment.key,
                name=commitment.name or f"Commitment {commitment.key}",
                kind=LineKind.TRUE_UP,
                quantity=_ONE,
                steps=(Step(_ONE, short, _facts(commitment, use)),),
                currency=terms.currency,
            )


def _facts(commitment: Commitment, use: CommitmentUse) -> tuple[tuple[str, Decimal], ...]:
    before = (("counted_before", commitment.counted_before),) if commitment.counted_before else ()
    return (("minimum", commitment.minimum), ("counted", use.counted), *before)
