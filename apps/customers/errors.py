"""What the customers room refuses."""

from datetime import date

from apps.core.errors import Refusal


class UnknownCustomer(Refusal):
    code = "unknown-customer"
    status = 404
    title = "No such customer"

    def __init__(self, key: str) -> None:
        super().__init__(f"There is no customer {key!r}. Check the key, or create the customer first.")


class CustomerKeyTaken(Refusal):
    code = "customer-key-taken"
    status = 409
    title = "Customer key taken"

    def __init__(self, key: str) -> None:
        super().__init__(f"There is already a customer {key!r}. Choose another key, or change that customer.")


class OpenBooks(Refusal):
    code = "customer-has-open-books"
    title = "Something is open in the books"

    def __init__(self, what: str) -> None:
        self.field = "legal_entity"
        super().__init__(what)


class WrongTaxNumber(Refusal):
    code = "wrong-tax-number"
    status = 422
    title = "Not a tax number of that country"

    def __init__(self, number: str, country: str, name: str, example: str, why: str) -> None:
        super().__init__(
            f"The tax number {number!r} is no {name} of {country}: {why} "
            f"Give it as in {example}, correct the country, or leave the number empty."
        )


class NoTaxDays(Refusal):
    code = "no-tax-days"
    status = 422
    title = "It holds on no day"

    def __init__(self, starts_on: date, ends_on: date) -> None:
        super().__init__(
            f"It would hold from {starts_on} until before {ends_on}, and so on no day. Choose an end (ends_on) after its first day."
        )


class TaxOverlap(Refusal):
    code = "tax-overlap"
    title = "Two hold for the same days"

    def __init__(self, what: str, place: str) -> None:
        super().__init__(
            f"There is another {what} for {place} on some of these days. End that one first, or choose other days."
        )


class UnknownTaxThing(Refusal):
    code = "unknown-tax-record"
    status = 404
    title = "No such registration, rate or exemption"

    def __init__(self) -> None:
        super().__init__("It is not there any more. Reload the list.")
