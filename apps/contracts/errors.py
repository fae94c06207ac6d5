"""What the contracts room refuses."""

from collections.abc import Mapping, Sequence
from datetime import date

from apps.core.errors import Refusal


class ContractOverlaps(Refusal):
    code = "contract-overlaps"
    title = "Another contract covers these days"

    def __init__(self, number: str, customer: str) -> None:
        super().__init__(
            f"{customer} has another live contract on some days of {number}, so usage would have two prices. "
            "End that contract first, or begin this one later."
        )


class PlanNotPublished(Refusal):
    code = "plan-not-published"
    title = "The plan version is not published"

    def __init__(self, version: str) -> None:
        super().__init__(f"{version} is not published. Publish it, or choose a published version.")


class AgreedOtherwise(Refusal):
    code = "agreed-otherwise"
    title = "What was agreed does not fit the contract"

    def __init__(self, number: str, what: str) -> None:
        super().__init__(
            f"Contract {number}: {what}. Take back what was agreed so, or put the contract's plan and days back."
        )


class NotADraftContract(Refusal):
    code = "contract-not-a-draft"
    title = "Not a draft"

    def __init__(self, number: str, status: str) -> None:
        super().__init__(f"Contract {number} is {status}; only a draft can be signed.")


class ContractIsSigned(Refusal):
    code = "contract-is-signed"
    title = "The contract is signed"

    def __init__(self, number: str) -> None:
        super().__init__(
            f"Contract {number} is signed: of what it says, only the purchase order can change here. "
            "Amend it for the rest: its page, Amend."
        )


class NotLive(Refusal):
    code = "contract-not-live"
    title = "The contract is not live"

    def __init__(self, number: str, status: str) -> None:
        super().__init__(f"Contract {number} is {status}; only an active contract can be ended.")


class RunsLongerAlready(Refusal):
    code = "contract-runs-longer-already"
    status = 422
    title = "The contract runs longer already"

    def __init__(self, number: str, ends_on: date | None) -> None:
        until = f"until {ends_on}" if ends_on else "without end"
        super().__init__(f"Contract {number} runs {until}. Choose a later day, or leave it as it is.")


class EndsTooEarly(Refusal):
    code = "contract-ends-too-early"
    status = 422
    title = "The end is too early"

    def __init__(self, number: str, ends_on: date, earliest_on: date) -> None:
        super().__init__(
            f"Contract {number} cannot end on {ends_on}: choose {earliest_on} or later, "
            "since the days before are begun and may hold usage."
        )


class OutsideTheTerm(Refusal):
    code = "day-outside-the-contract"
    status = 422
    title = "Outside the contract's term"

    def __init__(self, number: str, day: date) -> None:
        super().__init__(f"Contract {number} does not cover {day}. Choose a day within its term.")


class BilledOutOfOrder(Refusal):
    code = "billed-out-of-order"
    title = "An earlier period is not billed"

    def __init__(self, number: str, starts_on: date, expected_on: date) -> None:
        super().__init__(
            f"Contract {number} is to be billed from {expected_on} on, not from {starts_on}. "
            "Finalize its drafts oldest first."
        )


class CommitmentCountsNothing(Refusal):
    code = "commitment-counts-nothing"
    status = 422
    title = "Nothing counts towards the commitment"

    def __init__(self, number: str, name: str, charges: Sequence[str]) -> None:
        super().__init__(
            f"Of {', '.join(charges)}, which count towards {name!r} of contract {number}, no charge is in its plan. "
            "Amend the commitment to name charges of the plan, or put the plan back."
        )


class AmendmentRefused(Refusal):
    code = "amendment-refused"
    status = 422
    title = "The contract cannot be changed so"

    def __init__(self, number: str, mistakes: Mapping[str, str]) -> None:
        self.mistakes = dict(mistakes)
        super().__init__(f"Contract {number}: {' '.join(mistakes.values())}")


class NoticeRefused(Refusal):
    code = "notice-refused"
    status = 422
    title = "Notice cannot be given"

    def __init__(self, number: str, mistake: str) -> None:
        super().__init__(f"Contract {number}: {mistake}")


class RenewalRefused(Refusal):
    code = "renewal-refused"
    title = "The contract cannot be renewed"

    def __init__(self, number: str, mistake: str) -> None:
        super().__init__(f"Contract {number}: {mistake}")


class NoReading(Refusal):
    code = "index-has-no-reading"
    title = "The price index has no reading"

    def __init__(self, index: str, day: date) -> None:
        super().__init__(f"{index} has no reading for {day} or a day before. Add the reading, and try again.")


class IndexRefused(Refusal):
    code = "price-index-refused"
    status = 422
    title = "The price index cannot be kept so"

    def __init__(self, mistake: str, field: str) -> None:
        self.field = field
        super().__init__(mistake)


class CancellationRefused(Refusal):
    code = "cancellation-refused"
    status = 422
    title = "The contract cannot be cancelled so"

    def __init__(self, number: str, mistake: str) -> None:
        super().__init__(f"Contract {number}: {mistake}")


class NotAgreed(Refusal):
    code = "not-agreed"
    status = 404
    title = "No such term"

    def __init__(self, number: str) -> None:
        super().__init__(f"Contract {number} has no such term any more. Look at what is agreed now.")
