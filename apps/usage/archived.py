"""Months of events that are out of the database: what they held cannot be computed anew, and must not be forgotten."""

from collections.abc import Collection, Iterable
from datetime import UTC, date, timedelta
from uuid import UUID

from django.db import connection

from apps.core import audit, db
from apps.core.periods import Period
from apps.usage import sql
from apps.usage.errors import MonthsArchived

# Whoever detaches a month waits from here on, and where one went before, the trail says so: it is one transaction.
_KEEP = "LOCK TABLE ONLY usage_event IN ACCESS SHARE MODE"
# Totals and stages stay when a month goes, so they tell what it held. Their days are local ones, its bounds are UTC's.
_HELD = """
    SELECT DISTINCT to_char(gone.month, 'YYYY-MM')
    FROM (
        SELECT DISTINCT counted.day, live.timezone
        FROM (
            SELECT contract_id, day FROM usage_usageday
            WHERE meter_id = ANY(%(meters)s::uuid[])
              AND (%(customer)s::uuid IS NULL OR customer_id = %(customer)s) AND (%(day)s::date IS NULL OR day = %(day)s)
            UNION
            SELECT contract_id, day FROM usage_outcomestage
            WHERE meter_id = ANY(%(meters)s::uuid[])
              AND (%(customer)s::uuid IS NULL OR customer_id = %(customer)s) AND (%(day)s::date IS NULL OR day = %(day)s)
        ) AS counted
        JOIN contracts_contract live ON live.id = counted.contract_id
    ) AS days
    JOIN unnest(%(months)s::date[]) AS gone (month)
      ON days.day::timestamp AT TIME ZONE days.timezone < (gone.month + interval '1 month') AT TIME ZONE 'UTC'
     AND (days.day + 1)::timestamp AT TIME ZONE days.timezone > gone.month::timestamp AT TIME ZONE 'UTC'
    ORDER BY 1
"""


def refuse(*, meter_ids: Collection[UUID], customer_id: UUID | None = None, day: date | None = None) -> None:
    """Refuse where archived months hold what these meters counted, of all customers, of one or of one's local day."""
    out = months_out()
    if not out:
        return
    asked = {
        "meters": sql.array([str(one) for one in meter_ids]),
        "customer": customer_id,
        "day": day,
        "months": sql.array([f"{month}-01" for month in out]),
    }
    with connection.cursor() as cursor:
        cursor.execute(_HELD, asked)
        held = [month for (month,) in cursor.fetchall()]
    if held:
        raise MonthsArchived(held)


def months_out() -> list[str]:
    """Return the months whose events are in archives only, as 2026-10; one query."""
    latest = audit.latest_actions(subject_type="month")
    return sorted(month for month, action in latest.items() if action == "usage.detach_month")


def in_period(months: Iterable[str], period: Period) -> list[str]:
    """Return those of the months, which are UTC's, that a part of the period lies in."""
    last_at = period.ends_at - timedelta(microseconds=1)
    first, last = f"{period.starts_at.astimezone(UTC):%Y-%m}", f"{last_at.astimezone(UTC):%Y-%m}"
    return [month for month in months if first <= month <= last]


def keep_months() -> None:
    """Let no month be taken out of the database until the transaction ends. A step."""
    db.require_transaction()
    with connection.cursor() as cursor:
        cursor.execute(_KEEP)
