"""What the ledger refuses."""

from datetime import date

from apps.core.errors import Refusal


class MonthLocked(Refusal):
    code = "accounting-period-locked"
    title = "The books are locked"

    def __init__(self, legal_entity: str, day: date) -> None:
        super().__init__(
            f"The books of {legal_entity} are closed for {day:%B %Y}. Post on a day of an open month."
        )


class OutOfBalance(Refusal):
    code = "journal-entry-out-of-balance"
    status = 422
    title = "Out of balance"

    def __init__(self, what: str, difference: str) -> None:
        super().__init__(
            f"{what} is out of balance by {difference}. Make debits and credits of each currency equal."
        )
