"""Deciding on drafts: what finalizing some of them, or all of a filter, will come to, and doing it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from apps.core.errors import Refusal
from apps.core.money import Money
from apps.invoices import approve, run, to_decide
from apps.invoices.approve import NEEDED
from apps.invoices.errors import RunUnderWay
from apps.invoices.models import CloseRun
from apps.invoices.to_decide import Filter, Sum

# Whose approval a draft gets: of who has not given it, and was not the last to change the draft.
_MAY = "(%(may_approve)s AND mine = 0 AND edited_by <> %(actor)s)"
_GETS_APPROVAL = f"(held = '' AND {to_decide.LACKS_APPROVAL} AND {_MAY})"
_IS_FINALIZED = f"(%(may_finalize)s AND held = '' AND (NOT needs OR approvals >= {NEEDED} OR approvals = {NEEDED - 1} AND {_MAY}))"


@dataclass(frozen=True, slots=True)
class Chosen:
    """Who decides on which drafts: those with these ids, or without any all that the filter shows."""

    asked: Filter
    actor: str
    may_finalize: bool
    may_approve: bool
    ids: Sequence[UUID] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What will happen: `finalized` by currency, whom it e-mails, what is approved, and what stays a draft and why.

    Of those that are finalized, `after_others` have an earlier draft of the same contract, which has to come first. `editions`
    counts how often the drafts of which something is decided changed.
    """

    finalized: tuple[Sum, ...]
    mails: int
    without_mail: int
    approved: int
    waiting: int
    held: int
    zero: int
    lacks_data: int
    differs: int
    after_others: int
    editions: int

    @property
    def count(self) -> int:
        """Return how many drafts are finalized."""
        return sum(one.count for one in self.finalized)

    @property
    def does_something(self) -> bool:
        """Tell whether there is anything to decide."""
        return bool(self.count or self.approved)

    @property
    def mark(self) -> str:
        """Return the figures in one word, to tell whether they, and the drafts, are still those that somebody was shown."""
        sums = " ".join(f"{one.count}:{one.total}" for one in self.finalized)
        return f"{sums} / {self.approved} / {self.editions}"


@dataclass(frozen=True, slots=True)
class Decided:
    """What was done at once: the run that finalizes in the background, if any, how many were approved, and refusals."""

    run: CloseRun | None
    approved: int
    refused: tuple[str, ...]


def plan(chosen: Chosen) -> Plan:
    """Return what deciding on the chosen drafts comes to, in two queries."""
    rows = _ask(
        chosen,
        f"SELECT currency, count(*) FILTER (WHERE {_IS_FINALIZED}), coalesce(sum(total) FILTER (WHERE {_IS_FINALIZED}), 0), "  # noqa: S608 put together from constants
        f"count(*) FILTER (WHERE {_GETS_APPROVAL}), "
        f"count(*) FILTER (WHERE held = '' AND {to_decide.LACKS_APPROVAL} AND NOT {_IS_FINALIZED}), "
        f"count(*) FILTER (WHERE held <> ''), count(*) FILTER (WHERE {_IS_FINALIZED} AND total = 0), "
        f"count(*) FILTER (WHERE {_IS_FINALIZED} AND lacks_data), "
        f"count(*) FILTER (WHERE {_IS_FINALIZED} AND {to_decide.DIFFERS}), "
        f"count(*) FILTER (WHERE {_IS_FINALIZED} AND has_earlier), "
        f"coalesce(sum(edition) FILTER (WHERE {_IS_FINALIZED} OR {_GETS_APPROVAL}), 0) FROM d",
        "GROUP BY currency ORDER BY currency",
    )
    mails = _ask(
        chosen,
        "SELECT count(DISTINCT customer_id) FILTER (WHERE billing_email <> ''), "
        "count(DISTINCT customer_id) FILTER (WHERE billing_email = '') FROM d",
        "",
        only=_IS_FINALIZED,
    )
    return Plan(
        finalized=tuple(Sum(row[1], Money(row[2], row[0]).rounded()) for row in rows if row[1]),
        mails=mails[0][0],
        without_mail=mails[0][1],
        approved=sum(row[3] for row in rows),
        waiting=sum(row[4] for row in rows),
        held=sum(row[5] for row in rows),
        zero=sum(row[6] for row in rows),
        lacks_data=sum(row[7] for row in rows),
        differs=sum(row[8] for row in rows),
        after_others=sum(row[9] for row in rows),
        editions=sum(row[10] for row in rows),
    )


def decide(chosen: Chosen, *, at: datetime) -> Decided:
    """Approve the chosen drafts that wait for it, and start a run that finalizes those that may be; each is checked again then."""
    ready = [row[0] for row in _ask(chosen, "SELECT id FROM d", "ORDER BY id", only=_IS_FINALIZED)]
    to_approve: list[tuple[UUID, Decimal, int]] = [
        (row[0], row[1], row[2])
        for row in _ask(chosen, "SELECT id, total, edition FROM d", "ORDER BY id", only=_GETS_APPROVAL)
    ]
    refused = []
    for invoice_id, total, edition in to_approve:
        try:
            approve.approve(invoice_id=invoice_id, at=at, actor=chosen.actor, seen=total, edition=edition)
        except Refusal as refusal:
            refused.append(str(refusal))
    approved = len(to_approve) - len(refused)
    started = None
    try:
        started = run.start_finalize(invoice_ids=ready, at=at, actor=chosen.actor)
    except RunUnderWay as refusal:
        refused.append(str(refusal))
    return Decided(started, approved, tuple(refused))


def _ask(chosen: Chosen, select: str, rest: str, *, only: str = "true") -> list[tuple[Any, ...]]:
    among = "id = ANY(%(ids)s)" if chosen.ids else to_decide.where(chosen.asked, shown=True)
    return to_decide.ask(
        chosen.asked,
        f"{select} WHERE {among} AND {only} {rest}",
        actor=chosen.actor,
        may_finalize=chosen.may_finalize,
        may_approve=chosen.may_approve,
        ids=list(chosen.ids),
    )
