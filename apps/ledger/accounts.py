"""The chart of accounts of each legal entity; seeded when it is first posted to, renamed by staff."""

from uuid import UUID

from apps.core import db
from apps.ledger.models import Account

_ROLE, _KIND = Account.Role, Account.Kind
# Role: kind and the code that it begins with; staff give it the code of their own accounting system.
CHART: dict[Account.Role, tuple[Account.Kind, str]] = {
    _ROLE.CASH: (_KIND.ASSET, "1000"),
    _ROLE.RECEIVABLES: (_KIND.ASSET, "1200"),
    _ROLE.UNBILLED: (_KIND.ASSET, "1210"),
    _ROLE.BALANCES: (_KIND.LIABILITY, "2100"),
    _ROLE.REFUNDS: (_KIND.LIABILITY, "2110"),
    _ROLE.TAX: (_KIND.LIABILITY, "2200"),
    _ROLE.DEFERRED: (_KIND.LIABILITY, "2300"),
    _ROLE.CREDITS: (_KIND.LIABILITY, "2310"),
    _ROLE.REVENUE: (_KIND.INCOME, "4000"),
    _ROLE.DISCOUNTS: (_KIND.INCOME, "4800"),
    _ROLE.BREAKAGE: (_KIND.INCOME, "4900"),
    _ROLE.WRITE_OFFS: (_KIND.EXPENSE, "6000"),
}


def chart_of(legal_entity_id: UUID) -> dict[str, UUID]:
    """Return the accounts of a legal entity by role, made if they are not there yet; one query where they are. A step."""
    found = _read(legal_entity_id)
    if len(found) < len(CHART):
        db.require_transaction()
        Account.objects.bulk_create(
            [
                Account(
                    legal_entity_id=legal_entity_id, role=role, kind=kind, code=code, name=str(role.label)
                )
                for role, (kind, code) in CHART.items()
                if role not in found
            ],
            ignore_conflicts=True,
        )
        found = _read(legal_entity_id)
    return found


def _read(legal_entity_id: UUID) -> dict[str, UUID]:
    return dict(Account.objects.filter(legal_entity=legal_entity_id).values_list("role", "pk"))
