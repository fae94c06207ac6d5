"""What the payments room refuses."""

from apps.core.errors import Refusal
from apps.core.money import Money


class PaymentRecorded(Refusal):
    code = "payment-already-recorded"
    title = "Recorded already"

    def __init__(self, customer: str, reference: str) -> None:
        super().__init__(
            f"A payment of {customer} with the reference {reference!r} is recorded already. "
            "Check the bank statement, or give the new payment its own reference."
        )


class NotPayable(Refusal):
    code = "invoice-not-payable"
    status = 422
    title = "Not payable"

    def __init__(self, invoice: str) -> None:
        super().__init__(
            f"{invoice} cannot be paid by this payment: choose finalized invoices of the same customer and currency."
        )


class AllocatedTooMuch(Refusal):
    code = "allocated-too-much"
    status = 422
    title = "Allocated too much"

    def __init__(self, what: str, asked: Money, left: Money) -> None:
        super().__init__(
            f"{asked} is allocated to {what}, where {left.rounded()} is left. Allocate at most that."
        )


class NotAnAmount(Refusal):
    code = "not-a-payment-amount"
    status = 422
    title = "Not an amount"

    def __init__(self, amount: Money) -> None:
        super().__init__(f"{amount} cannot be received: give an amount above 0 in whole minor units.")


class NotACurrency(Refusal):
    code = "not-a-payment-currency"
    status = 422
    title = "Not a currency"

    def __init__(self, currency: str) -> None:
        super().__init__(
            f"{currency!r} is no currency of ISO 4217: give its code of three letters, such as EUR."
        )
