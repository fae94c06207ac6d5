"""What the dunning room refuses."""

from apps.core.errors import Refusal


class CaseNotOpen(Refusal):
    code = "dunning-case-not-open"
    title = "The case is not open"

    def __init__(self, invoice: str, status: str) -> None:
        super().__init__(f"The case of {invoice} is {status}; only an open one can be paused.")


class CaseNotPaused(Refusal):
    code = "dunning-case-not-paused"
    title = "The case is not paused"

    def __init__(self, invoice: str, status: str) -> None:
        super().__init__(f"The case of {invoice} is {status}; only a paused one can be resumed.")


class ReasonMissing(Refusal):
    code = "reason-missing"
    status = 422
    title = "Say why"

    def __init__(self) -> None:
        super().__init__("Give the reason, so that whoever finds the case paused knows why.")
