"""What was agreed with customers, and how it changed."""

from apps.contracts.models.amendment import Amendment, Phase, SeatChange
from apps.contracts.models.contract import Contract, DateRange, known_timezone
from apps.contracts.models.negotiated import Cap, Commitment, Discount, PromisedGrant
from apps.contracts.models.price_index import IndexReading, PriceIndex
from apps.contracts.models.renewal import Renewal, RenewalReminder

__all__ = [
    "Amendment",
    "Cap",
    "Commitment",
    "Contract",
    "DateRange",
    "Discount",
    "IndexReading",
    "Phase",
    "PriceIndex",
    "PromisedGrant",
    "Renewal",
    "RenewalReminder",
    "SeatChange",
    "known_timezone",
]
