"""What the usage room refuses."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from apps.core.errors import Refusal
from apps.usage.intake import Ingested


class TooManyEvents(Refusal):
    code = "too-many-events"
    status = 413
    title = "Too many events"

    def __init__(self, given: int, most: int) -> None:
        super().__init__(
            f"The request holds {given:,} events; at most {most:,} are taken at once. "
            "Nothing was counted. Send them in smaller batches, with the same ids."
        )


class NotAllCounted(Refusal):
    code = "not-all-counted"
    status = 422
    title = "Not all counted"

    def __init__(self, ingested: Ingested) -> None:
        super().__init__(
            f"{ingested.quarantined + ingested.conflict:,} of {ingested.received:,} events cannot be counted, and all or "
            "nothing was asked for. Nothing was counted or kept. Mend those listed and send all again, with the same ids."
        )
        self.ingested = ingested


class NoReason(Refusal):
    code = "no-reason"
    status = 422
    title = "No reason"

    def __init__(self) -> None:
        super().__init__(
            "A correction needs its reason, for whoever reads the books later. Nothing was changed."
        )


class NothingToCorrect(Refusal):
    code = "nothing-to-correct"
    status = 422
    title = "Nothing to correct"

    def __init__(self) -> None:
        super().__init__(
            "Name the events to void: by their ids, or by a filter of times, type and properties."
        )


class ReplacementVoided(Refusal):
    code = "replacement-voided"
    status = 422
    title = "The replacement is voided"

    def __init__(self, key: str) -> None:
        super().__init__(
            f"Event {key[:100]!r} is voided, and its id stays used, so it cannot count in place of another. Give the replacement "
            "an id of its own. Nothing was changed."
        )


class SelectionChanged(Refusal):
    code = "selection-changed"
    status = 409
    title = "Not the events that were looked at"

    def __init__(self, expected: int, found: int) -> None:
        super().__init__(
            f"When you looked, {expected:,} events were to be voided; now it would be {found:,}. Nothing was changed. Look again."
        )


class AlreadyRecounting(Refusal):
    code = "already-recounting"
    status = 409
    title = "Already being computed"

    def __init__(self, meter: str) -> None:
        super().__init__(
            f"Meter {meter} is being computed over past events already. Wait until that is done."
        )


class NotDisputed(Refusal):
    code = "not-disputed"
    status = 409
    title = "Not disputed"

    def __init__(self, outcome: str) -> None:
        super().__init__(
            f"Outcome {outcome!r} is not disputed, or that was decided already. Reload the page."
        )


class StillDisputed(Refusal):
    code = "still-disputed"
    status = 409
    title = "Still disputed"

    def __init__(self, outcome: str, meter: str) -> None:
        super().__init__(
            f"The decision does not reach outcome {outcome!r}: meter {meter} counts in another way now. Nothing was changed. "
            "Compute the meter over past events, by a recount, and decide again."
        )


class UnreadableFile(Refusal):
    code = "unreadable-file"
    status = 422
    title = "The file cannot be read"

    def __init__(self, name: str, why: str) -> None:
        super().__init__(
            f"{name} cannot be read: {why}. Give CSV whose first row names id, customer, type and time, or one JSON event a "
            "line, in UTF-8. What was read before counts."
        )


class NoParquet(Refusal):
    code = "no-parquet"
    status = 501
    title = "Parquet is not installed"

    def __init__(self) -> None:
        super().__init__(
            "Parquet needs the package pyarrow. Install it beside the others: pip install pyarrow."
        )


class ArchiveBroken(Refusal):
    code = "archive-broken"
    status = 409
    title = "The archive cannot be used"

    def __init__(self, place: Path, why: str) -> None:
        super().__init__(f"{place.name}: {why}. Nothing was changed.")


class ArchiveMissing(Refusal):
    """Events of these months, as 2026-10, are needed, and neither the database nor a known folder has them."""

    code = "archive-missing"
    status = 409
    title = "Archived events are not at hand"

    def __init__(self, months: Sequence[str]) -> None:
        self.months = tuple(months)
        shown = ", ".join(months[:12]) + (f" and {len(months) - 12} more" if len(months) > 12 else "")
        super().__init__(
            f"This needs the events of {shown}, which are archived, and there is no archive of them in the folder of "
            f"METERBOOK_ARCHIVE. Put it there, or put the month back: python manage.py archive_events restore {months[0]} FOLDER."
        )


# What keeps archived events from being read.
NOT_AT_HAND = (ArchiveMissing, ArchiveBroken, NoParquet)


class MonthInUse(Refusal):
    code = "month-in-use"
    status = 409
    title = "The month is in use"

    def __init__(self, month: str, why: str) -> None:
        super().__init__(f"Month {month} stays where it is: {why}.")


class TooMuchToSearch(Refusal):
    code = "too-much-to-search"
    status = 422
    title = "Too much to search"

    def __init__(self) -> None:
        super().__init__(
            "There are too many events to search for these. Name the customer, the event's id, or fewer days."
        )


class NoSuchEvent(Refusal):
    code = "no-such-event"
    status = 404
    title = "No such event"

    def __init__(self, key: str, customer_key: str) -> None:
        super().__init__(
            f"There is no event {key[:100]!r} of customer {customer_key[:100]!r}. Check both, letter by letter."
        )


class EventArchived(Refusal):
    code = "event-archived"
    status = 410
    title = "The event is archived"

    def __init__(self, key: str, time: datetime) -> None:
        super().__init__(
            f"Event {key[:100]!r} was counted and is in the archive of {time:%Y-%m}. Restore that month to read it."
        )


class MonthsArchived(Refusal):
    code = "months-archived"
    status = 409
    title = "Events are archived"

    def __init__(self, months: Sequence[str]) -> None:
        shown = ", ".join(months[:12]) + (f" and {len(months) - 12} more" if len(months) > 12 else "")
        super().__init__(
            f"This needs events of {shown}, which are archived, so what they add up to would be lost. First put back each "
            f"month: python manage.py archive_events restore {months[0]} FOLDER."
        )
