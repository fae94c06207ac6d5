"""What a proof of an invoice comes to."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class Check(StrEnum):
    """What is proven of an invoice."""

    SEAL = "seal"
    SUMS = "sums"
    CHAIN = "chain"
    JOURNAL = "journal"
    DOCUMENT = "document"
    EVENTS = "events"
    PRICES = "prices"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be, in words for staff."""

    check: Check
    problem: str


@dataclass(frozen=True, slots=True)
class Verified:
    """What was proven of one invoice; `waiting` says what the next invoice will adjust, which is no mistake."""

    invoice_id: UUID
    number: str
    checks: tuple[Check, ...]
    findings: tuple[Finding, ...]
    waiting: tuple[str, ...] = ()
    events: int = 0

    @property
    def is_proven(self) -> bool:
        """Tell whether all is as it should be."""
        return not self.findings
