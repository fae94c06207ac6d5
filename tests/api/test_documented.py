"""Every code that a caller can meet stands in the guides."""

import inspect
import re
from pathlib import Path

from apps.api import errors as api_errors
from apps.core.errors import Refusal
from apps.customers import errors as customer_errors
from apps.rating.document import errors as document_errors
from apps.usage import errors as usage_errors
from apps.usage import strict_json
from apps.usage.models import QuarantinedEvent

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_every_refusal_of_the_api_is_in_its_guide() -> None:
    guide = (DOCS / "guides" / "api.md").read_text()
    refusals = {
        refusal.code
        for module in (api_errors, customer_errors, document_errors, usage_errors)
        for _, refusal in inspect.getmembers(module, inspect.isclass)
        if issubclass(refusal, Refusal) and refusal is not Refusal
    }
    of_bodies = set(re.findall(r'BadJson\(\s*"([a-z0-9-]+)"', inspect.getsource(strict_json)))

    assert len(of_bodies) == 7
    assert {code for code in refusals | of_bodies if f"`{code}`" not in guide} == set()


def test_every_reason_of_the_quarantine_is_explained() -> None:
    page = (DOCS / "concepts" / "usage.md").read_text()

    assert {reason for reason in QuarantinedEvent.Reason.values if f"`{reason}`" not in page} == set()
