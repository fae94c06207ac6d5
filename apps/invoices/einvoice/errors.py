"""What electronic invoices refuse."""

from collections.abc import Sequence

from apps.core.errors import Refusal


class EInvoiceIncomplete(Refusal):
    code = "einvoice-incomplete"
    status = 422
    title = "Not enough for an electronic invoice"

    def __init__(self, number: str, missing: Sequence[str]) -> None:
        super().__init__(
            f"{number} cannot be an electronic invoice: it needs {', '.join(missing)}. The PDF is sent without it; credit "
            "the invoice and issue it again once that is there, or choose the PDF alone for the customer."
        )


class NoEInvoice(Refusal):
    code = "no-einvoice"
    status = 404
    title = "No electronic form"

    def __init__(self, number: str) -> None:
        super().__init__(
            f"{number} has no electronic form. Choose one for the customer; invoices have it from then on."
        )
