"""What the ledger refuses."""

from datetime import date

from apps.core.errors import Refusal


class MonthClosed(Refusal):
    code = "accounting-period-closed"
    title = "The books are closed"

    def __init__(self, legal_entity: str, day: date, *, is_locked: bool) -> None:
        self.field = "on"
        way_out = "." if is_locked else ", or say that it is to go into the soft-closed month."
        super().__init__(
            f"The books of {legal_entity} are {'locked' if is_locked else 'soft-closed'} for {day:%B %Y}. "
            f"Post on a day of an open month{way_out}"
        )


class MonthNotClosable(Refusal):
    code = "accounting-period-out-of-order"
    title = "The month cannot be closed or opened like that"

    def __init__(self, month: date, mistake: str) -> None:
        super().__init__(f"{month:%B %Y} {mistake}")


class OutOfBalance(Refusal):
    code = "journal-entry-out-of-balance"
    status = 422
    title = "Out of balance"

    def __init__(self, what: str, difference: str) -> None:
        super().__init__(
            f"{what} is out of balance by {difference}. Make debits and credits of each currency equal."
        )


class ReasonMissing(Refusal):
    code = "reason-missing"
    status = 422
    title = "A reason is needed"

    def __init__(self, what: str) -> None:
        self.field = "reason"
        super().__init__(f"Say why {what}: whoever audits the books will ask.")


class NotAnEntry(Refusal):
    code = "not-an-entry"
    status = 422
    title = "Not an entry"

    def __init__(self, mistake: str, *, field: str) -> None:
        self.field = field
        super().__init__(mistake)


class NothingToPost(Refusal):
    code = "nothing-to-post"
    status = 422
    title = "Nothing is to be posted"

    def __init__(self) -> None:
        super().__init__("The entry has no amounts. Debit one account and credit another.")


class NotReversible(Refusal):
    code = "journal-entry-not-reversible"
    title = "The entry is not reversed"

    def __init__(self, entry: str, mistake: str) -> None:
        super().__init__(f"{entry} {mistake}")
