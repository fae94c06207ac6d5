"""What the usage room refuses."""

from apps.core.errors import Refusal


class TooManyEvents(Refusal):
    code = "too-many-events"
    status = 413
    title = "Too many events"

    def __init__(self, given: int, most: int) -> None:
        super().__init__(
            f"The request holds {given:,} events; at most {most:,} are taken at once. "
            "Nothing was counted. Send them in smaller batches, with the same ids."
        )
