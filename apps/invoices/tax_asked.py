"""What an outside tax service is asked and answers; as values, so that an answer can be kept and found again."""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol


@dataclass(frozen=True, slots=True)
class AskedLine:
    """What is sold of one tax class, after discounts; in the currency's minor unit, more than nothing."""

    tax_class: str
    amount: int


@dataclass(frozen=True, slots=True)
class TaxRequest:
    """A sale whose tax is asked for. Asking the same again is one question: its key is made of all that it says.

    `sale` tells sales apart that are alike, since a service takes each of its answers as one sale.
    """

    provider: str
    seller: str
    sale: str
    currency: str
    is_included: bool
    on: date
    address: tuple[tuple[str, str], ...]
    tax_number: str
    is_exempt: bool
    lines: tuple[AskedLine, ...]
    # Of an answer that ran out before the sale was reported.
    asked_again: str = ""

    @property
    def key(self) -> str:
        """The SHA-256 of the request in one canonical form."""
        text = json.dumps(asdict(self), sort_keys=True, default=str, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class AnsweredLine:
    """The tax of the sale's lines of one class: category of EN 16931, rate in percent over all its taxes, amount of tax."""

    tax_class: str
    category: str
    rate: Decimal
    amount: Decimal
    name: str
    place: str


@dataclass(frozen=True, slots=True)
class TaxAnswer:
    """What a tax service answered, and until when it stands by that."""

    calculation: str
    lines: tuple[AnsweredLine, ...]
    expires_at: datetime


class TaxProvider(Protocol):
    """An outside tax service. Every call may be repeated: the service knows it by its key. Failures are TaxProviderFailed."""

    @property
    def name(self) -> str:
        """What people call it."""
        ...

    def calculate(self, request: TaxRequest) -> TaxAnswer:
        """Return the tax of a sale that may yet change."""
        ...

    def commit(self, calculation: str, *, reference: str) -> str:
        """Report a calculated sale as made, under an invoice's number, and return what the service calls it."""
        ...

    def reverse(self, transaction: str, *, reference: str, currency: str, total: int) -> str:
        """Report that `total`, in the minor unit and below zero, of a sale was given back, under a credit note's number."""
        ...


class TaxToAsk(Exception):
    """A draft needs an answer that is not there: it is asked for once the transaction is over, see `tax_answers.asks_first`."""

    def __init__(self, request: TaxRequest) -> None:
        super().__init__("An outside tax service is to be asked first.")
        self.request = request
