"""What the customers room refuses."""

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
