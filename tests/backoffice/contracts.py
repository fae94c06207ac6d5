"""Contracts for tests of the pages that show and change them."""

from datetime import date

from django.test import Client
from django.urls import reverse

from apps.contracts import amend
from apps.contracts.changes import Change
from apps.contracts.models import Amendment, Contract
from tests.builders import ACTOR, AT

MID = date(2026, 10, 16)


def address(page: str, contract: Contract) -> str:
    """Return where a page of a contract is."""
    return reverse(f"backoffice:{page}", args=[contract.pk])


def agree(contract: Contract, *made: Change, on: date | None = None) -> Contract:
    """Write terms into a draft."""
    return amend.agree(contract_id=contract.pk, on=on or contract.starts_on, changes=made, at=AT, actor=ACTOR)


def amended(contract: Contract, *made: Change, on: date = MID, reason: str = "Agreed by mail.") -> Amendment:
    """Amend a signed contract."""
    return amend.amend(
        contract_id=contract.pk, effective_on=on, changes=made, reason=reason, at=AT, actor=ACTOR
    )


def again(contract: Contract) -> Contract:
    """Read it as it is now."""
    return Contract.objects.select_related("plan_version", "customer").get(pk=contract.pk)


def text_of(client: Client, path: str, **asked: str) -> str:
    """Return a page that opens."""
    page = client.get(path, asked)
    assert page.status_code == 200
    return page.content.decode()
