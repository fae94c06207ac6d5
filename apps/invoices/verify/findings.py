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
    PROOF = "proof"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be, in words for staff."""

    check: Check
    problem: str


@dataclass(frozen=True, slots=True)
class Verified:
    """What was proven of one invoice; `waiting` says what the next invoice will adjust, which is no mistake.

    `archived` are the months whose events were not there to be counted: without them it is not wrong, but not proven either.
    """

    invoice_id: UUID
    number: str
    checks: tuple[Check, ...]
    findings: tuple[Finding, ...]
    waiting: tuple[str, ...] = ()
    events: int = 0
    archived: tuple[str, ...] = ()

    @property
    def is_proven(self) -> bool:
        """Tell whether all is as it should be."""
        return not self.findings and not self.archived

    @property
    def not_provable(self) -> str:
        """Return why it could not be proven, and what to do; empty if it could."""
        if not self.archived:
            return ""
        months = ", ".join(self.archived)
        return (
            f"Not provable: the events of {months} are archived. Name the archive's folder: "
            "manage.py verify --archive FOLDER, or METERBOOK_ARCHIVE for all of them."
        )
