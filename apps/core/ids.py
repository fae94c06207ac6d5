"""Public ids: UUIDv7 (RFC 9562), so that rows sort by their birth."""

from uuid import UUID

import uuid_utils.compat


def uuid7() -> UUID:
    """Return a new time-ordered id."""
    return uuid_utils.compat.uuid7()
