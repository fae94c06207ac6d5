"""What the demo remembers between runs: its days, its logins and its key, in a file only its owner reads."""

import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from apps.core.periods import months_after
from apps.customers import api_keys
from apps.demo import customers
from apps.demo.customers import Login


@dataclass(frozen=True, slots=True)
class DemoState:
    """One demo's fixed days and its secrets."""

    first_at: datetime
    last_at: datetime
    api_key: str
    logins: tuple[Login, ...]


def finished_month(at: datetime) -> datetime:
    """Return the first instant of the month before `at`, in UTC."""
    # Half a day back, so that the month is over in every time zone of the demo.
    this_month = (at.astimezone(UTC) - timedelta(hours=12)).replace(
        day=1, hour=0, minute=0, second=0, microsecond=0
    )
    return (this_month - timedelta(days=1)).replace(day=1)


def forecast_at(month_on: date) -> datetime:
    """Return the instant of the last forecast that the demo keeps of a month: at noon UTC, eight days before the next."""
    return datetime.combine(months_after(month_on, 1) - timedelta(days=8), time(12), UTC)


def remembered(path: Path) -> DemoState | None:
    """Return what an earlier run left, if it belongs to this database."""
    try:
        kept = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return None
    if api_keys.recognized(kept["api_key"]) is None:
        return None
    return DemoState(
        first_at=datetime.fromisoformat(kept["first_at"]),
        last_at=datetime.fromisoformat(kept["last_at"]),
        api_key=kept["api_key"],
        logins=tuple(Login(**login) for login in kept["logins"]),
    )


def begin(path: Path, *, at: datetime) -> DemoState:
    """Make the demo's key and logins and write them down."""
    state = DemoState(
        # Noon, so that the first event lies in the contract's first day in every time zone of the demo.
        first_at=finished_month(at) + timedelta(hours=12),
        last_at=at.replace(microsecond=0),
        api_key=customers.make_api_key(at=at),
        logins=tuple(customers.make_logins(at=at)),
    )
    kept = asdict(state) | {"first_at": state.first_at.isoformat(), "last_at": state.last_at.isoformat()}
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "w") as file:
        json.dump(kept, file, indent=2)
    return state
