"""What the credits room refuses."""

from datetime import date
from decimal import Decimal

from apps.core.errors import Refusal
from apps.rating.steps import written


class GrantExists(Refusal):
    code = "credit-grant-exists"
    title = "The credit grant exists already"

    def __init__(self, key: str) -> None:
        super().__init__(
            f"There is a credit grant {key} already, and it stands. Choose another key to grant more."
        )


class GrantIsEmpty(Refusal):
    code = "credit-grant-is-empty"
    status = 422
    title = "The credit grant is worth nothing"

    def __init__(self, key: str, amount: Decimal) -> None:
        super().__init__(f"Credit grant {key} is for {written(amount)}. Grant an amount above zero.")


class GrantHasNoDays(Refusal):
    code = "credit-grant-has-no-days"
    status = 422
    title = "The credit grant ends before it begins"

    def __init__(self, key: str, effective_on: date, expires_on: date) -> None:
        super().__init__(
            f"Credit grant {key} would begin on {effective_on} and be gone on {expires_on}. "
            "Give a later end, or none."
        )


class GrantMisfits(Refusal):
    code = "credit-grant-misfits"
    status = 422
    title = "The credit grant does not fit its contract"

    def __init__(self, key: str, mistake: str, field: str) -> None:
        self.field, self.mistake = field, mistake
        super().__init__(f"Credit grant {key} {mistake}")


class NothingToRefund(Refusal):
    code = "nothing-to-refund"
    title = "Nothing is to be refunded"

    def __init__(self, grant: str, mistake: str) -> None:
        super().__init__(f"{grant}: {mistake}")


class GrantOverdrawn(Refusal):
    code = "credit-grant-overdrawn"
    title = "The credit grant does not hold that much"

    def __init__(self, key: str, left: Decimal, amount: Decimal) -> None:
        super().__init__(
            f"Credit grant {key} has {written(left)} left, and {written(amount)} was to be drawn: another invoice drew on it "
            "in between. Try again; the invoice is then rated with what is left."
        )
