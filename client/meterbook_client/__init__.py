"""Sends usage events to Meterbook in the background, from a spool on disk that no crash of the process loses."""

from meterbook_client.client import Meterbook
from meterbook_client.reports import (
    Detail,
    EventNotKept,
    EventSetAside,
    MeterbookError,
    NoUsage,
    Refused,
    SpoolDamaged,
    SpoolFull,
    Unreachable,
)

__all__ = [
    "Detail",
    "EventNotKept",
    "EventSetAside",
    "Meterbook",
    "MeterbookError",
    "NoUsage",
    "Refused",
    "SpoolDamaged",
    "SpoolFull",
    "Unreachable",
]
