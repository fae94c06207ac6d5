"""What the payments room refuses."""

from datetime import date

from apps.core.errors import Refusal
from apps.core.formats import say_money
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
            f"{invoice} cannot be paid by this payment: choose finalized invoices of the same customer, legal entity and currency."
        )


class AllocatedTooMuch(Refusal):
    code = "allocated-too-much"
    status = 422
    title = "Allocated too much"

    def __init__(self, what: str, asked: Money, left: Money) -> None:
        super().__init__(
            f"{say_money(asked)} is allocated to {what}, where {say_money(left.rounded())} is left. Allocate at most that."
        )


class NotAnAmount(Refusal):
    code = "not-a-payment-amount"
    status = 422
    title = "Not an amount"

    def __init__(self, amount: Money) -> None:
        super().__init__(
            f"{say_money(amount)} cannot be received: give an amount above 0 in whole minor units."
        )


class NotACurrency(Refusal):
    code = "not-a-payment-currency"
    status = 422
    title = "Not a currency"

    def __init__(self, currency: str) -> None:
        super().__init__(
            f"{currency!r} is no currency of ISO 4217: give its code of three letters, such as EUR."
        )


class NothingToApply(Refusal):
    code = "nothing-to-apply"
    title = "Nothing to apply"

    def __init__(self, invoice: str) -> None:
        super().__init__(
            f"Nothing is open of {invoice}, or its customer has no balance in its currency. Record a payment first."
        )


class NothingToWriteOff(Refusal):
    code = "not-to-write-off"
    status = 422
    title = "Not to be written off"

    def __init__(self, invoice: str, asked: Money, is_open: Money) -> None:
        super().__init__(
            f"{say_money(asked.rounded())} cannot be written off of {invoice}, of which {say_money(is_open.rounded())} is open. "
            "Write off an amount above 0, in whole minor units and at most that."
        )
        self.field = "amount"


class WrittenOffTooEarly(Refusal):
    code = "written-off-too-early"
    status = 422
    title = "Before the invoice's day"

    def __init__(self, invoice: str, issued_on: date) -> None:
        super().__init__(f"{invoice} was issued on {issued_on}. Choose that day or a later one.")
        self.field = "on"


class WrittenOff(Refusal):
    code = "written-off"
    title = "Written off"

    def __init__(self, invoice: str, written_off: Money, left: Money) -> None:
        super().__init__(
            f"{say_money(written_off.rounded())} of {invoice} are written off and never came, so at most {say_money(left.rounded())} can be credited. "
            "Take the write-off back first to credit more."
        )


class NotAWriteOff(Refusal):
    code = "not-a-write-off"
    title = "Not a write-off"

    def __init__(self, invoice: str) -> None:
        super().__init__(f"What is open of {invoice} is open again already. Write it off once more instead.")


class RecoveredAlready(Refusal):
    code = "write-off-recovered"
    title = "Taken back already"

    def __init__(self, invoice: str) -> None:
        super().__init__(f"The write-off of {invoice} was taken back already. Reload the page to see it.")


class NotToRefund(Refusal):
    code = "not-to-refund"
    status = 422
    title = "Not to be refunded"

    def __init__(self, source: str, asked: Money, left: Money) -> None:
        super().__init__(
            f"{say_money(asked.rounded())} cannot be refunded of {source}, of which {say_money(left.rounded())} is left. "
            "Refund an amount above 0, in whole minor units and at most that."
        )


class RefundRecorded(Refusal):
    code = "refund-already-recorded"
    title = "Paid back already"

    def __init__(self, reference: str) -> None:
        super().__init__(f"The refund was paid back already, by {reference!r}. Check the bank statement.")


class RefundReferenceUsed(Refusal):
    code = "refund-reference-used"
    title = "A reference of its own is needed"

    def __init__(self, reference: str) -> None:
        super().__init__(
            f"Another refund of the customer has the reference {reference!r}. Give this one the bank's own."
            if reference
            else "Give the bank's reference of the transfer that paid it back."
        )
