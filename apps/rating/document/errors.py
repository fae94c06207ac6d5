"""What a pricing document is refused for, with the place where it is wrong."""

from typing import Any

from apps.core.errors import Refusal


class BadDocument(Refusal):
    """The document breaks a rule of the pricing format; `path` is the JSON path of the first place that does."""

    code = "bad-document"
    status = 422
    title = "The pricing document is not right"

    def __init__(self, path: str, detail: str) -> None:
        super().__init__(detail)
        self.path = path

    def as_json(self) -> dict[str, Any]:
        """Return the problem as the command line shows it."""
        return {
            "type": f"urn:meterbook:problem:{self.code}",
            "title": self.title,
            "path": self.path,
            "detail": str(self),
        }


class UnreadableDocument(BadDocument):
    """The text is no JSON, or there is none; the path is always the whole document."""

    code = "unreadable-document"
    status = 400
    title = "The pricing document cannot be read"

    def __init__(self, detail: str) -> None:
        super().__init__("$", detail)
