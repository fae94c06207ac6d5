"""Prices pricing documents: one, or one after the other."""

from typing import Any

from apps.rating.document.read import read
from apps.rating.document.write import as_answer
from apps.rating.engine import rate


def price(document: bytes | str) -> dict[str, Any]:
    """Return the priced lines of a document; raises BadDocument for one that is against the format."""
    return as_answer(rate(*read(document)))
