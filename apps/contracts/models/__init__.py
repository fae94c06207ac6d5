"""What was agreed with customers, and how it changed."""

from apps.contracts.models.amendment import Amendment, Phase, SeatChange
from apps.contracts.models.contract import Contract, DateRange, known_timezone
from apps.contracts.models.negotiated import Cap, Commitment, Discount, PromisedGrant
from apps.contracts.models.price_index import IndexReading, PriceIndex

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
    "SeatChange",
    "known_timezone",
]
