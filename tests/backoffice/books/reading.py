"""Reading the pages of the books."""

import csv
from datetime import UTC, datetime
from io import StringIO
from typing import Any

from django.test import Client

from tests.backoffice.test_look import seen_on

NOW = datetime(2026, 12, 10, 9, tzinfo=UTC)
IN_DECEMBER = datetime(2026, 12, 2, 9, tzinfo=UTC)
AUTUMN = "?from=2026-10-01&to=2026-12-31"


def saved(staff: Client, path: str) -> list[dict[str, str]]:
    """A report as it is saved, row by row."""
    content = b"".join(staff.get(path + "&as=csv").streaming_content)  # type: ignore[attr-defined]
    return list(csv.DictReader(StringIO(content.decode("utf-8-sig"), newline="")))


def text_of(page: Any) -> str:
    """What people read on a page that opens."""
    assert page.status_code == 200
    return " ".join(seen_on(page.content.decode()).split())
